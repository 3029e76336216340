//! `weir query`: the built binary, asked of a file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

const LINES: &str = r#"{"timestamp":"2026-11-23T03:00:00Z","level":"INFO","event":"llm_request_completed","model":"gpt-4","cost_usd":0.01}
{"timestamp":"2026-11-23T03:30:00Z","level":"INFO","event":"llm_request_completed","model":"gpt-4o","cost_usd":0.25}
{"timestamp":"2026-11-23T04:00:00Z","level":"WARN","event":"llm_request_failed","model":"gpt-4","cost_usd":0.02}
"#;

/// What is written for a query, asked of [`LINES`] on standard input.
fn ask(arguments: &[&str]) -> Output {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["query", "--file", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A query that cannot be understood is refused before anything is read.
    let _ = weir.stdin.take().unwrap().write_all(LINES.as_bytes());
    weir.wait_with_output().unwrap()
}

fn written(arguments: &[&str]) -> String {
    let output = ask(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_file_is_asked_of_once_and_over_time() {
    let cost = r#"sum by (model) (sum_over_time({app="llm-proxy"} | json | unwrap cost_usd [3h]))"#;
    assert_eq!(
        written(&["--output", "csv", cost]),
        "timestamp,model,value\r\n2026-11-23T04:00:00Z,gpt-4,0.03\r\n2026-11-23T04:00:00Z,gpt-4o,0.25\r\n"
    );
    let count = r#"sum(count_over_time({level="info"}[30m]))"#;
    assert_eq!(
        written(&["--output", "csv", "--step", "30m", count]),
        "timestamp,value\r\n2026-11-23T03:00:00Z,1\r\n2026-11-23T03:30:00Z,1\r\n"
    );
    let chart = written(&["--output", "chart", "--step", "30m", count]);
    assert!(chart.starts_with("2026-11-23T03:00:00Z to 2026-11-23T04:00:00Z, 0 to 1\nall ██"), "{chart}");
}

#[test]
fn entries_come_in_the_order_of_time() {
    let json = written(&["--output", "json", "--limit", "2", r#"{namespace="llm"} | json | line_format "{{.model}}""#]);
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> =
        lines.iter().map(|line| (line["line"].as_str().unwrap(), line["labels"]["level"].as_str().unwrap())).collect();
    assert_eq!(shown, [("gpt-4o", "info"), ("gpt-4", "warn")]);
    let table = written(&[r#"{event="llm_request_failed"}"#]);
    assert!(table.starts_with("2026-11-23T04:00:00Z  {\"timestamp\""), "{table}");
}

#[test]
fn lines_without_labels_have_the_configured_ones() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("weir.toml");
    let follower = "[[followers]]\nkind = \"loki\"\nurl = \"http://loki:3100\"\n";
    std::fs::write(&file, format!("{follower}labels = {{ app = \"gateway\", cluster = \"east\" }}\n")).unwrap();
    let count = "sum by (app, cluster, namespace) (count_over_time({event=~\".+\"}[3h]))";
    let asked = ["--config", file.to_str().unwrap(), "--output", "csv"];
    assert_eq!(
        written(&[&asked[..], &[count]].concat()),
        "timestamp,app,cluster,namespace,value\r\n2026-11-23T04:00:00Z,gateway,east,llm,3\r\n"
    );
    std::fs::write(&file, "").unwrap();
    assert_eq!(
        written(&[&asked[..], &[count]].concat()),
        "timestamp,app,namespace,value\r\n2026-11-23T04:00:00Z,llm-proxy,llm,3\r\n"
    );
    std::fs::write(&file, format!("{follower}nonsense = 1\n")).unwrap();
    let output = ask(&[&asked[..], &[count]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("weir.toml"));
}

#[test]
fn what_is_wrong_is_said() {
    for (arguments, said) in [
        (&[r#"{app="x""#][..], "weir: parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,\n"),
        (
            &["--start", "soon", r#"{app="x"}"#],
            "weir: soon is no time: 2026-11-23T03:00:00Z, or nanoseconds since 1970\n",
        ),
        (&["--output", "chart", r#"{app="x"}"#], "weir: a chart shows metric queries only\n"),
    ] {
        let output = ask(arguments);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), said);
    }
}

/// Where lines lie is of no matter: in segments, in the journal, or in a file.
#[test]
fn a_data_directory_is_asked_as_a_file_is() {
    let dir = tempfile::tempdir().unwrap();
    let lot = store::Lot::new(dir.path());
    let options = store::Options { rotate_bytes: 64 << 10, ..store::Options::default() };
    let (mut journal, _) = store::Journal::open(&lot.journal(), options).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let file = dir.path().join("lines.jsonl");
    let mut all = Vec::new();
    for record in weir::simulate::history::History::new(280, now - 20 * 86_400_000_000_000, now, 3).unwrap() {
        let mut line = Vec::new();
        meter::record::render(&record, &mut line);
        journal.append(&line, 1).unwrap();
        all.extend(line);
        if journal.is_due() {
            journal.rotate(0).unwrap().give_back().unwrap();
        }
    }
    std::fs::write(&file, all).unwrap();
    let library = weir::seal::open(dir.path()).unwrap();
    while library.seal(&lot.journal(), journal.first()).unwrap().is_some() {}
    let sealed = library.shelf().sealed();
    store::journal::trim(&lot.journal(), journal.first(), sealed, Some(std::time::Duration::ZERO), u64::MAX).unwrap();
    assert!((100..=280).contains(&sealed), "{sealed}");
    let ask = |place: [&str; 2], query: &str| {
        let end = (now + 1).to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_weir"))
            .arg("query")
            .args(place)
            .args(["--since", "30d", "--end", &end, "--output", "json", "--limit", "1000", query])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for query in [
        r#"sum by (model) (count_over_time({app="llm-proxy"} | json [30d]))"#,
        r#"sum by (level) (sum_over_time({namespace="llm"} | json | unwrap total_tokens [30d]))"#,
        r#"{app="llm-proxy"} | json | total_tokens > 500 | line_format "{{.request_id}}""#,
    ] {
        let of_file = ask(["--file", file.to_str().unwrap()], query);
        assert!(!of_file.is_empty());
        let plain = |text: &str| {
            let mut lines: Vec<serde_json::Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            // Lines of a file have no structured metadata.
            lines.iter_mut().for_each(|line| {
                if line.get("line").is_some() {
                    line["labels"] = serde_json::Value::Null
                }
            });
            lines.sort_by_key(ToString::to_string);
            lines
        };
        assert_eq!(plain(&ask(["--data-dir", dir.path().to_str().unwrap()], query)), plain(&of_file), "{query}");
    }
}
