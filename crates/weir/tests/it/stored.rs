//! What is said of the store: on `/metrics`, at `/api/v1/status`, and by a statement over the files.

use std::process::Command;

use serde_json::Value;

use super::harness::{ANSWER, CHAT, Upstream, Weir, chat, json as answer, provider, request, until};

/// Enough for three files of the journal and a part of one.
const REQUESTS: u64 = 260;

#[test]
fn what_is_sealed_is_counted_and_in_statements() {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir =
        Weir::start(&format!("[journal]\nrotate_bytes = 65536\nkeep = \"0s\"\n{}", provider("up", &upstream, "")));
    let mut callers = weir.connect();
    for _ in 0..REQUESTS {
        assert_eq!(callers.ask(chat(CHAT)).status(), 200);
    }
    let known = || weir.ask_admin(request("GET /api/v1/status", &[], "")).json();
    let number = |value: &Value| value.as_u64().unwrap();
    let status = until("files are sealed", || {
        let status = known();
        let store = &status["store"];
        let sealed = number(&store["records"]["lines"]);
        assert_eq!(sealed + number(&store["unsealed_lines"]), REQUESTS);
        (number(&store["records"]["segments"]) >= 3 && number(&store["unsealed_lines"]) < 100).then_some(status)
    });
    let records = &status["store"]["records"];
    assert_eq!((&status["store"]["sound"], &records["damaged"]), (&true.into(), &0.into()));
    assert!(number(&records["bytes"]) > 1000);
    let (oldest, newest) = (records["oldest"].as_f64().unwrap(), records["newest"].as_f64().unwrap());
    assert!(oldest < newest && newest <= status["now"].as_f64().unwrap());
    assert_eq!(status["pushed"]["stored"], 0);

    let metrics = weir.metrics();
    assert_eq!(metrics.number("weir_store_up"), 1);
    assert_eq!(metrics.number("weir_store_lines{of=\"records\"}"), number(&records["lines"]));
    assert_eq!(metrics.number("weir_store_segments{of=\"records\"}"), number(&records["segments"]));
    assert_eq!(metrics.number("weir_store_bytes{of=\"records\"}"), number(&records["bytes"]));
    assert_eq!(metrics.number("weir_store_unsealed_lines"), number(&status["store"]["unsealed_lines"]));

    // Also while files go from the journal, which they do as soon as they are sealed here.
    let statement = Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["report", "--format", "json", "--data-dir", &weir.data_dir().display().to_string()])
        .output()
        .unwrap();
    let statement: Value = serde_json::from_slice(&statement.stdout).unwrap();
    assert_eq!(statement["total"]["requests"], REQUESTS);
    assert_eq!(
        number(&statement["total"]["input_tokens"]),
        metrics.sum("llm_tokens_total{provider=\"up\",model=\"gpt-4\",class=\"input\"")
    );
}
