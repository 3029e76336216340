//! Patterns over names, as operators write them.

/// A pattern over names: `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

impl Pattern {
    /// From text.
    #[must_use]
    pub fn new(text: &str) -> Pattern {
        Pattern(text.split('*').map(str::to_owned).collect())
    }

    /// Whether `name` fits.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let [first, middle @ .., last] = self.0.as_slice() else {
            return self.0.first().is_some_and(|only| only == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }

    /// How many characters it fixes: of two patterns that fit, the one with more says more.
    #[must_use]
    pub fn fixed(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("gpt-*", "gpt-4", true),
            ("gpt-*", "o3", false),
            ("*", "anything", true),
            ("gpt-4", "gpt-4", true),
            ("gpt-4", "gpt-4o", false),
            ("*-mini", "gpt-4.1-mini", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), fits, "{pattern} {name}");
        }
        assert!(Pattern::new("gpt-5*").fixed() > Pattern::new("*").fixed());
    }
}
