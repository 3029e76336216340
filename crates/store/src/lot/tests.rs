use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::journal::trim;
use crate::library::Merging;
use crate::segment::tests::{line, schema};
use crate::{Journal, Library, Options};

static ON: AtomicBool = AtomicBool::new(false);
const EASILY: Merging = Merging { most_rows: 1 << 20, longest: Duration::from_secs(365 * 86_400) };

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn lot(&self) -> Lot {
        Lot::new(self.0.path())
    }

    fn library(&self) -> Library {
        Library::open(&self.lot().segments(), schema()).unwrap().0
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.lot().journal(), Options::default()).unwrap().0
    }

    fn seal_all(&self, library: &Library, current: Seq) {
        while library.seal(&self.lot().journal(), current).unwrap().is_some() {}
    }

    /// Without the files whose lines are in segments.
    fn trim(&self, library: &Library, current: Seq) {
        trim(&self.lot().journal(), current, library.shelf().sealed(), Some(Duration::ZERO), u64::MAX).unwrap();
    }
}

/// Appends lines up to number `last`, ten a file.
fn append(journal: &mut Journal, last: Seq) {
    while journal.next() <= last {
        let number = journal.next();
        let mut bytes = line(number);
        bytes.push(b'\n');
        journal.append(&bytes, 1).unwrap();
        if number.is_multiple_of(10) {
            journal.rotate(0).unwrap().give_back().unwrap();
        }
    }
}

fn read(lot: &Lot, wanted: &Wanted) -> (Vec<(Seq, Vec<u8>)>, Vec<SegmentError>) {
    let mut found = Vec::new();
    let damaged = lot.read(wanted, &mut |number, line| {
        found.push((number, line.to_vec()));
        ControlFlow::Continue(())
    });
    (found, damaged.unwrap())
}

fn expected(range: Range<Seq>) -> Vec<(Seq, Vec<u8>)> {
    range.map(|number| (number, line(number))).collect()
}

#[test]
fn lines_come_once_wherever_they_lie() {
    let place = Place::new();
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, []);
    let mut journal = place.journal();
    append(&mut journal, 105);
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, expected(1..106), "in the journal only");
    let library = place.library();
    place.seal_all(&library, 51);
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, expected(1..106), "half of them in both");
    place.trim(&library, journal.first());
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, expected(1..106));
    place.seal_all(&library, journal.first());
    place.trim(&library, journal.first());
    library.merge(EASILY, &ON).unwrap().unwrap();
    for from in [0, 1, 7, 99, 100, 101, 105, 106, 500] {
        assert_eq!(read(&place.lot(), &Wanted::from(from)).0, expected(from.max(1)..106), "from {from}");
    }
    let mut seen = 0;
    let stop = &mut |_, _: &[u8]| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    place.lot().read(&Wanted::from(99), stop).unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn lines_that_went_are_passed_over() {
    let place = Place::new();
    let mut journal = place.journal();
    append(&mut journal, 55);
    fs::remove_file(&crate::journal::files(&place.lot().journal()).unwrap()[2].path).unwrap();
    let wanted: Vec<_> = expected(1..21).into_iter().chain(expected(31..56)).collect();
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, wanted);
    let library = place.library();
    place.seal_all(&library, journal.first());
    place.trim(&library, journal.first());
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, wanted);
    library.expire(i64::MAX).unwrap();
    assert_eq!(read(&place.lot(), &Wanted::from(1)).0, expected(51..56));
}

#[test]
fn what_is_damaged_is_read_from_the_journal_or_said() {
    let place = Place::new();
    let mut journal = place.journal();
    append(&mut journal, 55);
    let library = place.library();
    place.seal_all(&library, journal.first());
    let path = library.shelf().segments()[1].path().to_owned();
    let whole = fs::read(&path).unwrap();
    // One that cannot be opened, and one that cannot be read.
    let mut inside = whole.clone();
    inside[4..200].fill(0xff);
    for bytes in [&whole[..whole.len() - 50], &inside] {
        fs::write(&path, bytes).unwrap();
        let (found, damaged) = read(&place.lot(), &Wanted::from(1));
        assert_eq!(found, expected(1..56));
        assert_eq!(damaged.iter().map(SegmentError::path).collect::<Vec<_>>(), [path.as_path()]);
    }
    place.trim(&library, journal.first());
    let (found, damaged) = read(&place.lot(), &Wanted::from(1));
    let wanted: Vec<_> = expected(1..11).into_iter().chain(expected(21..56)).collect();
    assert_eq!((found, damaged.len()), (wanted, 1));
}

#[test]
fn only_what_is_wanted_is_read() {
    let place = Place::new();
    let mut journal = place.journal();
    append(&mut journal, 20);
    let library = place.library();
    place.seal_all(&library, journal.first());
    place.trim(&library, journal.first());
    let fields = Wanted { fields: Some(&["level", "stream"]), ..Wanted::from(12) };
    let (found, _) = read(&place.lot(), &fields);
    assert_eq!(found.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (12..21).collect::<Vec<_>>());
    for (number, part) in found {
        let whole = String::from_utf8(line(number)).unwrap();
        let part = String::from_utf8(part).unwrap();
        let level = whole.split("\"level\":").nth(1).unwrap().split(',').next().unwrap();
        let stream = if whole.contains("\"stream\":true") { ",\"stream\":true" } else { "" };
        assert_eq!(part, format!("{{\"level\":{level}{stream}}}"), "{whole}");
    }
    let times = Wanted { times: 0..1, ..Wanted::from(1) };
    assert_eq!(read(&place.lot(), &times).0, []);
    let (first, last) = library.shelf().segments()[0].times().unwrap();
    let times = Wanted { times: first..last + 1, ..Wanted::from(5) };
    assert!(read(&place.lot(), &times).0.starts_with(&expected(5..11)));
}

/// A reader sees each line once, in order and as it was written, while others append, seal, merge, trim and expire.
#[test]
fn nothing_is_lost_or_doubled_while_lines_move() {
    const LAST: Seq = 700;
    let place = Place::new();
    let (written, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut journal, library) = (place.journal(), place.library());
            for last in (10..=LAST).step_by(10) {
                append(&mut journal, last);
                written.store(last, Ordering::Release);
                place.seal_all(&library, journal.first());
                place.trim(&library, journal.first());
                if last % 100 == 0 {
                    while library.merge(EASILY, &ON).unwrap().is_some() {}
                }
            }
            done.store(true, Ordering::Release);
        });
        let mut rounds = 0;
        while !done.load(Ordering::Acquire) || rounds == 0 {
            let least = written.load(Ordering::Acquire);
            let (found, damaged) = read(&place.lot(), &Wanted::from(1));
            assert!(damaged.is_empty(), "{damaged:?}");
            assert!(found.len() as u64 >= least, "{} of {least}", found.len());
            assert!(found.iter().map(|(number, _)| *number).eq(1..=found.len() as u64));
            assert!(found.iter().all(|(number, found)| *found == line(*number)));
            rounds += 1;
        }
        assert!(rounds > 2, "{rounds}");
    });
}
