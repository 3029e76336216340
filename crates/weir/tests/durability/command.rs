//! What the command line promises.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use crate::audit::Audit;
use crate::caller::{Connection, chat};
use crate::process::{Weir, weir};
use crate::until;

/// `weir serve` in an empty environment: no test sees the keys of its surroundings.
fn serve(directory: &std::path::Path, listen: &str) -> Command {
    let mut command = weir();
    command.env_clear().current_dir(directory).stdout(Stdio::null());
    command.args(["serve", "--listen", listen, "--admin-listen", "127.0.0.1:0"]);
    command
}

#[test]
fn without_a_configuration_the_keys_decide() {
    let directory = tempfile::tempdir().unwrap();
    let row = |said: &str, name: &str| said.lines().find(|line| line.trim_start().starts_with(name)).map(str::to_owned);
    let mut command = serve(directory.path(), "127.0.0.1:0");
    let weir = Weir::started(command.env("OPENAI_API_KEY", "sk-test"));
    let said = weir.said();
    assert!(row(&said, "openai").unwrap().contains("on   OPENAI_API_KEY is set (default)"), "{said}");
    assert!(row(&said, "mistral").unwrap().contains("off  MISTRAL_API_KEY is not set"), "{said}");
    assert!(said.contains("no weir.toml"), "{said}");
    assert!(!said.contains("sk-test"), "{said}");
    assert_eq!(weir.operator("/healthz").0, 200);
    weir.stop();
    assert!(directory.path().join("weir-data/journal").is_dir());

    let weir = Weir::started(&mut serve(directory.path(), "127.0.0.1:0"));
    assert!(row(&weir.said(), "openai").unwrap().contains("callers bring their own"), "{}", weir.said());
    weir.stop();
}

/// Where a pipe's reader has gone, as with `2>&1 | tee` and Ctrl-C, or the disk behind a file is full.
#[test]
fn a_lost_standard_error_ends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = serve(directory.path(), &free.to_string()).stderr(full).spawn().unwrap();
    until("a Weir that answers", || std::net::TcpStream::connect(free).ok());
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success() && child.wait().unwrap().success());
}

#[test]
fn a_held_key_stays_on_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = serve(directory.path(), "0.0.0.0:0");
    let said = Weir::refused(command.env("OPENAI_API_KEY", "sk-test"));
    for part in ["0.0.0.0:0", "provider \"openai\"", "listen on 127.0.0.1", "[[keys]]", "api_key = \"caller\""] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    assert!(!said.contains("sk-test") && !directory.path().join("weir-data").exists());
    // Without a key there is nothing to spend.
    Weir::started(&mut serve(directory.path(), "0.0.0.0:0")).stop();
}

#[test]
fn the_version_carries_the_commit() {
    let Output { status, stdout, .. } = weir().arg("--version").output().unwrap();
    let said = String::from_utf8(stdout).unwrap();
    assert!(status.success());
    assert_eq!(said.trim(), format!("weir {} ({})", env!("CARGO_PKG_VERSION"), weir::COMMIT));
    let is_commit = |commit: &str| commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A source tree without its history has no commit to tell.
    let in_git = Command::new("git").args(["rev-parse", "HEAD"]).output().is_ok_and(|output| output.status.success());
    assert!(!in_git || is_commit(weir::COMMIT), "{said}");
}

#[test]
fn a_wrong_configuration_is_refused_with_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("weir.toml"), "listn = \"127.0.0.1:4000\"\n").unwrap();
    let said = Weir::refused(&mut serve(directory.path(), "127.0.0.1:0"));
    assert!(said.contains("weir.toml") && said.contains("did you mean `listen`?"), "{said}");
}

#[test]
fn the_demo_serves_without_a_key_and_marks_every_record() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = weir();
    command.env_clear().current_dir(directory.path()).stdout(Stdio::piped());
    command.args(["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", "data"]);
    let mut demo = Weir::spawn(command.args(["--rate", "20"]));
    let mut lines = BufReader::new(demo.stdout()).lines().map(Result::unwrap);
    let mut address = |before: &str| {
        let line = lines.by_ref().find(|line| line.contains(before)).unwrap_or_else(|| panic!("no {before:?}"));
        let rest = line.split_once("http://").unwrap().1;
        rest.split('/').next().unwrap().parse().unwrap()
    };
    (demo.callers, demo.operators) = (address("callers"), address("operators"));
    // Its view is written into the pipe; somebody has to read it.
    let rest = std::thread::spawn(move || lines.count());

    let mut connection = Connection::open(demo.callers).unwrap();
    let unary = connection.ask("POST", "/v1/chat/completions", &chat(false, "")).unwrap();
    let stream = connection.ask("POST", "/v1/chat/completions", &chat(true, "")).unwrap();
    assert!(unary.whole && stream.whole, "{unary:?} {stream:?}");
    until("simulated traffic", || (demo.metric("weir_recorded_total") >= 10.0).then_some(()));
    demo.terminate();
    assert_eq!(demo.wait().code(), Some(0), "{}", demo.said());
    assert!(rest.join().unwrap() > 0);
    let audit = Audit::of(&directory.path().join("data"));
    assert!(audit.facts.contains_key(&unary.id().unwrap()) && audit.facts.contains_key(&stream.id().unwrap()));
    assert_eq!(audit.count(|fact| fact.simulated), audit.facts.len());
}
