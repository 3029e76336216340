//! Streams byte for byte: what Weir asks of a provider on its own behalf leaves no trace in what the caller gets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::harness::{Message, Upstream, Weir, answer, events, is_own_error, provider};

const STREAM: &str = r#"{"model":"gpt-4","stream":true,"messages":[]}"#;
/// [`STREAM`] with the question for usage.
const ASKED: &str = r#"{"stream_options":{"include_usage":true},"model":"gpt-4","stream":true,"messages":[]}"#;

const USAGE: &str = r#"{"prompt_tokens":25,"completion_tokens":150,"total_tokens":175}"#;

/// A stream as a provider sends it: unasked, and asked for its usage, with `"usage":null` in each chunk or without.
struct Script {
    unasked: String,
    asked: String,
}

impl Script {
    /// With lines that end so.
    fn new(nulls: bool, end: &str) -> Script {
        let first = r#"{"id":"c-1","object":"chat.completion.chunk","model":"gpt-4-0613","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
        let text = r#"{"id":"c-1","choices":[{"index":0,"delta":{"content":"say \"usage\":null, é \u00e9 🌊"}}]}"#;
        let last = r#"{"id":"c-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
        let with_null = |chunk: &str| match chunk.rsplit_once('}') {
            Some((front, _)) if nulls => format!("{front},\"usage\":null}}"),
            _ => chunk.to_owned(),
        };
        let event = |data: &str| format!("data: {data}{end}{end}");
        let comment = format!(": keep-alive{end}{end}");
        let usage = event(&format!("{{\"id\":\"c-1\",\"choices\":[],\"usage\":{USAGE}}}"));
        let done = event("[DONE]");
        let unasked = event(first) + &comment + &event(text) + &event(last) + &done;
        let asked =
            event(&with_null(first)) + &comment + &event(&with_null(text)) + &event(&with_null(last)) + &usage + &done;
        Script { unasked, asked }
    }

    /// A provider that answers by this, in the pieces that `cut` makes.
    fn upstream(&self, cut: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Upstream {
        let (unasked, asked) = (self.unasked.clone(), self.asked.clone());
        Upstream::start(move |request, peer| {
            let question = &request.json()["stream_options"]["include_usage"];
            let stream = if *question == true { &asked } else { &unasked };
            peer.send(events(cut(stream.as_bytes())));
        })
    }
}

fn whole(bytes: &[u8]) -> Vec<Vec<u8>> {
    vec![bytes.to_vec()]
}

fn is_metered(record: &Value) {
    assert_eq!(record["event"], "llm_request_completed", "{record:#}");
    assert_eq!((&record["stream"], &record["usage_source"]), (&true.into(), &"provider".into()));
    assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&25.into(), &150.into()));
    assert_eq!((&record["cost_usd"], &record["energy_consumption_kwh"]), (&0.00975.into(), &0.000875.into()));
    assert_eq!((&record["finish_reason"], &record["response_model"]), (&"stop".into(), &"gpt-4-0613".into()));
}

/// The provider said nothing of tokens, so they were counted: none of an empty request, and those of the text.
fn is_counted(record: &Value) {
    let tokens = meter::tokens::count(meter::tokens::Encoding::Cl100k, "say \"usage\":null, é é 🌊").tokens;
    assert_eq!((&record["status"], &record["usage_source"]), (&"success".into(), &"counted".into()), "{record:#}");
    assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&0.into(), &tokens.into()));
    assert_eq!((&record["status_code"], &record["cost_status"]), (&200.into(), &"estimated".into()));
    let cost = record["cost_usd"].as_f64().unwrap();
    assert!((cost - tokens as f64 * 0.06 / 1000.0).abs() < 1e-12, "{cost}");
}

