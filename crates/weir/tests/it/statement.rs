//! `weir report` and `weir import` beside a Weir at work.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::{ANSWER, CHAT, Upstream, Weir, chat, json as answer, request};

const LOGGED: &str = r#"{"timestamp":"2026-08-06T10:30:15.123Z","event":"llm_request_completed","request_id":"550e8400-e29b-41d4-a716-446655440000","model":"gpt-4","input_tokens":25,"output_tokens":150,"cost_usd":0.0105,"organization":"before"}"#;

fn weir(of: &Weir, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(arguments)
        .args(["--data-dir", &of.data_dir().display().to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn report(of: &Weir, by: &str) -> Value {
    serde_json::from_str(&weir(of, &["report", "--by", by, "--since", "2000d", "--format", "json"])).unwrap()
}

fn import(of: &Weir, file: &Path) -> String {
    weir(of, &["import", &file.display().to_string()])
}

#[test]
fn a_statement_is_the_ledger_and_imports_stand_beside_it() {
    let upstream = Upstream::answering(answer(ANSWER));
    let at_work = Weir::before(&upstream);
    for _ in 0..7 {
        assert_eq!(at_work.ask(chat(CHAT)).status(), 200);
    }
    at_work.settled(7);
    let nanos = |value: &Value| meter::decimal::parse(value.as_str().unwrap(), 9).unwrap();
    let sum = |name: &str| {
        at_work
            .lines()
            .iter()
            .map(|line| match line.get(name) {
                Some(meter::record::Owned::Fixed(units, _) | meter::record::Owned::Integer(units)) => *units,
                _ => 0,
            })
            .sum::<u64>()
    };
    let whole = report(&at_work, "organization,model");
    assert_eq!(whole["total"]["requests"], 7);
    assert_eq!(nanos(&whole["total"]["cost_usd"]), sum("cost_usd"));
    assert_eq!(whole["total"]["input_tokens"], sum("input_tokens"));
    assert!(sum("cost_usd") > 0);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), LOGGED).unwrap();
    assert!(import(&at_work, file.path()).starts_with("1 Records imported, 0 were there already"));
    assert!(import(&at_work, file.path()).starts_with("0 Records imported, 1 were there already"));
    let by_origin = report(&at_work, "origin");
    let row = |origin: Value| {
        by_origin["rows"].as_array().unwrap().iter().find(|row| row["origin"] == origin).unwrap().clone()
    };
    assert_eq!((&row("log".into())["cost_usd"], &row("log".into())["requests"]), (&"0.0105".into(), &1.into()));
    assert_eq!(row(Value::Null), {
        let mut row = whole["total"].clone();
        row["origin"] = Value::Null;
        row
    });
    assert_eq!(at_work.metrics().sum("llm_requests_total"), 7);

    let query: String =
        r#"{app="llm-proxy"} | json | origin="log""#.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!("GET /loki/api/v1/query_range?query={query}&start=1785900000&end=1786100000&step=60");
    let found = at_work.ask_admin(request(&path, &[], "")).json();
    let line = found["data"]["result"][0]["values"][0][1].as_str().unwrap();
    assert!(line.contains("\"organization\":\"before\"") && line.contains("\"origin\":\"log\""), "{line}");
}
