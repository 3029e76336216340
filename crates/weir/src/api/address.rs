//! The members of an address's query: `model=gpt-4&input=12`.

/// What is asked, by name. Of several with one name the first counts.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<(String, String)>);

impl Members {
    /// Reads what follows the question mark. What is not UTF-8 is read as far as it is.
    pub(super) fn read(query: &str) -> Members {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Members(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (plain(name), plain(value)))
                .collect(),
        )
    }

    /// The value of that name; none if it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// The whole number of that name.
    ///
    /// # Errors
    /// It is none: what to say.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let parse = |text: &str| text.parse().map_err(|_| format!("{name} is no whole number"));
        self.get(name).map(parse).transpose()
    }

    /// The millionths of the number of that name, which may have a fraction.
    ///
    /// # Errors
    /// It is none, or has more than six digits behind the point: what to say.
    pub(super) fn micros(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction:0<6}");
        let read = (fraction.len() <= 6).then(|| digits.parse().ok()).flatten();
        read.map(Some).ok_or_else(|| format!("{name} is no number of at most six digits behind the point"))
    }
}

/// A text without `+` for blanks and `%41` for bytes.
fn plain(written: &str) -> String {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let coded = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = coded.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(if first == b'+' { b' ' } else { first }));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_browsers_write_them() {
        let members = Members::read("model=a%2Fb+c&input=12&empty=&%E4%BD%A0=1&odd=%zz&model=second");
        assert_eq!(members.get("model"), Some("a/b c"));
        assert_eq!(members.number("input"), Ok(Some(12)));
        assert_eq!((members.get("empty"), members.number("none")), (None, Ok(None)));
        assert_eq!((members.get("你"), members.get("odd")), (Some("1"), Some("%zz")));
        assert!(members.number("odd").is_err());
        let members = Members::read("a=1.5&b=2&c=0.0000001&d=-1");
        assert_eq!((members.micros("a"), members.micros("b")), (Ok(Some(1_500_000)), Ok(Some(2_000_000))));
        assert!(members.micros("c").is_err() && members.micros("d").is_err());
    }
}