#[test]
fn what_the_question_added_is_taken_out_at_every_cut() {
    for script in [Script::new(false, "\n"), Script::new(true, "\n"), Script::new(true, "\r\n")] {
        let next = Arc::new(Mutex::new(0));
        let cut_at = next.clone();
        let upstream = script.upstream(move |bytes| {
            let mut at = cut_at.lock().unwrap();
            *at += 1;
            vec![bytes[..*at - 1].to_vec(), bytes[*at - 1..].to_vec()]
        });
        let weir = Weir::before(&upstream);
        let mut caller = weir.connect();
        for cut in 0..=script.asked.len() {
            let answer = caller.ask(super::harness::chat(STREAM));
            assert!(answer.whole);
            assert_eq!(answer.text(), script.unasked, "cut at {cut}");
        }
        assert_eq!(*next.lock().unwrap(), script.asked.len() + 1);
        assert!(upstream.seen().iter().all(|request| request.text() == ASKED));
        weir.settled(script.asked.len() + 1).iter().for_each(is_metered);
    }
}

#[test]
fn what_the_question_added_is_taken_out_byte_by_byte() {
    for script in [Script::new(false, "\n"), Script::new(true, "\r\n"), Script::new(true, "\r")] {
        let upstream = script.upstream(|bytes| bytes.iter().map(|byte| vec![*byte]).collect());
        let weir = Weir::before(&upstream);
        let answer = weir.chat(STREAM);
        assert_eq!((answer.text(), answer.whole), (script.unasked, true));
        is_metered(&weir.record());
    }
}

