//! Records in Loki: each line once, whatever happens to Loki, to the way there and to Weir.

mod message;
mod server;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::audit::{Audit, bytes};
use crate::caller::{Connection, chat};
use crate::process::{Setup, Weir, simulated_provider, weir};
use crate::until;
use crate::upstream::Upstream;
use server::{Loki, Mood};

const LAG: &str = "weir_follower_lag_lines{follower=\"loki\"}";
const ERRORS: &str = "weir_follower_errors_total{follower=\"loki\"}";
const DEAD: &str = "weir_follower_dead_letters_total{follower=\"loki\"}";

/// A follower of this Loki that does not wait long; `more` is further settings.
fn follower(loki: &Loki, more: &str) -> String {
    format!(
        "[[followers]]\nkind = \"loki\"\nurl = \"http://{}\"\nbatch_wait = \"30ms\"\nbatch_lines = 7\n{more}\n",
        loki.address
    )
}

/// The journal's lines.
fn journal(data_dir: &Path) -> Vec<String> {
    String::from_utf8(bytes(data_dir)).unwrap().lines().map(str::to_owned).collect()
}

/// Waits until Loki has everything.
fn caught_up(weir: &Weir) {
    weir.quiet();
    until("a Loki that has everything", || (weir.metric(LAG) == 0.0).then_some(()));
}

fn ask(weir: &Weir, user: &str) {
    let answer = weir.connect().ask("POST", "/v1/chat/completions", &chat(false, user)).unwrap();
    assert_eq!((answer.status, answer.whole), (200, true));
}

#[test]
fn each_line_is_in_loki_once_through_outages_and_kills() {
    let root = tempfile::tempdir().unwrap();
    let (provider, loki) = (simulated_provider(), Loki::start(Mood::Fine));
    let follower = follower(&loki, "timeout = \"2s\"");
    let setup = Setup::new(root.path(), &root.path().join("data"), provider.callers, "instance = \"w\"", &follower);
    let mut weir = setup.start();
    for killed_in in [
        Mood::Silent(true),
        Mood::Fine,
        Mood::Silent(false),
        Mood::Slow(Duration::from_millis(50)),
        Mood::HangsUp(true),
        Mood::Says(429, Some(1)),
        Mood::Says(503, None),
    ] {
        loki.set(Mood::Fine);
        let stop = AtomicBool::new(false);
        let address = weir.callers;
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut connection = Connection::open(address).unwrap();
                    while !stop.load(Ordering::Relaxed) && connection.chat(false).is_ok_and(|answer| answer.whole) {
                        std::thread::yield_now();
                    }
                });
            }
            let wait_for = |pushes: usize| {
                let before = loki.pushes();
                until("pushes", || (loki.pushes() >= before + pushes).then_some(()));
            };
            wait_for(5);
            loki.set(killed_in);
            // The next one is under way, or has failed in a way that Weir does not know the outcome of.
            wait_for(1);
            weir.kill();
            stop.store(true, Ordering::Relaxed);
        });
        weir = setup.start();
    }
    loki.set(Mood::HangsUp(true));
    ask(&weir, "");
    until("an answer that is lost", || (weir.metric(ERRORS) > 0.0).then_some(()));
    loki.set(Mood::Fine);
    caught_up(&weir);
    weir.stop();
    let (expected, seen) = (journal(&setup.data_dir), loki.seen());
    assert!(seen.faults.is_empty(), "{:#?}", &seen.faults[..seen.faults.len().min(5)]);
    assert!(seen.again > 0, "nothing was ever sent twice, so nothing was tested");
    drop(seen);
    assert!(expected.len() > 100 && Audit::of(&setup.data_dir).facts.len() == expected.len());
    assert_eq!(loki.lines(), expected);
}

