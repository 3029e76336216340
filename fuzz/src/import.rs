//! Files of other programs: any text is taken or refused, and what is made of it are lines as Weir writes them, each with an id, a time
//! and where it came from.

use meter::record::{LINE_LIMIT, Line};
use weir::cli::importable;

/// Checks a file.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok((lines, _)) = importable(text) else { return };
    for line in &lines {
        assert!(line.len() <= LINE_LIMIT && line.ends_with(b"\n"));
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let read = Line::parse(line).expect("a Record's line");
        for field in ["request_id", "timestamp", "event", "origin", "v"] {
            assert!(read.get(field).is_some(), "no {field}");
        }
        let mut again = Vec::new();
        read.render(&mut again);
        assert!(again == *line, "it reads back as another line");
    }
    // Who imports a second time makes the same of it.
    assert!(importable(text).is_ok_and(|(again, _)| again == lines));
}
