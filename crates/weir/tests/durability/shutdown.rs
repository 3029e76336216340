//! SIGTERM, and what goes to stdout.

use std::fs::File;
use std::process::Stdio;

use crate::audit::{Audit, bytes};
use crate::caller::{Answer, Connection, chat};
use crate::process::{Setup, Weir, read_all};
use crate::until;
use crate::upstream::Upstream;

struct Scene {
    root: tempfile::TempDir,
    upstream: Upstream,
    setup: Setup,
}

impl Scene {
    fn set(top: &str) -> Scene {
        let root = tempfile::tempdir().unwrap();
        let upstream = Upstream::start();
        let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, top, "");
        Scene { root, upstream, setup }
    }
}

/// A stream that has begun and stands still.
fn hold(weir: &Weir) -> (Connection, Answer) {
    let mut connection = weir.connect();
    let mut answer = connection.begin("POST", "/v1/chat/completions", &chat(true, "hold")).unwrap();
    connection.read_on(&mut answer, |answer| !answer.body.is_empty()).unwrap();
    (connection, answer)
}

fn until_nobody_listens(weir: &Weir) {
    until("a refused connection", || Connection::open(weir.callers).is_err().then_some(()));
}

#[test]
fn streams_end_within_the_grace_period() {
    let scene = Scene::set("shutdown_grace = \"60s\"");
    let printed = scene.root.path().join("printed");
    let mut weir = scene.setup.start_with(Stdio::from(File::create(&printed).unwrap()));
    let mut idle = weir.connect();
    assert!(idle.chat(false).unwrap().whole);
    let mut held: Vec<_> = (0..4).map(|_| hold(&weir)).collect();
    let mut late = weir.connect();
    late.send("POST", "/v1/chat/completions", &chat(false, "hold")).unwrap();
    scene.upstream.held(5);

    weir.terminate();
    until_nobody_listens(&weir);
    assert!(idle.is_left(), "a connection without a request is closed");
    until("a Weir that is not ready", || (weir.operator("/readyz") == (503, "going down\n".to_owned())).then_some(()));
    assert_eq!(weir.metric("weir_in_flight"), 5.0);
    scene.upstream.let_go();
    let mut ids = Vec::new();
    for (connection, answer) in &mut held {
        connection.read_on(answer, |_| false).unwrap();
        assert!(answer.said_done() && answer.whole);
        ids.extend(answer.id());
    }
    let mut answer = late.head().unwrap();
    late.read_on(&mut answer, |_| false).unwrap();
    assert!(answer.whole);
    ids.extend(answer.id());
    assert_eq!(weir.wait().code(), Some(0), "{}", weir.said());

    let audit = Audit::of(&scene.setup.data_dir);
    ids.iter().for_each(|id| assert!(audit.fact(id).is_completed() && audit.fact(id).priced));
    assert_eq!(audit.facts.len(), 6);
    assert_eq!(std::fs::read(printed).unwrap(), bytes(&scene.setup.data_dir));
}

#[test]
fn what_does_not_end_within_the_grace_period_is_recorded() {
    let scene = Scene::set("shutdown_grace = \"200ms\"");
    let mut weir = scene.setup.start_with(Stdio::piped());
    let printed = read_all(weir.stdout());
    let done = weir.connect().chat(true).unwrap().id().unwrap();
    let mut held: Vec<_> = (0..4).map(|_| hold(&weir)).collect();
    let mut silent = weir.connect();
    silent.send("POST", "/v1/chat/completions", &chat(false, "hold")).unwrap();
    scene.upstream.held(5);
    weir.terminate();
    assert_eq!(weir.wait().code(), Some(0), "{}", weir.said());
    let audit = Audit::of(&scene.setup.data_dir);
    assert!(audit.fact(&done).is_completed());
    for (connection, answer) in &mut held {
        assert!(connection.read_on(answer, |_| false).is_err() && !answer.whole);
        assert!(audit.fact(&answer.id().unwrap()).is_killed());
    }
    assert_eq!((audit.count(|fact| fact.is_killed()), audit.facts.len()), (5, 6));
    assert_eq!(printed.join().unwrap(), bytes(&scene.setup.data_dir));
    // They have their Records: the next process has nothing to add.
    let before = bytes(&scene.setup.data_dir);
    scene.setup.start().stop();
    assert_eq!(bytes(&scene.setup.data_dir), before);
}

#[test]
fn a_second_signal_cuts_the_grace_period_short() {
    let scene = Scene::set("shutdown_grace = \"1h\"");
    let mut weir = scene.setup.start();
    let (_connection, answer) = hold(&weir);
    scene.upstream.held(1);
    weir.terminate();
    until_nobody_listens(&weir);
    assert_eq!(weir.metric("weir_in_flight"), 1.0);
    weir.terminate();
    assert_eq!(weir.wait().code(), Some(0), "{}", weir.said());
    assert!(Audit::of(&scene.setup.data_dir).fact(&answer.id().unwrap()).is_killed());
}

#[test]
fn a_signal_right_after_the_start_ends_it_in_order() {
    let scene = Scene::set("");
    (0..10).for_each(|_| scene.setup.start().stop());
}

#[test]
fn requests_do_not_wait_for_a_reader_that_stands_still() {
    let scene = Scene::set("");
    let mut weir = scene.setup.start_with(Stdio::piped());
    let mut connection = weir.connect();
    let stdout = weir.stdout();
    // More than a pipe holds.
    (0..300).for_each(|_| assert!(connection.chat(false).unwrap().whole));
    assert_eq!(weir.metric("weir_recorded_total"), 300.0);
    assert!(weir.metric("weir_follower_lag_lines{follower=\"stdout\"}") > 0.0);
    let printed = read_all(stdout);
    until("a follower that has caught up", || {
        (weir.metric("weir_follower_lag_lines{follower=\"stdout\"}") == 0.0).then_some(())
    });
    weir.stop();
    assert_eq!(printed.join().unwrap(), bytes(&scene.setup.data_dir));
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let scene = Scene::set("");
    let mut weir = scene.setup.start_with(Stdio::piped());
    drop(weir.stdout());
    let mut connection = weir.connect();
    assert!(connection.chat(false).unwrap().whole);
    until("a failed delivery", || (weir.metric("weir_follower_errors_total{follower=\"stdout\"}") > 0.0).then_some(()));
    assert!(connection.chat(true).unwrap().said_done());
    weir.stop();
    // What could not be printed is printed by the next process.
    let mut weir = scene.setup.start_with(Stdio::piped());
    let printed = read_all(weir.stdout());
    weir.stop();
    assert_eq!(printed.join().unwrap(), bytes(&scene.setup.data_dir));
}
