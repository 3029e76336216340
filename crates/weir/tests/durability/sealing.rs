//! Kill -9 while journal files become segments, segments are merged and old ones go: no line is lost and none is there twice.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meter::record::render;
use store::journal::{files, scan};
use store::lot::Wanted;
use store::{Journal, Lot, Options, Seq, Shelf};
use weir::simulate::history::History;

use crate::process::Setup;
use crate::until;
use crate::upstream::Upstream;

/// Lines that come with each round.
const LINES: u64 = 240;
const DAY: u64 = 86_400_000_000_000;

/// Lines and their times, by number, the first one at 0.
#[derive(Default)]
struct Expected {
    lines: Vec<Vec<u8>>,
    times: Vec<u64>,
}

#[test]
fn killed_while_sealing() {
    let rounds = std::env::var("WEIR_KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let tables = "[store]\nretention = \"1d\"\n[journal]\nkeep = \"0s\"\n";
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "stdout = false", tables);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut history = History::new((rounds + 1) * LINES, now - 2 * DAY, now, 1).unwrap();
    let mut expected = Expected::default();
    for round in 0..rounds {
        append(&setup.data_dir, &mut history, &mut expected);
        let mut weir = setup.start();
        std::thread::sleep(Duration::from_millis(fastrand::u64(..1500)));
        weir.kill();
        // All lines of all rounds each time would be a long run's whole time.
        let all = round < 10 || round % 20 == 0;
        let from = if all { 1 } else { expected.lines.len() as u64 - 3 * LINES };
        check(&setup.data_dir, &expected, now, from);
    }
    append(&setup.data_dir, &mut history, &mut expected);
    let weir = setup.start();
    let last = files(&setup.data_dir.join("journal")).unwrap().last().unwrap().first;
    until("all that is sealed, merged and gone", || {
        let shelf = Shelf::read(&setup.data_dir.join("segments")).unwrap();
        let merged = shelf.segments().iter().any(|segment| segment.next() - segment.first() > LINES);
        (shelf.sealed() == last && shelf.begins() > 1 && merged).then_some(())
    });
    weir.stop();
    check(&setup.data_dir, &expected, now, 1);
    let shelf = Shelf::read(&setup.data_dir.join("segments")).unwrap();
    let (lines, expired, left) = (expected.lines.len(), shelf.begins() - 1, shelf.segments().len());
    println!("killed {rounds} times: {lines} lines, {expired} of them expired, the others in {left} segments");
}

/// Where segments are turned off, the journal alone has lines, and its old files go all the same.
#[test]
fn nothing_is_sealed_where_that_is_turned_off() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let tables = "[store]\nenabled = false\n[journal]\nkeep = \"0s\"\n";
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "stdout = false", tables);
    append(&setup.data_dir, &mut History::new(LINES, DAY, 2 * DAY, 1).unwrap(), &mut Expected::default());
    assert!(files(&setup.data_dir.join("journal")).unwrap().len() > 2);
    let weir = setup.start();
    until("old files gone", || (files(&setup.data_dir.join("journal")).unwrap().len() == 1).then_some(()));
    weir.stop();
    assert_eq!(Shelf::read(&setup.data_dir.join("segments")).unwrap().segments().len(), 0);
}

/// More of the history, in files of some forty lines.
fn append(data_dir: &Path, history: &mut History, expected: &mut Expected) {
    let options = Options { rotate_bytes: 64 << 10, ..Options::default() };
    let (mut journal, _) = Journal::open(&data_dir.join("journal"), options).unwrap();
    for record in history.take(LINES as usize) {
        let mut line = Vec::new();
        render(&record, &mut line);
        journal.append(&line, 1).unwrap();
        if journal.is_due() {
            journal.rotate(0).unwrap().give_back().unwrap();
        }
        line.pop();
        expected.lines.push(line);
        expected.times.push(record.timestamp);
    }
    journal.close().unwrap();
    assert_eq!(journal.next() as usize, expected.lines.len() + 1);
}

/// What others would read: the segments that are listed, and from where they end the journal. Segments follow each other from the first
/// one on; their lines are read from line `from` on.
fn check(data_dir: &Path, expected: &Expected, now: u64, from: Seq) {
    let shelf = Shelf::read(&data_dir.join("segments")).unwrap();
    let mut next: Seq = shelf.begins();
    let gone = &expected.times[..next as usize - 1];
    // Those that have gone are older than a day; the clock has gone on meanwhile.
    assert!(gone.iter().all(|time| *time < now - DAY + DAY / 24), "a line went too early");
    for segment in shelf.segments() {
        assert_eq!(segment.first(), next, "{}", segment.path().display());
        for (group, of) in segment.groups().iter().enumerate() {
            let skipped = from.saturating_sub(next).min(of.rows as Seq);
            next += skipped;
            let rows = skipped as usize..of.rows;
            let lines = segment.lines(group, rows.clone()).unwrap();
            for row in rows {
                let mut line = Vec::new();
                lines.write(row, &mut line);
                assert_eq!(line, expected.lines[next as usize - 1], "line {next}");
                next += 1;
            }
        }
    }
    scan(&data_dir.join("journal"), next, |number, line| {
        if number < next {
            return;
        }
        assert_eq!(number, next);
        assert_eq!(line, expected.lines[number as usize - 1]);
        next += 1;
    })
    .unwrap();
    assert_eq!(next as usize, expected.lines.len() + 1, "lines are lost");
    let mut next = shelf.begins().max(from);
    let damaged = Lot::new(data_dir).read(&Wanted::from(from), &mut |number, line| {
        assert_eq!((number, line), (next, &*expected.lines[next as usize - 1]));
        next += 1;
        ControlFlow::Continue(())
    });
    assert!(damaged.unwrap().is_empty());
    assert_eq!(next as usize, expected.lines.len() + 1);
}
