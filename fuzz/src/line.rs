//! A Record's line: what is read back and written again is one line of JSON and reads back as itself.

use meter::record::Line;

/// Checks one line.
pub fn check(bytes: &[u8]) {
    let Some(line) = Line::parse(bytes) else { return };
    let once = written(&line);
    let Some((b'\n', body)) = once.split_last() else { panic!("a line without its end") };
    assert!(body.iter().all(|byte| *byte >= 0x20), "a control character");
    assert!(serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).is_ok(), "not JSON");
    let again = Line::parse(&once);
    assert!(again.is_some(), "what was written is not read back");
    assert_eq!(again.map(|line| written(&line)), Some(once));
}

fn written(line: &Line) -> Vec<u8> {
    let mut out = Vec::new();
    line.render(&mut out);
    out
}
