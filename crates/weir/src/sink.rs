//! What follows the journal: each follower has a thread and a cursor of its own, so that one that lags or fails touches
//! neither requests nor its neighbours, and catches up from where it was.

mod stdout;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use store::journal::{Batch, End, Reader};
use store::{Cursor, Seq};

pub use stdout::Stdout;

/// How long a follower sleeps between two looks: long enough to gather a batch, short enough to be live.
const NAP: Duration = Duration::from_millis(20);
/// The same where much is to be done, so that it is done in small bites between which requests get the processor.
const BUSY_NAP: Duration = Duration::from_millis(2);
/// How many lines are much.
const BUSY: u64 = 32;
/// After how much quiet a follower naps longer.
const QUIET: Duration = Duration::from_secs(2);
const LONG_NAP: Duration = Duration::from_millis(100);
/// How long a follower waits after a failure, at most.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Where a follower brings the lines.
pub trait Sink: Send + 'static {
    /// The follower's name, for its cursor and its metrics.
    fn name(&self) -> &'static str;
    /// Delivers whole lines. After an error the same lines come again.
    ///
    /// # Errors
    /// They could not be delivered.
    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()>;
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        (**self).deliver(batch)
    }
}

/// How a follower is doing.
#[derive(Debug)]
pub struct Progress {
    /// The follower's name.
    pub name: &'static str,
    /// The next line to deliver.
    next: AtomicU64,
    /// Failed deliveries.
    errors: AtomicU64,
    end: Arc<End>,
}

impl Progress {
    /// Lines still to be delivered.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.end.next().saturating_sub(self.next.load(Ordering::Relaxed))
    }

    /// Failed deliveries.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The next line to deliver.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.next.load(Ordering::Relaxed)
    }
}

/// A follower at work.
#[derive(Debug)]
pub struct Follower {
    /// How it is doing.
    pub progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Starts a follower at its cursor; one without a cursor begins at line `start`.
    ///
    /// # Errors
    /// The cursor cannot be opened, or the thread cannot be started.
    pub fn start(data_dir: &Path, end: Arc<End>, start: Seq, sink: impl Sink) -> io::Result<Follower> {
        let name = sink.name();
        let mut cursor = Cursor::open(&data_dir.join("cursors"), name, start)?;
        // Written at once, so that what is journaled before the first delivery is not skipped after a crash.
        cursor.save(cursor.next())?;
        let progress = Arc::new(Progress { name, next: AtomicU64::new(cursor.next()), errors: AtomicU64::new(0), end });
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            reader: Reader::new(&data_dir.join("journal"), cursor.next()),
            dir: data_dir.join("journal"),
            cursor,
            sink,
            progress: progress.clone(),
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("follow-{name}")).spawn(move || work.run())?;
        Ok(Follower { progress, stop, thread })
    }

    /// Lets the follower deliver what is there, for at most `grace`, and ends it. A follower that hangs in a delivery is
    /// left behind; its cursor says where it was.
    pub fn stop(self, grace: Duration) {
        self.stop.store(true, Ordering::Release);
        let deadline = Instant::now() + grace;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.thread.is_finished() {
            // A follower that panicked has said so on stderr.
            let _ = self.thread.join();
        }
    }
}

struct Work<S> {
    reader: Reader,
    dir: std::path::PathBuf,
    cursor: Cursor,
    sink: S,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
}

impl<S: Sink> Work<S> {
    fn run(mut self) {
        let (mut last, mut backoff) = (Instant::now(), NAP);
        loop {
            // Looked at before reading, so that everything journaled before the stop is delivered.
            let stopping = self.stop.load(Ordering::Acquire);
            match self.step() {
                Ok(lines @ 1..) => {
                    last = Instant::now();
                    backoff = NAP;
                    if !stopping {
                        std::thread::sleep(if lines >= BUSY { BUSY_NAP } else { NAP });
                    }
                }
                Ok(0) if stopping => return,
                Ok(0) => std::thread::sleep(if last.elapsed() < QUIET { NAP } else { LONG_NAP }),
                Err(error) => {
                    self.fail(&error);
                    if stopping {
                        return;
                    }
                    std::thread::sleep(backoff);
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    /// Delivers the next lines; how many there were.
    fn step(&mut self) -> io::Result<u64> {
        let Some(batch) = self.reader.read()? else { return Ok(0) };
        if batch.skipped > 0 {
            crate::log::say(format_args!(
                "{}: {} lines went before they could be delivered",
                self.sink.name(),
                batch.skipped
            ));
        }
        let (count, next) = (batch.count, batch.first + batch.count);
        self.sink.deliver(batch)?;
        self.progress.next.store(next, Ordering::Relaxed);
        self.cursor.save(next)?;
        Ok(count)
    }

    fn fail(&mut self, error: &io::Error) {
        if self.progress.errors.fetch_add(1, Ordering::Relaxed) == 0 {
            crate::log::say(format_args!("{}: {error}; trying again", self.sink.name()));
        }
        // What could not be delivered is read again.
        self.reader = Reader::new(&self.dir, self.progress.next());
    }
}

#[cfg(test)]
mod tests;
