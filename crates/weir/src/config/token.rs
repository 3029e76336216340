//! Operators' tokens. A token itself is nowhere; what is kept is its SHA-256.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::Deserialize;

use super::caller::digits;
use super::{ConfigError, WrittenAdmin, invalid, secret, sha256};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Asking.
    Read,
    /// Handing in lines.
    Push,
    /// Everything.
    Admin,
}

impl Scope {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Push => "push",
            Scope::Admin => "admin",
        }
    }
}

/// A token of the operators' side.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenToken {
    /// Whose it is.
    pub name: String,
    /// The SHA-256 of the token in hexadecimal digits; `weir key new --scope read` makes both.
    pub sha256: String,
    /// What it is for: "read", "push", "admin".
    pub scopes: Vec<Scope>,
}

/// A token, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub name: String,
    /// What it is for.
    pub scopes: Vec<Scope>,
    digest: [u8; 32],
}

impl Token {
    /// Whether it is for this.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Its SHA-256.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Who may ask on the operators' side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// All tokens.
    tokens: Vec<Token>,
    /// Whether /metrics needs none.
    pub open_metrics: bool,
}

impl Access {
    /// Whether there are no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token that is shown.
    #[must_use]
    pub fn find(&self, shown: &[u8]) -> Option<&Token> {
        self.by_digest(&sha256(shown))
    }

    /// The token with this SHA-256. All are compared, each in constant time.
    #[must_use]
    pub fn by_digest(&self, digest: &[u8; 32]) -> Option<&Token> {
        let same = |token: &&Token| {
            let pairs = token.digest.iter().zip(digest);
            black_box(pairs.fold(0, |differing, (one, other)| differing | (one ^ other))) == 0
        };
        self.tokens.iter().fold(None, |found, token| if same(&token) { Some(token) } else { found })
    }
}

pub(super) fn access(written: &WrittenAdmin) -> Result<Access, ConfigError> {
    let mut tokens: Vec<Token> = Vec::new();
    if let Some(text) = &written.token {
        let digest = whole(text).map_err(|reason| invalid("admin.token", reason))?;
        tokens.push(Token { name: "admin".to_owned(), scopes: vec![Scope::Admin], digest });
    }
    for one in &written.tokens {
        let place = |key: &str| format!("admin.tokens.\"{}\".{key}", one.name);
        let digest = digits(&one.sha256).ok_or_else(|| {
            let reason = "is not 64 hexadecimal digits, the SHA-256 of a token; `weir key new --scope read` makes both";
            invalid(place("sha256"), reason)
        })?;
        if one.scopes.is_empty() {
            return Err(invalid(place("scopes"), "lists none, so the token would be of no use"));
        }
        if tokens.iter().any(|other| other.name == one.name) {
            return Err(invalid(format!("admin.tokens.\"{}\"", one.name), "this name is taken twice"));
        }
        if tokens.iter().any(|other| other.digest == digest) {
            return Err(invalid(place("sha256"), "is that of another token, too"));
        }
        tokens.push(Token { name: one.name.clone(), scopes: one.scopes.clone(), digest });
    }
    Ok(Access { tokens, open_metrics: written.open_metrics })
}

/// `sha256:DIGITS`, or the place where the token itself lies.
fn whole(text: &str) -> Result<[u8; 32], String> {
    match text.strip_prefix("sha256:") {
        Some(text) => digits(text).ok_or_else(|| "has not 64 hexadecimal digits behind sha256:".to_owned()),
        None => Ok(sha256(secret::read(text, "\"sha256:DIGITS\"")?.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, hex};
    use super::*;

    fn parse(admin: &str) -> Result<Access, String> {
        let provider = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"";
        Config::parse(&format!("{provider}\n[admin]\n{admin}"))
            .map(|config| config.access)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_are_known_by_their_digests() {
        let digest = |text: &str| hex(&sha256(text.as_bytes()));
        let access = parse(&format!(
            "token = \"sha256:{}\"\n[[admin.tokens]]\nname = \"grafana\"\nsha256 = \"{}\"\nscopes = [\"read\"]",
            digest("one"),
            digest("two")
        ))
        .unwrap();
        let (one, two) = (access.find(b"one").unwrap(), access.find(b"two").unwrap());
        assert!(one.may(Scope::Read) && one.may(Scope::Push) && one.may(Scope::Admin));
        assert!(two.may(Scope::Read) && !two.may(Scope::Push) && !two.may(Scope::Admin));
        assert!(access.find(b"three").is_none() && access.find(b"").is_none());
        assert!(!access.is_empty() && access.open_metrics);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_is_refused_and_not_repeated() {
        let token = |more: &str| format!("[[admin.tokens]]\nname = \"a\"\n{more}");
        for (place, written) in [
            ("admin.token", "token = \"a-secret-in-the-file\"".to_owned()),
            ("admin.token", "token = \"sha256:abc\"".to_owned()),
            ("admin.tokens.\"a\".sha256", token("sha256 = \"a-secret-in-the-file\"\nscopes = [\"read\"]")),
            ("admin.tokens.\"a\".scopes", token(&format!("sha256 = \"{}\"\nscopes = []", "0".repeat(64)))),
        ] {
            let error = parse(&written).unwrap_err();
            assert!(error.starts_with(place), "{error}");
            assert!(!error.contains("a-secret"), "{error}");
        }
    }
}
