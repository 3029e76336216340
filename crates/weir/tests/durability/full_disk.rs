//! A disk without room: no slot, no request; whoever has been admitted gets recorded; and Weir goes on by itself.

use rustix::process::{Resource, Rlimit, prlimit};

use crate::audit::Audit;
use crate::caller::{Answer, Connection, chat};
use crate::disk::Disk;
use crate::process::{Setup, Weir};
use crate::until;
use crate::upstream::Upstream;

/// Streams that are under way while the disk fills up.
const STREAMS: usize = 8;
const TOP: &str = "max_in_flight = 32";
const NO_JOURNAL: &str = "weir_refused_total{reason=\"journal_unavailable\"}";

/// A Weir with its data on a small disk, its provider, and streams that stand still.
struct Scene {
    // In the order in which they have to go.
    weir: Weir,
    disk: Disk,
    upstream: Upstream,
    setup: Setup,
    _root: tempfile::TempDir,
    held: Vec<(Connection, Answer)>,
    ids: Vec<String>,
}

impl Scene {
    fn set(test: &str, top: &str) -> Option<Scene> {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::mount(&root.path().join("disk"), "6m", &format!("full_disk::{test}"))?;
        let upstream = Upstream::start();
        let setup = Setup::new(root.path(), &disk.path().join("data"), upstream.address, top, "");
        let weir = setup.start();
        let held = hold_streams(&weir);
        Some(Scene { weir, disk, upstream, setup, _root: root, held, ids: Vec::new() })
    }

    /// Asks until `enough`, and remembers who was answered.
    fn ask_until(&mut self, what: &str, enough: impl Fn(&Answer) -> bool) -> Answer {
        let mut connection = self.weir.connect();
        until(what, || {
            // Many at a time, because the room that is set aside is room for many.
            for _ in 0..100 {
                let answer = connection.chat(false).unwrap();
                self.ids.extend(answer.id());
                if enough(&answer) {
                    return Some(answer);
                }
            }
            None
        })
    }

    /// Lets the streams go on to their ends; each is received in full.
    fn end_streams(&mut self) {
        self.upstream.let_go();
        for (mut connection, mut answer) in self.held.drain(..) {
            connection.read_on(&mut answer, |_| false).unwrap();
            assert!(answer.said_done() && answer.whole);
            self.ids.extend(answer.id());
        }
    }

    /// Stops, and looks whether everyone who was admitted has a whole Record.
    fn stop_and_audit(self) -> Audit {
        self.weir.stop();
        let audit = Audit::of(&self.setup.data_dir);
        for id in &self.ids {
            assert!(audit.fact(id).is_completed() && audit.fact(id).priced, "{:?}", audit.fact(id));
        }
        audit
    }
}

fn hold_streams(weir: &Weir) -> Vec<(Connection, Answer)> {
    let begin = |_| {
        let mut connection = weir.connect();
        let mut answer = connection.begin("POST", "/v1/chat/completions", &chat(true, "hold")).unwrap();
        connection.read_on(&mut answer, |answer| !answer.body.is_empty()).unwrap();
        (connection, answer)
    };
    (0..STREAMS).map(begin).collect()
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.id()), (503, None));
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{answer:?}");
    let body = String::from_utf8_lossy(&answer.body);
    assert!(body.contains("\"code\":\"weir_journal_unavailable\"") && body.contains("data_dir"), "{body}");
}

#[test]
fn a_full_disk_refuses_admission_and_never_a_record() {
    let Some(mut scene) = Scene::set("a_full_disk_refuses_admission_and_never_a_record", TOP) else { return };
    assert_eq!(scene.weir.operator("/readyz").0, 200);
    scene.disk.fill();
    let refusal = scene.ask_until("a refusal", |answer| answer.status != 200);
    assert_refused(&refusal);
    assert!(scene.disk.is_full(), "there is room, and requests are refused");
    assert_eq!(scene.weir.operator("/readyz").0, 503);
    assert_eq!(scene.weir.operator("/healthz").0, 200);
    assert_eq!(scene.weir.metric("weir_journal_up"), 0.0);
    let counted = scene.weir.metric(NO_JOURNAL);
    assert!(counted >= 1.0);
    assert_refused(&scene.weir.connect().chat(true).unwrap());
    assert_eq!(scene.weir.metric(NO_JOURNAL), counted + 1.0);

    scene.end_streams();
    scene.weir.quiet();
    assert_eq!(scene.weir.metric("weir_accepted_total"), scene.weir.metric("weir_recorded_total"));

    scene.disk.empty();
    until("a Weir that is ready again", || (scene.weir.operator("/readyz").0 == 200).then_some(()));
    scene.ask_until("an answer", |answer| answer.status == 200);
    until("a word about it", || scene.weir.said().contains("the journal can be written again").then_some(()));
    let asked = scene.ids.len();
    assert_eq!(scene.stop_and_audit().facts.len(), asked);
}

