//! `| decolorize`: takes the sequences out with which terminals are coloured.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::regex::{Regex, compile};

/// ANSI's control sequences, after chalk/ansi-regex (MIT), which Loki's is, too.
const SEQUENCE: &str = concat!(
    r"[\x{1B}\x{9B}][\[\]()#;?]*(?:",
    r"(?:(?:[a-zA-Z\d]*(?:;[a-zA-Z\d]*)*)?\x07)",
    r"|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PRZcf-ntqry=><~]))"
);

static COLOURS: LazyLock<Option<Regex>> = LazyLock::new(|| compile(SEQUENCE).ok());

/// The line without colours. Only a line that has some, and is not UTF-8, changes otherwise: its stray bytes become U+FFFD.
pub fn decolorize(line: &[u8]) -> Cow<'_, [u8]> {
    let coloured = memchr::memchr(0x1b, line).is_some() || memchr::memmem::find(line, b"\xc2\x9b").is_some();
    match COLOURS.as_ref().filter(|_| coloured) {
        Some(regex) => regex.replace_all_literal(line, "", line.len() * 3).map_or(Cow::Borrowed(line), Cow::Owned),
        None => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go() {
        assert_eq!(*decolorize(b"\x1b[0;31mRED\x1b[0m plain"), *b"RED plain");
        assert_eq!(*decolorize(b"\x1b[38;5;82mHello \x1b[1mWorld\x1b[K"), *b"Hello World");
        assert_eq!(*decolorize("\u{9b}31mé".as_bytes()), *"é".as_bytes());
        assert_eq!(*decolorize(b"\x1b]0;title\x07x"), *b"x");
    }

    #[test]
    fn what_has_none_stays() {
        assert!(matches!(decolorize(b"[31m plain \xff"), Cow::Borrowed(_)));
        assert_eq!(*decolorize(b"\x1b"), *b"\x1b");
    }
}
