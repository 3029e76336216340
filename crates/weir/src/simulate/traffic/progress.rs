//! Progress: what the simulated callers have seen so far, in a fixed amount of memory.

use std::collections::BTreeMap;
use std::fmt;

use super::exchange::{End, Outcome};

/// The middle of the histogram's first bucket, in seconds.
const FIRST_SECONDS: f64 = 0.0005;
/// How much longer each bucket's middle is than that of the one before.
const STEP: f64 = 1.08;
/// Enough buckets for more than an hour.
const BUCKETS: usize = 220;

/// What the simulated callers have seen so far.
///
/// sent = completed + failed + cancelled + abandoned + in flight, at every moment.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Seconds since the first request was planned.
    pub elapsed_seconds: f64,
    /// Requests sent, or tried to send.
    pub sent: u64,
    /// Requests answered to their end with a status from 200 to 299.
    pub completed: u64,
    /// Requests answered with another status, by status.
    pub failed_by_status: BTreeMap<u16, u64>,
    /// Requests for which no connection could be opened.
    pub unreachable: u64,
    /// Answers that broke off or took too long.
    pub broken: u64,
    /// Answers that were not what they should be: broken JSON, an error in the stream.
    pub malformed: u64,
    /// Streams the caller hung up on, on purpose.
    pub cancelled: u64,
    /// Requests left behind at the order to stop.
    pub abandoned: u64,
    /// Requests that asked for a stream.
    pub streaming: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests sent late because too many were under way.
    pub held_back: u64,
    /// Input tokens, as the answers reported them.
    pub input_tokens: u64,
    /// Output tokens, as the answers reported them.
    pub output_tokens: u64,
    /// Bytes of the answers' bodies.
    pub response_bytes: u64,
    /// Seconds from the first byte sent to the last byte received, of completed requests.
    pub latency: Histogram,
    /// Why the last connection could not be opened.
    pub last_problem: Option<String>,
}

impl Progress {
    /// Requests that failed, for whatever reason.
    pub fn failed(&self) -> u64 {
        self.failed_by_status.values().sum::<u64>() + self.unreachable + self.broken + self.malformed
    }

    /// Takes in how a request ended.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.input_tokens += outcome.input_tokens;
        self.output_tokens += outcome.output_tokens;
        self.response_bytes += outcome.bytes;
        match &outcome.end {
            End::Complete => {
                self.completed += 1;
                self.latency.add(outcome.seconds);
            }
            End::Status(status) => *self.failed_by_status.entry(*status).or_default() += 1,
            End::Unreachable(problem) => {
                self.unreachable += 1;
                self.last_problem = Some(problem.clone());
            }
            End::Broken => self.broken += 1,
            End::Malformed => self.malformed += 1,
            End::Cancelled => self.cancelled += 1,
        }
    }
}

impl fmt::Display for Progress {
    /// One line: counts, latency, tokens, and what went wrong.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} sent, {} completed, {} streams", self.sent, self.completed, self.streaming)?;
        if let (Some(p50), Some(p95)) = (self.latency.quantile(0.5), self.latency.quantile(0.95)) {
            write!(formatter, ", p50 {p50:.2} s, p95 {p95:.2} s")?;
        }
        write!(formatter, ", tokens {} in {} out", self.input_tokens, self.output_tokens)?;
        let statuses = self.failed_by_status.iter().map(|(status, count)| (format!("status {status}"), *count));
        let others = [
            ("unreachable", self.unreachable),
            ("broken off", self.broken),
            ("malformed", self.malformed),
            ("cancelled", self.cancelled),
            ("abandoned", self.abandoned),
            ("held back", self.held_back),
            ("in flight", self.in_flight),
        ];
        let others = others.map(|(name, count)| (name.to_owned(), count));
        for (name, count) in statuses.chain(others).filter(|(_, count)| *count > 0) {
            write!(formatter, ", {count} {name}")?;
        }
        match &self.last_problem {
            Some(problem) if self.unreachable > 0 => write!(formatter, " ({problem})"),
            _ => Ok(()),
        }
    }
}

/// Durations in buckets of growing width: any quantile within 4 %, in a fixed amount of memory.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: Box::new([0; BUCKETS]), count: 0 }
    }
}

impl Histogram {
    /// Adds a duration in seconds.
    pub fn add(&mut self, seconds: f64) {
        let bucket = ((seconds / FIRST_SECONDS).ln() / STEP.ln()).round();
        // A float becomes the nearest number there is: 0 for what is below or not a number.
        let bucket = (bucket as usize).min(BUCKETS - 1);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
            self.count += 1;
        }
    }

    /// The duration in seconds below which a `share` of all lie; none where there are none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(FIRST_SECONDS * STEP.powi(bucket as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_four_percent() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        (1..=1000).for_each(|number| histogram.add(f64::from(number) / 100.0));
        for (share, expected) in [(0.5, 5.0), (0.95, 9.5), (0.01, 0.1)] {
            let found = histogram.quantile(share).unwrap();
            assert!((found / expected - 1.0).abs() < 0.04, "{share}: {found}");
        }
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            histogram.add(odd);
        }
        assert!(histogram.quantile(1.0).unwrap() > 3600.0);
    }

    #[test]
    fn a_line_names_only_what_happened() {
        let mut progress = Progress { sent: 3, unreachable: 1, ..Progress::default() };
        progress.failed_by_status.insert(429, 2);
        progress.last_problem = Some("Connection refused".to_owned());
        let line = progress.to_string();
        assert!(line.contains("2 status 429, 1 unreachable (Connection refused)"), "{line}");
        assert!(!line.contains("p50") && !line.contains("malformed"), "{line}");
        assert_eq!(progress.failed(), 3);
    }
}
