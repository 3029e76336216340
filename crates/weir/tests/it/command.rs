//! Commands beside `weir serve`: what they say, and how they end.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use super::harness::{ANSWER, CHAT, Process, Upstream, Weir, answer, chat, provider, until};

fn weir(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn check(dir: &Path, config: &str) -> Output {
    std::fs::write(dir.join("weir.toml"), config).unwrap();
    weir(&["check"]).current_dir(dir).output().unwrap()
}

const PROVIDER: &str = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";

/// `weir check | head -1`: what is written where nobody reads any more is lost, and nothing else is.
#[test]
fn commands_end_well_where_nobody_reads() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.toml"), PROVIDER).unwrap();
    for arguments in [&["check"][..], &["key", "new"], &["config", "schema"], &["energy", "gpt-4o"]] {
        let mut child =
            weir(arguments).current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_configuration_is_checked_where_it_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    for (config, parts) in [
        ("listn = \"x\"\n".to_owned() + PROVIDER, vec!["weir.toml:1:1: ", "did you mean `listen`?"]),
        (PROVIDER.replace("http", "ftp"), vec!["weir.toml:3:12: providers.\"a\".base_url: "]),
        (PROVIDER.to_owned() + "[timeouts]\nconnect = \"0s\"", vec!["weir.toml:5:11: timeouts.connect: "]),
        (PROVIDER.to_owned() + "x = = 1", vec!["weir.toml:4:5: "]),
        (
            PROVIDER.to_owned() + "[[fields]]\nname = \"model\"\nfrom = \"const:x\"",
            vec!["weir.toml:4:1: fields.\"model\": ", "write `my_model`"],
        ),
        (PROVIDER.repeat(2), vec!["weir.toml:4:1: ", "taken twice"]),
        (PROVIDER.to_owned() + "[tls]\ncert = \"none.pem\"\nkey = \"none.pem\"", vec!["weir.toml: tls: ", "none.pem"]),
        (String::new(), vec!["weir.toml: providers: there is none"]),
    ] {
        let output = check(dir.path(), &config);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""), "{config}");
        for part in parts {
            assert!(text(&output.stderr).contains(part), "{part} is not in {}", text(&output.stderr));
        }
    }
    let output = check(dir.path(), &(PROVIDER.to_owned() + &PROVIDER.replace("\"a\"", "\"b\"")));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    for part in
        ["weir.toml: sound\n", "a at http://a/v1, with the caller's key", "provider \"b\" gets no request", "404"]
    {
        assert!(text(&output.stdout).contains(part), "{}", text(&output.stdout));
    }
    let output = weir(&["check", "missing.toml"]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("missing.toml: No such file"));
}

#[test]
fn no_key_is_repeated_out_of_a_configuration() {
    let upstream = Upstream::answering(super::harness::json(ANSWER));
    let mut serving = Process::start(&provider("up", &upstream, ""), &[]);
    let dir = tempfile::tempdir().unwrap();
    let table = "[[providers]]\nname = \"a\"\n";
    let mut lines: Vec<String> = [
        r#"api_kay = "sk-proj-CANARY""#,
        r#"api_key = "sk-proj-CANARY"#,
        r#"api_key = sk-proj-CANARY"#,
        r#"api_key = 'sk-proj-CANARY"#,
        r#"api_key = ["CANARY"]"#,
        r#"api_key = { key = "CANARY" }"#,
        r#"api_key = "env:sk-proj-CANARY""#,
        r#"api_key = "env:sk_CANARY 1""#,
        r#"api_key = "env:AIzaCANARY""#,
        r#"api_key = "file:sk-proj-CANARY""#,
        r#"api_key = "sk-proj-CANARY""#,
        r#"api_key = "sk-proj-CANARY" "b""#,
        "api_key = \"\"\"\nsk-proj-CANARY\n\\q\"\"\"",
        r#"sk-proj-CANARY"#,
        r#"sk-proj-CANARY = 1"#,
        r#""sk-proj`, `CANARY" = 1"#,
        r#"default = "sk-proj-CANARY""#,
        r#"models = "sk-proj-CANARY""#,
        r#"preset = "sk-proj-CANARY""#,
        r#"on_client_gone = "CANARY""#,
        r#"inject_usage = "a\", expected CANARY""#,
    ]
    .map(|line| format!("{table}base_url = \"http://h/v1\"\n{line}\n"))
    .into();
    for url in [
        "https://user:CANARY@h/v1?key=sk-CANARY",
        "https://h/v1?key=CANARY",
        "CANARY@ h",
        "https://user:CANARY/x@h/v1",
        "https://h:CANARY/v1",
    ] {
        lines.push(format!("{table}base_url = \"{url}\"\n"));
        lines.push(format!("[upstream]\nproxy = \"{url}\"\n{PROVIDER}"));
        lines.push(format!("allowed_origins = [\"{url}\"]\n{PROVIDER}"));
        lines.push(format!("listen = \"{url}\"\n{PROVIDER}"));
    }
    lines.push(format!("body_limit = \"CANARY\"\n{PROVIDER}"));
    lines.push(format!("hash_key = \"env:sk-CANARY\"\n{PROVIDER}"));
    for (number, config) in lines.iter().enumerate() {
        let output = check(dir.path(), config);
        assert_eq!(output.status.code(), Some(1), "{config}");
        let said = text(&output.stderr);
        assert!(!said.contains("CANARY") && said.starts_with("weir: weir.toml:"), "{config}: {said}");
        serving.write(config);
        serving.hang_up();
        until("the reload is refused", || (serving.said().matches("stays in force").count() > number).then_some(()));
    }
    let said = serving.said();
    assert!(!said.contains("CANARY"), "{said}");
    serving.stop();
}

