use std::sync::Mutex;

use store::Journal;

use super::*;

#[derive(Clone, Default)]
struct Collect {
    seen: Arc<Mutex<Vec<u8>>>,
    fail: Arc<AtomicBool>,
    gather: Gather,
    /// Bytes of the batches that were brought, also in vain.
    batches: Arc<Mutex<Vec<usize>>>,
}

impl Sink for Collect {
    fn name(&self) -> &str {
        "collect"
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        self.batches.lock().unwrap().push(batch.lines.len());
        if self.fail.load(Ordering::Relaxed) {
            return Err(io::Error::other("no"));
        }
        self.seen.lock().unwrap().extend_from_slice(batch.lines);
        Ok(())
    }

    fn gather(&self) -> Gather {
        self.gather
    }
}

fn journal(dir: &Path) -> Journal {
    Journal::open(&dir.join("journal"), store::Options { rotate_bytes: 100, ..store::Options::default() }).unwrap().0
}

fn append(journal: &mut Journal, lines: std::ops::Range<u64>) {
    for line in lines {
        journal.append(format!("{{\"n\":{line}}}\n").as_bytes(), 1).unwrap();
        if journal.is_due() {
            journal.rotate(0).unwrap();
        }
    }
}

fn expected(lines: std::ops::Range<u64>) -> String {
    lines.map(|line| format!("{{\"n\":{line}}}\n")).collect()
}

#[test]
fn every_line_comes_once_through_failures_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(dir.path());
    let sink = Collect::default();
    append(&mut journal, 0..50);
    sink.fail.store(true, Ordering::Relaxed);
    let follower = Follower::start(dir.path(), journal.end(), 1, sink.clone()).unwrap();
    append(&mut journal, 50..100);
    while follower.progress.errors() == 0 {
        std::thread::sleep(NAP);
    }
    assert_eq!(follower.progress.lag(), 100);
    sink.fail.store(false, Ordering::Relaxed);
    while follower.progress.lag() > 0 {
        std::thread::sleep(NAP);
    }
    follower.stop(Duration::from_secs(5));
    append(&mut journal, 100..150);
    let follower = Follower::start(dir.path(), journal.end(), 1, sink.clone()).unwrap();
    follower.stop(Duration::from_secs(5));
    assert_eq!(String::from_utf8(sink.seen.lock().unwrap().clone()).unwrap(), expected(0..150));
}

#[test]
fn a_new_follower_starts_where_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(dir.path());
    append(&mut journal, 0..10);
    let sink = Collect::default();
    let follower = Follower::start(dir.path(), journal.end(), journal.next(), sink.clone()).unwrap();
    append(&mut journal, 10..12);
    follower.stop(Duration::from_secs(5));
    assert_eq!(String::from_utf8(sink.seen.lock().unwrap().clone()).unwrap(), expected(10..12));
}

#[test]
fn lines_are_gathered_and_an_outage_fills_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal =
        Journal::open(&dir.path().join("journal"), store::Options { rotate_bytes: 1 << 20, ..Default::default() })
            .unwrap()
            .0;
    let sink = Collect { gather: Gather { bytes: 100_000, wait: Duration::from_secs(3600) }, ..Collect::default() };
    sink.fail.store(true, Ordering::Relaxed);
    append(&mut journal, 0..100_000);
    let follower = Follower::start(dir.path(), journal.end(), 1, sink.clone()).unwrap();
    while follower.progress.errors() < 3 {
        std::thread::sleep(NAP);
    }
    sink.fail.store(false, Ordering::Relaxed);
    // Its last lines have twelve bytes each.
    while follower.progress.lag() * 12 >= 100_000 {
        std::thread::sleep(NAP);
    }
    // What is left waits for more, and comes when there is no time left to wait.
    std::thread::sleep(NAP * 4);
    assert!(follower.progress.lag() > 0);
    follower.stop(Duration::from_secs(5));
    assert_eq!(String::from_utf8(sink.seen.lock().unwrap().clone()).unwrap(), expected(0..100_000));
    let batches = sink.batches.lock().unwrap();
    let (last, full) = batches.split_last().unwrap();
    // Beyond what is enough there is at most one piece of the journal.
    assert!(*last < 100_000 && full.iter().all(|bytes| (100_000..100_000 + 65_536).contains(bytes)), "{batches:?}");
}
