//! Limits, and callers that go away.

use super::harness::{
    ANSWER, CHAT, Process, Upstream, Weir, Wire, chat, chunk, is_own_error, json, provider, request, until,
};

const STREAM: &str = r#"{"model":"gpt-4","stream":true}"#;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const EVENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

#[test]
fn beyond_max_in_flight_callers_are_told_to_come_back() {
    let upstream = Upstream::start(|_, peer| peer.wait_until_left());
    let weir = Weir::start(&format!("max_in_flight = 3\n{}", provider("up", &upstream, "")));
    let held: Vec<Wire> = (0..3)
        .map(|_| {
            let mut wire = weir.connect();
            wire.send(chat(CHAT));
            wire
        })
        .collect();
    until("three requests are in flight", || (weir.metrics().number("weir_in_flight") == 3).then_some(()));
    for _ in 0..4 {
        let refused = weir.chat(CHAT);
        let sentence = is_own_error(&refused, 503, "weir_too_many_in_flight", false);
        assert!(sentence.contains("max_in_flight"), "{sentence}");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    weir.refused("too_many_in_flight", 4);
    drop(held);
    upstream.was_left(3);
    // A slot is free again as soon as its Record is written.
    assert!(weir.settled(3).iter().all(|record| record["event"] == "llm_request_cancelled"));
    let unused = weir.ask(request("POST /v1/embeddings", &[], "{}"));
    is_own_error(&unused, 400, "weir_missing_model", true);
    weir.settled(4);
}

#[test]
fn bodies_together_stay_within_their_memory() {
    let upstream = Upstream::answering(json(ANSWER));
    let limits = "body_memory = \"1 MiB\"\nbody_limit = \"1 MiB\"\n";
    let weir = Weir::start(&(limits.to_owned() + &provider("up", &upstream, "")));
    let body = format!("{{\"model\":\"gpt-4\",\"pad\":\"{}\"}}", "x".repeat(700 << 10));
    let whole = chat(&body);
    let mut slow = weir.connect();
    slow.send(&whole[..whole.len() - 1]);
    until("the first body is held", || (weir.metrics().number("weir_body_memory_bytes") > 600 << 10).then_some(()));
    let refused = weir.ask(&whole);
    let sentence = is_own_error(&refused, 503, "weir_body_memory", true);
    assert!(sentence.contains("body_memory"), "{sentence}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(weir.chat(CHAT).text(), ANSWER, "a small one still fits");
    slow.send(&whole[whole.len() - 1..]);
    assert_eq!(slow.answer().unwrap().text(), ANSWER);
    let records = weir.settled(3);
    assert_eq!(records[0]["error_type"], "weir_body_memory");
    assert_eq!(weir.metrics().number("weir_body_memory_bytes"), 0);
    assert_eq!(weir.ask(&whole).text(), ANSWER);
    weir.settled(4);
}

fn is_cancelled(weir: &Weir) -> serde_json::Value {
    let record = weir.record();
    let said = (&record["event"], &record["level"], &record["status"], &record["end_reason"]);
    let cancelled = ("llm_request_cancelled".into(), "WARN".into(), "cancelled".into(), "client_gone".into());
    assert_eq!(said, (&cancelled.0, &cancelled.1, &cancelled.2, &cancelled.3), "{record:#}");
    record
}

#[test]
fn a_caller_that_goes_before_the_answer_cancels_it() {
    for body in [CHAT, STREAM] {
        let upstream = Upstream::start(|_, peer| peer.wait_until_left());
        let weir = Weir::before(&upstream);
        let mut caller = weir.connect();
        caller.send(chat(body));
        until("the provider has the request", || (upstream.seen().len() == 1).then_some(()));
        caller.close();
        upstream.was_left(1);
        let record = is_cancelled(&weir);
        assert!(record.get("status_code").is_none());
        // It was sent, and nothing was received.
        let input = if body == CHAT { 8 } else { 0 };
        assert_eq!((&record["input_tokens"], &record["output_tokens"]), (&input.into(), &0.into()));
        assert_eq!(record["usage_source"], "partial");
        assert_eq!((&record["model"], &record["provider"]), (&"gpt-4".into(), &"up".into()));
    }
}

#[test]
fn a_caller_that_goes_in_mid_stream_cancels_it() {
    // Silent meanwhile, and busy.
    for busy in [false, true] {
        let upstream = Upstream::start(move |_, peer| {
            peer.send(HEAD);
            peer.send(chunk(EVENT));
            while busy && peer.try_send(chunk(EVENT)) {
                peer.pause();
            }
            peer.wait_until_left();
        });
        let weir = Weir::before(&upstream);
        let mut caller = weir.connect();
        caller.send(chat(STREAM));
        assert_eq!(caller.head().unwrap().status(), 200);
        assert_eq!(caller.chunk().unwrap(), EVENT.as_bytes());
        caller.close();
        upstream.was_left(1);
        let record = is_cancelled(&weir);
        assert_eq!((&record["status_code"], &record["stream"]), (&200.into(), &true.into()));
        assert!(record["response_bytes"].as_u64().unwrap() >= EVENT.len() as u64);
        assert!(record["time_to_first_token_seconds"].is_number());
    }
}

#[test]
fn a_caller_that_goes_in_the_middle_of_its_body_leaves_one_record() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let whole = chat(CHAT);
    let mut caller = weir.connect();
    caller.send(&whole[..whole.len() - 10]);
    until("the request is admitted", || (weir.metrics().number("weir_accepted_total") == 1).then_some(()));
    caller.close();
    is_cancelled(&weir);
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_caller_that_goes_after_the_last_piece_has_had_its_answer() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    for _ in 0..20 {
        let mut caller = weir.connect();
        caller.send(chat(CHAT));
        assert_eq!(caller.answer().unwrap().text(), ANSWER);
        caller.close();
    }
    assert!(weir.settled(20).iter().all(|record| record["status"] == "success"));
}

#[test]
fn a_caller_that_reads_slowly_is_served_at_its_pace() {
    const EVENTS: usize = 2000;
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(4000));
    let sent = event.clone();
    let upstream = Upstream::start(move |_, peer| {
        peer.send(HEAD);
        (0..EVENTS).for_each(|_| peer.send(chunk(&sent)));
        peer.send(chunk("data: [DONE]\n\n"));
        peer.send("0\r\n\r\n");
    });
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    caller.send(chat(STREAM));
    // Long enough for every buffer on the way to fill up.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(weir.metrics().number("weir_in_flight"), 1);
    let answer = caller.answer().unwrap();
    assert_eq!(answer.body.len(), EVENTS * event.len() + "data: [DONE]\n\n".len());
    assert_eq!(weir.record()["status"], "success");
}

