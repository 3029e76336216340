//! What follows the journal: each follower has a thread and a cursor of its own, so that one that lags or fails touches
//! neither requests nor its neighbours, and catches up from where it was.

mod feed;
pub mod loki;
mod stdout;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use store::journal::{Batch, End, Reader};
use store::{Cursor, Seq};

pub use feed::Feed;
pub use loki::Loki;
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

/// How long the reason of a failure stands before another one is said.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// How much a follower gathers before it delivers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gather {
    /// So many bytes of lines are enough.
    pub bytes: usize,
    /// So long the first of them waits at most.
    pub wait: Duration,
}

/// Where a follower brings the lines.
pub trait Sink: Send + 'static {
    /// The follower's name, for its cursor and its metrics.
    fn name(&self) -> &str;
    /// Delivers whole lines. After an error the same lines come again.
    ///
    /// # Errors
    /// They could not be delivered.
    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()>;

    /// How much is gathered before [`Sink::deliver`]; nothing, where every delivery is cheap.
    fn gather(&self) -> Gather {
        Gather::default()
    }

    /// How long to wait after the delivery has failed so many times in a row.
    fn pause(&mut self, failures: u32) -> Duration {
        (NAP * 2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(MAX_BACKOFF)
    }

    /// Where lines are counted that were refused for good and set aside.
    fn dead_letters(&self) -> Arc<DeadCounts> {
        Arc::default()
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        (**self).deliver(batch)
    }

    fn gather(&self) -> Gather {
        (**self).gather()
    }

    fn pause(&mut self, failures: u32) -> Duration {
        (**self).pause(failures)
    }

    fn dead_letters(&self) -> Arc<DeadCounts> {
        (**self).dead_letters()
    }
}

/// Lines that were refused for good.
#[derive(Debug, Default)]
pub struct DeadCounts {
    /// Kept in the file of dead letters.
    pub kept: AtomicU64,
    /// For which that file had no room; they are in the journal for as long as it is kept.
    pub dropped: AtomicU64,
}

/// How a follower is doing.
#[derive(Debug)]
pub struct Progress {
    /// The follower's name.
    pub name: String,
    /// The next line to deliver.
    next: AtomicU64,
    /// Failed deliveries.
    errors: AtomicU64,
    /// Bytes of delivered lines.
    bytes: AtomicU64,
    /// Lines that were refused for good.
    pub dead_letters: Arc<DeadCounts>,
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

    /// Bytes of lines that were dealt with.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
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
        let name = sink.name().to_owned();
        let mut cursor = Cursor::open(&data_dir.join("cursors"), &name, start)?;
        // Written at once, so that what is journaled before the first delivery is not skipped after a crash.
        cursor.save(cursor.next())?;
        let progress = Arc::new(Progress {
            name: name.clone(),
            next: AtomicU64::new(cursor.next()),
            errors: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            dead_letters: sink.dead_letters(),
            end,
        });
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            reader: Reader::new(&data_dir.join("journal"), cursor.next()),
            dir: data_dir.join("journal"),
            gathered: Gathered::from(cursor.next()),
            cursor,
            sink,
            progress: progress.clone(),
            stop: stop.clone(),
            said: None,
        };
        let thread = std::thread::Builder::new().name(format!("follow-{name}")).spawn(move || work.run())?;
        Ok(Follower { progress, stop, thread })
    }

    /// Lets the followers deliver what is there, all at once and for at most `grace`, and ends them. One that hangs in a
    /// delivery is left behind; its cursor says where it was.
    pub fn stop_all(followers: Vec<Follower>, grace: Duration) {
        for follower in &followers {
            follower.stop.store(true, Ordering::Release);
            // It may be waiting after a failure.
            follower.thread.thread().unpark();
        }
        let deadline = Instant::now() + grace;
        for follower in followers {
            while !follower.thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            if follower.thread.is_finished() {
                // A follower that panicked has said so on stderr.
                let _ = follower.thread.join();
            }
        }
    }

    /// The same for one.
    pub fn stop(self, grace: Duration) {
        Follower::stop_all(vec![self], grace);
    }
}

/// Lines that were read and not yet delivered.
#[derive(Debug)]
struct Gathered {
    first: Seq,
    count: u64,
    lines: Vec<u8>,
    since: Instant,
}

impl Gathered {
    fn from(first: Seq) -> Gathered {
        Gathered { first, count: 0, lines: Vec::new(), since: Instant::now() }
    }