/// A command that goes on, and the lines it writes.
struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Following {
    fn start(weir_dir: &Path, arguments: &[&str]) -> Following {
        let mut command = weir(&["tail", "--data-dir", weir_dir.to_str().unwrap()]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Following { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

#[test]
fn records_are_shown_as_they_come_through_new_files() {
    let upstream = Upstream::start(|request, peer| match request.text().contains("\"bad\"") {
        true => peer.send(answer("500 Oops", "application/json", r#"{"error":{"message":"broken"}}"#)),
        false => peer.send(answer("200 OK", "application/json", ANSWER)),
    });
    let weir = Weir::start(&format!("journal.rotate_bytes = \"64 KiB\"\n{}", provider("up", &upstream, "")));
    let dir = weir.data_dir();
    let mut wire = weir.connect();
    let mut ask = |user: &str| {
        wire.ask(chat(format!("{{\"model\":\"gpt-4\",\"user\":\"{user}\",\"pad\":\"{}\"}}", "x".repeat(10)))).status()
    };
    (0..20).for_each(|number| assert_eq!(ask(&format!("before-{number}")), 200));
    weir.settled(20);
    let mut all = Following::start(&dir, &["-n", "2"]);
    let mut bad =
        Following::start(&dir, &["--status", "error", "--model", "gpt-*", "--where", "status_code>=500", "-n", "1000"]);
    assert!(all.line().contains("\"user_id\":\"before-18\"") && all.line().contains("\"user_id\":\"before-19\""));
    let mut colored = Following::start(&dir, &["-n", "1", "--color", "always"]);
    assert!(colored.line().contains("\u{1b}[32msuccess"));
    (0..150).for_each(|number| assert_eq!(ask(&format!("after-{number}")), 200));
    assert_eq!(ask("bad"), 500);
    for number in 0..150 {
        let line = all.line();
        assert!(line.contains(&format!("\"user_id\":\"after-{number}\"")), "{line}");
    }
    let files = std::fs::read_dir(dir.join("journal")).unwrap().count();
    assert!(files > 1, "{files} files");
    let line = bad.line();
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&record["user_id"], &record["status_code"]), (&"bad".into(), &500.into()));
}

#[test]
fn what_is_there_is_shown_without_a_weir() {
    let upstream = Upstream::answering(super::harness::json(ANSWER));
    let weir_process = Weir::before(&upstream);
    assert_eq!(weir_process.chat(CHAT).status(), 200);
    weir_process.settled(1);
    let dir = weir_process.data_dir();
    let arguments = ["tail", "--data-dir", dir.to_str().unwrap(), "--no-follow"];
    let output = weir(&arguments).output().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &record["model"]), (Some(0), &"gpt-4".into()));
    for (more, code, said) in [
        (vec!["--where", "nonsense"], 2, "FIELD=VALUE"),
        (vec!["--model", "o*"], 0, ""),
        (vec!["--data-dir", "/nowhere"], 2, "cannot be used multiple times"),
    ] {
        let output = weir(&arguments).args(&more).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(code), ""), "{more:?}");
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
    let empty = tempfile::tempdir().unwrap();
    let output = weir(&["tail"]).current_dir(empty.path()).output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("no journal in weir-data"));
    // Who reads no further ends it, without a word.
    let mut child = weir(&arguments[..3]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(weir_process.chat(CHAT).status(), 200);
    let status = super::harness::until("tail has ended", || child.try_wait().unwrap());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

/// Lines that left the journal are in segments: they are shown before the newest ones.
#[test]
fn what_was_sealed_is_shown_before_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let lot = store::Lot::new(dir.path());
    let options = store::Options { rotate_bytes: 64 << 10, ..store::Options::default() };
    let (mut journal, _) = store::Journal::open(&lot.journal(), options).unwrap();
    let mut all = Vec::new();
    for record in weir::simulate::history::History::new(280, 1 << 60, (1 << 60) + (1 << 50), 3).unwrap() {
        let mut line = Vec::new();
        meter::record::render(&record, &mut line);
        journal.append(&line, 1).unwrap();
        all.push(String::from_utf8(line).unwrap());
        if journal.is_due() {
            journal.rotate(0).unwrap().give_back().unwrap();
        }
    }
    let library = weir::seal::open(dir.path()).unwrap();
    while library.seal(&lot.journal(), journal.first()).unwrap().is_some() {}
    let sealed = library.shelf().sealed();
    store::journal::trim(&lot.journal(), journal.first(), sealed, Some(Duration::ZERO), u64::MAX).unwrap();
    assert!((100..280).contains(&sealed), "{sealed}");
    for count in [0, 5, 250, 1000] {
        let arguments = ["tail", "--data-dir", dir.path().to_str().unwrap(), "--no-follow", "-n", &count.to_string()];
        let output = weir(&arguments).output().unwrap();
        assert_eq!(text(&output.stdout), all[all.len().saturating_sub(count)..].concat(), "{count}");
    }
}
