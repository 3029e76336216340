//! `| regexp "(?P<ip>\\S+) (?P<code>\\d+)"`: the groups with names become labels.

use super::regex::{self, Regex};
use super::{ParamError, Sink, names};

/// An expression with at least one group that has a name.
#[derive(Clone, Debug)]
pub struct Regexp {
    regex: Regex,
    /// The groups with names, by number.
    groups: Vec<(usize, String)>,
}

impl Regexp {
    /// Parses the expression.
    ///
    /// # Errors
    /// In Go's words for the expression, in Loki's for its groups: none with a name, a name twice, a name that no label has.
    pub fn parse(text: &str) -> Result<Self, ParamError> {
        let regex = regex::compile(text)?;
        let mut groups: Vec<(usize, String)> = Vec::new();
        for (index, name) in regex.names().iter().enumerate() {
            let Some(name) = name else { continue };
            if !names::is_label_name(name) {
                return Err(ParamError(format!("invalid extracted label name '{name}'")));
            }
            if groups.iter().any(|(_, known)| known == name) {
                return Err(ParamError(format!("duplicate extracted label name '{name}'")));
            }
            groups.push((index, name.clone()));
        }
        if groups.is_empty() {
            return Err(ParamError("at least one named capture must be supplied".to_owned()));
        }
        Ok(Self { regex, groups })
    }

    /// The labels that it makes, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|(_, name)| name.as_str())
    }

    /// Gives the groups of the first match; a group that took no part is empty. A line that does not match has none.
    pub fn extract(&self, line: &[u8], sink: &mut Sink<'_>) {
        let Some(found) = self.regex.captures(line) else { return };
        for (index, name) in &self.groups {
            let value = found.get(*index).cloned().flatten().and_then(|group| line.get(group)).unwrap_or_default();
            if !sink(name, value) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, line: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        Regexp::parse(pattern).expect(pattern).extract(line, &mut |name, value| {
            found.push(format!("{name}={}", String::from_utf8_lossy(value)));
            true
        });
        found
    }

    #[test]
    fn groups_become_labels() {
        let line = b"10.9.9.9 - user-21 [x] \"POST /v1\" 502 116 2.795";
        let pattern = r"^(?P<ip>\S+) - (?P<user>\S+) .* (?P<secs>[\d.]+)$";
        assert_eq!(captured(pattern, line), ["ip=10.9.9.9", "user=user-21", "secs=2.795"]);
        assert_eq!(captured(r"(?P<code>\s\d{3}\s)", line), ["code= 502 "]);
        assert_eq!(captured("(?P<a>x)|(?P<b>y)", b"y"), ["a=", "b=y"]);
        assert_eq!(captured("(?P<a>x)", b"y"), [""; 0]);
    }

    #[test]
    fn refused_expressions() {
        for (pattern, words) in [
            ("a", "at least one named capture must be supplied"),
            ("(a)", "at least one named capture must be supplied"),
            ("(?P<a>.)(?P<a>.)", "duplicate extracted label name 'a'"),
            ("(?P<1a>.)", "invalid extracted label name '1a'"),
            ("(?P<a>.", "error parsing regexp: missing closing ): `(?P<a>.`"),
        ] {
            assert_eq!(Regexp::parse(pattern).map(|_| ()), Err(ParamError(words.to_owned())), "{pattern}");
        }
    }
}
