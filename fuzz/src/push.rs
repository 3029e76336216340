//! A push request: whatever is sent, what is taken of it keeps to the limits, and comes back from the log's frame as it went in.

use std::sync::{Arc, OnceLock};

use store::pushed::{decode, encode};
use weir::config::{Config, PushConfig};
use weir::push::{Format, check as checked, read, unpack};

/// The largest that is unpacked.
const LIMIT: usize = 1 << 16;

fn limits() -> &'static PushConfig {
    static LIMITS: OnceLock<PushConfig> = OnceLock::new();
    LIMITS.get_or_init(|| {
        let text = "[push]\nmax_line_bytes = 100\nmax_labels = 3\nmax_metadata_bytes = 50\n\
                    [[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";
        Config::parse(text).expect("a configuration").push
    })
}

/// Checks one body: as it is, and as something packed.
pub fn check(bytes: &[u8]) {
    for format in [Format::Json, Format::Protobuf] {
        taken(format, bytes);
        for encoding in ["", "gzip", "deflate", "snappy"] {
            if let Ok(body) = unpack(encoding, format, bytes, LIMIT) {
                assert!(body.len() <= LIMIT.max(bytes.len()));
                taken(format, &body);
            }
        }
    }
}

fn taken(format: Format, body: &[u8]) {
    let Ok(pushed) = read(format, body) else { return };
    let sent: usize = pushed.streams.iter().map(|stream| stream.entries.len()).sum();
    let Ok(checked) = checked(pushed, limits(), 1_795_400_000_000_000_000, |_| (false, 0)) else { return };
    assert!(checked.entries.len() <= sent);
    assert!((checked.entries.len() == sent) == checked.refusal().is_none() || sent == 0);
    for entry in &checked.entries {
        assert!(entry.line().len() <= 100 && entry.stream.labels().len() <= 5);
        assert!(entry.stream.get("service_name").is_some());
        assert!(entry.metadata().any(|(name, value)| name == "detected_level" && !value.is_empty()));
    }
    let entries: Vec<_> = checked.entries.into_iter().map(Arc::new).collect();
    let frame = encode(&entries);
    let (read, length) = decode(&frame).expect("what was encoded is decoded");
    assert_eq!(length, frame.len());
    assert!(read.iter().eq(entries.iter().map(|entry| &**entry)));
}
