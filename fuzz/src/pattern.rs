//! Patterns: the first line of the input is one, what follows is the line that it is held against.

use logql::stage::pattern::{LinePattern, Pattern};

/// Checks one pattern against one line.
pub fn check(bytes: &[u8]) {
    let (pattern, line) = super::parted(bytes);
    let Ok(text) = std::str::from_utf8(pattern) else { return };
    match Pattern::parse(text) {
        Ok(pattern) => {
            let names: Vec<_> = pattern.names().map(str::to_owned).collect();
            assert!(!names.is_empty());
            let (mut found, mut length) = (Vec::new(), 0);
            pattern.extract(line, &mut |name, value| {
                found.push(name.to_owned());
                length += value.len();
                true
            });
            // In order, and no byte is captured twice.
            assert!(names.starts_with(&found), "{found:?} of {names:?}");
            assert!(length <= line.len());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match LinePattern::parse(text) {
        Ok(pattern) => {
            if pattern.matches(line) && !text.is_empty() {
                assert!(!line.is_empty());
                // A literal that fits alone stands in the line.
                assert!(text.contains("<_>") || holds(line, text.as_bytes()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn holds(line: &[u8], text: &[u8]) -> bool {
    line.windows(text.len()).any(|window| window == text)
}
