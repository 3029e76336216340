//! What is asked over HTTP: names and values without escapes, or a refusal; times that are in their range.

use weir::query::{Parameters, time};

/// Checks an address's query, the first line, and the form behind it.
pub fn check(bytes: &[u8]) {
    let (query, form) = super::parted(bytes);
    let query = String::from_utf8_lossy(query);
    let Ok(parameters) = Parameters::read(&query, form) else { return };
    // What is read is text, and what comes first is what counts.
    for name in ["query", "start", "end", "step", "limit", "match[]"] {
        assert_eq!(parameters.all(name).next().unwrap_or_default(), parameters.get(name));
        let _ = time(parameters.get(name));
    }
    // Escaped once more, everything reads back as it is.
    let value = parameters.get("query");
    let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let again = Parameters::read(&format!("query={escaped}"), b"").expect("what is escaped is read");
    assert_eq!(again.get("query"), value);
}
