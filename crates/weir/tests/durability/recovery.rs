//! Recovery, cut short at chosen places and repeated.

use std::fs;
use std::path::{Path, PathBuf};

use crate::audit::{Audit, bytes, files};
use crate::caller::{Connection, chat};
use crate::process::Setup;
use crate::upstream::Upstream;

/// Requests in flight when the process dies: some with an answer that has begun, the others without.
const ORPHANS: usize = 8;

/// One field of the request's body, and one that is always the same.
const FIELDS: &str = "[[fields]]\nname = \"said\"\nfrom = \"json:user\"\n\
    [[fields]]\nname = \"stage\"\nfrom = \"const:test\"\n";

#[test]
fn a_recovery_that_is_cut_short_and_repeated_gives_the_same_journal() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let setup = Setup::new(root.path(), &root.path().join("killed"), upstream.address, "max_in_flight = 16", FIELDS);
    let ids = leave_orphans(&setup, &upstream);
    let (before, table) = (bytes(&setup.data_dir), fs::read(setup.data_dir.join("inflight")).unwrap());

    let recovered = setup.with_data_dir(&copy(&setup.data_dir, &root.path().join("recovered")));
    recovered.start().stop();
    let (after, audit) = (bytes(&recovered.data_dir), Audit::of(&recovered.data_dir));
    ids.iter().for_each(|id| assert!(audit.fact(id).is_killed(), "{:?}", audit.fact(id)));
    assert_eq!((audit.count(|fact| fact.is_killed()), audit.facts.len()), (ORPHANS, ORPHANS + 2));
    // What was declared, and known when the requests were sent on, is not lost.
    let declared = b"\"said\":\"hold\",\"stage\":\"test\"";
    assert_eq!(memchr::memmem::find_iter(&after, declared).count(), ORPHANS);

    // All that a recovery does is to append its lines and then to empty the table, so these are the states that it can be
    // killed in: some of the lines, a line in part, all lines and some of the table.
    let new = &after[before.len()..];
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', new).map(|at| at + 1).collect();
    let cuts = [0, 1, ends[0], ends[0] + 100, ends[3], ends[ORPHANS - 1] - 1, new.len()];
    let cleared = cuts.map(|cut| (cut, 0)).into_iter().chain([(new.len(), 3 * 1024), (new.len(), 5 * 1024 + 512)]);
    for (case, (cut, cleared)) in cleared.enumerate() {
        let again = setup.with_data_dir(&copy(&setup.data_dir, &root.path().join(format!("again-{case}"))));
        let (_, journal) = files(&again.data_dir.join("journal")).pop().unwrap();
        fs::write(journal, [&before, &new[..cut]].concat()).unwrap();
        fs::write(again.data_dir.join("inflight"), [&vec![0; cleared], &table[cleared..]].concat()).unwrap();
        again.start().stop();
        assert!(bytes(&again.data_dir) == after, "cut after {cut} bytes, {cleared} bytes of the table cleared");
    }
}

/// Two requests that have ended and [`ORPHANS`] that have not; returns the ids of those whose answers have begun.
pub(crate) fn leave_orphans(setup: &Setup, upstream: &Upstream) -> Vec<String> {
    let mut weir = setup.start();
    (0..2).for_each(|_| assert!(weir.connect().chat(true).unwrap().said_done()));
    let mut ids = Vec::new();
    let mut open: Vec<Connection> = Vec::new();
    for number in 0..ORPHANS {
        let (mut connection, stream) = (weir.connect(), number % 2 == 0);
        connection.send("POST", "/v1/chat/completions", &chat(stream, "hold")).unwrap();
        upstream.held(number + 1);
        open.push(connection);
        if stream {
            let mut answer = open[number].head().unwrap();
            open[number].read_on(&mut answer, |answer| !answer.body.is_empty()).unwrap();
            ids.push(answer.id().unwrap());
        }
    }
    weir.kill();
    ids
}

/// Copies a data directory.
pub(crate) fn copy(from: &Path, to: &Path) -> PathBuf {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            // Its content alone: what lies in a repository may be read-only.
            fs::write(to.join(name), fs::read(&path).unwrap()).unwrap();
        }
    }
    to.to_owned()
}
