//! Records in Loki: pushed as protobuf from the journal, with the labels and structured metadata that the field table names.
//!
//! Labels, time and line come from the journal, so what is pushed again after a failure or a crash is to Loki what it has
//! already. What Loki cannot take now waits in the journal; what it will never take goes into the file of dead letters.

mod bound;
mod client;
mod dead;
mod entry;
mod replay;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use store::Seq;
use store::journal::Batch;

use self::dead::{DeadLetters, Letter};
use self::entry::{Entry, Shape, Unfit};
use super::{DeadCounts, Gather, Sink};
use crate::config::LokiConfig;
use crate::push::wire;

pub(super) use client::{Client, Outcome};
pub use replay::{Replayed, replay};

/// The first wait after a failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often it is said that lines were refused.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Where a follower keeps what is its own.
fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("followers")
}

/// See the module.
#[derive(Debug)]
pub struct Loki {
    config: LokiConfig,
    data_dir: PathBuf,
    shape: Shape,
    pusher: Pusher,
    dead: Dead,
    /// Up to this line, exclusive, everything is dealt with, although the batch may not be.
    done: Seq,
}

impl Loki {
    /// Prepares to push; connects to nobody as yet.
    ///
    /// # Errors
    /// A file that is needed cannot be read.
    pub fn new(config: &LokiConfig, data_dir: &Path) -> io::Result<Loki> {
        let dir = directory(data_dir);
        Ok(Loki {
            data_dir: data_dir.to_owned(),
            shape: Shape::new(config, &dir.join(format!("{}.labels", config.name)))?,
            pusher: Pusher::new(config)?,
            dead: Dead {
                name: config.name.clone(),
                letters: DeadLetters::new(&dir, &config.name, config.dead_letter_bytes),
                counts: Arc::default(),
                said: None,
            },
            done: 0,
            config: config.clone(),
        })
    }
}

impl Sink for Loki {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn gather(&self) -> Gather {
        // With labels and metadata a usual line takes half as much again: so many fit into one request.
        Gather { bytes: self.config.batch_bytes / 3 * 2, wait: self.config.batch_wait }
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        store::data_dir::create_dir(&directory(&self.data_dir))?;
        let Loki { shape, pusher, dead, done, .. } = self;
        let mut entries = Vec::new();
        for (line, seq) in batch.lines.split_inclusive(|byte| *byte == b'\n').zip(batch.first..) {
            if seq < *done {
                continue;
            }
            match shape.entry(seq, line.strip_suffix(b"\n").unwrap_or(line)) {
                Ok(entry) => entries.push(entry),
                Err(Unfit::Io(error)) => return Err(error),
                Err(Unfit::Line(reason)) => {
                    // Those before it first, so that what is dealt with has no holes.
                    push_all(pusher, dead, done, &entries)?;
                    entries.clear();
                    dead.add(seq, line, reason);
                    *done = seq + 1;
                }
            }
        }
        push_all(pusher, dead, done, &entries)
    }

    fn pause(&mut self, failures: u32) -> Duration {
        self.pusher.patience.pause(failures)
    }

    fn dead_letters(&self) -> Arc<DeadCounts> {
        self.dead.counts.clone()
    }
}

fn push_all(pusher: &mut Pusher, dead: &mut Dead, done: &mut Seq, entries: &[Entry<'_>]) -> io::Result<()> {
    pusher.push(entries, &mut |entry, refused| {
        if let Some(reason) = refused {
            dead.add(entry.seq, entry.line, reason);
        }
        *done = entry.seq + 1;
    })
}

/// What becomes of lines that are refused for good.
#[derive(Debug)]
struct Dead {
    name: String,
    letters: DeadLetters,
    counts: Arc<DeadCounts>,
    said: Option<Instant>,
}

impl Dead {
    fn add(&mut self, seq: Seq, line: &[u8], reason: &str) {
        let kept = Letter::new(seq, line, reason).and_then(|letter| self.letters.add(&[letter]));
        // Nothing waits for a letter that cannot be kept: the journal has its line.
        let counter = if matches!(kept, Ok(true)) { &self.counts.kept } else { &self.counts.dropped };
        counter.fetch_add(1, Ordering::Relaxed);
        if self.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            self.said = Some(Instant::now());
            let (name, path) = (&self.name, self.letters.path());
            let fate = match kept {
                Ok(true) => format!("it waits in {} for `weir replay`", path.display()),
                Ok(false) => format!("{} is full, so it is in the journal only", path.display()),
                Err(error) => format!("{}: {error}, so it is in the journal only", path.display()),
            };
            crate::log::say(format_args!("{name}: line {seq} was refused: {reason}; {fate}"));
        }
    }
}

