//! The log: files of frames, and what they hold in memory.
//!
//! Entries are numbered in the order in which files hold them, and a file is named by the number of its first one. So what is in
//! segments is told by the numbers alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::entry::{Entry, Stream};
use super::frame;
use super::run::{self, Run};
use crate::{Seq, data_dir};

const SUFFIX: &str = ".log";
/// So much of the disk is left to others, the journal first of all.
const LEAVE_FREE: u64 = 256 << 20;

/// How the log is kept.
#[derive(Debug, Clone, Copy)]
pub struct PushedOptions {
    /// Bytes after which the next file begins.
    pub rotate_bytes: u64,
    /// Time after which the next file begins.
    pub rotate_after: Duration,
    /// Whether what is appended is on the disk when [`PushedLog::append`] returns.
    pub sync: bool,
}

impl Default for PushedOptions {
    fn default() -> Self {
        PushedOptions { rotate_bytes: 8 << 20, rotate_after: Duration::from_secs(3600), sync: false }
    }
}

/// What opening a log found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Entries that are there.
    pub entries: u64,
    /// Bytes of an unfinished last frame that were cut off.
    pub torn_bytes: u64,
    /// Where damaged bytes were put, if there were any.
    pub set_aside: Vec<PathBuf>,
}

/// What became of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Entries that are in the log now.
    pub entries: u64,
    /// Entries that were there already.
    pub repeated: u64,
}

/// A file that the log has left.
#[derive(Debug, Clone)]
pub struct Left {
    /// The number of its first entry.
    pub first: Seq,
    /// What it holds.
    pub entries: Arc<Run>,
}

/// Entries that others pushed, until they are in segments.
#[derive(Debug)]
pub struct PushedLog {
    dir: PathBuf,
    options: PushedOptions,
    state: Mutex<State>,
    hashers: [RandomState; 2],
}

#[derive(Debug)]
struct State {
    file: File,
    length: u64,
    opened: Instant,
    /// Oldest first; the last one is being written.
    parts: VecDeque<Part>,
    /// Each stream once, however many entries it has.
    streams: HashMap<Arc<Stream>, u64>,
    /// What the parts hold, by two hashes, and what the part before them held.
    known: HashSet<(u64, u64)>,
    sealed: HashSet<(u64, u64)>,
}

#[derive(Debug, Clone)]
struct Part {
    first: Seq,
    runs: Vec<Arc<Run>>,
    bytes: u64,
}

impl Part {
    fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.entries().len() as u64).sum()
    }
}