fn replay(setup_root: &Path, data_dir: &Path) -> (i32, String) {
    let config = setup_root.join("weir.toml");
    let Output { status, stdout, stderr } =
        weir().arg("replay").arg("--config").arg(config).arg("--data-dir").arg(data_dir).output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn what_loki_refuses_is_set_aside_and_sent_again() {
    let root = tempfile::tempdir().unwrap();
    let (upstream, loki) = (Upstream::start(), Loki::start(Mood::Refuses(|line| line.contains("\"user_id\":\"bad\""))));
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", &follower(&loki, ""));
    let weir = setup.start();
    assert!(weir.said().contains("there is no instance"), "{}", weir.said());
    for number in 0..30 {
        ask(&weir, if number % 10 == 4 { "bad" } else { "good" });
    }
    caught_up(&weir);
    let is_bad = |line: &String| line.contains("\"user_id\":\"bad\"");
    let (good, bad): (Vec<_>, Vec<_>) = journal(&setup.data_dir).into_iter().partition(|line| !is_bad(line));
    assert_eq!((loki.lines(), bad.len()), (good, 3));
    assert_eq!(weir.metric(DEAD), 3.0);
    assert!(weir.said().contains("400 entry is not to my liking"), "{}", weir.said());

    let file = setup.data_dir.join("followers/loki.dead.jsonl");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let letters = std::fs::read_to_string(&file).unwrap();
    assert!(letters.lines().zip(&bad).all(|(letter, line)| letter.contains(line.as_str())), "{letters}");
    assert_eq!(replay(root.path(), &setup.data_dir), (1, "loki: 0 lines sent, 3 refused again\n".to_owned()));
    loki.set(Mood::Fine);
    loki.seen().any_order = true;
    assert_eq!(replay(root.path(), &setup.data_dir), (0, "loki: 3 lines sent, 0 refused again\n".to_owned()));
    assert_eq!(replay(root.path(), &setup.data_dir), (0, "loki: 0 lines sent, 0 refused again\n".to_owned()));
    assert_eq!(loki.lines(), journal(&setup.data_dir));
    assert!(!file.exists() && loki.seen().faults.is_empty(), "{:?}", loki.seen().faults);
    weir.stop();
}

#[test]
fn a_replay_that_reaches_nobody_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (upstream, loki) = (Upstream::start(), Loki::start(Mood::Refuses(|_| true)));
    let more = follower(&loki, "timeout = \"200ms\"\ndead_letter_bytes = \"2 kB\"");
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", &more);
    let weir = setup.start();
    for _ in 0..5 {
        ask(&weir, "");
    }
    caught_up(&weir);
    let dropped = weir.metric("weir_follower_dead_letters_dropped_total{follower=\"loki\"}");
    let kept = weir.metric(DEAD);
    assert!(kept >= 1.0 && dropped >= 1.0 && kept + dropped == 5.0, "{kept} {dropped}");
    loki.set(Mood::Says(401, None));
    let (code, said) = replay(root.path(), &setup.data_dir);
    assert!(code == 1 && said.contains("401") && said.contains("stay where they are"), "{said}");
    loki.set(Mood::Fine);
    loki.seen().any_order = true;
    assert_eq!(replay(root.path(), &setup.data_dir), (0, format!("loki: {kept} lines sent, 0 refused again\n")));
    assert_eq!(loki.lines().len() as f64, kept);
    weir.stop();
}

#[test]
fn a_loki_that_is_away_or_cross_touches_no_request_and_loses_no_line() {
    let root = tempfile::tempdir().unwrap();
    let (upstream, loki) = (Upstream::start(), Loki::start(Mood::Silent(false)));
    let more = follower(&loki, "timeout = \"200ms\"");
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "instance = \"w\"", &more);
    let weir = setup.start();
    for (number, mood) in [Mood::Silent(false), Mood::Says(401, None), Mood::Says(404, None), Mood::Says(500, None)]
        .into_iter()
        .enumerate()
    {
        loki.set(mood);
        ask(&weir, "");
        let (before, errors) = (loki.pushes(), weir.metric(ERRORS));
        until("a push that fails", || (loki.pushes() > before && weir.metric(ERRORS) > errors).then_some(()));
        assert_eq!(weir.metric(LAG), (number + 1) as f64, "{}", weir.said());
    }
    assert!(weir.said().contains("no answer within 200.0ms; trying again"), "{}", weir.said());
    loki.set(Mood::Fine);
    caught_up(&weir);
    assert!(weir.said().contains("loki: delivers again"), "{}", weir.said());
    assert_eq!((loki.lines(), weir.metric(DEAD)), (journal(&setup.data_dir), 0.0));
    assert!(loki.seen().faults.is_empty(), "{:?}", loki.seen().faults);
    weir.stop();
}

