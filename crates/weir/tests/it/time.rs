//! Where a request's time went. Lower bounds only: how much longer anything takes is the machine's affair.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::harness::{ANSWER, CHAT, Upstream, Weir, chat, events, until};

const PAUSE: Duration = Duration::from_millis(60);

fn seconds(record: &serde_json::Value, name: &str) -> f64 {
    record[name].as_f64().unwrap_or_else(|| panic!("{name} of {record}"))
}

#[test]
fn a_requests_time_is_told_apart() {
    let upstream = Upstream::start(|_, peer| {
        std::thread::sleep(PAUSE);
        let headers = "content-type: application/json\r\nopenai-processing-ms: 57\r\n";
        peer.send(format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{ANSWER}", ANSWER.len()));
    });
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    for _ in 0..2 {
        assert_eq!(caller.ask(chat(CHAT)).status(), 200);
    }
    let records = weir.settled(2);
    for record in &records {
        let [processing, upstream, queue, network, overhead] = [
            "processing_time_seconds",
            "upstream_time_seconds",
            "queue_time_seconds",
            "network_latency",
            "overhead_seconds",
        ]
        .map(|name| seconds(record, name));
        assert!(upstream >= PAUSE.as_secs_f64() && overhead >= queue, "{record}");
        // Nobody waited for the caller, so these three are all of it; each is cut to a microsecond.
        assert!((processing - (network + upstream + overhead)).abs() < 4e-6, "{record}");
        assert_eq!(seconds(record, "model_inference_time"), 0.057);
        assert!(record["time_to_first_token_seconds"].is_null(), "{record}");
    }
    assert!(seconds(&records[0], "network_latency") > 0.0, "the first request had to connect");
    assert_eq!(seconds(&records[1], "network_latency"), 0.0, "the second found a kept connection");
}

#[test]
fn a_streams_tokens_are_timed() {
    let text = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":3,\"total_tokens\":4}}\n\n";
    let whole = events([text("a"), text("b"), usage.to_owned(), "data: [DONE]\n\n".to_owned()]);
    let second = whole.windows(2).position(|bytes| bytes == b"\n\n").unwrap() + 4;
    let has_first = Arc::new(AtomicBool::new(false));
    let told = has_first.clone();
    let upstream = Upstream::start(move |_, peer| {
        std::thread::sleep(PAUSE);
        peer.send(&whole[..second]);
        until("the caller has the first token", || told.load(Ordering::SeqCst).then_some(()));
        std::thread::sleep(PAUSE);
        peer.send(&whole[second..]);
    });
    let weir = Weir::before(&upstream);
    let body = r#"{"model":"gpt-4","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    let mut caller = weir.connect();
    caller.send(chat(body));
    assert_eq!(caller.head().unwrap().status(), 200);
    assert!(!caller.chunk().unwrap().is_empty());
    has_first.store(true, Ordering::SeqCst);
    while !caller.chunk().expect("a whole stream").is_empty() {}
    let record = weir.record();
    let (first, between) =
        (seconds(&record, "time_to_first_token_seconds"), seconds(&record, "time_per_output_token_seconds"));
    let pause = PAUSE.as_secs_f64();
    assert!(first >= pause && first <= seconds(&record, "processing_time_seconds") - pause, "{record}");
    // Three tokens have two gaps between them.
    assert!(between >= pause / 2.0, "{record}");
}