/// Sends entries in batches, and finds those that are refused.
#[derive(Debug)]
struct Pusher {
    client: Client,
    batch_bytes: usize,
    batch_lines: usize,
    patience: Patience,
}

/// How long to wait after failures.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// How long the other side wants to be left alone.
    pub(super) wait: Option<Duration>,
}

impl Patience {
    /// How long to wait after so many failures in a row. Weirs that failed together do not come back together.
    pub(super) fn pause(&mut self, failures: u32) -> Duration {
        let doubled = FIRST_PAUSE * 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(0.75 + fastrand::f64() / 2.0);
        self.wait.take().map_or(pause, |wait| wait.max(pause.min(FIRST_PAUSE)))
    }
}

impl Pusher {
    fn new(config: &LokiConfig) -> io::Result<Pusher> {
        let (batch_bytes, batch_lines) = (config.batch_bytes, config.batch_lines);
        let client = Client::new(config, "application/x-protobuf", None)?;
        Ok(Pusher { client, batch_bytes, batch_lines, patience: Patience::default() })
    }

    /// Sends entries in their order. `settled` hears of each, in that order, with the reason where it was refused.
    ///
    /// # Errors
    /// The rest cannot be sent now.
    fn push(&mut self, entries: &[Entry<'_>], settled: &mut impl FnMut(&Entry<'_>, Option<&str>)) -> io::Result<()> {
        batches(entries, self.batch_bytes, self.batch_lines)
            .into_iter()
            .try_for_each(|batch| self.settle(&entries[batch], settled))
    }

    /// Sends one batch. One that is refused is halved until those are found that are to blame.
    fn settle(&mut self, batch: &[Entry<'_>], settled: &mut impl FnMut(&Entry<'_>, Option<&str>)) -> io::Result<()> {
        match (self.client.push(&request(batch)?), batch) {
            (Outcome::Stored, _) => batch.iter().for_each(|entry| settled(entry, None)),
            (Outcome::Refused(reason), [only]) => settled(only, Some(&reason)),
            (Outcome::Refused(_), _) => {
                let (first, second) = batch.split_at(batch.len() / 2);
                self.settle(first, settled)?;
                self.settle(second, settled)?;
            }
            (Outcome::Later(reason, wait), _) => {
                self.patience.wait = wait;
                return Err(io::Error::other(reason));
            }
        }
        Ok(())
    }
}

/// Cuts entries into batches of at most so many bytes and lines; one that is larger by itself goes by itself.
fn batches(entries: &[Entry<'_>], max_bytes: usize, max_lines: usize) -> Vec<Range<usize>> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, entry) in entries.iter().enumerate() {
        if index > start && (bytes + entry.size() > max_bytes || index - start >= max_lines) {
            batches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += entry.size();
    }
    if start < entries.len() {
        batches.push(start..entries.len());
    }
    batches
}

/// A packed push request: the entries by their stream, in each in their order.
fn request(batch: &[Entry<'_>]) -> io::Result<Vec<u8>> {
    let mut streams: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for entry in batch {
        streams.entry(&entry.labels).or_default().push(&entry.encoded);
    }
    let mut out = Vec::new();
    for (labels, entries) in streams {
        wire::stream(labels, entries, &mut out);
    }
    wire::pack(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_within_their_limits() {
        let entry = |bytes: usize| Entry { seq: 0, line: b"", labels: String::new(), encoded: vec![0; bytes - 16] };
        let sizes = [50, 50, 50, 120, 20, 20, 20, 20];
        let entries: Vec<_> = sizes.into_iter().map(entry).collect();
        assert_eq!(batches(&entries, 100, 3), [0..2, 2..3, 3..4, 4..7, 7..8]);
        assert!(batches(&[], 100, 3).is_empty());
    }

    #[test]
    fn waits_grow_and_what_loki_says_counts() {
        let text = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n[[followers]]\nkind = \"loki\"\nurl = \"http://l\"";
        let config = crate::config::Config::parse(text).unwrap();
        let mut pusher = Pusher::new(&config.followers[0]).unwrap();
        let within = |pause: Duration, usual: f64| (0.7 * usual..1.3 * usual).contains(&pause.as_secs_f64());
        assert!(
            within(pusher.patience.pause(1), 0.5)
                && within(pusher.patience.pause(4), 4.0)
                && within(pusher.patience.pause(99), 60.0)
        );
        pusher.patience.wait = Some(Duration::from_secs(7));
        assert_eq!(pusher.patience.pause(99), Duration::from_secs(7));
        assert!(within(pusher.patience.pause(1), 0.5), "it is said once and counts once");
    }
}
