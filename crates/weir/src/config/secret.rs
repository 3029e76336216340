//! Secrets: where they are read from, and the key that personal values are hashed with.

use std::fmt;

use ring::hmac;

/// Bytes of a key below which hashing with it hides nothing.
const MIN_BYTES: usize = 16;
/// Bytes of a hash that are kept: enough that no two values share one.
const HASH_BYTES: usize = 16;

/// Reads `env:NAME` or `file:PATH`; `more` is what else may be written.
pub(super) fn read(written: &str, more: &str) -> Result<String, String> {
    let secret = match written.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?
        }
        Some(("file", path)) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?,
        // The text itself may be a key, so it is not repeated.
        _ => {
            return Err(format!(
                "write \"env:NAME\"{}; a key itself does not belong in this file",
                if more.is_empty() { " or \"file:PATH\"".to_owned() } else { format!(", \"file:PATH\" or {more}") }
            ));
        }
    };
    let secret = secret.trim();
    if secret.is_empty() { Err("the key is empty".to_owned()) } else { Ok(secret.to_owned()) }
}

/// The file that a secret is read from, if it is one.
pub(super) fn file(written: Option<&str>) -> Option<std::path::PathBuf> {
    written?.strip_prefix("file:").map(Into::into)
}

/// What values are hashed with: HMAC with SHA-256, so that whoever reads the hashes cannot try values out.
#[derive(Clone)]
pub struct HashKey(hmac::Key);

impl HashKey {
    /// From a secret.
    ///
    /// # Errors
    /// It is too short.
    pub fn new(secret: &str) -> Result<HashKey, String> {
        if secret.len() < MIN_BYTES {
            return Err(format!("the key has less than {MIN_BYTES} characters, so what it hides could be guessed"));
        }
        Ok(HashKey(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// The hash of a text: 32 hexadecimal digits.
    #[must_use]
    pub fn hash(&self, text: &str) -> String {
        hex(&hmac::sign(&self.0, text.as_bytes()).as_ref()[..HASH_BYTES])
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashKey")
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing to memory cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_rfc_4231() {
        // Test case 3: twenty times aa, fifty times dd, of which the first half is kept here.
        let key = HashKey(hmac::Key::new(hmac::HMAC_SHA256, &[0xaa; 20]));
        let signed = hmac::sign(&key.0, &[0xdd; 50]);
        assert_eq!(&hex(signed.as_ref())[..32], "773ea91e36800e46854db8ebd09181a7");
        assert_eq!(HashKey::new("0123456789abcdef").unwrap().hash("alice").len(), 32);
        assert!(HashKey::new("short").is_err());
    }
}
