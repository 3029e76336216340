//! Go's regular expressions: the first line of the input is one, what follows is the text that it is held against.

use logql::stage::regex::{compile, compile_anchored};

/// Checks one expression against one text.
pub fn check(bytes: &[u8]) {
    let (pattern, text) = super::parted(bytes);
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    let regex = match compile(pattern) {
        Ok(regex) => regex,
        Err(error) => {
            assert!(error.to_string().starts_with("error parsing regexp: "), "{error}");
            return assert!(compile_anchored(pattern).is_err());
        }
    };
    let groups = regex.captures(text);
    assert_eq!(regex.is_match(text), groups.is_some());
    for group in groups.iter().flatten().flatten() {
        assert!(group.start <= group.end && group.end <= text.len());
    }
    assert_eq!(regex.count(text) > 0, groups.is_some());
    // What is replaced by itself stays, where the text is text.
    if std::str::from_utf8(text).is_ok() {
        assert_eq!(regex.replace_all(text, "$0", 1 << 20).as_deref(), Some(text));
    }
    if let Ok(anchored) = compile_anchored(pattern)
        && anchored.is_match(text)
        && !text.contains(&b'\n')
        && !pattern.contains(['^', '$', '(', '\\'])
    {
        assert!(regex.is_match(text));
    }
}
