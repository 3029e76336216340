use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn stream(app: &str) -> Arc<Stream> {
    Arc::new(Stream::new([("app", app)]))
}

fn entry(app: &str, timestamp: i64, line: &str) -> Entry {
    Entry::new(stream(app), timestamp, [("level", "info")], line.as_bytes())
}

fn open(dir: &Path) -> (PushedLog, Opened) {
    PushedLog::open(dir, PushedOptions::default(), 1).unwrap()
}

/// All that a log holds, by time.
fn held(log: &PushedLog) -> Vec<Entry> {
    let mut entries: Vec<_> =
        log.runs().iter().flat_map(|(_, run)| run.entries().to_vec()).map(Arc::unwrap_or_clone).collect();
    entries.sort_by(|left, right| {
        (left.timestamp, &left.stream, left.packed()).cmp(&(right.timestamp, &right.stream, right.packed()))
    });
    entries
}

fn file(dir: &Path, number: u64) -> std::path::PathBuf {
    dir.join(format!("{number:020}.log"))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let text = "\\PC{0,12}";
    let pairs = || prop::collection::vec((text, text), 0..4);
    let line = prop::collection::vec(any::<u8>(), 0..200);
    (pairs(), prop_oneof![any::<i64>(), 0..3_i64], pairs(), line).prop_map(|(labels, timestamp, metadata, line)| {
        Entry::new(Arc::new(Stream::new(labels)), timestamp, metadata, &line)
    })
}

proptest! {
    #[test]
    fn a_frame_gives_back_what_it_was_made_of(entries in prop::collection::vec(any_entry(), 0..20)) {
        let shared: Vec<_> = entries.iter().cloned().map(Arc::new).collect();
        let mut bytes = encode(&shared);
        let length = bytes.len();
        bytes.extend_from_slice(b"what follows");
        let (read, taken) = decode(&bytes).unwrap();
        prop_assert_eq!((&read, taken), (&entries, length));
        for (read, entry) in read.iter().zip(&entries) {
            prop_assert_eq!(read.line(), entry.line());
            prop_assert!(read.metadata().eq(entry.metadata()));
        }
        for cut in 0..length {
            prop_assert!(decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(entries in prop::collection::vec(any_entry(), 1..4), at in any::<prop::sample::Index>()) {
        let mut bytes = encode(&entries.into_iter().map(Arc::new).collect::<Vec<_>>());
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart(pushes in prop::collection::vec(prop::collection::vec(any_entry(), 0..6), 0..8)) {
        let dir = tempfile::tempdir().unwrap();
        let options = PushedOptions { rotate_bytes: 300, ..PushedOptions::default() };
        let (log, _) = PushedLog::open(dir.path(), options, 1).unwrap();
        let mut all: Vec<Entry> = Vec::new();
        for push in pushes {
            let appended = log.append(push.clone()).unwrap();
            let before = all.len();
            push.into_iter().for_each(|entry| if !all.contains(&entry) { all.push(entry) });
            prop_assert_eq!(appended.entries, (all.len() - before) as u64);
            log.tend().unwrap();
        }
        let shown = held(&log);
        prop_assert_eq!(shown.len(), all.len());
        prop_assert!(all.iter().all(|entry| shown.contains(entry)));
        drop(log);
        let (log, found) = open(dir.path());
        prop_assert_eq!(found, Opened { entries: all.len() as u64, ..Opened::default() });
        prop_assert_eq!(held(&log), shown);
    }
}

proptest! {
    // Segments are synced to the disk.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_sealed_comes_back(pushed in prop::collection::vec(any_entry(), 1..60), from in any::<i64>()) {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::new(pushed.into_iter().map(Arc::new).collect());
        let library = crate::Library::open(dir.path(), schema().unwrap()).unwrap().0;
        let written = library.add(7, &run).unwrap();
        prop_assert_eq!((written.rows, written.spilled, written.mended), (run.entries().len() as u64, 0, 0));
        prop_assert!(library.add(7, &run).is_err(), "an entry is there once");
        let shelf = library.shelf();
        let read = |times, wanted: &dyn Fn(&Stream) -> bool| entries(&shelf.segments()[0], 0, times, wanted).unwrap();
        // The last instant of all cannot be asked for: it is before none.
        let all: Vec<_> = run.entries().iter().filter(|entry| entry.timestamp < i64::MAX).cloned().collect();
        prop_assert_eq!(&read((i64::MIN, i64::MAX), &|_| true), &all);
        let later: Vec<_> = all.iter().filter(|entry| entry.timestamp >= from).cloned().collect();
        prop_assert_eq!(read((from, i64::MAX), &|_| true), later);
        let first = all.first().map(|entry| entry.stream.clone());
        let of_first: Vec<_> = all.iter().filter(|entry| Some(&entry.stream) == first.as_ref()).cloned().collect();
        prop_assert_eq!(read((i64::MIN, i64::MAX), &|stream| Some(stream) == first.as_deref()), of_first);
    }
}

#[test]
fn a_death_in_the_middle_of_a_write_costs_that_write_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.append(vec![entry("a", 1, "first")]).unwrap();
    let whole = fs::read(file(dir.path(), 1)).unwrap().len();
    log.append(vec![entry("a", 2, "second")]).unwrap();
    drop(log);
    let bytes = fs::read(file(dir.path(), 1)).unwrap();
    for cut in whole..bytes.len() {
        fs::write(file(dir.path(), 1), &bytes[..cut]).unwrap();
        let (log, found) = open(dir.path());
        assert_eq!(found, Opened { entries: 1, torn_bytes: (cut - whole) as u64, set_aside: Vec::new() });
        // It goes on where the sound part ends.
        log.append(vec![entry("a", 3, "third")]).unwrap();
        let before = held(&log);
        drop(log);
        assert_eq!(held(&open(dir.path()).0), before);
        assert_eq!(before.len(), 2);
    }
}

#[test]
fn what_is_damaged_is_set_aside_and_the_rest_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.append(vec![entry("a", 1, "first")]).unwrap();
    let whole = fs::read(file(dir.path(), 1)).unwrap().len();
    log.append(vec![entry("a", 2, "second")]).unwrap();
    drop(log);
    let mut bytes = fs::read(file(dir.path(), 1)).unwrap();
    *bytes.last_mut().unwrap() ^= 0xff;
    fs::write(file(dir.path(), 1), &bytes).unwrap();
    let (log, found) = open(dir.path());
    assert_eq!((found.entries, found.torn_bytes, found.set_aside.len()), (1, 0, 1));
    assert_eq!(fs::read(&found.set_aside[0]).unwrap(), &bytes[whole..]);
    assert_eq!(held(&log), [entry("a", 1, "first")]);
}

#[test]
fn what_is_the_same_in_everything_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let once = |entries| log.append(entries).unwrap();
    assert_eq!(once(vec![entry("a", 1, "x"), entry("a", 1, "x")]), Appended { entries: 1, repeated: 1 });
    let others = vec![entry("a", 1, "y"), entry("b", 1, "x"), entry("a", 2, "x"), entry("a", 1, "x")];
    assert_eq!(once(others), Appended { entries: 3, repeated: 1 });
    let metadata = Entry::new(stream("a"), 1, [("level", "warn")], b"x");
    assert_eq!(once(vec![metadata]).entries, 1);
    assert_eq!(log.streams(&stream("b")), (true, 2));
    drop(log);
    let (log, _) = open(dir.path());
    assert_eq!(log.append(vec![entry("b", 1, "x")]).unwrap().repeated, 1);
}