#[test]
fn a_question_that_the_caller_asked_or_declined() {
    let script = Script::new(true, "\n");
    let upstream = script.upstream(whole);
    let weir = Weir::before(&upstream);
    let cases = [
        (r#"{"model":"gpt-4","stream":true,"stream_options":{"include_usage":true}}"#, None, &script.asked),
        (
            r#"{"model":"gpt-4","stream":true,"stream_options":{"include_usage":false}}"#,
            Some(r#"{"model":"gpt-4","stream":true,"stream_options":{"include_usage":true}}"#),
            &script.unasked,
        ),
        (
            r#"{ "model":"gpt-4" , "stream_options":{ "x":1 }, "stream":true}"#,
            Some(r#"{ "model":"gpt-4" , "stream_options":{"include_usage":true, "x":1 }, "stream":true}"#),
            &script.unasked,
        ),
        (
            r#"{"stream_options":null,"model":"gpt-4","stream":true}"#,
            Some(r#"{"stream_options":{"include_usage":true},"model":"gpt-4","stream":true}"#),
            &script.unasked,
        ),
    ];
    for (index, (body, sent, gets)) in cases.into_iter().enumerate() {
        assert_eq!(&weir.chat(body).text(), gets, "{body}");
        assert_eq!(upstream.seen()[index].text(), sent.unwrap_or(body));
    }
    weir.settled(cases.len()).iter().for_each(is_metered);
}

#[test]
fn a_provider_that_may_not_be_asked_is_not_asked() {
    let script = Script::new(true, "\n");
    let upstream = script.upstream(whole);
    let weir = Weir::start(&provider("up", &upstream, "inject_usage = false"));
    assert_eq!(weir.chat(STREAM).text(), script.unasked);
    assert_eq!(upstream.only().text(), STREAM);
    is_counted(&weir.record());
}

/// A provider that refuses whatever has `stream_options` in it, with this sentence.
fn refusing(sentence: &'static str) -> (Upstream, String) {
    let script = Script::new(false, "\n");
    let unasked = script.unasked.clone();
    let upstream = Upstream::start(move |request, peer| {
        if request.text().contains("stream_options") {
            peer.send(answer("422 Unprocessable", "application/json", sentence));
        } else {
            peer.send(events([&unasked]));
        }
    });
    (upstream, script.unasked)
}

#[test]
fn a_provider_that_refuses_the_question_is_asked_once() {
    let (upstream, unasked) = refusing(r#"{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs"}]}"#);
    let weir = Weir::before(&upstream);
    for _ in 0..3 {
        assert_eq!(weir.chat(STREAM).text(), unasked);
    }
    let sent: Vec<String> = upstream.seen().iter().map(Message::text).collect();
    assert_eq!(sent, [ASKED, STREAM, STREAM, STREAM]);
    for record in weir.settled(3) {
        is_counted(&record);
    }
}

#[test]
fn a_refusal_of_something_else_passes() {
    let refusal = r#"{"error":{"message":"no such tool","code":"bad_tool"}}"#;
    let (upstream, _) = refusing(refusal);
    let weir = Weir::before(&upstream);
    for _ in 0..2 {
        let answer = weir.chat(STREAM);
        assert_eq!((answer.status(), answer.text().as_str(), answer.header("x-weir-error")), (422, refusal, None));
    }
    let sent: Vec<String> = upstream.seen().iter().map(Message::text).collect();
    assert_eq!(sent, [ASKED, ASKED], "nothing was learnt from it");
    assert!(weir.settled(2).iter().all(|record| record["error_type"] == "bad_tool"));
}

#[test]
fn a_caller_that_makes_a_provider_name_the_question_turns_nothing_off() {
    let script = Script::new(false, "\n");
    let asked = script.asked.clone();
    let upstream = Upstream::start(move |request, peer| {
        if request.text().contains("bogus") {
            let refusal = r#"{"error":{"message":"Unknown parameter: 'stream_options.bogus'."}}"#;
            peer.send(answer("400 Bad Request", "application/json", refusal));
        } else {
            peer.send(events([&asked]));
        }
    });
    let weir = Weir::before(&upstream);
    let answer = weir.chat(r#"{"model":"gpt-4","stream":true,"stream_options":{"bogus":1}}"#);
    assert_eq!(answer.status(), 400);
    assert!(answer.text().contains("bogus"));
    assert_eq!(weir.chat(STREAM).text(), script.unasked);
    let records = weir.settled(2);
    assert_eq!(records[0]["status"], "error");
    is_metered(&records[1]);
}

#[test]
fn pieces_leave_as_they_come() {
    let script = Script::new(true, "\n");
    let sent = script.asked.clone();
    let go_on = Arc::new(AtomicBool::new(false));
    let told = go_on.clone();
    let upstream = Upstream::start(move |_, peer| {
        let whole = events(sent.split_inclusive("\n\n"));
        let first = whole.windows(4).position(|bytes| bytes == b"\n\n\r\n").unwrap() + 4;
        peer.send(&whole[..first]);
        super::harness::until("the caller has the first event", || told.load(Ordering::SeqCst).then_some(()));
        peer.send(&whole[first..]);
    });
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    caller.send(super::harness::chat(STREAM));
    assert_eq!(caller.head().unwrap().header("content-type"), Some("text/event-stream; charset=utf-8"));
    let first = caller.chunk().unwrap();
    assert!(script.unasked.as_bytes().starts_with(&first) && first.ends_with(b"\n\n"));
    go_on.store(true, Ordering::SeqCst);
    while !caller.chunk().expect("a whole stream").is_empty() {}
    is_metered(&weir.record());
}

#[test]
fn a_stream_that_reports_an_error_is_one() {
    let failing = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
                   data: {\"error\":{\"message\":\"overloaded\",\"code\":\"server_error\"}}\n\ndata: [DONE]\n\n";
    let upstream = Upstream::answering(events([failing]));
    let weir = Weir::before(&upstream);
    let answer = weir.chat(STREAM);
    assert_eq!((answer.status(), answer.text().as_str()), (200, failing));
    let record = weir.record();
    assert_eq!((&record["status"], &record["error_type"]), (&"error".into(), &"server_error".into()));
}

#[test]
fn a_stream_that_is_no_stream_is_an_error_only_where_it_cannot_be_passed() {
    // Where a stream was asked for and JSON comes, that is the provider's answer.
    let body = format!("{{\"id\":\"c-1\",\"usage\":{USAGE}}}");
    let upstream = Upstream::answering(super::harness::json(&body));
    let weir = Weir::before(&upstream);
    assert_eq!(weir.chat(STREAM).text(), body);
    assert_eq!(weir.record()["total_tokens"], 175);
    let gone = Upstream::answering_once("");
    let weir = Weir::before(&gone);
    is_own_error(&weir.chat(STREAM), 502, "weir_upstream_broken", true);
}
