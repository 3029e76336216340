//! The same figures over HTTP: the Records lie in a journal, a Weir is asked as Grafana asks, and what it answers is compared with
//! what the Records say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use serde_json::Value;
use store::Journal;
use weir::config::{Config, Overrides};
use weir::panels::PANELS;
use weir::server::Running;

use crate::dashboard::{LOKI, dashboard, panel, queries};
use crate::figures::{ANYTHING, Figures, assert_close, expected};
use crate::simulated::{NOW, Request, SECOND, line, requests};

/// A Weir whose journal has these Records, however old they have become; with so little memory for them that most are read from files.
fn weir(dir: &Path, requests: &[Request]) -> Running {
    let options = store::Options { rotate_bytes: 128 << 10, ..store::Options::default() };
    let (mut journal, _) = Journal::open(&dir.join("journal"), options).unwrap();
    for request in requests {
        journal.append(format!("{}\n", line(request)).as_bytes(), 1).unwrap();
        if journal.is_due() {
            journal.rotate(0).unwrap().give_back().unwrap();
        }
    }
    journal.close().unwrap();
    drop(journal);
    let text = "listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"\nstdout = false\nthreads = 1\n\
         [query]\nrecent_bytes = \"1 MiB\"\n[store]\nretention = \"0d\"\n[[providers]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    let written = weir::config::Written::parse(text).unwrap();
    let overrides = Overrides { data_dir: Some(dir.to_owned()), ..Overrides::default() };
    Running::start(Config::with_overrides(written, &overrides).unwrap()).unwrap()
}

fn get(admin: SocketAddr, path: &str, parameters: &[(&str, &str)]) -> Value {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let mut stream = TcpStream::connect(admin).unwrap();
    let head =
        format!("GET /loki/api/v1/{path}?{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", query.join("&"));
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{parameters:?}\n{answer}");
    serde_json::from_str(body).unwrap()
}

/// The figures of an instant, by the value of the label that tells them apart.
fn figures(answer: &Value) -> Figures {
    let series = answer["data"]["result"].as_array().unwrap().iter();
    let figure = |series: &Value| {
        let labels = series["metric"].as_object().unwrap();
        let mut names = labels.iter().filter(|(name, _)| !["app", "namespace"].contains(&name.as_str()));
        let name = names.next().map_or("", |(_, value)| value.as_str().unwrap());
        (name.to_owned(), series["value"][1].as_str().unwrap().parse().unwrap())
    };
    series.map(figure).collect()
}

#[test]
fn each_panel_shows_over_http_what_the_records_say() {
    let (dir, requests) = (tempfile::tempdir().unwrap(), requests(3_000));
    let weir = weir(dir.path(), &requests);
    let shown = dashboard(LOKI);
    for listed in PANELS.iter().filter(|panel| !panel.logql.is_empty() && panel.title != "Structured Log Viewer") {
        for (window, at) in [(86_400, NOW), (3_600, NOW - 40_000 * SECOND)] {
            let within = |request: &&Request| request.at > at - window * SECOND && request.at <= at;
            let of: Vec<&Request> = requests.iter().filter(within).collect();
            let wanted = expected(listed.title, &of, window as f64);
            for (query, wanted) in queries(&panel(&shown, listed.title)).iter().zip(wanted) {
                let query = ANYTHING.apply(query, &format!("{window}s"));
                let found = figures(&get(weir.admin, "query", &[("query", &query), ("time", &at.to_string())]));
                let told = match found.get("") {
                    Some(0.0) if wanted.is_empty() => Figures::new(),
                    _ => found,
                };
                assert_close(&format!("{}, {window} s: {query}", listed.title), &told, &wanted);
            }
        }
    }
    weir.stop().unwrap();
}

/// The six queries of the description, as they stand there.
#[test]
fn the_missions_queries_are_answered_over_http() {
    let (dir, requests) = (tempfile::tempdir().unwrap(), requests(3_000));
    let weir = weir(dir.path(), &requests);
    let completed = |request: &&Request| request.status == "success";
    let total = |request: &&Request| request.tokens.map_or(0, |tokens| tokens[0] + tokens[4]);
    let base = "{namespace=\"llm\", app=\"llm-proxy\"} |= \"llm_request_completed\"";
    let count = |wanted: &dyn Fn(&&Request) -> bool| requests.iter().filter(|request| wanted(request)).count();
    for (query, wanted) in [
        (base.to_owned(), count(&completed)),
        (format!("{base} | json | total_tokens > 1000"), count(&|r| completed(r) && total(r) > 1000)),
        (format!("{base} | json | cost_usd > 0.10"), count(&|r| completed(r) && r.nano_usd > Some(100_000_000))),
        (format!("{base} | json | processing_time_seconds > 2"), count(&|r| completed(r) && r.micros > 2_000_000)),
        (format!("{base} | json | model = \"gpt-4\""), count(&|r| completed(r) && r.model == "gpt-4")),
        (
            "{namespace=\"llm\", app=\"llm-proxy\"} |= \"llm_request_failed\"".to_owned(),
            count(&|r| r.status == "error"),
        ),
    ] {
        let (start, end) = ((NOW - 86_400 * SECOND).to_string(), (NOW + 1).to_string());
        let parameters = [("query", query.as_str()), ("start", &start), ("end", &end), ("limit", "5000")];
        let answer = get(weir.admin, "query_range", &parameters);
        let streams = answer["data"]["result"].as_array().unwrap().iter();
        let lines: usize = streams.map(|stream| stream["values"].as_array().unwrap().len()).sum();
        assert!(wanted > 0);
        assert_eq!(lines, wanted, "{query}");
    }
    weir.stop().unwrap();
}
