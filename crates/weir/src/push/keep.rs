//! What was pushed, kept: full files of the log become segments, small segments are merged, and the oldest go.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use store::library::Merging;
use store::pushed::{Run, schema};
use store::{Library, SegmentError, Shelf};

use super::receive::Receiver;
use crate::config::PushConfig;

/// Memory that entries take at most where segments cannot be made of them, in bytes; the oldest go.
const MOST_MEMORY: u64 = 256 << 20;
/// Rows of a segment at most.
const MOST_ROWS: u64 = 1 << 18;
/// Parts into which the time that is kept is divided: entries go a segment at a time.
const PARTS: u32 = 30;
/// The shortest and the longest time of a segment that is merged.
const SPANS: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(30 * 86_400));

/// Opens the segments of what was pushed.
pub(super) fn library(dir: &std::path::Path) -> Result<Library, SegmentError> {
    let schema = schema().map_err(|source| SegmentError::Schema { path: dir.to_owned(), source })?;
    let (library, aside) = Library::open(dir, schema)?;
    aside.iter().for_each(crate::log::say);
    Ok(library)
}

impl Receiver {
    /// Everything that was pushed, each entry once: the segments, and what is in none of them yet.
    #[must_use]
    pub fn held(&self) -> (Arc<Shelf>, Vec<Arc<Run>>) {
        // The log first: what leaves it stands on the shelf before.
        let runs = self.log.runs();
        let shelf = self.library.shelf();
        let fresh = runs.into_iter().filter(|(first, _)| *first >= shelf.sealed()).map(|(_, run)| run);
        let fresh = fresh.collect();
        (shelf, fresh)
    }

    /// The segments.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// About how much memory entries take that are in no segment yet, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Begins a new file of the log where one is due, and makes segments of those before it.
    ///
    /// # Errors
    /// The file system refused; the log still has the entries, as far as there is memory for them.
    pub fn tend(&self) -> Result<(), SegmentError> {
        let sealed = self.log.tend().map_err(|error| self.refused(error)).and_then(|()| self.seal());
        while self.log.bytes() > MOST_MEMORY
            && let Some((first, _)) = self.log.oldest()
        {
            self.log.remove(first).map_err(|error| self.refused(error))?;
        }
        sealed
    }

    fn seal(&self) -> Result<(), SegmentError> {
        while let Some(left) = self.log.left() {
            if left.first >= self.library.shelf().sealed() && !left.entries.entries().is_empty() {
                self.library.add(left.first, &*left.entries)?;
            }
            self.log.remove(left.first).map_err(|error| self.refused(error))?;
        }
        Ok(())
    }

    /// Lets go of segments that are too old, and of the oldest beyond what there is room for; merges small ones, until `stop` is set.
    /// `now` is in nanoseconds since 1970.
    ///
    /// # Errors
    /// The file system refused.
    pub fn tidy(&self, config: &PushConfig, now: i64, stop: &AtomicBool) -> Result<(), SegmentError> {
        let kept_since = now.saturating_sub(i64::try_from(config.retention.as_nanos()).unwrap_or(i64::MAX));
        self.library.expire(kept_since)?;
        self.library.shrink(config.max_bytes)?;
        let merging = Merging { most_rows: MOST_ROWS, longest: (config.retention / PARTS).clamp(SPANS.0, SPANS.1) };
        self.library.tidy(merging, stop)?.iter().for_each(crate::log::say);
        Ok(())
    }

    fn refused(&self, source: std::io::Error) -> SegmentError {
        SegmentError::Io { path: self.library.dir().to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use store::pushed::{Entry, PushedLog, PushedOptions, Stream, entries};

    use super::*;
    use crate::config::Config;

    const HOUR: i64 = 3_600_000_000_000;

    fn config(dir: &std::path::Path, more: &str) -> Config {
        let text = format!("[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n[push]\n{more}\n");
        Config { data_dir: dir.to_owned(), ..Config::parse(&text).unwrap() }
    }

    /// Begins a file with each push.
    fn receiver(config: &Config) -> Receiver {
        let mut receiver = Receiver::open(config).unwrap();
        let options = PushedOptions { rotate_bytes: 1, ..PushedOptions::default() };
        let sealed = receiver.library.shelf().sealed();
        receiver.log = Arc::new(PushedLog::open(&config.data_dir.join("pushed"), options, sealed).unwrap().0);
        receiver
    }

    fn push(receiver: &Receiver, at: i64) {
        let stream = Arc::new(Stream::new([("app", "a")]));
        // What looks random takes its room in segments, too.
        let line: String = (0..2000).map(|_| fastrand::alphanumeric()).collect();
        receiver.log.append(vec![Entry::new(stream, at, [("a", "b")], line.as_bytes())]).unwrap();
    }

    /// The times of all entries, and how many of them are in segments.
    fn held(receiver: &Receiver) -> (Vec<i64>, usize) {
        let (shelf, runs) = receiver.held();
        let mut times: Vec<i64> = Vec::new();
        for segment in shelf.segments() {
            for group in 0..segment.groups().len() {
                let found = entries(segment, group, (i64::MIN, i64::MAX), &|_| true).unwrap();
                times.extend(found.iter().map(|entry| entry.timestamp));
            }
        }
        let sealed = times.len();
        times.extend(runs.iter().flat_map(|run| run.entries()).map(|entry| entry.timestamp));
        times.sort_unstable();
        (times, sealed)
    }

    #[test]
    fn full_files_become_segments_and_each_entry_is_there_once() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "");
        let weir = receiver(&config);
        for at in 1..=12 {
            push(&weir, at * HOUR);
            weir.tend().unwrap();
            assert_eq!(held(&weir), ((1..=at).map(|at| at * HOUR).collect(), at as usize));
        }
        push(&weir, 13 * HOUR);
        assert_eq!(held(&weir), ((1..=13).map(|at| at * HOUR).collect(), 12));
        weir.tidy(&config.push, 13 * HOUR, &AtomicBool::new(false)).unwrap();
        assert!(weir.library().shelf().segments().len() < 12, "small segments are merged");
        assert_eq!(held(&weir).0.len(), 13);
        // As a process leaves it that dies between making a segment and removing its file.
        let left = weir.log.left();
        assert!(left.is_none());
        weir.log.tend().unwrap();
        let left = weir.log.left().unwrap();
        weir.library().add(left.first, &*left.entries).unwrap();
        assert_eq!(held(&weir), ((1..=13).map(|at| at * HOUR).collect(), 13));
        drop(weir);
        let weir = receiver(&config);
        assert_eq!(held(&weir), ((1..=13).map(|at| at * HOUR).collect(), 13));
    }

    #[test]
    fn what_is_old_goes_and_so_does_what_there_is_no_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "retention = \"5h\"\nmax_bytes = \"8 KiB\"");
        let (weir, stop) = (receiver(&config), AtomicBool::new(true));
        for at in [1, 2, 3, 4] {
            push(&weir, at * HOUR);
            weir.tend().unwrap();
            weir.tidy(&config.push, at * HOUR, &stop).unwrap();
        }
        let (times, _) = held(&weir);
        assert!((1..4).contains(&times.len()) && times.last() == Some(&(4 * HOUR)), "{times:?}");
        assert!(weir.library().shelf().bytes() <= 8 << 10);
        weir.tidy(&config.push, 10 * HOUR, &stop).unwrap();
        assert_eq!(held(&weir), (Vec::new(), 0));
    }
}
