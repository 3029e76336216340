//! Tokens where the provider says nothing of them: what was delivered is counted, not nothing and not one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use meter::tokens::{Encoding, count};
use serde_json::Value;

use super::harness::{ANSWER, CHAT, Upstream, Weir, Wire, chat, chunk, events, json, provider, request, until};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
/// 13 tokens of input, as OpenAI counts them for gpt-4: three for the message, one for its role, six for its text, three to
/// start the answer.
const ASK: &str = r#"{"model":"gpt-4","stream":true,"messages":[{"role":"user","content":"tiktoken is great!"}]}"#;

fn event(text: &str) -> String {
    let text = Value::from(text);
    format!(
        "data: {{\"id\":\"c-1\",\"model\":\"gpt-4-0613\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}]}}\n\n"
    )
}

/// Words as a model makes them: one token each, with a space in front.
fn words(count: usize) -> Vec<String> {
    (0..count).map(|index| [" river", " flows", " under", " the", " bridge"][index % 5].to_owned()).collect()
}

/// The tokens of a text to gpt-4.
fn tokens(text: &str) -> u64 {
    let count = count(Encoding::Cl100k, text);
    assert!(count.exact);
    count.tokens
}

#[track_caller]
fn is(record: &Value, source: &str, input: u64, output: u64) {
    assert_eq!(record["usage_source"], source, "{record:#}");
    assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&input.into(), &output.into()), "{record:#}");
    assert_eq!(record["total_tokens"], input + output);
    let cost = (input as f64 * 0.03 + output as f64 * 0.06) / 1000.0;
    assert!((record["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-12, "{} for {cost}", record["cost_usd"]);
    assert!(record.get("usage_raw").is_none() || source == "provider");
}

fn read_deltas(caller: &mut Wire, count: usize) {
    let mut got = 0;
    while got < count {
        got += caller.chunk().expect("more").windows(5).filter(|bytes| bytes == b"data:").count();
    }
}

/// Streams these pieces, then waits until it is left.
fn endless(pieces: Vec<String>) -> Upstream {
    Upstream::start(move |_, peer| {
        peer.send(HEAD);
        pieces.iter().for_each(|piece| peer.send(chunk(piece)));
        peer.wait_until_left();
    })
}

/// bifrost #3709: 806 deltas were delivered, 1 token was logged, $0.00012 for some $0.09. litellm #33736: no row at all.
#[test]
fn a_caller_that_hangs_up_is_charged_for_what_was_delivered() {
    let words = words(806);
    let upstream = endless(words.iter().map(|word| event(word)).collect());
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    caller.send(chat(ASK));
    assert_eq!(caller.head().unwrap().status(), 200);
    read_deltas(&mut caller, 806);
    caller.close();
    upstream.was_left(1);
    let record = weir.record();
    assert_eq!(tokens(&words.concat()), 806);
    is(&record, "partial", 13, 806);
    assert_eq!((&record["event"], &record["end_reason"]), (&"llm_request_cancelled".into(), &"client_gone".into()));
    assert_eq!(record["cost_status"], "estimated");
}

/// litellm #39893: the tokens were right and the cost that of the one that stood for them.
#[test]
fn a_figure_that_stands_for_one_is_not_believed() {
    let mut pieces: Vec<String> = words(50).iter().map(|word| event(word)).collect();
    pieces[0] =
        event(" river").replace("\"choices\"", "\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":1},\"choices\"");
    let upstream = endless(pieces);
    let weir = Weir::start(&provider("up", &upstream, "inject_usage = false"));
    let mut caller = weir.connect();
    caller.send(chat(ASK));
    caller.head().unwrap();
    read_deltas(&mut caller, 50);
    caller.close();
    upstream.was_left(1);
    let record = weir.record();
    assert_eq!((&record["usage_source"], &record["output_tokens"]), (&"partial".into(), &50.into()), "{record:#}");
    assert_eq!(record["input_tokens"], 20, "what was said of the input holds");
}

#[test]
fn a_stream_that_the_provider_breaks_off_counts_what_came() {
    let pieces: String = words(30).iter().map(|word| event(word)).collect();
    for cut in [pieces.len() / 3, pieces.len() / 2 + 7, pieces.len()] {
        let part = pieces[..cut].to_owned();
        let upstream = Upstream::start(move |_, peer| {
            peer.send(HEAD);
            peer.send(chunk(&part));
            peer.close();
        });
        let weir = Weir::before(&upstream);
        assert!(!weir.chat(ASK).whole);
        let record = weir.record();
        assert_eq!((&record["status"], &record["end_reason"]), (&"error".into(), &"upstream_gone".into()));
        is(&record, "partial", 13, tokens(&delivered(&pieces[..cut])));
    }
}

/// The text of events, the last of which may be cut anywhere.
fn delivered(events: &str) -> String {
    let text =
        |event: &str| event.split_once("\"content\":\"").map(|(_, text)| text.split('"').next().unwrap().to_owned());
    events.split("\n\n").filter_map(text).collect()
}

/// litellm #8349, bifrost #4484, ferro-labs #281, gpustack #4874: streams without usage were logged with none.
#[test]
fn answers_without_usage_are_counted() {
    let text = "The weir measures what flows. ";
    let cases = [
        ("POST /v1/chat/completions", ASK.to_owned(), events([event(text), "data: [DONE]\n\n".to_owned()]), 13),
        (
            "POST /v1/chat/completions",
            ASK.replace("true", "false"),
            json(format!("{{\"id\":\"c\",\"choices\":[{{\"message\":{{\"content\":\"{text}\"}}}}]}}")),
            13,
        ),
        (
            "POST /v1/completions",
            r#"{"model":"gpt-4","stream":true,"prompt":"tiktoken is great!"}"#.to_owned(),
            events([format!("data: {{\"choices\":[{{\"text\":\"{text}\"}}]}}\n\n"), "data: [DONE]\n\n".to_owned()]),
            6,
        ),
        (
            "POST /v1/embeddings",
            r#"{"model":"gpt-4","input":["tiktoken is great!"]}"#.to_owned(),
            json("{\"data\":[{\"embedding\":[1,2]}]}"),
            6,
        ),
    ];
    for (start, body, answer, input) in cases {
        let upstream = Upstream::answering(answer);
        // A field that is read beside changes nothing of what is counted.
        for fields in ["", "[[fields]]\nname = \"pool\"\nfrom = \"response_json:router.pool\"\n"] {
            let weir = Weir::start(&(provider("up", &upstream, "") + fields));
            let answer = weir.ask(request(start, &[("content-type", "application/json")], &body));
            assert!(answer.whole);
            let output = if start.ends_with("embeddings") { 0 } else { tokens(text) };
            is(&weir.record(), "counted", input, output);
        }
    }
}

/// litellm #38065, bifrost #4484: streams of responses with usage 0/0/0.
#[test]
fn a_stream_of_a_response_that_is_cut_is_counted() {
    let event = |data: &str| format!("event: x\ndata: {data}\n\n");
    let pieces = event(r#"{"type":"response.created","response":{"id":"r","model":"gpt-4","status":"in_progress"}}"#)
        + &event(r#"{"type":"response.output_text.delta","delta":"The weir measures"}"#)
        + &event(r#"{"type":"response.output_text.delta","delta":" what flows."}"#);
    let upstream = Upstream::start(move |_, peer| {
        peer.send(HEAD);
        peer.send(chunk(&pieces));
        peer.close();
    });
    let weir = Weir::before(&upstream);
    let body = r#"{"model":"gpt-4","stream":true,"input":"tiktoken is great!"}"#;
    let whole = weir.ask(request("POST /v1/responses", &[("content-type", "application/json")], body)).whole;
    assert!(!whole);
    is(&weir.record(), "estimated", 13, tokens("The weir measures what flows."));
}

/// new-api #5289: what an error says is not output.
#[test]
fn errors_are_not_counted() {
    let stream = "data: {\"error\":{\"message\":\"overloaded, try later\",\"code\":\"server_error\"}}\n\n";
    for answer in [
        events([stream]),
        super::harness::answer("500 Oops", "application/json", "{\"error\":{\"message\":\"a long sentence\"}}"),
        super::harness::answer("429 Slow", "text/plain", "no"),
    ] {
        let upstream = Upstream::answering(answer);
        let weir = Weir::before(&upstream);
        weir.chat(ASK);
        let record = weir.record();
        assert_eq!((&record["status"], &record["usage_source"]), (&"error".into(), &"none".into()), "{record:#}");
        assert!(record["output_tokens"].is_null() && record["cost_usd"].is_null());
    }
}

/// What came before a stream said that it had failed was delivered.
#[test]
fn a_stream_that_fails_in_the_middle_is_counted_as_one_that_was_cut() {
    let failure = "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"server_error\"}}\n\n".to_owned();
    let upstream = Upstream::answering(events([event("The weir measures"), failure]));
    let weir = Weir::before(&upstream);
    weir.chat(ASK);
    let record = weir.record();
    assert_eq!((&record["status"], &record["error_type"]), (&"error".into(), &"server_error".into()));
    is(&record, "partial", 13, tokens("The weir measures"));
}

/// A long answer is counted while it goes by, in pieces, and comes to what the whole comes to.
#[test]
fn a_long_stream_is_counted_as_it_goes_by() {
    let text: String = (0..6000).map(|index| format!("Line {index}: the river \"flows\",\n\u{1f30a} été. ")).collect();
    assert!(text.len() < 256 << 10);
    let pieces: Vec<String> = text.split_inclusive(' ').map(event).collect();
    for whole in [true, false] {
        let mut sent: Vec<_> = pieces.iter().flat_map(chunk).collect();
        sent.splice(0..0, HEAD.bytes());
        let last = if whole { [chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()].concat() } else { Vec::new() };
        let upstream = Upstream::answering_once([sent, last].concat());
        let weir = Weir::before(&upstream);
        assert_eq!(weir.chat(ASK).whole, whole);
        is(&weir.record(), if whole { "counted" } else { "partial" }, 13, tokens(&text));
    }
}

#[test]
fn other_models_are_estimated() {
    let text = event("The weir measures what flows.").replace("gpt-4-0613", "claude-sonnet-4-5-20250929");
    let upstream = Upstream::answering(events([text, "data: [DONE]\n\n".to_owned()]));
    let weir = Weir::before(&upstream);
    weir.chat(ASK.replace("gpt-4", "claude-sonnet-4-5"));
    let record = weir.record();
    assert_eq!(record["usage_source"], "estimated");
    let output = count(Encoding::O200k, "The weir measures what flows.").tokens;
    assert_eq!(record["output_tokens"], (output * 1220 + 500) / 1000);
    assert_eq!(record["cost_status"], "unpriced");
}

/// bifrost #3357: Anthropic billed $120 and Bifrost $90 of it, since what a caller had cancelled cost nothing there. Of four
/// equal answers of which one is cancelled, all four cost.
#[test]
fn bifrost_3357_the_cancelled_quarter_costs_what_was_delivered() {
    let words = words(100);
    let all: Vec<String> = words.iter().map(|word| event(word)).collect();
    let end = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":13,\"completion_tokens\":100}}\n\ndata: [DONE]\n\n";
    let upstream = Upstream::start(move |request, peer| {
        peer.send(HEAD);
        all.iter().for_each(|piece| peer.send(chunk(piece)));
        match request.text().contains("\"user\":\"impatient\"") {
            true => peer.wait_until_left(),
            false => peer.send([chunk(end), b"0\r\n\r\n".to_vec()].concat()),
        }
    });
    let weir = Weir::before(&upstream);
    for _ in 0..3 {
        assert!(weir.chat(ASK).whole);
    }
    let mut caller = weir.connect();
    caller.send(chat(ASK.replacen('{', "{\"user\":\"impatient\",", 1)));
    caller.head().unwrap();
    read_deltas(&mut caller, 100);
    caller.close();
    let records = weir.settled(4);
    let cost: f64 = records.iter().filter_map(|record| record["cost_usd"].as_f64()).sum();
    let one = (13.0 * 0.03 + 100.0 * 0.06) / 1000.0;
    assert!((cost - 4.0 * one).abs() < 1e-9, "{cost} of {}", 4.0 * one);
    assert_eq!(records.iter().filter(|record| record["usage_source"] == "partial").count(), 1);
}

/// ai-gateway #2115: 28 % of long streams were in the access log and not in the metric of tokens. Whatever is recorded is
/// counted, in the same step.
#[test]
fn ai_gateway_2115_each_stream_of_the_log_is_in_the_metrics() {
    let upstream = Upstream::start(|_, peer| {
        peer.send(HEAD);
        for word in words(40) {
            peer.send(chunk(event(&word)));
        }
        peer.send(usage_event());
        peer.send([chunk("data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()].concat());
    });
    let weir = Weir::before(&upstream);
    for _ in 0..7 {
        assert!(weir.chat(ASK).whole);
    }
    let records = weir.settled(7);
    let logged: u64 = records.iter().map(|record| record["total_tokens"].as_u64().unwrap()).sum();
    let metrics = weir.metrics();
    assert_eq!((logged, metrics.sum("llm_tokens_total")), (7 * 175, 7 * 175));
    assert_eq!(metrics.sum("llm_requests_total"), 7);
}

/// aios-team-brain #450: $51.70 of $96.91, since calls that timed out, three times each, were not metered: their provider was
/// at work all the same. What is known of them is what was asked.
#[test]
fn aios_450_a_call_that_times_out_costs_its_input_each_time() {
    let upstream = Upstream::start(|_, peer| peer.wait_until_left());
    let weir = Weir::start(&format!("[timeouts]\nfirst_byte = \"200ms\"\n{}", provider("up", &upstream, "")));
    for retry in ["0", "1", "2"] {
        let headers = [("content-type", "application/json"), ("x-stainless-retry-count", retry)];
        assert_eq!(weir.ask(request("POST /v1/chat/completions", &headers, ASK)).status(), 504);
    }
    for (retry, record) in weir.settled(3).iter().enumerate() {
        is(record, "partial", 13, 0);
        assert_eq!((&record["end_reason"], &record["client_retry"]), (&"timeout".into(), &retry.into()), "{record:#}");
        assert_eq!(record["cost_status"], "estimated");
    }
}

#[test]
fn many_streams_that_are_cut_at_once_are_all_counted() {
    let upstream = endless(words(20).iter().map(|word| event(word)).collect());
    let weir = Weir::before(&upstream);
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let mut caller = weir.connect();
            caller.send(chat(ASK));
            caller.head().unwrap();
            read_deltas(&mut caller, 20);
            caller
        })
        .collect();
    drop(callers);
    upstream.was_left(64);
    weir.settled(64).iter().for_each(|record| is(record, "partial", 13, 20));
    assert_eq!(weir.metrics().number("weir_body_memory_bytes"), 0);
}

#[test]
fn what_was_cut_by_the_way_down_is_counted() {
    let upstream = endless(words(20).iter().map(|word| event(word)).collect());
    let mut weir =
        super::harness::Process::start(&format!("shutdown_grace = \"0s\"\n{}", provider("up", &upstream, "")), &[]);
    let mut caller = Wire::connect(weir.listen);
    caller.send(chat(ASK));
    caller.head().unwrap();
    read_deltas(&mut caller, 20);
    let written = weir.stop();
    let line = written.lines().find(|line| line.starts_with("{\"timestamp\"")).expect("a Record");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["end_reason"], &line["usage_source"]), (&"proxy_killed".into(), &"partial".into()));
    assert_eq!(line["output_tokens"], 20);
}

/// On one thread, so that what happens before another request is answered has been noticed by then.
fn drained(upstream: &Upstream) -> Weir {
    Weir::start(&format!("threads = 1\n{}", provider("up", upstream, DRAIN)))
}

const DRAIN: &str = "on_client_gone = \"drain\"";

/// Waits until Weir has noticed that a caller left.
fn notices(weir: &Weir) {
    assert_eq!(weir.ask(request("GET /nothing", &[], "")).status(), 404);
}

fn usage_event() -> Vec<u8> {
    chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":150,\"total_tokens\":175}}\n\n")
}

/// litellm #36008: interrupted streams were charged for less than the provider's bill.
#[test]
fn a_stream_that_is_drained_has_the_providers_own_figures() {
    let (go_on, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let wait = go_on.clone();
    let sent = told.clone();
    let upstream = Upstream::start(move |_, peer| {
        peer.send(HEAD);
        peer.send(chunk(event(" river")));
        until("the caller has left", || wait.load(Ordering::SeqCst).then_some(()));
        peer.send(chunk(event(" flows")));
        peer.send(chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"));
        peer.send(usage_event());
        peer.send(chunk("data: [DONE]\n\n"));
        sent.store(peer.try_send("0\r\n\r\n"), Ordering::SeqCst);
    });
    let weir = Weir::start(&format!("max_in_flight = 1\n{}", provider("up", &upstream, DRAIN)));
    let mut caller = weir.connect();
    caller.send(chat(ASK));
    caller.head().unwrap();
    read_deltas(&mut caller, 1);
    caller.close();
    // It holds its slot for as long as it goes on.
    assert_eq!(weir.chat(ASK).status(), 503);
    assert_eq!(weir.metrics().number("weir_in_flight"), 1);
    go_on.store(true, Ordering::SeqCst);
    let record = weir.record();
    is(&record, "provider", 25, 150);
    assert_eq!((&record["status"], &record["end_reason"]), (&"cancelled".into(), &"client_gone".into()));
    assert_eq!(record["finish_reason"], "stop");
    assert!(told.load(Ordering::SeqCst));
    assert_eq!(weir.chat(ASK).status(), 200, "the slot is free, and the connection is sound");
    weir.settled(2);
}

/// litellm #13245: the caller of an answer that is no stream left, and only its input was recorded.
#[test]
fn an_answer_that_has_not_begun_is_drained() {
    let go_on = Arc::new(AtomicBool::new(false));
    let wait = go_on.clone();
    let upstream = Upstream::start(move |_, peer| {
        until("the caller has left", || wait.load(Ordering::SeqCst).then_some(()));
        peer.send(json(ANSWER));
    });
    let weir = drained(&upstream);
    let mut caller = weir.connect();
    caller.send(chat(CHAT));
    upstream.sees("gpt-4");
    caller.close();
    notices(&weir);
    go_on.store(true, Ordering::SeqCst);
    let record = weir.record();
    is(&record, "provider", 25, 150);
    assert_eq!((&record["status"], &record["end_reason"]), (&"cancelled".into(), &"client_gone".into()));
    assert_eq!(record["status_code"], 200);
}

#[test]
fn what_breaks_off_while_it_is_drained_is_counted() {
    let go_on = Arc::new(AtomicBool::new(false));
    let wait = go_on.clone();
    let upstream = Upstream::start(move |_, peer| {
        peer.send(HEAD);
        peer.send(chunk(event(" river")));
        until("the caller has left", || wait.load(Ordering::SeqCst).then_some(()));
        peer.send(chunk(event(" flows")));
        peer.pause();
        peer.close();
    });
    let weir = drained(&upstream);
    let mut caller = weir.connect();
    caller.send(chat(ASK));
    caller.head().unwrap();
    read_deltas(&mut caller, 1);
    caller.close();
    notices(&weir);
    go_on.store(true, Ordering::SeqCst);
    let record = weir.record();
    is(&record, "partial", 13, 2);
    assert_eq!(record["end_reason"], "client_gone");
}

#[test]
fn callers_of_a_drained_provider_who_stay_notice_nothing() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = drained(&upstream);
    let mut caller = weir.connect();
    for _ in 0..3 {
        assert_eq!(caller.ask(chat(CHAT)).text(), ANSWER);
    }
    assert!(weir.settled(3).iter().all(|record| record["status"] == "success"));
}

#[test]
fn the_way_down_waits_for_what_is_drained() {
    let go_on = Arc::new(AtomicBool::new(false));
    let wait = go_on.clone();
    let upstream = Upstream::start(move |_, peer| {
        peer.send(HEAD);
        peer.send(chunk(event(" river")));
        until("the caller has left", || wait.load(Ordering::SeqCst).then_some(()));
        (0..10).for_each(|_| peer.pause());
        peer.send(chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"));
        peer.send(usage_event());
        peer.send(chunk("data: [DONE]\n\n"));
        peer.send("0\r\n\r\n");
    });
    let config = format!("threads = 1\n{}", provider("up", &upstream, DRAIN));
    let mut weir = super::harness::Process::start(&config, &[]);
    let mut caller = Wire::connect(weir.listen);
    caller.send(chat(ASK));
    caller.head().unwrap();
    read_deltas(&mut caller, 1);
    caller.close();
    assert_eq!(Wire::connect(weir.listen).ask(request("GET /nothing", &[], "")).status(), 404);
    go_on.store(true, Ordering::SeqCst);
    let written = weir.stop();
    let line = written.lines().find(|line| line.starts_with("{\"timestamp\"")).expect("a Record");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["end_reason"], &line["usage_source"]), (&"client_gone".into(), &"provider".into()));
    assert_eq!(line["output_tokens"], 150);
}
