//! Asks for the grids by the hour that the configuration names, now and then. A request never waits for it: what is not
//! known yet is the year's average.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use meter::carbon::Series;

use crate::config::{Grid, Upstream};
use crate::proxy::{Shared, inquire};

/// How often it is looked whether somebody is to be asked.
const LOOK: Duration = Duration::from_millis(250);
/// How long it takes until somebody is asked again who could not be read.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long an answer may be, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// When a zone was asked for, and how that went.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Instant,
    /// How many times in a row it did not go well.
    failures: u32,
}

impl Asked {
    /// How long it takes until somebody is asked again: as configured where it went well, else sooner, 5 seconds at first and
    /// twice as long with each failure.
    fn pause(&self, every: Duration) -> Duration {
        match self.failures.checked_sub(1) {
            None => every,
            Some(before) => FIRST_PAUSE.saturating_mul(1 << before.min(16)).min(every),
        }
    }
}

/// Asks until it is told to stop.
pub(super) fn ask(shared: &Shared, stop: &AtomicBool) {
    let mut asked: HashMap<String, Asked> = HashMap::new();
    while !stop.load(Ordering::Acquire) {
        let snapshot = shared.snapshot();
        for grid in &snapshot.config.grids {
            let known = asked.get(&grid.zone).copied();
            if known.is_some_and(|asked| asked.at.elapsed() < asked.pause(grid.every)) || stop.load(Ordering::Acquire) {
                continue;
            }
            let outcome = fetch(grid, &snapshot.config.upstream, stop);
            let failures = if outcome.is_ok() { 0 } else { known.map_or(0, |asked| asked.failures).saturating_add(1) };
            match outcome {
                Ok(series) => grid.hourly.add(&series),
                // It is said once, until it goes well again.
                Err(error) if failures == 1 && !stop.load(Ordering::Acquire) => {
                    crate::log::say(format_args!(
                        "the grid of {} cannot be read, so the year's average is used: {error}",
                        grid.zone
                    ));
                }
                Err(_) => {}
            }
            asked.insert(grid.zone.clone(), Asked { at: Instant::now(), failures });
        }
        std::thread::park_timeout(LOOK);
    }
}

fn fetch(grid: &Grid, upstream: &Upstream, stop: &AtomicBool) -> Result<Series, String> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &grid.token {
        headers.insert("auth-token", token.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let reply = runtime.block_on(async {
        tokio::select! {
            reply = inquire(upstream, &grid.url, &headers, MOST_BYTES, LIMIT) => reply,
            () = stopped(stop) => Err(io::Error::other("Weir stops")),
        }
    });
    let reply = reply.map_err(|error| error.to_string())?;
    if reply.status != StatusCode::OK {
        return Err(format!("it answered {}", reply.status));
    }
    Series::parse(&String::from_utf8_lossy(&reply.body), &grid.zone)
}

async fn stopped(stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_asked_again_sooner() {
        let every = Duration::from_secs(900);
        let pause = |failures| Asked { at: Instant::now(), failures }.pause(every).as_secs();
        assert_eq!([0, 1, 2, 3, 8, 9, 1_000_000].map(pause), [900, 5, 10, 20, 640, 900, 900]);
        let often = Asked { at: Instant::now(), failures: 4 };
        assert_eq!(often.pause(Duration::from_secs(1)), Duration::from_secs(1));
    }
}
