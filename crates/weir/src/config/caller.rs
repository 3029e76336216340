//! Callers and their keys. A key itself is nowhere; what is kept is its SHA-256.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

use ring::digest;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Pattern, invalid};

/// What the keys begin with that `weir key new` makes.
pub const KEY_PREFIX: &str = "sk-weir-";

/// A caller's key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenKey {
    /// The caller's name on Records.
    pub name: String,
    /// The SHA-256 of the key in hexadecimal digits; `weir key new` makes both.
    pub sha256: String,
    /// What is known of the caller, for fields with from = "key:NAME".
    #[serde(default)]
    pub attributes: BTreeMap<String, WrittenScalar>,
    /// The models that may be called, * stands for anything; all if not given.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Whether the key is refused.
    #[serde(default)]
    pub revoked: bool,
}

/// A text, a number, or yes or no.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WrittenScalar {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
}

impl std::fmt::Display for WrittenScalar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WrittenScalar::Bool(flag) => flag.fmt(formatter),
            WrittenScalar::Integer(number) => number.fmt(formatter),
            WrittenScalar::Float(number) => number.fmt(formatter),
            WrittenScalar::Text(text) => text.fmt(formatter),
        }
    }
}

/// A caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its name on Records.
    pub name: String,
    /// Whether its key is refused.
    pub revoked: bool,
    /// What is known of it, its name included.
    pub attributes: BTreeMap<String, String>,
    digest: [u8; 32],
    models: Option<Vec<Pattern>>,
}

impl Caller {
    /// Whether it may call every model.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.models.is_none()
    }

    /// Whether it may call this model.
    #[must_use]
    pub fn may_call(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|pattern| pattern.matches(model)))
    }
}

/// All callers. Without any, whoever reaches Weir may call.
#[derive(Debug, Clone, Default)]
pub struct Callers {
    all: Vec<Caller>,
    /// By the beginning of the digest. The map is keyed at random, and nobody can choose a digest's beginning anyway, so
    /// how long a search takes says nothing of the keys there are.
    places: HashMap<[u8; 8], Vec<usize>>,
}

impl Callers {
    /// Whether nobody needs a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Who shows this key. Compared in constant time.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        let digest = sha256(key);
        let places = self.places.get(&digest[..8])?;
        let same = |place: &usize| {
            let pairs = self.all[*place].digest.iter().zip(&digest);
            black_box(pairs.fold(0, |differing, (one, other)| differing | (one ^ other))) == 0
        };
        // All are compared, whichever it is.
        places.iter().fold(None, |found, place| if same(place) { Some(*place) } else { found })
    }

    /// The caller at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&Caller> {
        self.all.get(place)
    }

    /// The names of all attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.all.iter().flat_map(|caller| caller.attributes.keys().map(String::as_str))
    }
}

/// The SHA-256 of a key.
#[must_use]
pub fn sha256(key: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, key).as_ref());
    out
}

pub(super) fn callers(written: &[WrittenKey]) -> Result<Callers, ConfigError> {
    let mut callers = Callers::default();
    for one in written {
        let caller = caller(one)?;
        let place = format!("keys.\"{}\"", caller.name);
        if callers.all.iter().any(|other| other.name == caller.name) {
            return Err(invalid(place, "this name is taken twice"));
        }
        if let Some(other) = callers.all.iter().find(|other| other.digest == caller.digest) {
            return Err(invalid(place, format_args!("has the same key as \"{}\"", other.name)));
        }
        let mut beginning = [0; 8];
        beginning.copy_from_slice(&caller.digest[..8]);
        callers.places.entry(beginning).or_default().push(callers.all.len());
        callers.all.push(caller);
    }
    Ok(callers)
}

fn caller(written: &WrittenKey) -> Result<Caller, ConfigError> {
    if written.name.is_empty() || written.name.len() > 64 || written.name.chars().any(char::is_control) {
        return Err(invalid("keys.name", "a name has 1 to 64 characters"));
    }
    let place = |key: &str| format!("keys.\"{}\".{key}", written.name);
    // What stands there may be a key, so it is not repeated.
    let hint = if written.sha256.starts_with(KEY_PREFIX) {
        "this is the key itself, which does not belong in this file and should be thrown away now; "
    } else {
        ""
    };
    let digest = digits(&written.sha256).ok_or_else(|| {
        let reason =
            format_args!("{hint}write the 64 hexadecimal digits of the key's SHA-256; `weir key new` makes both");
        invalid(place("sha256"), reason)
    })?;
    if written.models.as_ref().is_some_and(Vec::is_empty) {
        return Err(invalid(place("models"), "lists no model; leave it out to allow all, or set revoked = true"));
    }
    let mut attributes: BTreeMap<String, String> =
        written.attributes.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    attributes.insert("name".to_owned(), written.name.clone());
    Ok(Caller {
        name: written.name.clone(),
        revoked: written.revoked,
        attributes,
        digest,
        models: written.models.as_ref().map(|models| models.iter().map(|text| Pattern::new(text)).collect()),
    })
}

pub(super) fn digits(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let mut nibbles = text.chars().map(|digit| digit.to_digit(16));
    for byte in &mut digest {
        *byte = (nibbles.next()?? * 16 + nibbles.next()??) as u8;
    }
    nibbles.next().is_none().then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::secret::hex;

    fn written(name: &str, key: &str) -> WrittenKey {
        let sha256 = hex(&sha256(key.as_bytes()));
        WrittenKey { name: name.to_owned(), sha256, attributes: BTreeMap::new(), models: None, revoked: false }
    }

    #[test]
    fn who_shows_a_key() {
        assert_eq!(
            hex(&sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "FIPS 180-4's example"
        );
        let callers = callers(&[written("a", "key-a"), written("b", "key-b")]).unwrap();
        assert_eq!((callers.find(b"key-a"), callers.find(b"key-b")), (Some(0), Some(1)));
        for wrong in ["", "key-", "key-a ", "KEY-A", "key-c"] {
            assert_eq!(callers.find(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |written: &[WrittenKey]| callers(written).unwrap_err().to_string();
        assert!(refused(&[written("a", "x"), written("a", "y")]).contains("taken twice"));
        assert!(refused(&[written("a", "x"), written("b", "x")]).contains("same key as \"a\""));
        let with = |sha256: &str| refused(&[WrittenKey { sha256: sha256.to_owned(), ..written("a", "x") }]);
        let itself = with("sk-weir-0123456789");
        assert!(itself.contains("the key itself") && !itself.contains("0123456789"), "{itself}");
        assert!(with("abc").contains("64 hexadecimal digits") && with(&"g".repeat(64)).contains("weir key new"));
        assert!(with(&"a".repeat(65)).contains("64"));
        let none = WrittenKey { models: Some(Vec::new()), ..written("a", "x") };
        assert!(refused(&[none]).contains("lists no model"));
    }
}
