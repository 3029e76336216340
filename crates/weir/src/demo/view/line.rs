//! Line: what the view reads of a Record.

use serde::Deserialize;

use super::figure::Money;
use super::screen::clean;

/// A nano-dollar in dollars, inverted.
const NANOS: f64 = 1e9;

/// What the view reads of a Record. Everything may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) timestamp: Option<String>,
    pub(super) event: Option<String>,
    pub(super) model: Option<String>,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) total_tokens: Option<u64>,
    pub(super) processing_time_seconds: Option<f64>,
    pub(super) time_to_first_token_seconds: Option<f64>,
    pub(super) energy_consumption_kwh: Option<f64>,
    pub(super) cost_usd: Option<f64>,
    pub(super) cost_status: Option<String>,
    pub(super) status: Option<String>,
    pub(super) status_code: Option<u16>,
    pub(super) stream: Option<bool>,
    pub(super) user_id: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) error_message: Option<String>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    Success,
    Error,
    Cancelled,
}

impl Line {
    /// Reads a line, and takes from its words what could disturb a terminal.
    pub(super) fn read(line: &str) -> serde_json::Result<Line> {
        let mut read: Line = serde_json::from_str(line)?;
        let Line { timestamp, model, user_id, error_type, error_message, .. } = &mut read;
        for word in [timestamp, model, user_id, error_type, error_message].into_iter().flatten() {
            *word = clean(word);
        }
        Ok(read)
    }

    /// Belongs to the events that are summed; others refer to a request that has a line of its own.
    pub(super) fn is_request(&self) -> bool {
        self.event.as_deref().is_some_and(|event| event.starts_with("llm_request_"))
    }

    pub(super) fn ending(&self) -> Ending {
        match (self.event.as_deref(), self.status.as_deref()) {
            (Some("llm_request_failed"), _) | (_, Some("error")) => Ending::Error,
            (Some("llm_request_cancelled"), _) | (_, Some("cancelled")) => Ending::Cancelled,
            _ => Ending::Success,
        }
    }

    pub(super) fn model(&self) -> &str {
        self.model.as_deref().filter(|model| !model.is_empty()).unwrap_or("unknown model")
    }

    /// The tokens the request used, none where that is not known. What failed without a word about tokens used none.
    pub(super) fn used_tokens(&self) -> Option<u64> {
        let failed = (self.ending() == Ending::Error).then_some(0);
        self.total_tokens.or(self.output_tokens).or(self.input_tokens).or(failed)
    }

    /// What the request cost, as far as it is known.
    pub(super) fn money(&self) -> Money {
        match (self.cost_usd, self.cost_status.as_deref()) {
            (Some(usd), status) => {
                let nanos = (usd * NANOS).round() as i64;
                Money { nanos, priced: 1, free: u64::from(nanos == 0 && status == Some("free")), ..Money::default() }
            }
            (None, Some("unpriced")) => Money { unpriced: 1, ..Money::default() },
            (None, _) if self.used_tokens().is_some_and(|tokens| tokens > 0) => {
                Money { unpriced: 1, ..Money::default() }
            }
            // What failed before anything was used cost nothing that could be known.
            (None, _) if self.ending() == Ending::Error => Money::default(),
            (None, _) => Money { unknown: 1, ..Money::default() },
        }
    }
}
