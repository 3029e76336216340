//! What was pushed and answered with 204 is there after kill -9, once.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use crate::process::{Setup, simulated_provider};
use crate::until;

const SENDERS: usize = 4;
const ANSWERS: usize = 100;

/// Behind each line, so that files of the log are full soon and become segments.
const PADDING: usize = 60 << 10;

/// Pushes one line; whether it was answered with 204.
fn push(to: SocketAddr, line: &str) -> Option<bool> {
    let line = format!("{line} {}", "x".repeat(PADDING));
    let body = format!(
        "{{\"streams\":[{{\"stream\":{{\"app\":\"kept\"}},\"values\":[[\"1795400000000000000\",\"{line}\"]]}}]}}"
    );
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

#[test]
fn what_was_answered_is_kept_through_kills() {
    let rounds: u32 = std::env::var("WEIR_KILL_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    // What an answer can hold.
    let rounds = rounds.min(40);
    let (root, provider) = (tempfile::tempdir().unwrap(), simulated_provider());
    let setup = Setup::new(root.path(), &root.path().join("data"), provider.callers, "", "");
    let (kept, sent) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    let mut weir = setup.start();
    for round in 0..rounds {
        let (to, before) = (weir.operators, kept.lock().unwrap().len());
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (kept, sent) = (&kept, &sent);
                scope.spawn(move || {
                    for number in 0.. {
                        let line = format!("{round}-{sender}-{number}");
                        sent.lock().unwrap().insert(line.clone());
                        match push(to, &line) {
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
        let (_, found) = weir.operator(
            "/loki/api/v1/query_range?query=%7Bapp%3D%22kept%22%7D%20%7C%20pattern%20%22%3Cid%3E%20%3C_%3E%22%20%7C%20line_format%20%22%7B%7B.id%7D%7D%22&start=1795399999000000000&end=1795400001000000000&limit=5000",
        );
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let values =
            found["data"]["result"].as_array().unwrap().iter().flat_map(|s| s["values"].as_array().unwrap().clone());
        let lines: Vec<String> = values.map(|value| value[1].as_str().unwrap().to_owned()).collect();
        let once: BTreeSet<String> = lines.iter().cloned().collect();
        assert_eq!(once.len(), lines.len(), "a line is there twice");
        assert!(lines.len() < 5000, "more rounds than the limit of an answer allows");
        assert!(kept.lock().unwrap().is_subset(&once), "a line that was answered is gone");
        assert!(once.is_subset(&sent.lock().unwrap()));
    }
    until("something is sealed", || (weir.metric("weir_store_lines{of=\"pushed\"}") > 0.0).then_some(()));
    weir.stop();
}
