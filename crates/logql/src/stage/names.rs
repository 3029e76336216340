//! Names of labels: what a key of a line becomes, and what a query may call one.

use std::borrow::Cow;

/// Whether a query may give a label this name.
pub fn is_label_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|first| !first.is_ascii_digit()) && bytes.iter().all(|byte| is_word(*byte))
}

/// What Loki makes of a key: without white space around it, every character that a name cannot have becomes `_`, and a name
/// that would begin with a digit gets one in front. An empty result is no label.
pub fn sanitize(key: &[u8]) -> Cow<'_, str> {
    let plain = key.first().is_some_and(|first| !first.is_ascii_digit()) && key.iter().all(|byte| is_word(*byte));
    if plain && let Ok(text) = std::str::from_utf8(key) {
        return Cow::Borrowed(text);
    }
    let mut name = String::with_capacity(key.len() + 1);
    append(&mut name, key);
    Cow::Owned(name)
}

/// Appends a key, sanitised, to the name of the object that it stands in.
pub(crate) fn append(name: &mut String, key: &[u8]) {
    let key = trim(key);
    if name.is_empty() && key.first().is_some_and(u8::is_ascii_digit) {
        name.push('_');
    }
    for chunk in key.utf8_chunks() {
        name.extend(chunk.valid().chars().map(|c| if c.is_ascii() && is_word(c as u8) { c } else { '_' }));
        name.extend(chunk.invalid().iter().map(|_| '_'));
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn trim(key: &[u8]) -> &[u8] {
    match std::str::from_utf8(key) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => key.trim_ascii(),
    }
}

/// A value as labels may have it: what is not UTF-8, and U+FFFD itself, becomes a space.
pub(crate) fn clean(value: &[u8]) -> Cow<'_, [u8]> {
    if value.is_ascii() {
        return Cow::Borrowed(value);
    }
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\u{fffd}') => Cow::Borrowed(value),
        _ => {
            let mut cleaned = String::with_capacity(value.len());
            for chunk in value.utf8_chunks() {
                cleaned.extend(chunk.valid().chars().map(|c| if c == '\u{fffd}' { ' ' } else { c }));
                cleaned.extend(chunk.invalid().iter().map(|_| ' '));
            }
            Cow::Owned(cleaned.into_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names() {
        for (key, name) in [
            ("model", "model"),
            ("http.status-code", "http_status_code"),
            ("1st", "_1st"),
            (" spaced ", "spaced"),
            ("näme", "n_me"),
            ("", ""),
            ("  ", ""),
        ] {
            assert_eq!(sanitize(key.as_bytes()), name, "{key}");
        }
        assert_eq!(sanitize(b"a\xff\xfeb"), "a__b");
    }

    #[test]
    fn values_are_text() {
        assert_eq!(*clean(b"a\xffb"), *b"a b");
        assert_eq!(*clean("a\u{fffd}b".as_bytes()), *b"a b");
        assert_eq!(*clean("é".as_bytes()), *"é".as_bytes());
    }

    #[test]
    fn names_that_a_query_may_give() {
        assert!(is_label_name("a_1") && is_label_name("_"));
        assert!(!is_label_name("") && !is_label_name("1a") && !is_label_name("a-b") && !is_label_name("é"));
    }
}
