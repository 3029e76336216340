//! A configuration that is read again while Weir runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use weir::config::{hex, sha256};

use super::harness::{ANSWER, CHAT, PATIENCE, Process, Upstream, Weir, Wire, chat, json, provider, request, until};

fn number(weir: &Process, name: &str) -> u64 {
    weir.metrics().number(name)
}

/// Waits until so many configurations were read again with this result.
fn reloads(weir: &Process, result: &str, count: u64) {
    let name = format!("weir_config_reloads_total{{result=\"{result}\"}}");
    until("the configuration is read again", || (number(weir, &name) >= count).then_some(()));
    assert_eq!(number(weir, &name), count);
}

#[test]
fn sighup_reads_the_file_again_and_drops_nothing() {
    let (one, two) = (Upstream::answering(json(ANSWER)), Upstream::answering(json(ANSWER)));
    let mut weir = Process::start(&provider("one", &one, ""), &[]);
    let mut wire = Wire::connect(weir.listen);
    assert_eq!(wire.ask(chat(CHAT)).text(), ANSWER);
    let before = number(&weir, "weir_config_last_reload_success_timestamp_seconds");
    assert!(before > 1_700_000_000);

    weir.write(&(provider("one", &one, "models = [\"o*\"]") + &provider("two", &two, "default = true")));
    weir.hang_up();
    reloads(&weir, "applied", 1);
    assert_eq!(wire.ask(chat(CHAT)).text(), ANSWER, "on the same connection");
    assert_eq!(two.seen().len(), 1);
    assert_eq!(wire.ask(chat(r#"{"model":"o3"}"#)).status(), 200);
    assert_eq!((one.seen().len(), one.connections()), (2, 1), "the kept connection is used on");

    // What cannot be used is refused, with its reason, and what was before stays in force.
    for (broken, reason) in [
        ("[[providers]]\nname = \"x\"\nbase_ulr = \"http://x\"\n".to_owned(), "did you mean `base_url`?"),
        (String::new(), "providers: there is none"),
        ("durability = \"fsync\"\n".to_owned() + &provider("two", &two, ""), "durability"),
        ("max_in_flight = 7\n".to_owned() + &provider("two", &two, ""), "max_in_flight"),
    ] {
        let refused = number(&weir, "weir_config_reloads_total{result=\"refused\"}");
        weir.write(&broken);
        weir.hang_up();
        reloads(&weir, "refused", refused + 1);
        until("stderr says why", || weir.said().contains(reason).then_some(()));
        assert_eq!(number(&weir, "weir_config_last_reload_successful"), 0);
        assert_eq!(wire.ask(chat(CHAT)).text(), ANSWER);
    }
    assert_eq!(two.seen().len(), 5);
    weir.write(&provider("two", &two, ""));
    weir.hang_up();
    reloads(&weir, "applied", 2);
    assert_eq!(number(&weir, "weir_config_last_reload_successful"), 1);
    assert!(number(&weir, "weir_config_last_reload_success_timestamp_seconds") >= before);
    assert_eq!(weir.metrics().number("weir_recorded_total"), 7);
    weir.stop();
}

#[test]
fn a_changed_secret_is_noticed_by_itself() {
    let upstream = Upstream::answering(json(ANSWER));
    let dir = tempfile::TempDir::new().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, "sk-first").unwrap();
    let mut weir = Process::start(&provider("up", &upstream, &format!("api_key = \"file:{}\"", key.display())), &[]);
    let ask = |weir: &Process| Wire::connect(weir.listen).ask(chat(CHAT)).status();
    assert_eq!(ask(&weir), 200);
    fs::write(&key, "sk-second").unwrap();
    reloads(&weir, "applied", 1);
    assert_eq!(ask(&weir), 200);
    let shown: Vec<_> =
        upstream.seen().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(shown, ["Bearer sk-first", "Bearer sk-second"]);
    // Without its file the secret that was read stays in use; and when the file comes back it is read.
    fs::remove_file(&key).unwrap();
    reloads(&weir, "refused", 1);
    assert_eq!(ask(&weir), 200);
    fs::write(&key, "sk-third").unwrap();
    reloads(&weir, "applied", 2);
    assert_eq!(ask(&weir), 200);
    assert_eq!(upstream.seen()[3].header("authorization"), Some("Bearer sk-third"));
    let kept = weir.stop();
    for secret in ["sk-first", "sk-second", "sk-third"] {
        assert!(!kept.contains(secret), "{kept}");
    }
}

#[test]
fn a_config_maps_links_are_followed() {
    let (one, two) = (Upstream::answering(json(ANSWER)), Upstream::answering(json(ANSWER)));
    let mut weir = Process::start(&provider("one", &one, ""), &[]);
    // What the file was becomes the first version of a ConfigMap, as Kubernetes lays one out.
    let file = weir.file().to_owned();
    let dir = file.parent().unwrap().to_owned();
    let version = |name: &str, config: &str| {
        fs::create_dir(dir.join(name)).unwrap();
        fs::write(dir.join(name).join("weir.toml"), config).unwrap();
        symlink(name, dir.join("..data_tmp")).unwrap();
        fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
    };
    let whole = |config: &str| weir.complete(config);
    version("..1", &whole(&provider("one", &one, "")));
    symlink("..data/weir.toml", dir.join("link")).unwrap();
    fs::rename(dir.join("link"), &file).unwrap();
    reloads(&weir, "applied", 1);
    version("..2", &whole(&provider("two", &two, "")));
    reloads(&weir, "applied", 2);
    assert_eq!(Wire::connect(weir.listen).ask(chat(CHAT)).status(), 200);
    assert_eq!((one.seen().len(), two.seen().len()), (0, 1));
    assert!(Path::new(&file).is_symlink());
    weir.stop();
}

/// Two configurations that differ in everything that shows on a Record, swapped as fast as it goes under traffic.
#[test]
fn no_record_shows_two_configurations() {
    const CALLERS: usize = 3;
    let (one, two) = (Upstream::start(slow), Upstream::start(slow));
    let key = hex(&sha256(b"k"));
    let config = |name: &str, upstream: &Upstream, price: u32| {
        format!("instance = \"{name}\"\nthreads = 2\n{}", provider(name, upstream, ""))
            + &format!("[[routes]]\nmodel = \"m\"\ntargets = [{{ provider = \"{name}\", model = \"for-{name}\" }}]\n")
            + &format!("[pricing.\"for-{name}\"]\ninput = {price}\n")
            + &format!("[[keys]]\nname = \"{name}\"\nsha256 = \"{key}\"\n")
            + &format!("[[fields]]\nname = \"{name}_head\"\nfrom = \"const:{name}\"\nlabel = true\n")
            + &format!("[[fields]]\nname = \"{name}_body\"\nfrom = \"response_json:usage.total_tokens\"\n")
    };
    let configs = [config("one", &one, 1), config("two", &two, 2)];
    let mut weir = Weir::start(&configs[0]);
    let (over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let listen = weir.listen;
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let mut wire = Wire::connect(listen);
                while !over.load(Ordering::Relaxed) {
                    let headers = [("content-type", "application/json"), ("x-api-key", "k")];
                    let ask = request("POST /v1/chat/completions", &headers, r#"{"model":"m"}"#);
                    assert_eq!(wire.ask(ask).status(), 200);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let started = std::time::Instant::now();
        let mut swaps = 0;
        while (asked.load(Ordering::Relaxed) < 300 || swaps < 100) && started.elapsed() < PATIENCE {
            swaps += 1;
            weir.reload(&configs[swaps % 2]).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        over.store(true, Ordering::Relaxed);
    });
    let records = weir.settled(asked.load(Ordering::Relaxed));
    let mut seen = [0, 0];
    for record in &records {
        let name = record["instance"].as_str().unwrap();
        let (index, cost) = if name == "one" { (0, 0.025) } else { (1, 0.05) };
        assert_eq!(record["provider"], name, "{record}");
        assert_eq!(record["target"], format!("for-{name}"), "{record}");
        assert_eq!(record["price_id"], format!("config:for-{name}"), "{record}");
        assert_eq!(record["cost_usd"], cost, "{record}");
        assert_eq!(record["key"], name, "{record}");
        let other = if name == "one" { "two" } else { "one" };
        assert_eq!((&record[format!("{name}_head")], &record[format!("{name}_body")]), (&name.into(), &"175".into()));
        assert!(!record.to_string().contains(&format!("{other}_")), "{record}");
        seen[index] += 1;
    }
    assert!(seen.iter().all(|count| *count > 10), "both were in force: {seen:?}");
}

/// Answers in two pieces, so that many a configuration comes in the middle of an answer.
fn slow(_: &super::harness::Message, peer: &mut super::harness::Peer) {
    let whole = json(ANSWER);
    let (first, second) = whole.split_at(whole.len() / 2);
    peer.send(first);
    std::thread::sleep(Duration::from_millis(3));
    peer.send(second);
}

#[test]
fn a_newer_catalogue_of_prices_is_noticed_by_itself() {
    let upstream = Upstream::answering(json(ANSWER));
    let mut weir = Process::start(&provider("up", &upstream, ""), &[]);
    let age = |weir: &Process| number(weir, "weir_config_last_reload_success_timestamp_seconds");
    let before = age(&weir);
    let catalogue = "# weir prices 1\n# L 2400-01-01 somebody\np\tm\tL\tinput=1\n";
    fs::write(weir.file().parent().unwrap().join("data/prices.tsv"), catalogue).unwrap();
    reloads(&weir, "applied", 1);
    assert!(age(&weir) >= before);
    weir.stop();
}
