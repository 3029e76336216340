//! How Weir says who it is to those it is not a proxy for: a Loki, for one.

use http::HeaderValue;

use super::secret;

/// A secret by the place where it lies, read each time it is needed, so that one that was changed is used at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From `env:NAME` or `file:PATH`.
    ///
    /// # Errors
    /// It is written otherwise, or not there.
    pub fn new(written: &str) -> Result<Secret, String> {
        secret::read(written, "").map(|_| Secret(written.to_owned()))
    }

    /// What it is now.
    ///
    /// # Errors
    /// It is not there any more.
    pub fn read(&self) -> Result<String, String> {
        secret::read(&self.0, "")
    }
}

/// How a follower says who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    None,
    /// With a name and a password.
    Basic(String, Secret),
    /// With a token.
    Bearer(Secret),
}

impl Auth {
    /// The value of the header `authorization`, if there is one. The secret is read anew.
    ///
    /// # Errors
    /// The secret is not there any more, or is none that a header can carry.
    pub fn header(&self) -> Result<Option<HeaderValue>, String> {
        let text = match self {
            Auth::None => return Ok(None),
            Auth::Bearer(token) => format!("Bearer {}", token.read()?),
            Auth::Basic(name, password) => {
                format!("Basic {}", base64(format!("{name}:{}", password.read()?).as_bytes()))
            }
        };
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| "the secret has characters that none has".to_owned())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            let shown = digit <= three.len();
            out.push(if shown { DIGITS[bits >> (18 - 6 * digit) & 63] as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_written_as_the_rfc_says() {
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn secrets_are_read_when_they_are_needed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        let auth = Auth::Bearer(Secret::new(&format!("file:{}", path.display())).unwrap());
        let shown = || auth.header().unwrap().unwrap();
        assert_eq!(shown(), "Bearer first");
        assert!(shown().is_sensitive());
        std::fs::write(&path, "second").unwrap();
        assert_eq!(shown(), "Bearer second");
        std::fs::remove_file(&path).unwrap();
        assert!(auth.header().is_err());
        let pair = Auth::Basic("me".to_owned(), Secret::new("env:PATH").unwrap());
        assert!(pair.header().unwrap().unwrap().to_str().unwrap().starts_with("Basic bWU6"));
        assert_eq!(Auth::None.header(), Ok(None));
    }
}