#[test]
fn a_full_disk_and_a_kill_lose_nothing() {
    let Some(mut scene) = Scene::set("a_full_disk_and_a_kill_lose_nothing", TOP) else { return };
    scene.disk.fill();
    scene.ask_until("a refusal", |answer| answer.status != 200);
    scene.weir.kill();
    // What was promised a place gets it, although the disk has no more room.
    assert!(scene.disk.is_full());
    scene.weir = scene.setup.start();
    let audit = Audit::of(&scene.setup.data_dir);
    for (_, answer) in scene.held.drain(..) {
        assert!(audit.fact(&answer.id().unwrap()).is_killed());
    }
    scene.disk.empty();
    scene.ask_until("an answer", |answer| answer.status == 200);
    let asked = scene.ids.len();
    assert_eq!(scene.stop_and_audit().facts.len(), asked + STREAMS);
}

#[test]
fn a_full_disk_can_be_served_through_and_what_that_cost_is_known() {
    let top = format!("{TOP}\non_journal_failure = \"serve\"");
    let Some(mut scene) = Scene::set("a_full_disk_can_be_served_through_and_what_that_cost_is_known", &top) else {
        return;
    };
    scene.disk.fill();
    let mut connection = scene.weir.connect();
    until("an unrecorded request", || {
        (0..100).for_each(|_| assert_eq!(connection.chat(false).unwrap().status, 200));
        (scene.weir.metric("weir_unrecorded_requests_total") > 0.0).then_some(())
    });
    (0..10).for_each(|_| assert!(connection.chat(true).unwrap().said_done()));
    assert_eq!(scene.weir.operator("/readyz").0, 503);
    scene.end_streams();
    scene.weir.quiet();
    let unrecorded = scene.weir.metric("weir_unrecorded_requests_total");
    assert!(unrecorded >= 11.0);
    assert_eq!(scene.weir.metric("weir_unrecorded_tokens_total"), 175.0 * unrecorded);
    let cost = scene.weir.metric("weir_unrecorded_cost_usd_total");
    assert!((cost - 0.00975 * unrecorded).abs() < 1e-9, "{cost} USD for {unrecorded} requests");

    scene.disk.empty();
    until("a Weir that is ready again", || (scene.weir.operator("/readyz").0 == 200).then_some(()));
    let answer = scene.ask_until("an answer", |answer| answer.status == 200);
    let recorded = scene.weir.metric("weir_recorded_total") as usize;
    let audit = scene.stop_and_audit();
    assert!(audit.fact(&answer.id().unwrap()).priced);
    assert_eq!(audit.facts.len(), recorded);
}

#[test]
fn a_disk_without_room_for_the_start_says_so() {
    let root = tempfile::tempdir().unwrap();
    let test = "full_disk::a_disk_without_room_for_the_start_says_so";
    let Some(disk) = Disk::mount(&root.path().join("disk"), "1m", test) else { return };
    let upstream = Upstream::start();
    let data_dir = disk.path().join("data");
    let setup = |top| Setup::new(root.path(), &data_dir, upstream.address, top, "");
    disk.fill();
    let said = setup(TOP).start_in_vain();
    assert!(said.contains("No space left on device") && said.contains(data_dir.to_str().unwrap()), "{said}");
    // With room for small files the table of what is in flight still does not fit.
    disk.empty();
    let said = setup("max_in_flight = 4096").start_in_vain();
    assert!(said.contains("No space left on device") && said.contains(data_dir.to_str().unwrap()), "{said}");
    setup(TOP).start().stop();
}

/// A file may not grow beyond a limit, which the room that is set aside does not know of: a disk that breaks its word.
#[test]
fn lines_that_cannot_be_written_wait_in_memory() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Upstream::start();
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, TOP, "");
    // The signal that comes with the error would end the process.
    let weir = setup.start_after("trap '' XFSZ");
    let mut held = hold_streams(&weir);
    let mut connection = weir.connect();
    let mut ids: Vec<String> = (0..100).filter_map(|_| connection.chat(false).unwrap().id()).collect();
    let full = std::fs::metadata(&crate::audit::files(&setup.data_dir.join("journal"))[0].1).unwrap().len() + 1000;
    limit_files(&weir, Some(full));
    upstream.let_go();
    for (connection, answer) in &mut held {
        connection.read_on(answer, |_| false).unwrap();
        assert!(answer.said_done());
        ids.extend(answer.id());
    }
    until("a line that waits", || (weir.metric("weir_journal_up") == 0.0).then_some(()));
    assert_refused(&connection.chat(false).unwrap());
    let waiting = weir.metric("weir_in_flight");
    assert!(waiting > 0.0 && weir.metric("weir_recorded_total") + waiting == weir.metric("weir_accepted_total"));

    limit_files(&weir, None);
    until("a Weir that is ready again", || (weir.operator("/readyz").0 == 200).then_some(()));
    weir.quiet();
    ids.extend(connection.chat(false).unwrap().id());
    weir.stop();
    let audit = Audit::of(&setup.data_dir);
    ids.iter().for_each(|id| assert!(audit.fact(id).is_completed() && audit.fact(id).priced));
    assert_eq!(audit.facts.len(), ids.len());
}

fn limit_files(weir: &Weir, bytes: Option<u64>) {
    prlimit(Some(weir.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
