//! What questions may take. The limits are Loki's, with Loki's defaults.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Bytes, Span};
use super::auth::Auth;
use super::follower::{auth, is_tenant};
use super::provider::Upstream;
use super::{ConfigError, invalid};

/// What questions may take, and who answers them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenQuery {
    /// Threads that answer questions, apart from those that serve requests; half as many as there are cores if not given. A question
    /// reads with all that are idle when it begins.
    pub threads: Option<usize>,
    /// Questions that wait for a thread; beyond it they get 429.
    pub max_waiting: usize,
    /// The newest lines of the journal that are held in memory for questions; their columns take about as much again.
    pub recent_bytes: Bytes,
    /// Memory that one question may hold, by its own account: what it has found, and what it looks at; 0 for any.
    pub memory: Bytes,
    /// Memory of the whole process above which questions are ended and refused, so that they never take what requests need; 0 for
    /// any.
    pub max_memory: Bytes,
    /// How long a question may take (Loki's query_timeout).
    pub timeout: Span,
    /// Entries in an answer (max_entries_limit_per_query).
    pub max_entries: usize,
    /// Series in an answer (max_query_series).
    pub max_series: usize,
    /// The longest time that a question may be about, 0s for any (max_query_length).
    pub max_length: Span,
    /// How far back questions see, 0s for any (max_query_lookback).
    pub max_lookback: Span,
    /// Bytes of lines that a question may read, 0 for any (max_query_bytes_read).
    pub max_bytes_read: Bytes,
    /// Lines that are followed at a time (max_concurrent_tail_requests).
    pub max_tails: usize,
    /// Streams or labels whose volume is told (volume_max_series).
    pub max_volume_series: usize,
    /// A Loki that answers questions in Weir's place: "http://loki:3100".
    pub backend: Option<String>,
    /// Its tenant, or several with | between, sent as X-Scope-OrgID.
    pub backend_tenant: Option<String>,
    /// The user of basic authentication there.
    pub backend_username: Option<String>,
    /// "env:NAME" or "file:PATH": the password of basic authentication there.
    pub backend_password: Option<String>,
    /// "env:NAME" or "file:PATH": a token, sent there as authorization: Bearer.
    pub backend_bearer_token: Option<String>,
    /// Certificates to trust there beside the system's, PEM.
    pub backend_ca_file: Option<PathBuf>,
}

/// A Loki that answers questions in Weir's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The address, without a slash at its end.
    pub url: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// How Weir says who it is.
    pub auth: Auth,
    /// Certificates to trust beside the system's.
    ca_file: Option<PathBuf>,
}

impl Backend {
    /// How it is reached.
    #[must_use]
    pub fn upstream(&self) -> Upstream {
        Upstream { ca_file: self.ca_file.clone(), ..Upstream::default() }
    }
}

impl Default for WrittenQuery {
    fn default() -> Self {
        WrittenQuery {
            threads: None,
            max_waiting: 256,
            recent_bytes: Bytes(32 << 20),
            memory: Bytes(512 << 20),
            max_memory: Bytes(2 << 30),
            timeout: Span(Duration::from_secs(60)),
            max_entries: 5000,
            max_series: 500,
            max_length: Span(Duration::from_secs(721 * 3600)),
            max_lookback: Span(Duration::ZERO),
            max_bytes_read: Bytes(0),
            max_tails: 10,
            max_volume_series: 1000,
            backend: None,
            backend_tenant: None,
            backend_username: None,
            backend_password: None,
            backend_bearer_token: None,
            backend_ca_file: None,
        }
    }
}

/// What questions may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryConfig {
    /// Threads that answer questions.
    pub threads: usize,
    /// Questions that wait for a thread.
    pub max_waiting: usize,
    /// Bytes of the newest lines that are held in memory.
    pub recent_bytes: usize,
    /// Bytes of memory that one question may hold; 0 for any.
    pub memory: u64,
    /// Bytes of the whole process above which questions are ended and refused; 0 for any.
    pub max_memory: u64,
    /// How long a question may take.
    pub timeout: Duration,
    /// Entries in an answer.
    pub max_entries: usize,
    /// Series in an answer.
    pub max_series: usize,
    /// The longest time that a question may be about; zero for any.
    pub max_length: Duration,
    /// How far back questions see; zero for any.
    pub max_lookback: Duration,
    /// Bytes of lines that a question may read; 0 for any.
    pub max_bytes_read: u64,
    /// Lines that are followed at a time.
    pub max_tails: usize,
    /// Streams or labels whose volume is told.
    pub max_volume_series: usize,
}

impl WrittenQuery {
    /// Who answers in Weir's place, if somebody does.
    pub(super) fn backend(&self) -> Result<Option<Backend>, ConfigError> {
        let place = |key: &str| format!("query.backend{}{key}", if key.is_empty() { "" } else { "_" });
        let auth = auth([&self.backend_username, &self.backend_password, &self.backend_bearer_token], &place)?;
        let Some(url) = &self.backend else {
            return Ok(None);
        };
        let base = url.trim_end_matches('/').trim_end_matches("/loki/api/v1").trim_end_matches('/');
        let uri: Option<Uri> = base.parse().ok();
        let sound = uri.is_some_and(|uri| {
            let known = matches!(uri.scheme_str(), Some("http" | "https"));
            known && uri.authority().is_some() && uri.query().is_none() && !base.contains('@')
        });
        if !sound {
            // The address may have a login in it, so it is not repeated.
            let reason = "is not a URL such as \"http://loki:3100\", without login and query";
            return Err(invalid(place(""), reason));
        }
        let is_known = |tenants: &String| tenants.split('|').all(is_tenant);
        if self.backend_tenant.as_ref().is_some_and(|tenants| !is_known(tenants)) {
            return Err(invalid(place("tenant"), "a tenant has 1 to 150 letters, digits and !-_.*'()"));
        }
        let (tenant, ca_file) = (self.backend_tenant.clone(), self.backend_ca_file.clone());
        Ok(Some(Backend { url: base.to_owned(), tenant, auth, ca_file }))
    }

    pub(super) fn needed(&self) -> Result<QueryConfig, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match self.threads {
            None => (cores / 2).max(1),
            Some(threads @ 1..=256) => threads,
            Some(threads) => {
                return Err(invalid("query.threads", format_args!("{threads} is not between 1 and 256")));
            }
        };
        for (place, number) in [
            ("query.max_waiting", self.max_waiting),
            ("query.max_entries", self.max_entries),
            ("query.max_series", self.max_series),
        ] {
            if number == 0 {
                return Err(invalid(place, "is 0, so no question would be answered"));
            }
        }
        if self.timeout.0.is_zero() {
            return Err(invalid("query.timeout", "is no time at all, so no question would be answered"));
        }
        Ok(QueryConfig {
            threads,
            max_waiting: self.max_waiting,
            recent_bytes: usize::try_from(self.recent_bytes.0).unwrap_or(usize::MAX).max(1 << 20),
            memory: self.memory.0,
            max_memory: self.max_memory.0,
            timeout: self.timeout.0,
            max_entries: self.max_entries,
            max_series: self.max_series,
            max_length: self.max_length.0,
            max_lookback: self.max_lookback.0,
            max_bytes_read: self.max_bytes_read.0,
            max_tails: self.max_tails,
            max_volume_series: self.max_volume_series,
        })
    }
}
