//! What providers should not send. What has begun to reach the caller passes as it is; what cannot pass is an error of
//! Weir's own; either way there is one Record that says so.

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::harness::{ANSWER, CHAT, Message, Upstream, Weir, answer, chunk, events, is_own_error, json, provider};

/// Sends one chat completion to an upstream that answers so and closes.
fn exchange(answer: impl Into<Vec<u8>>) -> (Message, Value) {
    let upstream = Upstream::answering_once(answer);
    let weir = Weir::before(&upstream);
    let answer = weir.chat(CHAT);
    let record = weir.record();
    assert_eq!(upstream.seen().len(), 1, "what may have been billed is not sent twice");
    assert_eq!(record["request_id"].as_str(), answer.header("x-weir-request-id"));
    assert_eq!(record["status_code"], answer.status());
    (answer, record)
}

fn is_failure(record: &Value, error: &str, reason: &str) {
    let said = (&record["event"], &record["error_type"], &record["end_reason"]);
    assert_eq!(said, (&"llm_request_failed".into(), &error.into(), &reason.into()), "{record:#}");
}

#[test]
fn html_passes_and_is_recorded_as_unreadable() {
    let page = "<!doctype html><title>Hello</title>\r\n";
    let (passed, record) = exchange(answer("200 OK", "text/html", page));
    assert_eq!((passed.text().as_str(), passed.header("x-weir-error"), passed.whole), (page, None, true));
    is_failure(&record, "weir_unreadable_answer", "complete");
    assert_eq!(record["usage_source"], "none");
    let (passed, record) = exchange(answer("503 Service Unavailable", "text/html", page));
    assert_eq!((passed.status(), passed.text().as_str()), (503, page));
    is_failure(&record, "http_503", "complete");
}

#[test]
fn nothing_and_what_is_not_http_become_an_error_of_weirs_own() {
    let flood: String = (0..1000).map(|index| format!("x-{index}: 1\r\n")).collect();
    let heads: [Vec<u8>; 9] = [
        Vec::new(),
        b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec(),
        b"\0\0\0\0\0\0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"HTTP/1.1 two hundred\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nx-nul: a\0b\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 7\r\n\r\n{}12345".to_vec(),
        format!("HTTP/1.1 200 OK\r\n{flood}\r\n{{}}").into_bytes(),
    ];
    for head in heads {
        let (answer, record) = exchange(head);
        let sentence = is_own_error(&answer, 502, "weir_upstream_broken", true);
        assert!(sentence.contains("\"up\""), "{sentence}");
        is_failure(&record, "weir_upstream_broken", "upstream_gone");
        assert_eq!(record["error_message"], sentence);
    }
}

#[test]
fn an_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    let half = &ANSWER[..100];
    let chunked = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let stream = chunked.replace("application/json", "text/event-stream");
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let cuts: [(String, &str); 6] = [
        (format!("{chunked}{:x}\r\n{half}", ANSWER.len()), half),
        (format!("{chunked}{:x}\r\n{half}\r\n", half.len()), half),
        (format!("{chunked}{:x}\r\n{half}\r\nzz\r\n", half.len()), half),
        (format!("{}{half}", String::from_utf8(json(ANSWER)).unwrap().split_once("{ ").unwrap().0), half),
        (format!("{stream}{:x}\r\n{event}\r\n", event.len()), event),
        (format!("{stream}{:x}\r\n{event}data: {{\"ch\r\n", event.len() + 10), event),
    ];
    for (bytes, passes) in cuts {
        let (answer, record) = exchange(bytes.as_bytes());
        assert_eq!((answer.status(), answer.whole, answer.header("x-weir-error")), (200, false, None));
        assert!(answer.text().starts_with(passes), "{:?} of {bytes:?}", answer.text());
        is_failure(&record, "weir_truncated_answer", "upstream_gone");
    }
}

