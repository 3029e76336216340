//! Simulated callers: varied, believable requests against an OpenAI-compatible address, at a steady rate.
//!
//! Requests arrive as a Poisson process, whatever the answers do, so that a slow provider is felt as it would be in life.
//! This is not a benchmark: latencies are kept in a histogram of fixed size, within 4 %.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use fastrand::Rng;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::chance::{exponential, generator};
use super::number::{above_zero, duration, seconds, share};

mod answer;
mod caller;
mod connection;
mod exchange;
mod mix;
mod progress;

#[cfg(test)]
mod tests;

pub use mix::{ApiKey, BaseUrl, WeightedModel};
pub use progress::{Histogram, Progress};

use caller::Callers;
pub(super) use caller::ORGANIZATIONS;
use connection::Connection;
use exchange::{Outcome, exchange};

/// The most idle connections that are kept.
const IDLE_CONNECTIONS: usize = 8;
/// How far behind its schedule an arrival may be before the schedule gives way.
const MOST_BEHIND: Duration = Duration::from_secs(1);
/// How late an arrival counts as held back.
const LATE: Duration = Duration::from_millis(250);

/// What the simulated callers do.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TrafficOptions {
    /// Base URL of the API, http only.
    #[arg(long, value_name = "URL", default_value_t = Self::default().url)]
    pub url: BaseUrl,

    /// Requests per second, on average.
    #[arg(long, value_name = "NUMBER", value_parser = above_zero, default_value_t = Self::default().rate)]
    pub rate: f64,

    /// Requests to send in all. Without it and without `--duration` there is no end.
    #[arg(long, value_name = "NUMBER")]
    pub requests: Option<u64>,

    /// Time to send requests for, in seconds.
    #[arg(long = "duration", value_name = "SECONDS", value_parser = seconds)]
    pub duration_seconds: Option<f64>,

    /// Most requests under way at a time; the next ones wait.
    #[arg(long, value_name = "NUMBER", default_value_t = Self::default().concurrency,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: u16,

    /// Models and their weights, as in `gpt-4=1,gpt-4o=3`. Names with `embedding` are asked for vectors.
    #[arg(long, value_name = "MODEL=WEIGHT", value_delimiter = ',', default_values_t = Self::default().models)]
    pub models: Vec<WeightedModel>,

    /// Share of text requests that ask for a stream, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = Self::default().stream_share)]
    pub stream_share: f64,

    /// Share of streams that the caller hangs up on in the middle, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = Self::default().cancel_share)]
    pub cancel_share: f64,

    /// Key to send as `authorization: Bearer …`.
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<ApiKey>,

    /// Seed of everything left to chance: the same seed sends the same requests.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

impl Default for TrafficOptions {
    fn default() -> TrafficOptions {
        TrafficOptions {
            url: BaseUrl::default(),
            rate: 2.0,
            requests: None,
            duration_seconds: None,
            concurrency: 64,
            models: mix::default_models(),
            stream_share: 0.6,
            cancel_share: 0.02,
            api_key: None,
            seed: None,
        }
    }
}

/// Sends requests until their number or time is reached or `shutdown` is done, and says how it went.
///
/// `progress` is called once a second. A refused connection is counted and tried again with the next arrival. At `shutdown`
/// what is under way is left at once and counted as abandoned; otherwise its answers are awaited.
pub async fn run(
    options: TrafficOptions,
    shutdown: impl Future<Output = ()>,
    mut progress: impl FnMut(&Progress),
) -> Progress {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut traffic = Traffic::new(options);
    let mut tick = interval_at(traffic.start + Duration::from_secs(1), Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while traffic.expects_more() || !traffic.flying.is_empty() {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = traffic.flying.join_next() => traffic.land(ended),
            () = sleep_until(traffic.next), if traffic.expects_more() && traffic.has_room() => traffic.send(),
            _ = tick.tick() => progress(traffic.report()),
            () = sleep_until(traffic.end.unwrap_or(traffic.start)), if traffic.end.is_some() && !traffic.stopped => traffic.stop(),
        }
    }
    traffic.finish()
}

/// The requests under way and the plan for the next.
struct Traffic {
    options: TrafficOptions,
    url: Arc<BaseUrl>,
    rng: Rng,
    callers: Callers,
    idle: Vec<Connection>,
    flying: JoinSet<Outcome>,
    start: Instant,
    /// When the next request is due.
    next: Instant,
    /// When no more requests are sent.
    end: Option<Instant>,
    stopped: bool,
    progress: Progress,
}

impl Traffic {
    fn new(options: TrafficOptions) -> Traffic {
        let mut rng = generator(options.seed.unwrap_or_else(|| fastrand::u64(..)), 0);
        let start = Instant::now();
        Traffic {
            url: Arc::new(options.url.clone()),
            callers: Callers::new(&mut rng),
            next: start + duration(exponential(&mut rng, options.rate)),
            end: options.duration_seconds.map(|seconds| start + duration(seconds)),
            rng,
            options,
            idle: Vec::new(),
            flying: JoinSet::new(),
            start,
            stopped: false,
            progress: Progress::default(),
        }
    }

    fn expects_more(&self) -> bool {
        !self.stopped && self.options.requests.is_none_or(|most| self.progress.sent < most)
    }

    fn has_room(&self) -> bool {
        self.flying.len() < usize::from(self.options.concurrency)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    /// Sends the request that is due, and plans the next.
    fn send(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.next) > LATE {
            self.progress.held_back += 1;
        }
        let oldest = now.checked_sub(MOST_BEHIND).unwrap_or(now);
        self.next = self.next.max(oldest) + duration(exponential(&mut self.rng, self.options.rate));
        let ask = self.callers.ask(&mut self.rng, &self.options);
        self.progress.sent += 1;
        self.progress.streaming += u64::from(ask.stream);
        self.flying.spawn(exchange(Arc::clone(&self.url), ask, self.idle.pop()));
    }

    /// Takes in how a request ended.
    fn land(&mut self, ended: Result<Outcome, JoinError>) {
        let Ok(mut outcome) = ended else {
            self.progress.broken += 1;
            return;
        };
        let connection = outcome.connection.take();
        self.progress.add(&outcome);
        if self.idle.len() < IDLE_CONNECTIONS {
            self.idle.extend(connection.filter(Connection::is_open));
        }
    }

    fn report(&mut self) -> &Progress {
        self.progress.in_flight = self.flying.len() as u64;
        self.progress.elapsed_seconds = self.start.elapsed().as_secs_f64();
        &self.progress
    }

    fn finish(mut self) -> Progress {
        while let Some(ended) = self.flying.try_join_next() {
            self.land(ended);
        }
        self.progress.abandoned = self.flying.len() as u64;
        self.report();
        self.progress.in_flight = 0;
        self.progress
    }
}