#[test]
fn a_busy_loki_is_left_alone_for_as_long_as_it_says() {
    let root = tempfile::tempdir().unwrap();
    let (upstream, loki) = (Upstream::start(), Loki::start(Mood::Says(429, Some(2))));
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", &follower(&loki, ""));
    let weir = setup.start();
    ask(&weir, "");
    until("two pushes", || (loki.pushes() >= 2).then_some(()));
    loki.set(Mood::Fine);
    caught_up(&weir);
    weir.stop();
    let seen = loki.seen();
    for pair in seen.pushes.windows(2).filter(|pair| pair[0].1 == 429) {
        assert!(pair[1].0 - pair[0].0 >= Duration::from_secs(2), "{:?}", seen.pushes);
    }
}

#[test]
fn what_was_gathered_is_delivered_on_the_way_down() {
    let root = tempfile::tempdir().unwrap();
    let (upstream, loki) = (Upstream::start(), Loki::start(Mood::Fine));
    let more = follower(&loki, "").replace("30ms", "1h");
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, "", &more);
    let weir = setup.start();
    (0..3).for_each(|_| ask(&weir, ""));
    weir.quiet();
    assert_eq!(loki.pushes(), 0);
    weir.stop();
    assert_eq!((loki.lines(), loki.pushes()), (journal(&setup.data_dir), 1));
}

#[test]
fn a_line_has_its_labels_and_metadata() {
    let root = tempfile::tempdir().unwrap();
    let (upstream, loki) = (Upstream::start(), Loki::start(Mood::Fine));
    let secret = root.path().join("secret");
    std::fs::write(&secret, "sesame\n").unwrap();
    let login = format!("tenant = \"t1\"\nusername = \"me\"\npassword = \"file:{}\"\n", secret.display());
    let tables = follower(&loki, &format!("{login}labels = {{ app = \"proxy\", cluster = \"eu\" }}"))
        + "[[fields]]\nname = \"team\"\nfrom = \"const:search \\\"x\\\"\"\nlabel = true\n";
    let top = "instance = \"weir-1\"";
    let setup = Setup::new(root.path(), &root.path().join("data"), upstream.address, top, &tables);
    let weir = setup.start();
    ask(&weir, "alice");
    weir.connect().ask("POST", "/v1/chat/completions", "nonsense").unwrap();
    caught_up(&weir);
    let seen = loki.seen();
    assert!(seen.faults.is_empty(), "{:?}", seen.faults);
    assert_eq!(
        (seen.headers["x-scope-orgid"].as_str(), seen.headers["authorization"].as_str()),
        ("t1", "Basic bWU6c2VzYW1l")
    );
    let labels = |row: usize| {
        let labels = seen.rows[row].labels.iter().map(|(name, value)| format!("{name}={value}"));
        labels.collect::<Vec<_>>().join(" ")
    };
    let common = "instance=weir-1 level";
    assert_eq!(
        labels(0),
        format!(
            "app=proxy cluster=eu event=llm_request_completed {common}=info namespace=llm provider=test team=search \"x\""
        )
    );
    assert!(labels(1).contains("event=llm_request_failed") && labels(1).contains("level=error"), "{}", labels(1));
    assert!(!labels(1).contains("provider"), "nobody was asked: {}", labels(1));
    let record: serde_json::Value = serde_json::from_str(&seen.rows[0].line).unwrap();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let names: Vec<_> = seen.rows[0].metadata.keys().map(String::as_str).collect();
    for name in
        ["request_id", "model", "input_tokens", "output_tokens", "total_tokens", "cost_usd", "user_id", "status_code"]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    for (name, value) in &seen.rows[0].metadata {
        assert_eq!(*value, text(&record[name]), "{name}");
    }
    drop(seen);
    weir.stop();
}

#[test]
fn two_weirs_differ_by_their_instance() {
    let loki = Loki::start(Mood::Fine);
    let weirs: Vec<_> = ["a", "b"]
        .into_iter()
        .map(|name| {
            let (root, upstream) = (tempfile::tempdir().unwrap(), Upstream::start());
            let top = format!("instance = \"{name}\"");
            let setup =
                Setup::new(root.path(), &root.path().join("data"), upstream.address, &top, &follower(&loki, ""));
            let weir = setup.start();
            ask(&weir, name);
            caught_up(&weir);
            weir.stop();
            (root, upstream, journal(&setup.data_dir))
        })
        .collect();
    let seen = loki.seen();
    for (row, (_, _, journal)) in seen.rows.iter().zip(&weirs) {
        assert_eq!(vec![row.line.clone()], *journal);
    }
    let instances: Vec<_> = seen.rows.iter().map(|row| row.labels["instance"].as_str()).collect();
    assert_eq!(instances, ["a", "b"]);
}