impl PushedLog {
    /// Opens the log in `dir`, of which segments hold what comes before entry `sealed`. An unfinished last frame is cut off; what is
    /// damaged is set aside.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(dir: &Path, options: PushedOptions, sealed: Seq) -> io::Result<(PushedLog, Opened)> {
        data_dir::create_dir(dir)?;
        let mut numbers = numbers(dir)?;
        for number in numbers.extract_if(.., |number| *number < sealed) {
            // Its process died between making the segment and removing the file.
            fs::remove_file(path(dir, number))?;
        }
        let mut found = Opened::default();
        let mut parts = Vec::new();
        for number in &numbers {
            parts.push(read(dir, *number, numbers.last() == Some(number), &mut found)?);
        }
        if parts.is_empty() {
            parts.push((Part { first: sealed.max(1), runs: Vec::new(), bytes: 0 }, Vec::new()));
        }
        let last = parts.last().map_or(1, |(part, _)| part.first);
        let file = data_dir::create_file(&path(dir, last))?;
        let length = file.metadata()?.len();
        let state = State {
            file,
            length,
            opened: Instant::now(),
            parts: VecDeque::new(),
            streams: HashMap::new(),
            known: HashSet::new(),
            sealed: HashSet::new(),
        };
        let hashers = [RandomState::new(), RandomState::new()];
        let log = PushedLog { dir: dir.to_owned(), options, state: Mutex::new(state), hashers };
        for (part, entries) in parts {
            found.entries += log.hold(part, entries);
        }
        Ok((log, found))
    }

    /// Takes what a file holds into memory; how many entries it is.
    fn hold(&self, mut part: Part, entries: Vec<Entry>) -> u64 {
        let mut state = self.state();
        let entries = self.unknown(&mut state, entries);
        let count = entries.len() as u64;
        part.bytes = entries.iter().map(|entry| entry.size() as u64).sum();
        if count > 0 {
            part.runs.push(Arc::new(Run::new(entries)));
        }
        state.parts.push_back(part);
        count
    }

    /// Appends entries, those aside that are there already: the same in stream, time, metadata and line.
    ///
    /// # Errors
    /// The file system refused, or would have too little room left for others; nothing is in the log then.
    pub fn append(&self, entries: Vec<Entry>) -> io::Result<Appended> {
        let mut state = self.state();
        let all = entries.len() as u64;
        let entries = self.unknown(&mut state, entries);
        let appended = Appended { entries: entries.len() as u64, repeated: all - entries.len() as u64 };
        if entries.is_empty() {
            return Ok(appended);
        }
        let bytes = frame::encode(&entries);
        if let Err(error) = state.write(&bytes, self.options.sync) {
            for entry in &entries {
                state.forget(entry, self.hash(entry));
            }
            return Err(error);
        }
        state.length += bytes.len() as u64;
        if let Some(part) = state.parts.back_mut() {
            part.bytes += entries.iter().map(|entry| entry.size() as u64).sum::<u64>();
            run::push(&mut part.runs, Run::new(entries));
        }
        Ok(appended)
    }

    /// Whether a stream is among those that the log holds, and how many they are.
    #[must_use]
    pub fn streams(&self, stream: &Stream) -> (bool, usize) {
        let state = self.state();
        (state.streams.contains_key(stream), state.streams.len())
    }

    /// What the log holds, each run with the number of the first entry of its file.
    #[must_use]
    pub fn runs(&self) -> Vec<(Seq, Arc<Run>)> {
        self.state().parts.iter().flat_map(|part| part.runs.iter().map(|run| (part.first, run.clone()))).collect()
    }

    /// About how much memory the entries take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state().parts.iter().map(|part| part.bytes).sum()
    }

    /// Begins the next file where the one that is written is full, or old enough.
    ///
    /// # Errors
    /// The file system refused; the log stays as it was.
    pub fn tend(&self) -> io::Result<()> {
        let mut state = self.state();
        let old = state.length > 0 && state.opened.elapsed() >= self.options.rotate_after;
        if state.length < self.options.rotate_bytes && !old {
            return Ok(());
        }
        // One more than the last at least: what a file holds may have been damaged since.
        let first = state.parts.back().map_or(1, |part| part.first + part.count().max(1));
        if self.options.sync {
            state.file.sync_data()?;
        }
        let file = data_dir::create_file(&path(&self.dir, first))?;
        (state.file, state.length, state.opened) = (file, 0, Instant::now());
        state.parts.push_back(Part { first, runs: Vec::new(), bytes: 0 });
        Ok(())
    }

    /// The oldest file that is written no more.
    #[must_use]
    pub fn left(&self) -> Option<Left> {
        let state = self.state();
        let oldest = state.parts.front().filter(|_| state.parts.len() > 1)?;
        let entries = oldest.runs.iter().flat_map(|run| run.entries().iter().cloned()).collect();
        Some(Left { first: oldest.first, entries: Arc::new(Run::new(entries)) })
    }

    /// The oldest file that is written no more: the number of its first entry, and the time of its newest entry in nanoseconds since 1970.
    #[must_use]
    pub fn oldest(&self) -> Option<(Seq, i64)> {
        let state = self.state();
        let oldest = state.parts.front().filter(|_| state.parts.len() > 1)?;
        let newest = oldest.runs.iter().filter_map(|run| run.entries().last()).map(|entry| entry.timestamp).max();
        Some((oldest.first, newest.unwrap_or(i64::MIN)))
    }

    /// Forgets the oldest file, which [`PushedLog::left`] gave: what it holds is kept elsewhere now.
    ///
    /// # Errors
    /// The file system refused; the file is forgotten all the same, and comes again when the log is opened.
    pub fn remove(&self, first: Seq) -> io::Result<()> {
        let mut state = self.state();
        if state.parts.front().is_none_or(|part| part.first != first) {
            return Ok(());
        }
        let Some(part) = state.parts.pop_front() else { return Ok(()) };
        // Who sends again what was refused or got lost does so soon; so long it is known again.
        state.sealed.clear();
        for entry in part.runs.iter().flat_map(|run| run.entries()) {
            let hash = self.hash(entry);
            state.forget(entry, hash);
            state.sealed.insert(hash);
        }
        fs::remove_file(path(&self.dir, first))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash(&self, entry: &Entry) -> (u64, u64) {
        (self.hashers[0].hash_one(entry), self.hashers[1].hash_one(entry))
    }

    /// Those that the log does not hold yet, from now on known, with each stream once in memory.
    fn unknown(&self, state: &mut State, entries: Vec<Entry>) -> Vec<Arc<Entry>> {
        let mut new = Vec::with_capacity(entries.len());
        for mut entry in entries {
            let hash = self.hash(&entry);
            if state.sealed.contains(&hash) || !state.known.insert(hash) {
                continue;
            }
            if let Some((stream, _)) = state.streams.get_key_value(&*entry.stream) {
                entry.stream = stream.clone();
            }
            *state.streams.entry(entry.stream.clone()).or_default() += 1;
            new.push(Arc::new(entry));
        }
        new
    }
}

