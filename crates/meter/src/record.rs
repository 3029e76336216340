//! The Record: what one admitted request leaves behind, as one flat line of JSON.
//!
//! [`FIELDS`] is the only place that names the line's fields. Everything that speaks of them (the line itself, the schema of
//! the columns, the documentation) is made from that table.

mod custom;
mod fields;
mod line;

pub use custom::{BadName, Custom, CustomValue, Declared, MAX_FIELDS, MAX_TEXT, check_name};
pub use fields::{FIELDS, Field, Role, Unit, Value, field};
pub use line::{LINE_LIMIT, Line, Owned, render, render_begun};

use crate::carbon::Carbon;
use crate::cost::Cost;
use crate::dialect::Api;
use crate::energy::Energy;
use crate::usage::{Units, Usage, UsageSource};

const NANO_SCALE: u8 = crate::cost::NANO;
const PICO_SCALE: u8 = crate::energy::PICO;
const GRAM_SCALE: u8 = crate::carbon::NANO;
const MILLILITRE_SCALE: u8 = crate::carbon::MICRO;
/// Times stand on the line in microseconds.
const SECONDS_SCALE: u8 = 6;

/// The version of the line: fields are added, never renamed or retyped.
pub const VERSION: u64 = 1;

/// How a request ended, for whoever counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Status {
    /// The caller got the provider's answer.
    #[default]
    Success,
    /// The caller got an error, or only a part of the answer.
    Error,
    /// The caller went away.
    Cancelled,
}

impl Status {
    /// The name in `status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::Error => "error",
            Status::Cancelled => "cancelled",
        }
    }

    /// The name in `event`.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Status::Success => "llm_request_completed",
            Status::Error => "llm_request_failed",
            Status::Cancelled => "llm_request_cancelled",
        }
    }

    /// The name in `level`.
    #[must_use]
    pub const fn level(self) -> &'static str {
        match self {
            Status::Success => "INFO",
            Status::Error => "ERROR",
            Status::Cancelled => "WARN",
        }
    }
}

/// What ended an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndReason {
    /// The answer was whole.
    #[default]
    Complete,
    /// The caller closed the connection.
    ClientGone,
    /// The provider closed the connection, or could not be reached.
    UpstreamGone,
    /// One of the limits on time.
    Timeout,
    /// Weir itself stopped before the answer was over.
    ProxyKilled,
}

impl EndReason {
    /// The name in `end_reason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EndReason::Complete => "complete",
            EndReason::ClientGone => "client_gone",
            EndReason::UpstreamGone => "upstream_gone",
            EndReason::Timeout => "timeout",
            EndReason::ProxyKilled => "proxy_killed",
        }
    }
}

/// One request, from the caller's first byte to the last one sent. Unknown is `None`.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The end, in nanoseconds since 1970; set where the line is appended.
    pub timestamp: u64,
    /// A UUID of version 7.
    pub request_id: [u8; 16],
    /// How it ended.
    pub status: Status,
    /// Who asked.
    pub who: Who,
    /// What was asked of whom.
    pub what: What,
    /// Tokens, if they are known.
    pub usage: Option<Usage>,
    /// Where they come from.
    pub usage_source: UsageSource,
    /// The provider's usage object as written.
    pub usage_raw: Option<String>,
    /// Web searches, where the answer counts them.
    pub search_calls: Option<u64>,
    /// Searches of stored files, where there were any.
    pub file_search_calls: Option<u64>,
    /// How often the provider ran code, where it did.
    pub code_interpreter_calls: Option<u64>,
    /// Pictures, audio and characters.
    pub units: Units,
    /// What it cost, if a price is known.
    pub cost: Option<Cost>,
    /// What it drew, if that can be said.
    pub energy: Option<Energy>,
    /// What that comes to where it was served.
    pub carbon: Option<Carbon>,
    /// When things happened.
    pub times: Times,
    /// How it came out.
    pub outcome: Outcome,
    /// Bytes of the request's body.
    pub request_bytes: Option<u64>,
    /// Bytes of the answer's body as the provider sent it.
    pub response_bytes: Option<u64>,
    /// What the operator declared, if anything.
    pub custom: Option<Box<Custom>>,
}

