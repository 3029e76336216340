//! Followers: the way to Loki, and what is said of them before they are on it. What they bring there is proven with the
//! binary, in `durability/loki.rs`.

use std::process::Command;

use super::harness::{ANSWER, Authority, CHAT, Upstream, Weir, answer, json, provider, until};

const STORED: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const LAG: &str = "weir_follower_lag_lines{follower=\"loki\"}";
const ERRORS: &str = "weir_follower_errors_total{follower=\"loki\"}";
const DEAD: &str = "weir_follower_dead_letters_total{follower=\"loki\"}";

fn follower(loki: &Upstream, more: &str) -> String {
    let url = loki.url().replace("/v1", "");
    format!("[[followers]]\nkind = \"loki\"\nurl = \"{url}\"\nbatch_wait = \"0ms\"\n{more}\n")
}

fn delivered(weir: &Weir, lines: usize) {
    weir.settled(lines);
    until("everything is delivered", || (weir.metrics().number(LAG) == 0).then_some(()));
}

fn failed(weir: &Weir) {
    until("a delivery has failed", || (weir.metrics().number(ERRORS) > 0).then_some(()));
}

#[test]
fn a_loki_behind_tls_is_trusted_by_ca_file_alone_and_sees_the_secret_of_now() {
    let (authority, upstream) = (Authority::new(), Upstream::answering(json(ANSWER)));
    let loki = Upstream::start_tls(&authority, |_, peer| peer.send(STORED));
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "first\n").unwrap();
    let more = format!("ca_file = {:?}\nbearer_token = \"file:{}\"", authority.cert(), token.display());
    let trusting = provider("up", &upstream, "") + &follower(&loki, &more);
    let weir = Weir::start(&trusting);
    weir.chat(CHAT);
    delivered(&weir, 1);
    std::fs::write(&token, "second\n").unwrap();
    weir.chat(CHAT);
    delivered(&weir, 2);
    let seen = loki.seen();
    let shown: Vec<_> = seen.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!((shown, loki.connections()), (vec!["Bearer first", "Bearer second"], 1));
    assert!(weir.metrics().number("weir_follower_bytes_total{follower=\"loki\"}") > 1000);

    let stranger = Authority::new();
    let other = trusting.replace(authority.cert().to_str().unwrap(), stranger.cert().to_str().unwrap());
    let weir = Weir::start(&other);
    weir.chat(CHAT);
    weir.settled(1);
    failed(&weir);
    assert_eq!(weir.metrics().number(LAG), 1);
    assert_eq!(loki.seen().len(), 2);
}

#[test]
fn strange_answers_lose_no_line() {
    let endless = "HTTP/1.1 204 X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let long = answer("204 No Content", "text/plain", "");
    for (bytes, stored) in [
        (b"220 mail.example.com ESMTP\r\n\r\n".to_vec(), false),
        (b"HTTP/1.1 2".to_vec(), false),
        (b"".to_vec(), false),
        (b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n".to_vec(), false),
        ([b"HTTP/1.1 500 X\r\ncontent-length: 99999999\r\n\r\n".as_slice(), &[b'x'; 200_000]].concat(), false),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nless".to_vec(), true),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 X\r\n\r\n".to_vec(), true),
        (endless.as_bytes().to_vec(), true),
        (long, true),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let upstream = Upstream::answering(json(ANSWER));
        let loki = Upstream::start(move |_, peer| {
            peer.try_send(&bytes);
            peer.close();
        });
        let weir = Weir::start(&(provider("up", &upstream, "") + &follower(&loki, "timeout = \"5s\"")));
        weir.chat(CHAT);
        if stored {
            delivered(&weir, 1);
        } else {
            weir.settled(1);
            failed(&weir);
            assert_eq!(weir.metrics().number(LAG), 1, "{shown}");
        }
        assert_eq!(weir.metrics().number(DEAD), 0, "{shown}");
    }
}

#[test]
fn followers_stay_what_they_are_while_weir_runs() {
    let (upstream, loki) = (Upstream::answering(json(ANSWER)), Upstream::answering(STORED));
    let config = provider("up", &upstream, "") + &follower(&loki, "");
    let mut weir = Weir::start(&config);
    weir.reload(&format!("instance = \"x\"\n{config}")).unwrap();
    let error = weir.reload(&config.replace("0ms", "1ms")).unwrap_err().to_string();
    assert!(error.starts_with("followers: ") && error.contains("start Weir anew"), "{error}");
}

#[test]
fn two_ways_to_one_loki_and_a_weir_without_a_name_are_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let check = |top: &str| {
        let config = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n[[followers]]\nkind = \"loki\"\nurl = \"http://l\"\n";
        std::fs::write(dir.path().join("weir.toml"), format!("{top}\n{config}")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_weir")).arg("check").current_dir(dir.path()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let said = check("");
    for part in ["loki to http://l/loki/api/v1/push", "each line arrives twice", "without an instance"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let said = check("stdout = false\ninstance = \"x\"");
    assert!(!said.contains("twice") && !said.contains("instance"), "{said}");
}
