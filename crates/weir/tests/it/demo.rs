//! The demo: a past that is written before anybody calls, and can be asked for at once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Metrics, Wire, request, until};

/// How many Records its past has here.
const PAST: usize = 3000;

/// A demo under way.
struct Demo {
    child: Child,
    admin: std::net::SocketAddr,
    dir: TempDir,
}

impl Demo {
    fn start() -> Demo {
        let dir = TempDir::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--rate", "0.5"])
            .args(["--history", &PAST.to_string(), "--data-dir"])
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let operators = lines.find_map(|line| Some(line.unwrap().strip_prefix("operators  http://")?.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        Demo { child, admin: operators.unwrap().parse().unwrap(), dir }
    }

    fn get(&self, path: &str) -> String {
        let answer = Wire::connect(self.admin).ask(request(&format!("GET {path}"), &[], ""));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.text()
    }

    /// The Records as they lie in the journal.
    fn records(&self) -> Vec<Value> {
        let mut records = Vec::new();
        store::journal::scan(&self.dir.path().join("journal"), 1, |_, line| {
            records.push(serde_json::from_slice(line).unwrap());
        })
        .unwrap();
        records
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a Record is one of those that are asked for.
type Fits<'a> = &'a dyn Fn(&&Value) -> bool;

/// The number of entries that a query finds in the last 31 days.
fn found(demo: &Demo, query: &str) -> usize {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!("/loki/api/v1/query?query=sum%28count_over_time%28{escaped}%5b31d%5d%29%29");
    let answer: Value = serde_json::from_str(&demo.get(&path)).unwrap();
    answer["data"]["result"][0]["value"][1].as_str().map_or(0, |count| count.parse().unwrap())
}

/// The six queries of the description, as they stand there.
#[test]
fn the_demos_past_answers_the_missions_queries() {
    let demo = Demo::start();
    let records = demo.records();
    let past = &records[..PAST];
    assert!(past.iter().all(|record| record["simulated"] == true));
    let unpriced = records.iter().filter(|record| record["cost_status"] == "unpriced");
    assert!(unpriced.map(|record| &record["model"]).all(|model| model == "harbour-support-8b"));
    let completed = |record: &&Value| record["event"] == "llm_request_completed";
    let over = |name: &'static str, limit: f64| {
        move |record: &&Value| completed(record) && record[name].as_f64().is_some_and(|figure| figure > limit)
    };
    let base = r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed""#;
    let wanted: [(String, Fits); 6] = [
        (base.to_owned(), &completed),
        (format!("{base} | json | total_tokens > 1000"), &over("total_tokens", 1000.0)),
        (format!("{base} | json | cost_usd > 0.10"), &over("cost_usd", 0.10)),
        (format!("{base} | json | processing_time_seconds > 2"), &over("processing_time_seconds", 2.0)),
        (format!("{base} | json | model = \"gpt-4\""), &|record| completed(record) && record["model"] == "gpt-4"),
        (r#"{namespace="llm", app="llm-proxy"} |= "llm_request_failed""#.to_owned(), &|record| {
            record["event"] == "llm_request_failed"
        }),
    ];
    for (query, fits) in wanted {
        // The demo's callers are at it meanwhile, slowly.
        let in_past = past.iter().filter(|record| fits(record)).count();
        let told = found(&demo, &query);
        assert!(in_past > 5 && (in_past..in_past + 60).contains(&told), "{query}: {told} instead of {in_past}");
    }
}

/// What lies in the journal from before is no business of the counters, whoever wrote it.
#[test]
fn the_demos_counters_begin_with_the_demo() {
    let demo = Demo::start();
    until("a caller has been served", || {
        let metrics = Metrics::read(&demo.get("/metrics"));
        let records = demo.records();
        let live = &records[PAST..];
        // Between the two looks one more may have come; then they are looked at again.
        (!live.is_empty() && metrics.sum("llm_requests_total") == live.len() as u64).then_some(())
    });
    let times: Vec<String> = demo.records().iter().map(|record| record["timestamp"].to_string()).collect();
    assert!(times.is_sorted(), "the past comes before what is live");
}