#[test]
fn memory_stays_flat_however_long_a_stream_is() {
    const MIB: usize = 200;
    let event =
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}],\"usage\":null}}\n\n", "x".repeat(16_000));
    let piece: Vec<u8> = (0..64).flat_map(|_| chunk(&event)).collect();
    let upstream = Upstream::start(move |_, peer| {
        peer.send(HEAD);
        (0..MIB).for_each(|_| peer.send(&piece));
        peer.send(chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"));
        peer.send(chunk("data: [DONE]\n\n"));
        peer.send("0\r\n\r\n");
    });
    let mut weir = Process::start(&provider("up", &upstream, ""), &[]);
    let drain = |caller: &mut Wire| {
        assert_eq!(caller.head().unwrap().status(), 200);
        let mut bytes = 0;
        loop {
            let piece = caller.chunk().expect("a whole stream");
            bytes += piece.len();
            if piece.is_empty() {
                return bytes;
            }
        }
    };
    let mut caller = Wire::connect(weir.listen);
    let before = weir.kibibytes("VmHWM");
    caller.send(chat(STREAM));
    let bytes = drain(&mut caller);
    let grown = weir.kibibytes("VmHWM") - before;
    assert!(bytes >= MIB * 64 * 16_000, "{bytes} bytes came");
    // Of which the dictionary and the text that waits to be counted are some MiB, more of them where the processor is busy.
    assert!(grown < 40 << 10, "{MIB} MiB took {grown} KiB more");
    assert!(weir.stop().contains("\"total_tokens\":3"));
}
