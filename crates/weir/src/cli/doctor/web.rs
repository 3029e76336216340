//! Questions over HTTP: to Weir itself, to a provider, to Loki, Prometheus and Grafana.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::DATE;
use http::{HeaderMap, Uri};
use serde_json::Value;

use super::finding::{Part, Report};
use crate::config::Upstream;
use crate::proxy::{Reply, inquire};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
const MOST: usize = 64 << 20;
/// How much of an answer is repeated, in characters.
const SHOWN: usize = 200;
/// How far clocks may differ before that is said, in seconds.
const NEAR: u64 = 30;
/// How far in the future a line may be for Loki (`creation_grace_period`), in seconds.
const GRACE: u64 = 600;

/// An address to ask below.
///
/// # Errors
/// It is none.
pub(super) fn address(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| "is no URL".to_owned())?;
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("http" | "https") if plain && uri.query().is_none() => Ok(uri),
        _ => Err("is not a URL such as http://localhost:3100, without login and query".to_owned()),
    }
}

/// Somebody to ask.
#[derive(Debug, Clone)]
pub(super) struct Site {
    base: String,
    headers: HeaderMap,
    upstream: Upstream,
}

impl Site {
    pub(super) fn new(base: impl ToString, headers: HeaderMap, upstream: Upstream) -> Site {
        Site { base: base.to_string().trim_end_matches('/').to_owned(), headers, upstream }
    }

    /// What is answered below the address, whatever its status.
    pub(super) async fn get(&self, path: &str) -> io::Result<Reply> {
        let url: Uri = format!("{}{path}", self.base).parse().map_err(io::Error::other)?;
        inquire(&self.upstream, &url, &self.headers, MOST, LIMIT).await
    }

    /// The JSON that is answered with success.
    ///
    /// # Errors
    /// What was answered instead, or why nothing was.
    pub(super) async fn json(&self, path: &str) -> Result<Value, String> {
        let answer = self.get(path).await.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("{} {}", answer.status.as_u16(), shown(&answer)).trim_end().to_owned());
        }
        serde_json::from_slice(&answer.body).map_err(|_| format!("what is no JSON: {}", shown(&answer)))
    }
}

/// The beginning of an answer, in one line.
pub(super) fn shown(answer: &Reply) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    crate::config::redact(&text.take(SHOWN).collect::<String>())
}

/// As a part of a query, with what is not plain escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            // Writing to memory cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// Compares this machine's clock with the one in an answer's head, and says so where they are apart.
pub(super) fn compare_clocks(about: &str, headers: &HeaderMap, report: &mut Report) {
    let Some(theirs) = headers.get(DATE).and_then(|date| seconds(date.to_str().ok()?)) else { return };
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let apart = ours.abs_diff(theirs);
    if apart <= NEAR {
        return;
    }
    let which = if ours > theirs { "ahead of" } else { "behind" };
    let found = format!("{apart} s {which} that of {about}");
    let to_do = "set this machine's clock, and keep it set (chrony, systemd-timesyncd): Records have its time";
    match ours > theirs && apart > GRACE {
        true => report.fault(Part::Machine, "clock", format!("{found}; a Loki refuses such lines"), to_do),
        false => report.warning(Part::Machine, "clock", found, to_do),
    }
}

/// A date as HTTP has it, in seconds since 1970.
fn seconds(date: &str) -> Option<u64> {
    let time = jiff::fmt::rfc2822::parse(date).ok()?;
    u64::try_from(time.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_login() {
        assert_eq!(address("http://loki:3100/").unwrap(), "http://loki:3100/");
        assert_eq!(address("https://a/b").unwrap(), "https://a/b");
        for wrong in ["loki:3100", "ftp://a", "http://me:secret@a", "http://a?b", ""] {
            assert!(!address(wrong).unwrap_err().contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_plain_is_escaped() {
        assert_eq!(escaped("{a=\"b\"} é"), "%7Ba%3D%22b%22%7D%20%C3%A9");
    }

    #[test]
    fn clocks_are_compared() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        let mut report = Report::default();
        let head = |date: &str| HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        compare_clocks("x", &head("nonsense"), &mut report);
        compare_clocks("x", &head("Fri, 01 Jan 2100 00:00:00 GMT"), &mut report);
        assert!(report.is_sound());
        compare_clocks("x", &head("Sun, 06 Nov 1994 08:49:37 GMT"), &mut report);
        assert!(!report.is_sound());
    }
}
