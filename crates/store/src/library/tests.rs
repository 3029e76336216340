use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::segment::tests::{line, schema};
use crate::{Journal, Options};

struct Place {
    dir: tempfile::TempDir,
    /// How far apart the numbers are of which lines are made: seconds, about.
    step: u64,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap(), step: 1 }
    }

    fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn segments(&self) -> PathBuf {
        self.dir.path().join("segments")
    }

    /// Appends lines, a file for every `per_file` of them, and returns where the file that is being written begins.
    fn append(&self, count: u64, per_file: u64) -> Seq {
        let (mut journal, _) = Journal::open(&self.journal(), Options::default()).unwrap();
        for _ in 0..count {
            let number = journal.next();
            let mut bytes = line(number * self.step);
            bytes.push(b'\n');
            journal.append(&bytes, 1).unwrap();
            if number.is_multiple_of(per_file) {
                journal.rotate(0).unwrap().give_back().unwrap();
            }
        }
        journal.close().unwrap();
        journal.first()
    }

    fn open(&self) -> Library {
        let (library, aside) = Library::open(&self.segments(), schema()).unwrap();
        assert!(aside.is_empty(), "{aside:?}");
        library
    }

    fn seal_all(&self, library: &Library, current: Seq) -> usize {
        std::iter::from_fn(|| library.seal(&self.journal(), current).unwrap()).count()
    }

    fn files(&self, of: &str) -> usize {
        let entries = fs::read_dir(self.segments().join(of)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".parquet")).count()
    }
}

/// The lines of a shelf with their numbers.
fn lines(shelf: &Shelf) -> Vec<(Seq, Vec<u8>)> {
    let mut found = Vec::new();
    for segment in shelf.segments() {
        for (group, of) in segment.groups().iter().enumerate() {
            let read = segment.lines(group, 0..of.rows).unwrap();
            for row in 0..of.rows {
                let mut line = Vec::new();
                read.write(row, &mut line);
                found.push((of.first + row as Seq, line));
            }
        }
    }
    found
}

fn expected(range: std::ops::Range<Seq>) -> Vec<(Seq, Vec<u8>)> {
    range.map(|number| (number, line(number))).collect()
}

fn all_of(dir: &Path) -> Vec<(Seq, Vec<u8>)> {
    lines(&Shelf::read(dir).unwrap())
}

static ON: AtomicBool = AtomicBool::new(false);

const EASILY: Merging = Merging { most_rows: 1 << 20, longest: Duration::from_secs(365 * 86_400) };

#[test]
fn complete_files_are_sealed_once_and_in_order() {
    let place = Place::new();
    let current = place.append(105, 10);
    let library = place.open();
    assert_eq!(library.shelf().sealed(), 1);
    assert_eq!(place.seal_all(&library, current), 10);
    assert_eq!(library.shelf().sealed(), 101);
    assert_eq!(lines(&library.shelf()), expected(1..101));
    assert_eq!(all_of(&place.segments()), expected(1..101));
    // A second opening finds the same and has nothing to do.
    drop(library);
    let library = place.open();
    assert_eq!(place.seal_all(&library, current), 0);
    let current = place.append(15, 10);
    assert_eq!(place.seal_all(&library, current), 2);
    assert_eq!(lines(&library.shelf()), expected(1..121));
}

