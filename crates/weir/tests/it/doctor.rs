//! `weir doctor`: what it finds, and what it says to do.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::harness::{
    ANSWER, CHAT, Message, Peer, Process, Upstream, Wire, answer, chat, json as answering, provider, until,
};

const KEY: &str = "sk-CANARY-of-the-doctor";

fn doctor(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    for name in ["LOKI_ADDR", "LOKI_USERNAME", "LOKI_BEARER_TOKEN", "GRAFANA_USER", "GRAFANA_TOKEN"] {
        command.env_remove(name);
    }
    command.arg("doctor").args(arguments).envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What was found of a part, as (state, found).
fn of(report: &Value, part: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["part"] == part);
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings.map(|finding| (text(finding, "state"), text(finding, "found"))).collect()
}

fn states(report: &Value, part: &str) -> Vec<String> {
    of(report, part).into_iter().map(|(state, _)| state).collect()
}

#[test]
fn a_weir_at_work_is_sound() {
    let upstream = Upstream::answering(answering(ANSWER));
    let weir = Process::start(&provider("up", &upstream, "default = true"), &[]);
    assert_eq!(Wire::connect(weir.listen).ask(chat(CHAT)).status(), 200);
    until("it is recorded", || (weir.metrics().number("weir_recorded_total") == 1).then_some(()));
    let (file, admin) = (weir.file().to_str().unwrap(), weir.admin.to_string());
    let asked = upstream.seen().len();
    let output = doctor(&["--config", file, "--admin", &admin, "--json"], &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["sound"]), (Some(0), &true.into()), "{report:#}");
    for part in ["configuration", "machine", "data_dir", "ports", "weir", "providers", "journal"] {
        assert!(!of(&report, part).is_empty(), "{part}: {report:#}");
    }
    assert_eq!(states(&report, "providers"), ["sound"]);
    assert!(of(&report, "journal")[0].1.starts_with("1 lines so far"), "{report:#}");
    assert!(of(&report, "weir").iter().any(|(_, found)| found == "1 accepted, 1 recorded, 0 in flight"));
    // Nothing is spent: one question, for the list of models.
    let seen = upstream.seen();
    let started: Vec<&str> = seen[asked..].iter().map(|message| message.start.as_str()).collect();
    assert_eq!(started, ["GET /v1/models HTTP/1.1"]);
    assert_eq!(weir.metrics().number("weir_accepted_total"), 1);
    let readable = said(&doctor(&["--config", file, "--admin", &admin], &[]));
    assert!(readable.contains("no fault") && readable.contains("  ok     balance: "), "{readable}");
}

