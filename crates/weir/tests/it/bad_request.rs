//! What callers should not send.

use super::harness::{ANSWER, CHAT, Upstream, Weir, Wire, answer, chat, is_own_error, json, provider, request};

#[test]
fn a_body_that_asks_for_nothing_is_refused_with_a_reason_and_recorded() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&provider("up", &upstream, "models = [\"gpt-*\"]"));
    // The only provider gets everything; a second one makes a model unknown that neither names.
    let other = Weir::start(
        &(provider("up", &upstream, "models = [\"gpt-*\"]") + &provider("two", &upstream, "models = [\"o3\"]")),
    );
    let cases: [(&[u8], u16, &str); 12] = [
        (b"", 400, "weir_invalid_json"),
        (b"hello", 400, "weir_invalid_json"),
        (b"[1]", 400, "weir_invalid_json"),
        (b"\"gpt-4\"", 400, "weir_invalid_json"),
        (b"{\"model\":\"gpt-4\"", 400, "weir_invalid_json"),
        (b"{\"model\":\"gpt-4\"} and more", 400, "weir_invalid_json"),
        (b"{\"model\":\"gpt-4\",}", 400, "weir_invalid_json"),
        (b"\0\0\0\0", 400, "weir_invalid_json"),
        (b"{}", 400, "weir_missing_model"),
        (b"{\"model\":null}", 400, "weir_missing_model"),
        (b"{\"model\":7}", 400, "weir_invalid_model"),
        (b"{\"model\":[\"gpt-4\"]}", 400, "weir_invalid_model"),
    ];
    for (index, (body, status, code)) in cases.into_iter().enumerate() {
        let answer = weir.chat(body);
        is_own_error(&answer, status, code, true);
        let records = weir.settled(index + 1);
        let record = &records[index];
        assert_eq!(record["event"], "llm_request_failed");
        assert_eq!(record["error_type"], code);
        assert_eq!(record["status_code"], status);
        assert_eq!(record["request_id"].as_str(), answer.header("x-weir-request-id"));
        assert_eq!(record["request_bytes"], body.len());
        assert!(record["cost_usd"].is_null() && record["input_tokens"].is_null());
    }
    let sentence = is_own_error(&other.chat(r#"{"model":"no-such"}"#), 404, "weir_unknown_model", true);
    assert!(sentence.contains("no-such") && sentence.contains("/v1/models"), "{sentence}");
    assert_eq!(other.record()["model"], "no-such");
    assert!(upstream.seen().is_empty(), "nothing of this is a provider's business");
}

#[test]
fn a_wrong_type_that_weir_does_not_need_is_the_providers_to_judge() {
    let judgement = answer("400 Bad Request", "application/json", r#"{"error":{"message":"stream must be a bool"}}"#);
    let upstream = Upstream::answering(judgement);
    let weir = Weir::before(&upstream);
    let body = r#"{"model":"gpt-4","stream":"yes","temperature":"hot","max_tokens":-1,"user":3}"#;
    let answer = weir.chat(body);
    assert_eq!((answer.status(), answer.header("x-weir-error")), (400, None));
    assert_eq!(answer.text(), r#"{"error":{"message":"stream must be a bool"}}"#);
    assert_eq!(upstream.only().text(), body);
    let record = weir.record();
    assert_eq!((&record["error_type"], &record["status_code"]), (&"http_400".into(), &400.into()));
    assert_eq!(record["error_message"], "stream must be a bool");
    assert!(record["temperature"].is_null() && record.get("max_tokens").is_none());
}

#[test]
fn a_body_beyond_the_limit_is_read_away_so_that_the_caller_can_read_why() {
    const PIECES: usize = 100;
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let head = |framing: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{framing}\r\n\r\n"
        )
    };
    let piece = vec![b' '; 1 << 20];
    let mut announced = weir.connect();
    announced.send(head(&format!("content-length: {}", PIECES << 20)));
    assert!((0..PIECES).all(|_| announced.send(&piece)), "the whole body was taken");
    is_own_error(&announced.answer().expect("an answer"), 413, "weir_body_too_large", true);
    // Without a length it is found out on the way.
    let mut chunked = weir.connect();
    chunked.send(head("transfer-encoding: chunked"));
    assert!((0..PIECES).all(|_| chunked.send(b"100000\r\n") && chunked.send(&piece) && chunked.send(b"\r\n")));
    chunked.send(b"0\r\n\r\n");
    let sentence = is_own_error(&chunked.answer().expect("an answer"), 413, "weir_body_too_large", true);
    assert!(sentence.contains("body_limit"), "{sentence}");
    // Who asks for leave first hears no at once.
    let mut polite = weir.connect();
    polite.send(head(&format!("expect: 100-continue\r\ncontent-length: {}", PIECES << 20)));
    is_own_error(&polite.answer().expect("an answer"), 413, "weir_body_too_large", true);
    drop(polite);
    // The connection whose body was read away is as good as any.
    assert_eq!(announced.ask(chat(CHAT)).text(), ANSWER);
    let records = weir.settled(4);
    assert!(records[..3].iter().all(|record| record["error_type"] == "weir_body_too_large"));
    assert_eq!(weir.metrics().number("weir_body_memory_bytes"), 0);
}

#[test]
fn a_head_that_is_not_http_is_refused_and_counted() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let post = |line: &[u8]| {
        let start = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let length = format!("content-length: {}\r\n\r\n{CHAT}", CHAT.len());
        [start.as_slice(), line, b"\r\n", length.as_bytes()].concat()
    };
    let bad: [Vec<u8>; 8] = [
        post(b"x-nul: a\0b"),
        post(b"x-cr: a\rx-forged: 1"),
        post(b"x-folded: a\r\n b"),
        post(b"\"x-quoted\": 1"),
        post(b"x spaced: 1"),
        post(b"content-length: 3"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET /v1/models\0 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
    ];
    for (index, bytes) in bad.iter().enumerate() {
        let answer = weir.ask(bytes);
        is_own_error(&answer, 400, "weir_bad_head", false);
        weir.refused("bad_head", index as u64 + 1);
    }
    weir.settled(0);
    assert!(upstream.seen().is_empty());
}

/// Who asks as of a Loki gets a sentence, as a Loki gives one.
#[test]
fn a_question_that_is_not_encoded_is_told_so() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    for query in ["{app=\"x\"}", "{app=\"x\"} |= \"a b\"", "<x>"] {
        let answer = weir.ask_admin(request(&format!("GET /loki/api/v1/query_range?query={query}"), &[], ""));
        assert_eq!((answer.status(), answer.whole), (400, true), "{query}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert!(answer.text().contains("must be encoded") && answer.text().ends_with('\n'), "{}", answer.text());
    }
    let long = weir.ask_admin(request(&format!("GET /metrics?{}", "x".repeat(70_000)), &[], ""));
    assert!(matches!(long.status(), 414 | 431) && long.text().contains("with POST"), "{}", long.text());
    assert_eq!(weir.ask_admin(request("GET /loki/api/v1/query_range?query=%7Bapp=%22x%22%7D", &[], "")).status(), 200);
}

#[test]
fn a_body_that_is_framed_wrongly_is_refused_and_recorded() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    for (index, body) in ["zz\r\n", "3\r\nabcdef\r\n0\r\n\r\n", "ffffffffffffffffff\r\n"].into_iter().enumerate() {
        let answer = weir.ask(request("POST /v1/chat/completions", &headers, body));
        is_own_error(&answer, 400, "weir_body_incomplete", true);
        assert_eq!(weir.settled(index + 1)[index]["event"], "llm_request_failed");
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_flood_of_headers_is_refused_and_counted() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let names: Vec<String> = (0..1000).map(|index| format!("x-{index}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    is_own_error(&weir.ask(request("GET /v1/models", &many, "")), 431, "weir_head_too_large", false);
    let long = "a".repeat(1 << 20);
    is_own_error(&weir.ask(request("GET /v1/models", &[("x-long", &long)], "")), 431, "weir_head_too_large", false);
    weir.refused("bad_head", 2);
    weir.settled(0);
    assert_eq!(weir.chat(CHAT).text(), ANSWER, "others are served as ever");
    weir.settled(1);
}

#[test]
fn no_text_from_outside_splits_or_forges_a_line() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let forged = "\"}\n{\"event\":\"llm_request_completed\",\"cost_usd\":1000}\r\n\u{0}\u{85}\u{2028}\u{7f}\\";
    let quoted = serde_json::Value::from(forged).to_string();
    let header = b"\"}{\"event\":\"forged\"}\\ \xff\xfe\x80 \xc3\xa9";
    let mut head =
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".to_vec();
    for name in ["user-agent", "x-request-id", "traceparent", "x-stainless-retry-count"] {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(header);
        head.extend_from_slice(b"\r\n");
    }
    let body = format!("{{\"model\":{quoted},\"user\":{quoted},\"service_tier\":{quoted}}}");
    head.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    assert_eq!(weir.ask(&head).text(), ANSWER);
    let record = weir.record();
    assert_eq!((record["model"].as_str(), record["user_id"].as_str()), (Some(forged), Some(forged)));
    assert_eq!(record["client"].as_str(), Some(String::from_utf8_lossy(header).as_ref()));
    assert!(record.get("trace_id").is_none() && record.get("client_retry").is_none());
    assert_eq!(upstream.only().text(), body);
    // Bytes that JSON does not allow within a string, and texts that are cut, also in the middle of a character.
    let long = format!("{{\"model\":\"{}\",\"user\":\"{}\"}}", "\u{1f30a}".repeat(5000), "\\u0000".repeat(5000));
    for body in [
        b"{\"model\":\"gpt\n-4\"}".as_slice(),
        b"{\"model\":\"gpt\0-4\"}",
        b"{\"model\":\"gpt\xff-4\"}",
        b"{\"model\":\"\\ud83c\"}",
        long.as_bytes(),
    ] {
        assert!(matches!(weir.chat(body).status(), 200 | 400));
    }
    let records = weir.settled(6);
    assert_eq!(records[5]["truncated"], true);
}

#[test]
fn paths_and_methods_that_lead_nowhere_are_refused_and_counted() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
    is_own_error(&weir.ask(request("GET /", &[], "")), 404, "weir_not_found", false);
    is_own_error(&weir.ask(request("POST /chat/completions", &[], CHAT)), 404, "weir_not_found", false);
    is_own_error(&weir.ask(request("PUT /v1/embeddings", &[], "")), 405, "weir_method_not_allowed", false);
    is_own_error(&weir.ask(request("GET /v1/realtime", &upgrade, "")), 501, "weir_upgrade_unsupported", false);
    weir.settled(0);
    weir.refused("not_found", 2);
    weir.refused("method_not_allowed", 1);
    weir.refused("upgrade_unsupported", 1);
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_caller_that_stands_still_is_not_waited_for_forever() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&format!("[timeouts]\ncaller = \"300ms\"\n{}", provider("up", &upstream, "")));
    let whole = chat(CHAT);
    let mut slow = weir.connect();
    slow.send(&whole[..whole.len() - 1]);
    is_own_error(&slow.answer().expect("an answer"), 400, "weir_body_incomplete", true);
    // One that never finishes its head is not a request.
    let mut silent = Wire::connect(weir.listen);
    silent.send(&whole[..20]);
    assert!(silent.read_to_end().len() < 512, "closed, perhaps with a 408");
    assert_eq!(weir.record()["error_type"], "weir_body_incomplete");
}
