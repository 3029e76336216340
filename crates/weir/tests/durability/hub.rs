//! A hub has each Record of the Weirs that feed it once, under its number, whichever side is killed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::audit::bytes;
use crate::caller::Connection;
use crate::process::{Setup, Weir, simulated_provider};
use crate::until;

const LAG: &str = "weir_follower_lag_lines{follower=\"hub\"}";

/// The lines that a hub has, in the order of their journals.
fn brought(hub: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for journal in store::data_dir::journals(hub).unwrap().iter().filter(|journal| journal.starts_with(hub.join("hub")))
    {
        store::journal::scan(journal, 0, |_, line| {
            all.extend_from_slice(line);
            all.push(b'\n');
        })
        .unwrap();
    }
    all
}

/// Asks for as long as it is answered.
fn ask(to: std::net::SocketAddr, stop: &AtomicBool) {
    let Ok(mut connection) = Connection::open(to) else { return };
    while !stop.load(Ordering::Relaxed) && connection.chat(false).is_ok_and(|answer| answer.whole) {
        std::thread::yield_now();
    }
}

fn caught_up(weir: &Weir) {
    weir.quiet();
    until("a hub that has everything", || (weir.metric(LAG) == 0.0).then_some(()));
}

#[test]
fn each_record_is_in_the_hub_once_whoever_is_killed() {
    let rounds: u32 = std::env::var("WEIR_KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let (root, provider) = (tempfile::tempdir().unwrap(), simulated_provider());
    let token = root.path().join("token");
    std::fs::write(&token, "a secret of both\n").unwrap();
    let (hub_root, weir_root) = (root.path().join("h"), root.path().join("w"));
    std::fs::create_dir(&hub_root).unwrap();
    std::fs::create_dir(&weir_root).unwrap();
    let hub = format!("[hub]\ntoken = \"file:{}\"\n", token.display());
    let hub = Setup::new(&hub_root, &hub_root.join("data"), provider.callers, "", &hub);
    let mut hub_at_work = hub.start();
    let hub = hub.with_admin_listen(hub_at_work.operators);
    let follower = format!(
        "[[followers]]\nkind = \"weir\"\nurl = \"http://{}\"\nbearer_token = \"file:{}\"\nbatch_wait = \"20ms\"\n",
        hub_at_work.operators,
        token.display()
    );
    let setup =
        Setup::new(&weir_root, &weir_root.join("data"), provider.callers, "instance = \"replica/1\"", &follower);
    let mut weir = setup.start();
    for round in 0..rounds {
        let (stop, callers) = (AtomicBool::new(false), weir.callers);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| ask(callers, &stop));
            }
            let before = brought(&hub.data_dir).len();
            until("Records in the hub", || (brought(&hub.data_dir).len() > before + 20_000).then_some(()));
            std::thread::sleep(Duration::from_millis(fastrand::u64(0..50)));
            if round % 2 == 0 {
                hub_at_work.kill();
                std::thread::sleep(Duration::from_millis(50));
            }
            stop.store(true, Ordering::Relaxed);
            if round % 3 != 0 {
                weir.kill();
            }
        });
        if round % 2 == 0 {
            hub_at_work = hub.start();
        }
        if round % 3 != 0 {
            weir = setup.start();
        }
        caught_up(&weir);
        assert!(brought(&hub.data_dir) == bytes(&setup.data_dir), "the hub has other lines than the Weir");
    }
    // Questions of the hub find them; its own counters do not.
    let (_, found) = hub_at_work.operator("/loki/api/v1/series?match[]=%7Binstance%3D%22replica/1%22%7D");
    assert!(found.contains("replica/1"), "{found}");
    assert_eq!(hub_at_work.metric("weir_recorded_total"), 0.0);
    let lines = memchr::memchr_iter(b'\n', &brought(&hub.data_dir)).count();
    println!("killed {rounds} times: {lines} Records in the hub");
    weir.stop();
    hub_at_work.stop();
}

#[test]
fn a_hub_takes_nothing_without_its_token() {
    let (root, provider) = (tempfile::tempdir().unwrap(), simulated_provider());
    let token = root.path().join("token");
    std::fs::write(&token, "right\n").unwrap();
    let hub = format!("[hub]\ntoken = \"file:{}\"\n", token.display());
    let hub = Setup::new(root.path(), &root.path().join("data"), provider.callers, "", &hub).start();
    let answer = Connection::open(hub.operators).unwrap().ask("POST", "/api/v1/hub", "{}\n{}\n").unwrap();
    assert_eq!(answer.status, 401);
    hub.stop();
    let none = Setup::new(root.path(), &root.path().join("other"), provider.callers, "", "").start();
    let answer = Connection::open(none.operators).unwrap().ask("POST", "/api/v1/hub", "{}\n{}\n").unwrap();
    assert_eq!(answer.status, 404);
    none.stop();
}
