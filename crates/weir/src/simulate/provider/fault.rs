//! Fault: what goes wrong with a request, by the shares the options give.

use std::time::Duration;

use fastrand::Rng;

use super::ProviderOptions;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// Status 500 instead of an answer.
    Error,
    /// Status 429 instead of an answer.
    RateLimit,
    /// The answer begins, and goes wrong on its way.
    OnTheWay(StreamFault),
}

/// What goes wrong with an answer that has begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum StreamFault {
    /// The connection is closed in the middle.
    Cut,
    /// A part of the answer is not JSON.
    Malformed,
    /// Nothing comes for so long.
    Silence(Duration),
}

impl Fault {
    /// One draw decides, so that each share is met exactly and no request has two faults.
    pub(super) fn draw(rng: &mut Rng, options: &ProviderOptions) -> Option<Fault> {
        let silence = Duration::from_secs_f64(options.silence_seconds.max(0.0));
        let mut left = rng.f64();
        for (share, fault) in [
            (options.error_rate, Fault::Error),
            (options.rate_limit_rate, Fault::RateLimit),
            (options.cut_rate, Fault::OnTheWay(StreamFault::Cut)),
            (options.malformed_rate, Fault::OnTheWay(StreamFault::Malformed)),
            (options.silence_rate, Fault::OnTheWay(StreamFault::Silence(silence))),
        ] {
            if left < share {
                return Some(fault);
            }
            left -= share;
        }
        None
    }
}
