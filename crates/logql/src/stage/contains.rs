//! `|= "text"`: whether a line holds a text.

use memchr::memmem::Finder;

/// A text to look for, prepared once.
#[derive(Clone, Debug)]
pub struct Contains {
    finder: Finder<'static>,
}

impl Contains {
    /// Prepares the search.
    pub fn new(text: &str) -> Self {
        Self { finder: Finder::new(text.as_bytes()).into_owned() }
    }

    /// Whether the line holds the text. Every line holds the empty one.
    pub fn matches(&self, line: &[u8]) -> bool {
        self.finder.find(line).is_some()
    }

    /// What is looked for.
    pub fn text(&self) -> &[u8] {
        self.finder.needle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_bytes() {
        assert!(Contains::new("").matches(b""));
        assert!(Contains::new("é").matches("résumé".as_bytes()));
        assert!(!Contains::new("A").matches(b"a"));
        assert!(Contains::new("b").matches(b"\xffb\xfe"));
    }
}