#[test]
fn faults_are_found_and_no_key_is_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let refusing = Upstream::start(|request, peer| {
        let shown = request.header("authorization").unwrap_or_default().to_owned();
        peer.send(answer("401 Unauthorized", "application/json", format!("{{\"error\":\"no such key {shown}\"}}")));
    });
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        "listen = \"{}\"\ndata_dir = \"{}\"\nadmin.listen = \"{closed}\"\n{}[[providers]]\nname = \"away\"\nbase_url = \
         \"http://{closed}/v1\"\n",
        taken.local_addr().unwrap(),
        dir.path().join("data").display(),
        provider("refusing", &refusing, "api_key = \"env:DOCTORS_KEY\"\ndefault = true"),
    );
    let file = dir.path().join("weir.toml");
    std::fs::write(&file, config).unwrap();
    let file = file.to_str().unwrap();
    let output = doctor(&["--config", file], &[("DOCTORS_KEY", KEY)]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["refuses the key: 401", "away: cannot be reached", "cannot be listened at", "no Weir runs here"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("CANARY"), "{text}");
    assert!(!dir.path().join("data").exists(), "it makes nothing");
    let output = doctor(&["--config", file, "--no-providers", "--json"], &[("DOCTORS_KEY", KEY)]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(of(&report, "providers").is_empty() && report["faults"] == 1, "{report:#}");
    let output = doctor(&["--config", file], &[]);
    assert!(output.status.code() == Some(1) && said(&output).contains("weir.toml:"), "{}", said(&output));
    let output = doctor(&["--config", "/nowhere/weir.toml"], &[]);
    assert!(output.status.code() == Some(1) && said(&output).contains("name the file with --config"));
    assert_eq!(doctor(&["--loki", "loki:3100"], &[]).status.code(), Some(2));
}

/// A directory with a configuration and three old Records, at a provider's address.
fn recorded(dir: &Path, provider: &str) -> (String, Vec<String>) {
    let journal = dir.join("data/journal");
    std::fs::create_dir_all(&journal).unwrap();
    let line = |number: u32| {
        json!({
            "timestamp": format!("2026-11-01T10:00:0{number}.000000000Z"), "logger_name": "llm-metrics", "level": "INFO",
            "event": "llm_request_completed", "request_id": format!("id-{number}"),
        })
        .to_string()
    };
    let lines: Vec<String> = (1..=3).map(line).collect();
    std::fs::write(journal.join("00000000000000000001.jsonl"), lines.join("\n") + "\n").unwrap();
    let config = format!(
        "listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"\ndata_dir = \"{}\"\n{provider}",
        dir.join("data").display()
    );
    let file = dir.join("weir.toml");
    std::fs::write(&file, config).unwrap();
    (file.to_str().unwrap().to_owned(), lines)
}

/// A Loki that has these streams.
fn loki(streams: Vec<(Value, Vec<String>)>) -> Upstream {
    let result: Vec<Value> = streams
        .into_iter()
        .map(|(labels, lines)| {
            let values: Vec<Value> = lines.iter().map(|line| json!(["1", line, {}])).collect();
            json!({"stream": labels, "values": values})
        })
        .collect();
    Upstream::start(move |request: &Message, peer: &mut Peer| {
        let target = request.target();
        let body = if target.starts_with("/loki/api/v1/query_range?") {
            assert!(target.contains("namespace%3D%22llm%22"), "{target}");
            json!({"status": "success", "data": {"resultType": "streams", "result": result}})
        } else {
            json!({"status": "success", "data": ["other-app"]})
        };
        peer.send(answering(body.to_string()));
    })
}

#[test]
fn what_arrives_in_loki_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (file, lines) = recorded(dir.path(), "[[providers]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:9/v1\"\n");
    let ask = |loki: &Upstream| {
        let url = format!("http://{}", loki.address);
        let output = doctor(&["--config", &file, "--no-providers", "--loki", &url, "--json"], &[]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), of(&report, "loki"), report)
    };
    let labels = json!({"app": "llm-proxy", "namespace": "llm", "event": "llm_request_completed", "level": "info"});
    let (code, found, report) = ask(&loki(vec![(labels.clone(), lines.clone())]));
    assert_eq!((code, found[1].1.as_str()), (Some(0), "has the newest 3 Records"), "{report:#}");
    let mut other = labels.clone();
    other["pod"] = "weir-0".into();
    let (code, found, report) = ask(&loki(vec![(labels, lines.clone()), (other, lines[..2].to_vec())]));
    assert!(code == Some(1) && found[2].1.starts_with("2 Records are there more than once"), "{report:#}");
    assert!(report.to_string().contains("differ in pod"), "{report:#}");
    let (code, found, report) = ask(&loki(vec![(json!({"app": "llm-proxy"}), lines[..1].to_vec())]));
    assert!(code == Some(1) && found.iter().any(|(_, found)| found.contains("Logs not parsing")), "{report:#}");
    assert!(found.iter().any(|(_, found)| found == "lacks 2 of the newest 3 Records"), "{report:#}");
    let (code, found, report) = ask(&loki(Vec::new()));
    assert!(code == Some(1) && found[1].1.contains("its apps are other-app"), "{report:#}");
    assert!(found[1].1.contains("No data in dashboard"), "{report:#}");
}

#[test]
fn grafana_and_prometheus_are_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = recorded(dir.path(), "[[providers]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:9/v1\"\n");
    let grafana = Upstream::start(|request, peer| {
        assert_eq!(request.header("authorization"), Some("Basic YWRtaW46cHJvbS1vcGVyYXRvcg=="));
        peer.send(match request.target() {
            "/api/health" | "/api/datasources/uid/llm-loki" | "/api/datasources/uid/llm-loki/health" => answering("{}"),
            _ => answer("404 Not Found", "application/json", "{}"),
        });
    });
    let prometheus = Upstream::answering(answering(r#"{"data":{"result":[]}}"#));
    let at = |upstream: &Upstream| format!("http://{}", upstream.address);
    let (grafana, prometheus) = (at(&grafana), at(&prometheus));
    let arguments = ["--config", &file, "--no-providers", "--grafana", &grafana, "--prometheus", &prometheus, "--json"];
    let output = doctor(&arguments, &[("GRAFANA_USER", "admin"), ("GRAFANA_PASSWORD", "prom-operator")]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(states(&report, "prometheus"), ["fault"], "{report:#}");
    let found = of(&report, "grafana");
    assert_eq!(states(&report, "grafana"), ["sound", "fault", "sound"], "{report:#}");
    assert!(found[1].1.contains("Dashboard not showing") && found[2].1.contains("answers"), "{report:#}");
    assert!(report.to_string().contains("kubectl rollout restart deployment/kps-grafana -n observability"));
}