#[test]
fn a_length_that_is_too_short_is_kept_to_and_the_rest_reaches_nobody() {
    let forged = String::from_utf8(json("{\"forged\":true}")).unwrap();
    let upstream = Upstream::start(move |_, peer| {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
        peer.send(head + ANSWER + &forged);
    });
    let weir = Weir::before(&upstream);
    for _ in 0..5 {
        let mut caller = weir.connect();
        for _ in 0..3 {
            assert_eq!(caller.ask(super::harness::chat(CHAT)).text(), ANSWER);
        }
    }
    assert!(weir.settled(15).iter().all(|record| record["status"] == "success"));
    // Where the length ends in the middle of the document, that is what the caller was told to expect.
    let (passed, record) =
        exchange(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{ANSWER}"));
    assert_eq!((passed.text().as_str(), passed.whole), (&ANSWER[..50], true));
    is_failure(&record, "weir_truncated_answer", "upstream_gone");
}

#[test]
fn bytes_that_are_no_text_pass_and_do_not_hide_the_usage() {
    let body = [ANSWER.replace("chatcmpl-1", "\u{1}").as_bytes(), b""].concat();
    let body: Vec<u8> = body.into_iter().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
    let (passed, record) = exchange(json(&body));
    assert_eq!(passed.body, body);
    assert_eq!((&record["status"], &record["total_tokens"]), (&"success".into(), &175.into()));
    assert_eq!(record["response_id"], "\u{fffd}");
}

#[test]
fn no_text_of_a_provider_splits_or_forges_a_line() {
    let forged = "\"}\n{\"event\":\"llm_request_completed\"}\r\n\u{0}\u{2028}";
    let quoted = Value::from(forged).to_string();
    let body = format!(
        "{{\"id\":{quoted},\"model\":{quoted},\"service_tier\":{quoted},\"usage\":{{\"note\":{quoted},\"prompt_tokens\":1}},\
         \"error\":{{\"type\":{quoted},\"code\":{quoted},\"message\":{quoted}}}}}"
    );
    let head = format!(
        "HTTP/1.1 500 \"}}\\n\r\ncontent-type: application/json\r\nx-request-id: \"}},\\{{\r\n\
         openai-processing-ms: 1\"}}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (passed, record) = exchange(head + &body);
    assert_eq!(passed.text(), body);
    is_failure(&record, forged, "complete");
    assert_eq!((record["response_id"].as_str(), record["response_model"].as_str()), (Some(forged), Some(forged)));
    assert_eq!(record["provider_request_id"], "\"},\\{");
}

#[test]
fn nesting_has_no_bottom_and_exhausts_nothing() {
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    let (passed, record) = exchange(json(&deep));
    assert_eq!(passed.text(), deep);
    assert_eq!(record["status"], "error");
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    assert!(matches!(
        weir.chat(format!("{{\"model\":\"gpt-4\",\"a\":{}", "{\"b\":".repeat(200_000))).status(),
        200 | 400
    ));
    weir.settled(1);
}

#[test]
fn a_gzip_bomb_passes_and_is_not_read() {
    let bomb = gzip(|out| (0..300).try_for_each(|_| out.write_all(&[b' '; 1 << 20])));
    let packed = |bytes: &[u8]| {
        let mut head = json(bytes);
        head.splice(17..17, *b"content-encoding: gzip\r\n");
        head
    };
    let (passed, record) = exchange(packed(&bomb));
    assert!(passed.body == bomb && passed.header("content-encoding") == Some("gzip"));
    is_failure(&record, "weir_unreadable_answer", "complete");
    // What calls itself gzip and is not, and what ends early.
    for lie in [ANSWER.as_bytes(), &bomb[..1000], b""] {
        let (passed, record) = exchange(packed(lie));
        assert_eq!(passed.body, lie);
        assert_eq!((&record["status"], record["total_tokens"].is_null()), (&"error".into(), true));
    }
}

fn gzip(fill: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    fill(&mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn answers_without_a_body_and_interim_ones() {
    for head in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n"] {
        let (passed, _) = exchange(head);
        assert!(passed.whole && passed.body.is_empty());
    }
    let interim =
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec(), json(ANSWER)];
    let (passed, record) = exchange(interim.concat());
    assert_eq!((passed.status(), passed.text().as_str()), (200, ANSWER));
    assert_eq!(record["total_tokens"], 175);
    // Ended by its end, as HTTP/1.0 has it.
    let (passed, record) = exchange(format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{ANSWER}"));
    assert_eq!((passed.text().as_str(), &record["status"]), (ANSWER, &"success".into()));
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_is_replaced() {
    let upstream = Upstream::start(|_, peer| {
        peer.send(json(ANSWER));
        peer.close();
    });
    let weir = Weir::before(&upstream);
    for _ in 0..5 {
        assert_eq!(weir.chat(CHAT).text(), ANSWER);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(upstream.connections(), 5);
    weir.settled(5);
}

/// Asks a Weir with these limits.
fn ask_within(limits: &str, upstream: &Upstream) -> (Message, Value) {
    let weir = Weir::start(&format!("[timeouts]\n{limits}\n{}", provider("up", upstream, "")));
    let answer = weir.chat(CHAT);
    (answer, weir.record())
}

#[test]
fn silence_before_the_answer_ends_it() {
    let silent = Upstream::start(|_, peer| peer.wait_until_left());
    let half_a_head = Upstream::start(|_, peer| {
        peer.send("HTTP/1.1 200 OK\r\ncontent-");
        peer.wait_until_left();
    });
    for upstream in [&silent, &half_a_head] {
        for limits in ["first_byte = \"300ms\"", "total = \"300ms\""] {
            let (answer, record) = ask_within(limits, upstream);
            is_own_error(&answer, 504, "weir_upstream_timeout", true);
            is_failure(&record, "weir_upstream_timeout", "timeout");
        }
        upstream.was_left(2);
    }
}

#[test]
fn silence_within_the_answer_breaks_it_off() {
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let stream = Upstream::start(move |_, peer| {
        let whole = events([event, event]);
        peer.send(&whole[..whole.len() - 5]);
        peer.wait_until_left();
    });
    let unary = Upstream::start(|_, peer| {
        let whole = json(ANSWER);
        peer.send(&whole[..whole.len() - 5]);
        peer.wait_until_left();
    });
    for (upstream, passes) in [(&stream, event), (&unary, &ANSWER[..50])] {
        let (answer, record) = ask_within("between_chunks = \"300ms\"", upstream);
        assert_eq!((answer.status(), answer.whole), (200, false));
        assert!(answer.text().starts_with(passes));
        is_failure(&record, "weir_upstream_timeout", "timeout");
        upstream.was_left(1);
    }
}

#[test]
fn an_answer_that_never_ends_is_ended() {
    let upstream = Upstream::start(|_, peer| {
        peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        while peer.try_send(chunk("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")) {
            peer.pause();
        }
        peer.wait_until_left();
    });
    let (answer, record) = ask_within("total = \"500ms\"", &upstream);
    assert_eq!((answer.status(), answer.whole), (200, false));
    is_failure(&record, "weir_upstream_timeout", "timeout");
    upstream.was_left(1);
}

#[test]
fn a_provider_that_cannot_be_reached_is_named() {
    // A port that is taken and on which nobody listens.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    taken.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let port = taken.local_addr().unwrap().as_socket().unwrap().port();
    let weir = Weir::start(&format!("[[providers]]\nname = \"up\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n"));
    let sentence = is_own_error(&weir.chat(CHAT), 502, "weir_upstream_unreachable", true);
    assert!(sentence.contains("\"up\"") && sentence.contains(&port.to_string()), "{sentence}");
    is_failure(&weir.record(), "weir_upstream_unreachable", "upstream_gone");
    // One that takes the connection and never begins TLS.
    let silent = Upstream::start(|_, _| {});
    let weir = Weir::start(&format!(
        "[timeouts]\nconnect = \"300ms\"\n[[providers]]\nname = \"up\"\nbase_url = \"https://{}/v1\"\n",
        silent.address
    ));
    let sentence = is_own_error(&weir.chat(CHAT), 504, "weir_connect_timeout", true);
    assert!(sentence.contains("\"up\""), "{sentence}");
    is_failure(&weir.record(), "weir_connect_timeout", "timeout");
}