#[test]
fn neighbours_are_merged_while_they_are_read() {
    let place = Place::new();
    let current = place.append(200, 10);
    let library = place.open();
    place.seal_all(&library, current);
    let before = library.shelf();
    assert!(library.merge(EASILY, &ON).unwrap().is_some());
    assert_eq!(library.merge(EASILY, &ON).unwrap(), None);
    assert_eq!(library.shelf().segments().len(), 1);
    assert_eq!((place.files(""), place.files("replaced")), (1, 20));
    assert_eq!(all_of(&place.segments()), expected(1..201));
    // Who has begun to read goes on, even when the files have gone.
    for entry in fs::read_dir(place.segments().join("replaced")).unwrap() {
        let path = entry.unwrap().path();
        let long_ago = SystemTime::now() - GRACE - Duration::from_secs(1);
        fs::File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    library.sweep().unwrap();
    assert_eq!(place.files("replaced"), 0);
    assert_eq!(lines(&before), expected(1..201));
}

#[test]
fn what_is_just_replaced_stays() {
    let place = Place::new();
    let current = place.append(100, 10);
    let library = place.open();
    place.seal_all(&library, current);
    library.merge(EASILY, &ON).unwrap();
    library.sweep().unwrap();
    assert_eq!(place.files("replaced"), 10);
}

#[test]
fn segments_stay_within_their_limits() {
    let place = Place::new();
    let current = place.append(200, 10);
    let library = place.open();
    place.seal_all(&library, current);
    let merging = Merging { most_rows: 85, ..EASILY };
    while library.merge(merging, &ON).unwrap().is_some() {}
    let rows: Vec<_> = library.shelf().segments().iter().map(|segment| segment.next() - segment.first()).collect();
    assert_eq!(rows, [80, 80, 10, 10, 10, 10]);
    assert_eq!(library.merge(Merging { longest: Duration::ZERO, ..EASILY }, &ON).unwrap(), None);
}

#[test]
fn old_lines_expire_and_are_not_sealed_again() {
    let place = Place { step: 3600, ..Place::new() };
    let current = place.append(100, 10);
    let library = place.open();
    place.seal_all(&library, current);
    let (_, last) = library.shelf().segments()[2].times().unwrap();
    assert_eq!(library.expire(i64::MIN).unwrap(), 0);
    assert_eq!(library.expire(last + 1).unwrap(), 3);
    assert_eq!((library.shelf().begins(), library.shelf().sealed()), (31, 101));
    // The journal still has them.
    assert_eq!(place.seal_all(&library, current), 0);
    drop(library);
    let library = place.open();
    assert_eq!(place.seal_all(&library, current), 0);
    assert_eq!(lines(&library.shelf()), (31..101).map(|number| (number, line(number * 3600))).collect::<Vec<_>>());
    assert_eq!(library.expire(i64::MAX).unwrap(), 7);
    assert_eq!((library.shelf().begins(), library.shelf().sealed()), (101, 101));
}

#[test]
fn what_a_dead_process_left_undone_is_finished() {
    let place = Place::new();
    let current = place.append(100, 10);
    let library = place.open();
    place.seal_all(&library, current);
    let singles: Vec<_> = library.shelf().segments().iter().map(|segment| segment.path().to_owned()).collect();
    let kept: Vec<_> = singles.iter().map(|path| fs::read(path).unwrap()).collect();
    library.merge(EASILY, &ON).unwrap();
    drop(library);
    // Killed between the merged segment and its parts, with another one half written and the list a stump.
    for (path, bytes) in singles.iter().zip(&kept) {
        fs::write(path, bytes).unwrap();
    }
    fs::write(place.segments().join("00000000000000000101.parquet.writing"), b"PAR1").unwrap();
    fs::write(place.segments().join(LIST), b"{\"version\":1").unwrap();
    let library = place.open();
    assert_eq!(library.shelf().segments().len(), 1);
    assert_eq!(place.files(""), 1);
    assert_eq!(all_of(&place.segments()), expected(1..101));
    assert!(!place.segments().join("00000000000000000101.parquet.writing").exists());
}

#[test]
fn a_damaged_segment_is_put_aside_and_sealed_again() {
    let place = Place::new();
    let current = place.append(100, 10);
    let library = place.open();
    place.seal_all(&library, current);
    let path = library.shelf().segments()[4].path().to_owned();
    drop(library);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let (library, aside) = Library::open(&place.segments(), schema()).unwrap();
    assert_eq!(aside.len(), 1);
    let said = aside[0].why.to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("damaged"), "{said}");
    assert!(aside[0].path.starts_with(place.segments().join("damaged")) && aside[0].path.exists());
    assert_eq!(lines(&library.shelf()).len(), 90, "the rest is there");
    assert_eq!(place.seal_all(&library, current), 1);
    assert_eq!(lines(&library.shelf()), expected(1..101));
    // The same for one that turns out to be damaged when it is read.
    let damaged = library.shelf().segments()[7].clone();
    assert!(library.set_aside(damaged.path()).unwrap().is_some_and(|path| path.exists()));
    assert_eq!(library.set_aside(damaged.path()).unwrap(), None, "somebody was there before");
    assert_eq!(place.seal_all(&library, current), 1);
    assert_eq!(all_of(&place.segments()), expected(1..101));
}

#[test]
fn a_newer_list_is_refused() {
    let place = Place::new();
    drop(place.open());
    fs::write(place.segments().join(LIST), br#"{"version":2,"begins":1,"segments":[]}"#).unwrap();
    let error = Library::open(&place.segments(), schema()).unwrap_err().to_string();
    assert!(error.contains("newer Weir"), "{error}");
}

#[test]
fn a_merge_that_is_stopped_changes_nothing() {
    let place = Place::new();
    let current = place.append(100, 10);
    let library = place.open();
    place.seal_all(&library, current);
    let stopped = library.merge(EASILY, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(stopped, SegmentError::Io { source, .. } if source.kind() == io::ErrorKind::Interrupted));
    assert_eq!(place.files(""), 10);
    assert!(library.merge(EASILY, &ON).unwrap().is_some());
}
