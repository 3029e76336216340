//! `POST /loki/api/v1/push`: a body is read within its limit, its entries are appended to the log, and only then is it answered.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use store::Library;
use store::pushed::{PushedLog, PushedOptions};
use tokio::sync::Semaphore;

use super::{Format, Refused, check, keep, read, unpack};
use crate::config::{Config, Durability, PushConfig};

/// Room for bodies is given in so many bytes.
const PERMIT: usize = 1 << 10;

/// See the module.
#[derive(Debug)]
pub struct Receiver {
    pub(super) log: Arc<PushedLog>,
    pub(super) library: Library,
    /// For all bodies that are being read.
    room: Arc<Semaphore>,
    permits: u32,
    rate: Mutex<Bucket>,
    /// What became of entries.
    pub counts: Counts,
}

/// What became of entries that were pushed.
#[derive(Debug, Default)]
pub struct Counts {
    /// They are in the log.
    pub stored: AtomicU64,
    /// They were there already.
    pub repeated: AtomicU64,
    /// They were refused; those of a push that could not be read are not among them, since nobody knows how many they were.
    pub refused: AtomicU64,
}

impl Receiver {
    /// Opens the log and the segments in the data directory of a configuration.
    ///
    /// # Errors
    /// The file system refused, or a newer Weir wrote them.
    pub fn open(config: &Config) -> io::Result<Receiver> {
        let dir = config.data_dir.join("pushed");
        let library = keep::library(&dir.join("segments")).map_err(io::Error::other)?;
        let options = PushedOptions { sync: config.durability == Durability::Fsync, ..PushedOptions::default() };
        let (log, found) = PushedLog::open(&dir, options, library.shelf().sealed())?;
        if found.torn_bytes > 0 {
            crate::log::say(format_args!("pushed: {} bytes of an unfinished push were cut off", found.torn_bytes));
        }
        for path in &found.set_aside {
            crate::log::say(format_args!("pushed: damaged bytes were put into {}", path.display()));
        }
        let permits = u32::try_from(config.push.body_limit.div_ceil(PERMIT)).unwrap_or(u32::MAX >> 4).max(1);
        let (log, room) = (Arc::new(log), Arc::new(Semaphore::new(permits as usize)));
        Ok(Receiver { log, library, room, permits, rate: Mutex::new(Bucket::default()), counts: Counts::default() })
    }

    /// Takes a push. `now` is in nanoseconds since 1970.
    pub async fn receive(
        self: &Arc<Receiver>,
        head: &Parts,
        body: &mut Incoming,
        config: &PushConfig,
        now: i64,
    ) -> Response<Full<Bytes>> {
        match self.take(head, body, config, now).await {
            Ok(()) => answer(StatusCode::NO_CONTENT, ""),
            Err(refused) => answer(refused.status, &format!("{}\n", refused.message)),
        }
    }

    async fn take(
        self: &Arc<Receiver>,
        head: &Parts,
        body: &mut Incoming,
        config: &PushConfig,
        now: i64,
    ) -> Result<(), Refused> {
        if !config.enabled {
            return Err(Refused { status: StatusCode::NOT_FOUND, message: "404 page not found".to_owned() });
        }
        if head.method != Method::POST {
            let message = "405 method not allowed".to_owned();
            return Err(Refused { status: StatusCode::METHOD_NOT_ALLOWED, message });
        }
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let length = text(CONTENT_LENGTH).parse::<u64>().ok();
        if let Some(length) = length.filter(|length| *length > config.body_limit as u64) {
            return Err(Refused::too_large(length, config.body_limit));
        }
        let needed = length.map_or(self.permits, |length| (length / PERMIT as u64) as u32 + 1).min(self.permits);
        // The room is never closed.
        let permit = self.room.clone().acquire_many_owned(needed).await.map_err(|_| gone())?;
        #[allow(clippy::disallowed_methods, reason = "it is read with a limit")]
        let body = Limited::new(body, config.body_limit).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => Refused::too_large(config.body_limit as u64 + 1, config.body_limit),
            None => Refused::bad("the body breaks off"),
        })?;
        let body = body.to_bytes();
        let (format, encoding) = (Format::of(text(CONTENT_TYPE)), text(CONTENT_ENCODING).to_owned());
        let (receiver, config) = (self.clone(), config.clone());
        // What takes long is not done where everybody else is answered.
        let work = move || {
            let stored = receiver.store(&body, format, &encoding, &config, now);
            drop(permit);
            stored
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| gone())?
    }

    fn store(&self, body: &[u8], format: Format, encoding: &str, config: &PushConfig, now: i64) -> Result<(), Refused> {
        let body = unpack(encoding, format, body, config.body_limit)?;
        let checked = check(read(format, &body)?, config, now, |stream| self.log.streams(stream))?;
        let count = |counter: &AtomicU64, entries: u64| counter.fetch_add(entries, Ordering::Relaxed);
        count(&self.counts.refused, checked.refused_entries());
        let refusal = checked.refusal();
        if !checked.entries.is_empty() {
            let lines = checked.entries.len();
            let bytes = checked.entries.iter().map(|entry| entry.packed().len() as u64).sum();
            if let Some(rate) = config.rate.filter(|rate| !self.bucket(*rate, bytes)) {
                count(&self.counts.refused, lines as u64);
                return Err(too_fast(rate, lines, bytes));
            }
            let appended = self.log.append(checked.entries).map_err(|error| unwritten(&error))?;
            count(&self.counts.stored, appended.entries);
            count(&self.counts.repeated, appended.repeated);
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Whether so many bytes may come now.
    fn bucket(&self, rate: u64, bytes: u64) -> bool {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(rate, bytes, Instant::now())
    }
}

/// How much has come lately.
#[derive(Debug, Default)]
struct Bucket {
    /// Bytes that are not worn off yet.
    used: f64,
    since: Option<Instant>,
}

impl Bucket {
    /// Takes `bytes` in at `rate` bytes a second, where up to twice the rate may come at once.
    fn take(&mut self, rate: u64, bytes: u64, now: Instant) -> bool {
        let passed = self.since.map_or(0.0, |since| now.duration_since(since).as_secs_f64());
        self.since = Some(now);
        self.used = (self.used - passed * rate as f64).max(0.0);
        let fits = self.used + bytes as f64 <= 2.0 * rate as f64;
        self.used += if fits { bytes as f64 } else { 0.0 };
        fits
    }
}

fn too_fast(rate: u64, lines: usize, bytes: u64) -> Refused {
    let message = format!(
        "Ingestion rate limit exceeded for user fake (limit: {rate} bytes/sec) while attempting to ingest '{lines}' lines \
         totaling '{bytes}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased"
    );
    Refused { status: StatusCode::TOO_MANY_REQUESTS, message }
}

fn unwritten(error: &io::Error) -> Refused {
    let status = match error.kind() {
        io::ErrorKind::StorageFull => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refused { status, message: format!("the log cannot be written: {error}") }
}

fn gone() -> Refused {
    Refused { status: StatusCode::SERVICE_UNAVAILABLE, message: "Weir is going down".to_owned() }
}

fn answer(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    if !text.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_wears_off_what_came_in_one() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        assert!(bucket.take(100, 200, start) && !bucket.take(100, 1, start));
        let later = start + Duration::from_secs(1);
        assert!(!bucket.take(100, 101, later) && bucket.take(100, 100, later) && !bucket.take(100, 1, later));
        assert!(bucket.take(100, 200, later + Duration::from_secs(60)));
    }
}
