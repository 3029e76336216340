//! What was pushed and answered with 204 is there after kill -9, once.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use crate::process::{Setup, Weir, simulated_provider};
use crate::until;

const SENDERS: usize = 4;
const ANSWERS: usize = 100;

/// Behind each line, so that files of the log are full soon and become segments.
const PADDING: usize = 60 << 10;

/// The time of the first round's lines, in nanoseconds since 1970; each round has its own.
const BEGIN: u64 = 1_795_400_000_000_000_000;

/// So many rounds are asked for at once.
const TOGETHER: u64 = 8;

/// As many lines as are asked for at most.
const LIMIT: usize = 5000;

/// Pushes one line; whether it was answered with 204.
fn push(to: SocketAddr, round: u64, line: &str) -> Option<bool> {
    let (at, line) = (BEGIN + round, format!("{line} {}", "x".repeat(PADDING)));
    let body = format!("{{\"streams\":[{{\"stream\":{{\"app\":\"kept\"}},\"values\":[[\"{at}\",\"{line}\"]]}}]}}");
    let head = format!(
        "POST /loki/api/v1/push HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(to).ok()?;
    socket.write_all((head + &body).as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    Some(answer.starts_with("HTTP/1.1 204"))
}

/// What a Weir has of these rounds, each line once.
fn found(weir: &Weir, rounds: Range<u64>) -> BTreeSet<String> {
    let query = r#"{app="kept"} | pattern "<id> <_>" | line_format "{{.id}}""#;
    let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut all = BTreeSet::new();
    for first in rounds.clone().step_by(TOGETHER as usize) {
        let (start, end) = (BEGIN + first, BEGIN + (first + TOGETHER).min(rounds.end));
        let path = format!("/loki/api/v1/query_range?query={query}&start={start}&end={end}&limit={LIMIT}");
        let (_, answer) = weir.operator(&path);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let streams = answer["data"]["result"].as_array().unwrap();
        let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
        let lines: Vec<String> = values.map(|value| value[1].as_str().unwrap().to_owned()).collect();
        assert!(lines.len() < LIMIT, "more rounds than the limit of an answer allows");
        for line in lines {
            assert!(all.insert(line.clone()), "{line} is there twice");
        }
    }
    all
}

/// The round of a line.
fn round(line: &str) -> u64 {
    line.split('-').next().unwrap().parse().unwrap()
}

#[test]
fn what_was_answered_is_kept_through_kills() {
    let rounds: u64 = std::env::var("WEIR_KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let (root, provider) = (tempfile::tempdir().unwrap(), simulated_provider());
    let setup = Setup::new(root.path(), &root.path().join("data"), provider.callers, "", "");
    let (kept, sent) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    let mut weir = setup.start();
    let check = |weir: &Weir, of: Range<u64>| {
        let (found, within) = (found(weir, of.clone()), |line: &&String| of.contains(&round(line)));
        let (kept, sent) = (kept.lock().unwrap(), sent.lock().unwrap());
        assert!(kept.iter().filter(within).all(|line| found.contains(line)), "a line that was answered is gone");
        assert!(found.is_subset(&sent), "a line that was never sent");
    };
    for round in 0..rounds {
        let (to, before) = (weir.operators, kept.lock().unwrap().len());
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (kept, sent) = (&kept, &sent);
                scope.spawn(move || {
                    for number in 0.. {
                        let line = format!("{round}-{sender}-{number}");
                        sent.lock().unwrap().insert(line.clone());
                        match push(to, round, &line) {
                            Some(true) => drop(kept.lock().unwrap().insert(line)),
                            _ => break,
                        }
                    }
                });
            }
            until("answers", || (kept.lock().unwrap().len() >= before + ANSWERS).then_some(()));
            std::thread::sleep(Duration::from_millis(fastrand::u64(0..50)));
            weir.kill();
        });
        weir = setup.start();
        check(&weir, (round + 1).saturating_sub(TOGETHER)..round + 1);
    }
    check(&weir, 0..rounds);
    until("something is sealed", || (weir.metric("weir_store_lines{of=\"pushed\"}") > 0.0).then_some(()));
    weir.stop();
    let (kept, sent) = (kept.into_inner().unwrap().len(), sent.into_inner().unwrap().len());
    println!("killed {rounds} times: {kept} lines answered, {} under way", sent - kept);
}
