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
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long an answer may be, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// When a zone was asked for, and whether that went well.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Instant,
    well: bool,
}

/// Asks until it is told to stop.
pub(super) fn ask(shared: &Shared, stop: &AtomicBool) {
    let mut asked: HashMap<String, Asked> = HashMap::new();
    while !stop.load(Ordering::Acquire) {
        let snapshot = shared.snapshot();
        for grid in &snapshot.config.grids {
            let known = asked.get(&grid.zone).copied();
            if known.is_some_and(|asked| asked.at.elapsed() < grid.every) || stop.load(Ordering::Acquire) {
                continue;
            }
            let outcome = fetch(grid, &snapshot.config.upstream, stop);
            let well = outcome.is_ok();
            match outcome {
                Ok(series) => grid.hourly.add(&series),
                // It is said once, until it goes well again.
                Err(error) if known.is_none_or(|asked| asked.well) && !stop.load(Ordering::Acquire) => {
                    crate::log::say(format_args!(
                        "the grid of {} cannot be read, so the year's average is used: {error}",
                        grid.zone
                    ));
                }
                Err(_) => {}
            }
            asked.insert(grid.zone.clone(), Asked { at: Instant::now(), well });
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
