use std::fs;

use proptest::prelude::*;

use super::*;

fn line(number: u64) -> Vec<u8> {
    format!("{{\"n\":{number},\"pad\":\"{}\"}}\n", "x".repeat((number % 50) as usize)).into_bytes()
}

fn fill(journal: &mut Journal, count: u64) {
    for _ in 0..count {
        let next = journal.next();
        assert_eq!(journal.append(&line(next), 1).unwrap(), next);
        if journal.is_due() {
            journal.rotate(0).unwrap();
        }
    }
}

fn small() -> Options {
    Options { rotate_bytes: 1000, ..Options::default() }
}

fn read_all(reader: &mut Reader) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(batch) = reader.read().unwrap() {
        assert_eq!(batch.lines.iter().filter(|byte| **byte == b'\n').count() as u64, batch.count);
        all.extend_from_slice(batch.lines);
    }
    all
}

fn lines(range: std::ops::Range<u64>) -> Vec<u8> {
    range.flat_map(line).collect()
}

#[test]
fn another_process_can_tell_where_the_journal_ends() {
    let dir = tempfile::tempdir().unwrap();
    assert!(next_line(&dir.path().join("missing")).is_err());
    assert_eq!(next_line(dir.path()).unwrap(), 1);
    let (mut journal, _) = Journal::open(dir.path(), small()).unwrap();
    for count in [0, 1, 7, 100] {
        fill(&mut journal, count);
        assert_eq!(next_line(dir.path()).unwrap(), journal.next());
        journal.ensure_room(1 << 16).unwrap();
        assert_eq!(next_line(dir.path()).unwrap(), journal.next(), "room that was set aside is no line");
    }
}

#[test]
fn lines_are_numbered_through_files_and_openings() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let (mut journal, found) = Journal::open(dir.path(), small()).unwrap();
        assert_eq!(journal.next(), 1 + round * 100);
        assert_eq!(found.last_line.is_some(), round > 0);
        fill(&mut journal, 100);
    }
    for from in [1, 2, 57, 250, 400, 401] {
        let mut reader = Reader::new(dir.path(), from);
        assert_eq!(read_all(&mut reader), lines(from..401), "from {from}");
        assert_eq!(reader.next(), 401);
        let mut scanned = Vec::new();
        scan(dir.path(), from, |seq, body| scanned.push((seq, body.len()))).unwrap();
        assert_eq!(scanned.len() as u64, 401 - from);
        assert!(scanned.iter().all(|(seq, length)| *length == line(*seq).len() - 1));
    }
}

#[test]
fn a_reader_goes_on_after_the_files_that_went_before_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), small()).unwrap().0;
    fill(&mut journal, 100);
    let mut reader = Reader::new(dir.path(), 1);
    let read = reader.read().unwrap().unwrap().count;
    trim(dir.path(), journal.first(), 1, None, 0).unwrap();
    // The file that is open can still be read; the ones behind it are gone.
    let batch = reader.read().unwrap().unwrap();
    assert_eq!((batch.first, batch.skipped), (journal.first(), journal.first() - 1 - read));
    assert_eq!(batch.lines, lines(journal.first()..101));
    assert_eq!(reader.read().unwrap(), None);
    fill(&mut journal, 50);
    assert_eq!(read_all(&mut reader), lines(101..151));
}

#[test]
fn a_reader_follows_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small()).unwrap();
    let mut reader = Reader::new(dir.path(), 1);
    for round in 0..20 {
        assert_eq!(read_all(&mut reader), lines(1 + (round.max(1) - 1) * 10..1 + round * 10), "round {round}");
        fill(&mut journal, 10);
    }
}

#[test]
fn a_torn_line_is_cut_off_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let whole = lines(1..4);
    let last = line(3).len();
    for cut in 1..last {
        let path = files::path(dir.path(), 1);
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (mut journal, found) = Journal::open(dir.path(), small()).unwrap();
        assert_eq!((journal.next(), found.torn_bytes), (3, (last - cut) as u64));
        fill(&mut journal, 1);
        journal.close().unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn pages_that_never_reached_the_disk_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = lines(1..3);
    bytes.extend([0; 300]);
    bytes.extend(line(4));
    fs::write(files::path(dir.path(), 1), &bytes).unwrap();
    let (journal, found) = Journal::open(dir.path(), small()).unwrap();
    assert_eq!(journal.next(), 3);
    let aside = fs::read(found.set_aside.unwrap()).unwrap();
    assert_eq!(aside.len(), 300 + line(4).len());
}

#[test]
fn room_is_on_the_disk_and_goes_back() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small()).unwrap();
    journal.ensure_room(3 << 20).unwrap();
    fill(&mut journal, 2);
    let metadata = fs::metadata(files::path(dir.path(), 1)).unwrap();
    assert_eq!(metadata.len(), lines(1..3).len() as u64);
    assert!(metadata.blocks() * 512 >= 3 << 20);
    journal.rotate(0).unwrap().give_back().unwrap();
    assert!(fs::metadata(files::path(dir.path(), 1)).unwrap().blocks() * 512 < 1 << 20);
}

#[test]
fn old_files_go_when_nobody_needs_them_or_room_runs_out() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), small()).unwrap();
    fill(&mut journal, 200);
    let files = files::list(dir.path()).unwrap();
    let current = journal.first();
    let nothing = trim(dir.path(), current, 201, None, u64::MAX).unwrap();
    assert_eq!(nothing.files, 0);
    let unseen = trim(dir.path(), current, 1, Some(Duration::ZERO), u64::MAX).unwrap();
    assert_eq!(unseen.files, 0, "a follower still needs them");
    let passed = files[2].first;
    let done = trim(dir.path(), current, passed, Some(Duration::ZERO), u64::MAX).unwrap();
    assert_eq!((done.files, done.unseen_lines), (2, 0));
    let forced = trim(dir.path(), current, passed, None, 0).unwrap();
    assert_eq!(forced.unseen_lines, current - passed);
    let mut reader = Reader::new(dir.path(), passed);
    let batch = reader.read().unwrap().map(|batch| (batch.first, batch.skipped));
    assert!(batch.is_none_or(|batch| batch == (current, current - passed)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_open(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'{'), Just(b'}'), any::<u8>()], 0..300)) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(files::path(dir.path(), 1), &bytes).unwrap();
        let (mut journal, _) = Journal::open(dir.path(), small()).unwrap();
        let next = journal.next();
        fill(&mut journal, 1);
        drop(journal);
        let (journal, found) = Journal::open(dir.path(), small()).unwrap();
        prop_assert_eq!((journal.next(), found.torn_bytes, found.set_aside), (next + 1, 0, None));
    }
}
