//! What is said of the store: on `/metrics`, at `/api/v1/status`, and by a statement over the files.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::harness::{ANSWER, CHAT, Process, Upstream, Weir, Wire, chat, json as answer, provider, request, until};

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

/// The values of a segment are overwritten; what stands at its end is not, so that it could still be opened.
fn overwrite(segment: &Path) {
    let mut bytes = fs::read(segment).unwrap();
    let end = bytes.len() - 8;
    let footer = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
    bytes[4..end - footer].fill(0xff);
    fs::write(segment, bytes).unwrap();
}

#[test]
fn what_is_damaged_while_it_is_asked_goes_and_the_rest_answers() {
    let upstream = Upstream::answering(answer(ANSWER));
    let config = format!("[journal]\nrotate_bytes = 65536\nkeep = \"0s\"\n{}", provider("up", &upstream, ""));
    let weir = Process::start(&config, &[]);
    let mut callers = Wire::connect(weir.listen);
    for _ in 0..REQUESTS {
        assert_eq!(callers.ask(chat(CHAT)).status(), 200);
    }
    let data = weir.file().with_file_name("data");
    until("files are sealed and go", || {
        let files = fs::read_dir(data.join("journal")).unwrap().count();
        (weir.metrics().number("weir_store_segments{of=\"records\"}") >= 3 && files == 1).then_some(())
    });
    let known: Value = serde_json::from_slice(&fs::read(data.join("segments/segments.json")).unwrap()).unwrap();
    let segments: Vec<&Value> = known["segments"].as_array().unwrap().iter().take(2).collect();
    let path = |segment: &Value| data.join("segments").join(segment["file"].as_str().unwrap());
    overwrite(&path(segments[0]));
    fs::File::options().write(true).open(path(segments[1])).unwrap().set_len(1000).unwrap();
    let lost: u64 = segments.iter().map(|of| of["last"].as_u64().unwrap() + 1 - of["first"].as_u64().unwrap()).sum();
    assert!(lost > 0 && lost < REQUESTS);

    let count = "sum%28count_over_time%28%7Bapp%3D%22llm-proxy%22%7D%5B1h%5D%29%29";
    for _ in 0..2 {
        let asked = request(&format!("GET /loki/api/v1/query?query={count}"), &[], "");
        let found = Wire::connect(weir.admin).ask(asked);
        assert_eq!(found.status(), 200, "{}", found.text());
        assert_eq!(found.json()["data"]["result"][0]["value"][1], (REQUESTS - lost).to_string());
    }
    assert_eq!(weir.metrics().number("weir_store_damaged_segments{of=\"records\"}"), 2);
    for segment in segments {
        let aside = data.join("segments/damaged").join(segment["file"].as_str().unwrap());
        assert!(aside.exists() && !path(segment).exists());
        let said = weir.said().lines().filter(|line| line.contains(aside.to_str().unwrap())).count();
        assert_eq!(said, 1, "{}", weir.said());
    }
}
