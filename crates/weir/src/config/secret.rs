//! Secrets: where they are read from, and the key that personal values are hashed with.

use std::fmt;

use ring::hmac;

use super::Written;

/// Bytes of a key below which hashing with it hides nothing.
const MIN_BYTES: usize = 16;
/// Bytes of a hash that are kept: enough that no two values share one.
const HASH_BYTES: usize = 16;

/// Reads `env:NAME` or `file:PATH`; `more` is what else may be written.
pub(super) fn read(written: &str, more: &str) -> Result<String, String> {
    let secret = match written.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).map_err(|_| format!("the environment variable {}is not set", plausible(name)))?
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

/// A variable's name and a space. What cannot be one may be a key, so it is not repeated.
fn plausible(name: &str) -> String {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = name.len() <= 64 && !name.starts_with(|first: char| first.is_ascii_digit());
    let shown = is_name && name.bytes().all(of_a_name) && !looks_like_a_key(name);
    if shown { format!("{name} ") } else { "that env: names ".to_owned() }
}

/// An address without what may be secret in it: a login, what stands behind the path, and all from a port on that is none.
pub(super) fn address(text: &str) -> String {
    let text = &text[..text.find(['?', '#']).unwrap_or(text.len())];
    let (scheme, rest) = text.split_at(text.find("://").map_or(0, |at| at + 3));
    let rest = rest.rsplit('@').next().unwrap_or_default();
    let place = &rest[..rest.find('/').unwrap_or(rest.len())];
    let wrong = place.rfind(':').filter(|at| {
        let port = &place[at + 1..];
        !port.ends_with(']') && !port.bytes().all(|byte| byte.is_ascii_digit())
    });
    format!("{scheme}{}", &rest[..wrong.unwrap_or(rest.len())])
}

impl Written {
    /// Leaves out what needs secrets and says nothing of prices, energy and places.
    pub(super) fn forget_secrets(&mut self) {
        self.providers.iter_mut().for_each(|provider| provider.api_key = None);
        self.carbon.values_mut().for_each(|carbon| carbon.token = None);
        (self.admin, self.hub, self.query) = Default::default();
        (self.instance, self.hash_key, self.tls) = Default::default();
        self.followers.clear();
    }
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

/// Takes out of a text what looks like a key: providers like to repeat the one they were shown. A key ends
/// where letters, digits, hyphens and underscores end, whatever stands around it.
#[must_use]
pub fn redact(message: &str) -> String {
    without(message, looks_like_a_key)
}

/// The same for what may well have long words that are no keys, such as ids: only what begins as keys do.
#[must_use]
pub fn redact_prefixed(message: &str) -> String {
    without(message, begins_as_keys_do)
}

fn without(message: &str, is_key: impl Fn(&str) -> bool) -> String {
    let of_a_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(of_a_word) {
        let (between, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|character| !of_a_word(character)).unwrap_or(from.len()));
        out.push_str(between);
        out.push_str(if is_key(word) { "[redacted]" } else { word });
        rest = after;
    }
    out + rest
}

fn begins_as_keys_do(word: &str) -> bool {
    ["sk-", "pk-", "gsk_", "xai-", "AIza", "rk-"].iter().any(|prefix| word.starts_with(prefix))
}

fn looks_like_a_key(word: &str) -> bool {
    begins_as_keys_do(word) || (word.len() >= 32 && word.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out() {
        assert_eq!(
            redact("Incorrect API key provided: sk-abc123. See https://platform.openai.com/account/api-keys."),
            "Incorrect API key provided: [redacted]. See https://platform.openai.com/account/api-keys."
        );
        assert_eq!(redact("key 0123456789abcdef0123456789abcdef,"), "key [redacted],");
        assert_eq!(redact("key=sk-1\n\"sk-2\":é(Bearer sk-3)"), "key=[redacted]\n\"[redacted]\":é(Bearer [redacted])");
        assert_eq!(redact("model 'gpt-4o-mini-2024-07-18' not found"), "model 'gpt-4o-mini-2024-07-18' not found");
    }

    #[test]
    fn an_address_is_shown_without_login_and_query() {
        for (text, shown) in [
            ("https://user:p/w@h/v1?key=sk#x", "https://h/v1"),
            ("ftp://h/v1#k", "ftp://h/v1"),
            ("user:pw@h", "h"),
            ("https://h:pw/v1", "https://h"),
            ("https://h:80/v1", "https://h:80/v1"),
            ("http://[::1]/v1", "http://[::1]/v1"),
            ("no address", "no address"),
        ] {
            assert_eq!(address(text), shown);
        }
    }

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
