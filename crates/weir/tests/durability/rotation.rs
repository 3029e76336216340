//! Many small journal files: their names, and what happens when there is no room for all of them.

use std::collections::HashSet;
use std::process::Stdio;

use crate::audit::{Audit, bytes, files};
use crate::process::{Setup, read_all};
use crate::until;
use crate::upstream::Upstream;

#[test]
fn a_journal_of_many_files_has_no_gaps() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let journal = "[journal]\nrotate_bytes = \"64 KiB\"\n";
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "durability = \"fsync\"", journal);
    let mut weir = setup.start_with(Stdio::piped());
    let printed = read_all(weir.stdout());
    let ids: Vec<String> = std::thread::scope(|scope| {
        let ask = |stream| {
            let mut connection = weir.connect();
            scope.spawn(move || (0..100).map(|_| connection.chat(stream).unwrap().id().unwrap()).collect::<Vec<_>>())
        };
        let callers: Vec<_> = [false, true, false, true].map(ask).into();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    weir.stop();
    let audit = Audit::of(&setup.data_dir);
    ids.iter().for_each(|id| assert!(audit.fact(id).is_completed() && audit.fact(id).priced));
    assert_eq!((ids.len(), audit.facts.len()), (400, 400));
    let files = files(&setup.data_dir.join("journal"));
    assert!(files.len() > 3 && files[0].0 == 1, "{files:?}");
    assert_eq!(printed.join().unwrap(), bytes(&setup.data_dir));
}

#[test]
fn beyond_max_bytes_the_oldest_go_and_what_nobody_had_read_is_counted() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let journal = "[journal]\nrotate_bytes = \"64 KiB\"\nmax_bytes = \"160 KiB\"\n";
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "max_in_flight = 64", journal);
    let mut weir = setup.start_with(Stdio::piped());
    let stdout = weir.stdout();
    let mut connection = weir.connect();
    // The pipe is full before the first of these files is, and nobody reads it.
    let ids: Vec<String> = (0..1000).map(|_| connection.chat(false).unwrap().id().unwrap()).collect();
    let dropped =
        until("dropped lines", || Some(weir.metric("weir_journal_dropped_lines_total")).filter(|lines| *lines > 0.0));
    assert!(weir.metric("weir_journal_bytes") <= f64::from(160 << 10));
    assert!(files(&setup.data_dir.join("journal"))[0].0 > 1);
    until("a word about it", || weir.said().contains("journal.max_bytes is reached").then_some(()));
    let more: Vec<String> = (0..10).map(|_| connection.chat(false).unwrap().id().unwrap()).collect();

    // A reader that comes back gets the rest, in order, each line once.
    let printed = read_all(stdout);
    until("a follower that has caught up", || {
        (weir.metric("weir_follower_lag_lines{follower=\"stdout\"}") == 0.0).then_some(())
    });
    weir.stop();
    let printed = String::from_utf8(printed.join().unwrap()).unwrap();
    let id = |line: &str| line.split_once("\"request_id\":\"").unwrap().1[..36].to_owned();
    let printed: Vec<String> = printed.lines().map(id).collect();
    let asked: Vec<String> = ids.into_iter().chain(more.iter().cloned()).collect();
    let lost = asked.len() - printed.len();
    assert!(lost > 0 && lost as f64 <= dropped, "{lost} lines lost, {dropped} counted");
    let seen: HashSet<&String> = printed.iter().collect();
    let in_order: Vec<&String> = asked.iter().filter(|id| seen.contains(id)).collect();
    assert_eq!(printed.iter().collect::<Vec<_>>(), in_order);
    assert!(printed.ends_with(&more));
    // What is left of the journal is whole.
    Audit::of(&setup.data_dir);
}