    fn add(&mut self, batch: Batch<'_>) {
        if self.count == 0 {
            (self.first, self.since) = (batch.first, Instant::now());
        }
        self.count += batch.count;
        self.lines.extend_from_slice(batch.lines);
    }

    fn next(&self) -> Seq {
        self.first + self.count
    }

    /// Begins anew behind what was delivered.
    fn clear(&mut self) {
        (self.first, self.count) = (self.next(), 0);
        self.lines.clear();
    }
}

struct Work<S> {
    reader: Reader,
    dir: std::path::PathBuf,
    gathered: Gathered,
    cursor: Cursor,
    sink: S,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    /// The failure that was said last.
    said: Option<(String, Instant)>,
}

/// What came of a look at the journal.
enum Step {
    /// There was nothing to do.
    Quiet,
    /// What is there waits for more.
    Gathering,
    /// So many lines were delivered.
    Delivered(u64),
}

impl<S: Sink> Work<S> {
    fn run(mut self) {
        let (mut last, mut failures) = (Instant::now(), 0_u32);
        loop {
            // Looked at before reading, so that everything journaled before the stop is delivered.
            let stopping = self.stop.load(Ordering::Acquire);
            match self.step(stopping) {
                Ok(Step::Delivered(lines)) => {
                    last = Instant::now();
                    if failures > 0 {
                        crate::log::say(format_args!("{}: delivers again", self.sink.name()));
                        failures = 0;
                    }
                    if !stopping {
                        std::thread::sleep(if lines >= BUSY { BUSY_NAP } else { NAP });
                    }
                }
                Ok(Step::Gathering) => std::thread::sleep(NAP),
                Ok(Step::Quiet) if stopping => return,
                Ok(Step::Quiet) => std::thread::sleep(if last.elapsed() < QUIET { NAP } else { LONG_NAP }),
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.fail(&error, failures);
                    if stopping {
                        return;
                    }
                    let pause = self.sink.pause(failures);
                    self.wait(pause);
                }
            }
        }
    }

    /// Reads on, and delivers where enough is gathered.
    fn step(&mut self, hurry: bool) -> io::Result<Step> {
        let enough = self.sink.gather();
        let mut more = false;
        // Beyond what is enough nothing is read until that is delivered, so that an outage fills no memory.
        while self.gathered.count == 0 || self.gathered.lines.len() < enough.bytes {
            let batch = match self.reader.read() {
                Ok(batch) => batch,
                Err(error) => {
                    self.reader = Reader::new(&self.dir, self.gathered.next());
                    return Err(error);
                }
            };
            more = batch.is_some();
            let Some(batch) = batch else { break };
            if batch.skipped > 0 && self.gathered.count > 0 {
                // What is gathered is delivered by itself: a batch has no holes.
                self.reader = Reader::new(&self.dir, self.gathered.next());
                break;
            }
            if batch.skipped > 0 {
                let (name, skipped) = (self.sink.name(), batch.skipped);
                crate::log::say(format_args!("{name}: {skipped} lines went before they could be delivered"));
            }
            self.gathered.add(batch);
        }
        if self.gathered.count == 0 {
            return Ok(Step::Quiet);
        }
        if !hurry && !more && self.gathered.lines.len() < enough.bytes && self.gathered.since.elapsed() < enough.wait {
            return Ok(Step::Gathering);
        }
        self.deliver().map(Step::Delivered)
    }

    fn deliver(&mut self) -> io::Result<u64> {
        let Gathered { first, count, lines, .. } = &self.gathered;
        let (count, bytes, next) = (*count, lines.len() as u64, first + count);
        self.sink.deliver(Batch { first: *first, count, lines, skipped: 0 })?;
        self.gathered.clear();
        self.progress.next.store(next, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.cursor.save(next)?;
        Ok(count)
    }

    fn fail(&mut self, error: &io::Error, failures: u32) {
        self.progress.errors.fetch_add(1, Ordering::Relaxed);
        let text = error.to_string();
        // Once an outage, and where another reason takes the place of the one that was said, once a minute.
        let new = self.said.as_ref().is_none_or(|(said, at)| *said != text && at.elapsed() >= SAY_AGAIN);
        if failures == 1 || new {
            crate::log::say(format_args!("{}: {text}; trying again", self.sink.name()));
            self.said = Some((text, Instant::now()));
        }
    }

    /// Waits, but not beyond being told to stop.
    fn wait(&self, pause: Duration) {
        let deadline = Instant::now() + pause;
        while !self.stop.load(Ordering::Acquire) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests;