#[test]
fn a_full_file_is_left_for_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let options = PushedOptions { rotate_bytes: 100, ..PushedOptions::default() };
    let (log, _) = PushedLog::open(dir.path(), options, 1).unwrap();
    log.append(vec![entry("a", 2, &"x".repeat(100)), entry("b", 1, "y")]).unwrap();
    assert!(log.left().is_none());
    log.tend().unwrap();
    log.tend().unwrap();
    log.append(vec![entry("c", 1, "z")]).unwrap();
    let left = log.left().unwrap();
    assert_eq!(left.first, 1);
    assert_eq!(left.entries.entries().iter().map(|entry| entry.timestamp).collect::<Vec<_>>(), [1, 2]);
    log.remove(1).unwrap();
    assert!(log.left().is_none() && !file(dir.path(), 1).exists());
    assert_eq!(held(&log), [entry("c", 1, "z")]);
    assert_eq!(log.streams(&stream("a")), (false, 1));
    // Who repeats a push that it does not know to have succeeded is still recognised.
    assert_eq!(log.append(vec![entry("b", 1, "y")]).unwrap().repeated, 1);
    drop(log);
    assert_eq!(held(&open(dir.path()).0), [entry("c", 1, "z")]);
}

#[test]
fn a_file_is_left_when_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let options = PushedOptions { rotate_after: Duration::ZERO, ..PushedOptions::default() };
    let (log, _) = PushedLog::open(dir.path(), options, 1).unwrap();
    log.tend().unwrap();
    assert!(!file(dir.path(), 2).exists(), "an empty file has nothing to be left for");
    log.append(vec![entry("a", 1, "x")]).unwrap();
    log.tend().unwrap();
    assert!(file(dir.path(), 2).exists());
}

#[test]
fn many_pushes_make_few_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for timestamp in 0..1000 {
        log.append(vec![entry("a", 1000 - timestamp, "x")]).unwrap();
    }
    let runs: Vec<_> = log.runs().into_iter().map(|(_, run)| run).collect();
    assert!(runs.len() < 12, "{}", runs.len());
    let between: usize = runs.iter().map(|run| run.between(10, 20).len()).sum();
    assert_eq!(between, 10);
    assert!(runs.iter().all(|run| run.entries().is_sorted_by_key(|entry| entry.timestamp)));
}

/// A process that dies between making a segment and removing its file leaves the entries in both; they are forgotten here.
#[test]
fn what_segments_hold_is_not_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let options = PushedOptions { rotate_bytes: 1, ..PushedOptions::default() };
    let (log, _) = PushedLog::open(dir.path(), options, 1).unwrap();
    for timestamp in 1..=3 {
        log.append(vec![entry("a", timestamp, "x"), entry("b", timestamp, "y")]).unwrap();
        log.tend().unwrap();
    }
    let firsts: Vec<_> = log.runs().iter().map(|(first, _)| *first).collect();
    assert_eq!(firsts, [1, 3, 5]);
    drop(log);
    let (log, found) = PushedLog::open(dir.path(), options, 3).unwrap();
    assert_eq!((found.entries, log.left().unwrap().first, file(dir.path(), 1).exists()), (4, 3, false));
    drop(log);
    // Without any file it goes on behind the segments.
    fs::remove_dir_all(dir.path()).unwrap();
    let (log, _) = PushedLog::open(dir.path(), options, 9).unwrap();
    log.append(vec![entry("a", 1, "x")]).unwrap();
    assert_eq!(log.runs()[0].0, 9);
}
