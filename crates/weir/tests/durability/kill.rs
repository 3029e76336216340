//! Kill -9 under load, again and again on one data directory.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::audit::Audit;
use crate::caller::{Connection, chat};
use crate::process::{Setup, Weir, simulated_provider};
use crate::until;

/// Connections that ask for whole answers, and as many that ask for streams.
const CALLERS: usize = 4;
/// Answers that are received in full before the process is killed.
const ANSWERS: usize = 100;

/// What a caller knows of a request that was answered, in part at least.
#[derive(Debug)]
struct Seen {
    id: String,
    /// Whether the answer was received to its end.
    whole: bool,
}

#[test]
fn killed_under_load() {
    let rounds = std::env::var("WEIR_KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let totals = kill_again_and_again(rounds, "", "");
    assert!(totals.killed > 0, "no request was ever in flight: {totals:?}");
}

#[test]
fn killed_while_answers_wait_for_the_disk() {
    kill_again_and_again(1, "durability = \"fsync\"", "[journal]\nrotate_bytes = \"64 KiB\"");
}

#[test]
fn killed_while_the_journal_begins_new_files() {
    let totals = kill_again_and_again(3, "", "[journal]\nrotate_bytes = \"64 KiB\"");
    assert!(totals.files > 2, "{totals:?}");
}

#[derive(Debug, Default)]
struct Totals {
    whole: usize,
    killed: usize,
    files: usize,
}

fn kill_again_and_again(rounds: u32, top: &str, tables: &str) -> Totals {
    let root = tempfile::tempdir().unwrap();
    let provider = simulated_provider();
    let top = format!("max_in_flight = 256\n{top}");
    let setup = Setup::new(root.path(), &root.path().join("data"), provider.callers, &top, tables);
    let mut audit = Audit::new(&setup.data_dir);
    let mut totals = Totals::default();
    let mut weir = setup.start();
    for round in 1..=rounds {
        let seen = load_until_killed(&mut weir);
        kill_while_starting(&setup);
        weir = setup.start();
        let before = audit.facts.len();
        audit.catch_up();
        check(&audit, &seen);
        // Beside what callers saw there is at most what had not been answered yet, one for each of them.
        let new = audit.facts.len() - before;
        assert!((seen.len()..=seen.len() + 2 * CALLERS).contains(&new), "{new} Records of {} requests", seen.len());
        totals.whole += seen.iter().filter(|seen| seen.whole).count();
        totals.killed = audit.count(|fact| fact.is_killed());
        if rounds > 3 {
            println!("round {round}: {} answered in full, {} killed so far", totals.whole, totals.killed);
        }
    }
    let (completed, all) = (audit.count(|fact| fact.is_completed()), audit.facts.len());
    assert_eq!(completed + totals.killed, all, "a Record that is neither completed nor killed");
    weir.stop();
    // Once more from the beginning: nothing that was read before has changed.
    assert_eq!(Audit::of(&setup.data_dir).facts, audit.facts);
    totals.files = crate::audit::files(&setup.data_dir.join("journal")).len();
    totals
}

/// Whole answers and streams on several connections, and then kill -9. Returns what callers had seen by then.
fn load_until_killed(weir: &mut Weir) -> Vec<Seen> {
    let (seen, whole) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let address = weir.callers;
    std::thread::scope(|scope| {
        for caller in 0..2 * CALLERS {
            let (seen, whole) = (&seen, &whole);
            scope.spawn(move || {
                let mut connection = Connection::open(address).unwrap();
                while let Some(one) = ask(&mut connection, caller % 2 == 1) {
                    let broken = !one.whole;
                    seen.lock().unwrap().push(one);
                    if broken {
                        break;
                    }
                    whole.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until("answers", || (whole.load(Ordering::Relaxed) >= ANSWERS).then_some(()));
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..100)));
        weir.kill();
    });
    seen.into_inner().unwrap()
}

/// Asks once; `None` where not even the head of an answer came.
fn ask(connection: &mut Connection, stream: bool) -> Option<Seen> {
    let mut answer = connection.begin("POST", "/v1/chat/completions", &chat(stream, "")).ok()?;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Where it breaks off is where the process was killed.
    let _ = connection.read_on(&mut answer, |_| false);
    let whole = if stream { answer.said_done() } else { answer.whole };
    Some(Seen { id: answer.id().unwrap(), whole })
}

/// A process that is killed while it starts and recovers leaves the same to the next one.
fn kill_while_starting(setup: &Setup) {
    for _ in 0..fastrand::usize(1..4) {
        let mut weir = setup.spawn();
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..40_000)));
        weir.kill();
    }
}

fn check(audit: &Audit, seen: &[Seen]) {
    for one in seen {
        let fact = audit.fact(&one.id);
        if one.whole {
            assert!(fact.is_completed() && fact.priced, "{one:?} was answered in full, and its Record says {fact:?}");
        } else {
            assert!(fact.is_completed() || fact.is_killed(), "{one:?} broke off, and its Record says {fact:?}");
        }
    }
}

#[test]
fn what_was_not_printed_is_printed_after_the_restart() {
    let root = tempfile::tempdir().unwrap();
    let upstream = crate::upstream::Upstream::start();
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", "");
    // Nobody reads the pipe, so at some point lines are left in the journal.
    let mut weir = setup.start_with(Stdio::piped());
    let stdout = weir.stdout();
    let mut connection = weir.connect();
    (0..400).for_each(|_| assert!(connection.chat(false).unwrap().whole));
    weir.kill();
    let first = crate::process::read_all(stdout).join().unwrap();
    let mut weir = setup.start_with(Stdio::piped());
    let rest = crate::process::read_all(weir.stdout());
    weir.stop();
    let (rest, journal) = (rest.join().unwrap(), crate::audit::bytes(&setup.data_dir));
    assert!(first.len() < journal.len() && journal.starts_with(&first), "{} bytes were printed", first.len());
    // Lines of which the dead process could not say that it had printed them come again; none is left out.
    let again = first.len() + rest.len() - journal.len();
    assert!(journal.ends_with(&rest) && again <= first.len(), "{again} bytes came again");
}
