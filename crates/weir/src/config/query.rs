//! What questions may take. The limits are Loki's, with Loki's defaults.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Bytes, Span};
use super::{ConfigError, invalid};

/// What questions may take.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenQuery {
    /// Threads that answer questions, apart from those that serve requests; half as many as there are cores if not given.
    pub threads: Option<usize>,
    /// Questions that wait for a thread; beyond it they get 429.
    pub max_waiting: usize,
    /// The newest lines of the journal that are held in memory for questions; their columns take about as much again.
    pub recent_bytes: Bytes,
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
}

impl Default for WrittenQuery {
    fn default() -> Self {
        WrittenQuery {
            threads: None,
            max_waiting: 256,
            recent_bytes: Bytes(32 << 20),
            timeout: Span(Duration::from_secs(60)),
            max_entries: 5000,
            max_series: 500,
            max_length: Span(Duration::from_secs(721 * 3600)),
            max_lookback: Span(Duration::ZERO),
            max_bytes_read: Bytes(0),
            max_tails: 10,
            max_volume_series: 1000,
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
    pub(super) fn needed(self) -> Result<QueryConfig, ConfigError> {
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
