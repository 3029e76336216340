//! Who may ask: by a token, or by the session of a page that has shown one.
//!
//! Beyond loopback a token is always needed; on loopback where there are any. A session's number is random, and what is kept of
//! it is its SHA-256, so that nobody who sees this memory can take its place.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use ring::rand::{SecureRandom, SystemRandom};

use crate::config::{Access, Scope, Token, hex, sha256};
use crate::error::{Error, ErrorKind};

/// How long a session lasts.
pub(super) const SESSION: Duration = Duration::from_secs(12 * 3600);
/// Sessions at a time; the oldest ends where another begins.
const MOST_SESSIONS: usize = 1000;
/// What the cookie is called.
const NAME: &str = "weir_session";

/// Sessions of pages.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

#[derive(Debug, Clone, Copy)]
struct Session {
    /// Of the token that was shown. Where it is taken out of the configuration its sessions end.
    token: [u8; 32],
    until: Instant,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one for whoever shows a token; gives the cookie.
    pub(super) fn begin(&self, token: &Token) -> Result<HeaderValue, Error> {
        let mut number = [0; 32];
        let failed = || Error::new(ErrorKind::JournalUnavailable, "the system gives no random numbers; try again");
        SystemRandom::new().fill(&mut number).map_err(|_| failed())?;
        let number = hex(&number);
        let mut sessions = self.lock();
        let now = Instant::now();
        sessions.retain(|_, session| session.until > now);
        if sessions.len() >= MOST_SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.until).map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(sha256(number.as_bytes()), Session { token: *token.digest(), until: now + SESSION });
        cookie(&number, SESSION).ok_or_else(failed)
    }

    /// Ends the one that is shown; gives the cookie that takes its place.
    pub(super) fn end(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if let Some(number) = number(headers) {
            self.lock().remove(&sha256(number));
        }
        cookie("", Duration::ZERO)
    }

    fn find<'a>(&self, headers: &HeaderMap, access: &'a Access) -> Option<&'a Token> {
        let session = *self.lock().get(&sha256(number(headers)?))?;
        (session.until > Instant::now()).then(|| access.by_digest(&session.token)).flatten()
    }
}

fn cookie(number: &str, lasts: Duration) -> Option<HeaderValue> {
    let text = format!("{NAME}={number}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", lasts.as_secs());
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn number(headers: &HeaderMap) -> Option<&[u8]> {
    let cookies = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut numbers =
        cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="));
    numbers.find(|number| !number.is_empty())
}

/// Whether a token is needed at all.
pub(super) fn is_needed(access: &Access, address: SocketAddr) -> bool {
    !access.is_empty() || !address.ip().is_loopback()
}

/// Lets in whoever may do this, or says why not.
pub(super) fn check(
    access: &Access,
    sessions: &Sessions,
    address: SocketAddr,
    headers: &HeaderMap,
    scope: Scope,
) -> Result<(), Error> {
    if !is_needed(access, address) {
        return Ok(());
    }
    if access.is_empty() {
        let message = format!(
            "{address} is reachable from other machines, so a token is needed here, and none is set; set `token` or \
             [[admin.tokens]] under [admin] in weir.toml, `weir key new --scope {}` makes one",
            scope.name()
        );
        return Err(Error::new(ErrorKind::MissingKey, message));
    }
    let shown = shown(headers);
    let token = match &shown {
        Some(shown) => access.find(shown),
        None => sessions.find(headers, access),
    };
    match token {
        Some(token) if token.may(scope) => Ok(()),
        Some(token) => {
            let message = format!(
                "the token \"{}\" is not for this: it lacks the scope {}; use another",
                token.name,
                scope.name()
            );
            Err(Error::new(ErrorKind::MissingScope, message))
        }
        None if shown.is_some() => Err(Error::new(
            ErrorKind::InvalidKey,
            "the token that was shown is none of this Weir's; see admin.tokens in weir.toml",
        )),
        None => {
            let message = "this needs a token: send it as authorization: Bearer TOKEN, or as the password of basic \
                           authentication";
            Err(Error::new(ErrorKind::MissingKey, message))
        }
    }
}

/// The token in the header: as a bearer's, or as a password.
pub(super) fn shown(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(AUTHORIZATION)?.as_bytes().trim_ascii();
    let at = memchr::memchr(b' ', value)?;
    let (scheme, rest) = (&value[..at], value[at + 1..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_vec());
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = from_base64(rest)?;
    let colon = memchr::memchr(b':', &pair)?;
    Some(pair[colon + 1..].to_vec())
}

/// RFC 4648's alphabet, padded or not.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len()), 0_u32, 0_u32);
    for byte in text.iter().take_while(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_shown_in_two_ways() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            shown(&headers)
        };
        assert_eq!(of("Bearer  abc "), Some(b"abc".to_vec()));
        assert_eq!(of("basic dXNlcjpwYTpzcw=="), Some(b"pa:ss".to_vec()));
        assert_eq!(of("Basic dXNlcjpwYQ"), Some(b"pa".to_vec()));
        for other in ["abc", "Digest x", "Basic ???", "Basic dXNlcg=="] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