impl State {
    fn write(&self, bytes: &[u8], sync: bool) -> io::Result<()> {
        let space = rustix::fs::fstatvfs(&self.file)?;
        if space.f_bavail.saturating_mul(space.f_frsize) < LEAVE_FREE + bytes.len() as u64 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk has too little room"));
        }
        let mut written = self.file.write_all_at(bytes, self.length);
        if sync && written.is_ok() {
            written = self.file.sync_data();
        }
        if written.is_err() {
            // What was written of it would look like damage.
            self.file.set_len(self.length)?;
        }
        written
    }

    fn forget(&mut self, entry: &Entry, hash: (u64, u64)) {
        self.known.remove(&hash);
        if let Some(count) = self.streams.get_mut(&entry.stream) {
            *count -= 1;
            if *count == 0 {
                self.streams.remove(&entry.stream);
            }
        }
    }
}

fn path(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

/// With which entries the log's files begin, in order.
fn numbers(dir: &Path) -> io::Result<Vec<Seq>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        numbers.extend(digits.and_then(|digits| digits.parse::<Seq>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads a file of the log. What follows the last whole frame of the last file is what a death in the middle of a write leaves; of
/// earlier files it is damage.
fn read(dir: &Path, first: Seq, last: bool, found: &mut Opened) -> io::Result<(Part, Vec<Entry>)> {
    let path = path(dir, first);
    let mut file = data_dir::create_file(&path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (mut entries, mut at) = (Vec::new(), 0);
    while let Ok((more, length)) = frame::decode(&bytes[at..]) {
        entries.extend(more);
        at += length;
    }
    let rest = &bytes[at..];
    if !rest.is_empty() {
        if last && breaks_off(rest) {
            found.torn_bytes += rest.len() as u64;
        } else {
            let aside = (1u32..).map(|n| dir.join(format!("{first:020}-{n}.damaged"))).find(|path| !path.exists());
            let aside = aside.unwrap_or_else(|| dir.join("damaged"));
            data_dir::create_file(&aside)?.write_all(rest)?;
            found.set_aside.push(aside);
        }
        file.set_len(at as u64)?;
    }
    Ok((Part { first, runs: Vec::new(), bytes: 0 }, entries))
}

/// Whether these bytes are a frame's beginning.
fn breaks_off(rest: &[u8]) -> bool {
    let length = rest.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    length.is_none_or(|length| length > 0 && rest.len() < frame::HEAD + length)
}