impl Record {
    /// Whether something was used, and nobody knows what it costs.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.cost.is_none() && (self.usage.is_some() || !self.units.is_empty())
    }

    /// Whether tokens were used, and nobody knows what they drew. What is paid by the piece has no estimate of any model.
    #[must_use]
    pub fn is_unestimated(&self) -> bool {
        self.energy.is_none() && self.usage.is_some()
    }
}

/// Who asked.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// The name of the key that the caller showed.
    pub key: Option<String>,
    /// The person or thing on whose behalf it was asked.
    pub user_id: Option<String>,
    /// Their organization.
    pub organization: Option<String>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// What kind of prompt it is, as the caller says.
    pub prompt_category: Option<String>,
    /// From `traceparent`.
    pub trace_id: Option<String>,
    /// From `traceparent`.
    pub span_id: Option<String>,
    /// The caller's `user-agent`.
    pub client: Option<String>,
    /// The caller's `x-request-id` or `x-client-request-id`.
    pub client_request_id: Option<String>,
    /// Which try this is, as the official SDKs say it.
    pub client_retry: Option<u64>,
    /// The name of this Weir.
    pub instance: Option<String>,
}

/// What was asked of whom.
#[derive(Debug, Clone, Default)]
pub struct What {
    /// The model as requested.
    pub model: Option<String>,
    /// The provider's configured name.
    pub provider: Option<String>,
    /// The kind of call.
    pub api: Api,
    /// The model that a route made of it.
    pub target: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The answer's id.
    pub response_id: Option<String>,
    /// The provider's own id of the request.
    pub provider_request_id: Option<String>,
    /// Whether the caller asked for a stream.
    pub stream: Option<bool>,
    /// The tier that the answer names.
    pub service_tier: Option<String>,
    /// Where the model runs, if the provider's configuration says so.
    pub region: Option<String>,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// As requested.
    pub max_tokens: Option<u64>,
    /// As requested.
    pub temperature: Option<f64>,
    /// As requested.
    pub top_p: Option<f64>,
    /// Tool calls in the answer.
    pub tool_calls: Option<u64>,
    /// Whether a simulated provider answered.
    pub simulated: bool,
    /// What an imported Record was before; none for a request that was served.
    pub origin: Option<String>,
}

/// When things happened; durations in nanoseconds.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// The caller's first byte, in nanoseconds since 1970.
    pub started_at: u64,
    /// First byte in to last byte out.
    pub processing: u64,
    /// First byte in to the first token out, of a stream.
    pub first_token: Option<u64>,
    /// Between tokens of a stream, on average.
    pub per_output_token: Option<u64>,
    /// In the proxy, before the upstream.
    pub queue: Option<u64>,
    /// From the request's departure to the answer's last byte.
    pub upstream: Option<u64>,
    /// The provider's own figure.
    pub model_inference: Option<u64>,
    /// Connect and TLS.
    pub network: Option<u64>,
    /// Added by Weir.
    pub overhead: Option<u64>,
}

/// How it came out.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The HTTP status that the caller got.
    pub status_code: Option<u16>,
    /// What went wrong, as a word.
    pub error_type: Option<String>,
    /// What went wrong, as a sentence.
    pub error_message: Option<String>,
    /// What ended it.
    pub end_reason: Option<EndReason>,
    /// Whether a cache answered, wholly or in part.
    pub cache_hit: Option<bool>,
}

/// A UUID as text, lower case with hyphens.
#[must_use]
pub fn id_text(id: &[u8; 16]) -> [u8; 36] {
    let mut out = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in id.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        out[at] = b"0123456789abcdef"[usize::from(byte >> 4)];
        out[at + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        at += 2;
    }
    out
}

/// Reads what [`id_text`] wrote.
#[must_use]
pub fn id_from_text(text: &[u8]) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    let mut nibbles = text.iter().filter(|byte| **byte != b'-').map(|byte| (*byte as char).to_digit(16));
    for byte in &mut id {
        *byte = (nibbles.next()?? * 16 + nibbles.next()??) as u8;
    }
    (id_text(&id) == text).then_some(id)
}

/// A UUID of version 7 (RFC 9562) from its parts.
#[must_use]
pub fn id_v7(millis_since_1970: u64, random: u128) -> [u8; 16] {
    let mut id = random.to_be_bytes();
    id[..6].copy_from_slice(&millis_since_1970.to_be_bytes()[2..]);
    id[6] = 0x70 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    id
}

#[cfg(test)]
mod tests;
