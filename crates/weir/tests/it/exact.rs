//! What passes, passes as it is: bodies, queries, headers and errors; what belongs to one hop stays behind.

use std::io::Write as _;

use super::harness::{ANSWER, CHAT, Upstream, Weir, chat, events, json, provider, request};

/// Headers of a provider's answer, and a body.
fn with_headers(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_unary_exchange_passes_and_leaves_one_true_record() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let body =
        "{ \"model\" : \"gpt-4\",\n \"temperature\":0.70, \"user\":\"u-1\",\"messages\":[ ] ,\"max_tokens\":9}\n";
    let answer = weir.chat(body);
    assert_eq!((answer.status(), answer.text().as_str()), (200, ANSWER));
    assert_eq!(answer.header("content-length").unwrap(), ANSWER.len().to_string());
    let sent = upstream.only();
    assert_eq!((sent.start.as_str(), sent.text().as_str()), ("POST /v1/chat/completions HTTP/1.1", body));
    assert_eq!(sent.header("content-length").unwrap(), body.len().to_string());
    let record = weir.record();
    for (name, value) in [
        ("event", "llm_request_completed"),
        ("model", "gpt-4"),
        ("user_id", "u-1"),
        ("provider", "up"),
        ("api", "chat"),
        ("response_id", "chatcmpl-1"),
        ("response_model", "gpt-4-0613"),
        ("usage_source", "provider"),
        ("cost_status", "contracted"),
        ("end_reason", "complete"),
        ("finish_reason", "stop"),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    assert_eq!((&record["cost_usd"], &record["energy_consumption_kwh"]), (&0.00975.into(), &0.000875.into()));
    assert_eq!((&record["request_bytes"], &record["response_bytes"]), (&body.len().into(), &ANSWER.len().into()));
    assert_eq!((&record["temperature"], &record["max_tokens"]), (&0.7.into(), &9.into()));
    assert_eq!(answer.header("x-request-id"), record["request_id"].as_str());
}

#[test]
fn errors_of_a_provider_pass_unchanged() {
    let body =
        b"{\"error\": {\"message\":\"Rate limit\",\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit\"}}\n";
    for status in ["400 Bad Request", "401 Unauthorized", "429 Too Many Requests", "500 Oops", "529 Overloaded"] {
        let headers = "content-type: application/json\r\nretry-after: 7\r\nx-ratelimit-remaining-requests: 0\r\n";
        let upstream = Upstream::answering(with_headers(status, headers, body));
        let weir = Weir::before(&upstream);
        let answer = weir.chat(CHAT);
        assert_eq!((answer.body.as_slice(), answer.header("x-weir-error")), (body.as_slice(), None));
        assert_eq!(answer.status(), status[..3].parse::<u16>().unwrap());
        assert_eq!(answer.header("retry-after"), Some("7"));
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("0"));
        let record = weir.record();
        assert_eq!((&record["event"], &record["error_type"]), (&"llm_request_failed".into(), &"rate_limit".into()));
        assert_eq!((&record["status_code"], &record["error_message"]), (&answer.status().into(), &"Rate limit".into()));
    }
}

#[test]
fn what_belongs_to_one_hop_stays_behind_both_ways() {
    let headers = "content-type: application/json\r\nconnection: x-theirs, Keep-Alive\r\nconnection: x-also\r\n\
        keep-alive: timeout=5\r\nx-theirs: 1\r\nx-also: 1\r\nproxy-authenticate: Basic\r\ntrailer: x-t\r\n\
        x-request-id: req-up\r\nx-kept: a\r\nx-kept: b\r\nset-cookie: c=1\r\n";
    let upstream = Upstream::answering(with_headers("200 OK", headers, ANSWER.as_bytes()));
    let weir = Weir::before(&upstream);
    let answer = weir.ask(request(
        "POST /v1/chat/completions",
        &[
            ("Content-Type", "application/json"),
            ("Connection", "keep-alive, X-Mine"),
            ("Connection", "x-other"),
            ("X-Mine", "1"),
            ("X-Other", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("Proxy-Authorization", "Basic c2VjcmV0"),
            ("TE", "trailers"),
            ("Authorization", "Bearer mine"),
            ("OpenAI-Organization", "org-1"),
            ("X-Kept", "a"),
            ("X-Kept", "b"),
            ("X-Request-Id", "mine-1"),
            ("User-Agent", "OpenAI/Python 1.2.3"),
        ],
        CHAT,
    ));
    let sent = upstream.only();
    for name in
        ["connection", "x-mine", "x-other", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade"]
    {
        assert_eq!(sent.all(name), [""; 0], "{name} to the provider");
    }
    assert_eq!(sent.header("host").unwrap(), upstream.address.to_string());
    assert_eq!(sent.header("authorization"), Some("Bearer mine"));
    assert_eq!((sent.header("openai-organization"), sent.all("x-kept")), (Some("org-1"), vec!["a", "b"]));
    assert_eq!(sent.header("user-agent"), Some("OpenAI/Python 1.2.3"));
    for name in ["x-theirs", "x-also", "keep-alive", "proxy-authenticate", "trailer"] {
        assert_eq!(answer.all(name), [""; 0], "{name} to the caller");
    }
    assert_eq!((answer.all("x-kept"), answer.header("set-cookie")), (vec!["a", "b"], Some("c=1")));
    assert_eq!(answer.header("x-request-id"), Some("req-up"), "the provider's own id stays");
    let record = weir.record();
    assert_eq!(record["request_id"].as_str(), answer.header("x-weir-request-id"));
    assert_eq!((&record["provider_request_id"], &record["client_request_id"]), (&"req-up".into(), &"mine-1".into()));
    assert_eq!(record["client"], "OpenAI/Python 1.2.3");
}

#[test]
fn a_trace_passes_and_is_recorded() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("content-type", "application/json"), ("traceparent", parent), ("tracestate", "a=1,b=2")];
    weir.ask(request("POST /v1/chat/completions", &headers, CHAT));
    let sent = upstream.only();
    assert_eq!((sent.header("traceparent"), sent.header("tracestate")), (Some(parent), Some("a=1,b=2")));
    let record = weir.record();
    assert_eq!(record["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(record["span_id"], "00f067aa0ba902b7");
}

#[test]
fn queries_pass_and_the_base_urls_path_takes_the_place_of_v1() {
    let upstream = Upstream::answering(json(ANSWER));
    let url = format!("http://{}/beta/openai/", upstream.address);
    let weir = Weir::start(&format!("[[providers]]\nname = \"up\"\nbase_url = \"{url}\"\n"));
    for (path, sent) in [
        (
            "/v1/chat/completions?api-version=2024-10-21&x=%2F%20",
            "/beta/openai/chat/completions?api-version=2024-10-21&x=%2F%20",
        ),
        ("/v1/embeddings?", "/beta/openai/embeddings?"),
        ("/v1/files/a%2Fb?limit=2", "/beta/openai/files/a%2Fb?limit=2"),
    ] {
        let headers = [("content-type", "application/json")];
        assert_eq!(weir.ask(request(&format!("POST {path}"), &headers, CHAT)).text(), ANSWER);
        assert_eq!(upstream.seen().last().unwrap().target(), sent);
    }
    weir.settled(3);
}

#[test]
fn a_route_changes_the_model_and_nothing_else() {
    let upstream = Upstream::answering(json(ANSWER));
    let routes = "[[routes]]\nmodel = \"fast\"\ntargets = [{ provider = \"up\", model = \"gpt-4\" }]\n\
                  [[routes]]\nmodel = \"gpt-4\"\ntargets = [{ provider = \"up\" }]\n";
    let weir = Weir::start(&(provider("up", &upstream, "") + routes));
    let body = "{\"messages\":[{\"model\":\"fast\"}] , \"model\" :  \"fast\", \"x\":1e400}";
    assert_eq!(weir.chat(body).text(), ANSWER);
    assert_eq!(upstream.only().text(), body.replace("\"model\" :  \"fast\"", "\"model\" :  \"gpt-4\""));
    let record = weir.record();
    assert_eq!((&record["model"], &record["target"]), (&"fast".into(), &"gpt-4".into()));
    assert_eq!(record["cost_usd"], 0.00975, "at the price of the model that answered");
    // A stream's question for usage goes in beside it.
    weir.chat("{\"model\":\"f\\u0061st\",\"stream\":true}");
    let sent = upstream.seen().remove(1).text();
    assert_eq!(sent, "{\"stream_options\":{\"include_usage\":true},\"model\":\"gpt-4\",\"stream\":true}");
}

#[test]
fn only_encodings_that_can_be_read_are_offered() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let stream = "{\"model\":\"gpt-4\",\"stream\":true}";
    for (offers, body, offered) in [
        (vec!["gzip, deflate, br, zstd"], CHAT, "gzip"),
        (vec!["br", "zstd", "gzip;q=0.5"], CHAT, "gzip"),
        (vec!["br, zstd"], CHAT, "identity"),
        (vec!["*"], CHAT, "identity"),
        (vec![], CHAT, "identity"),
        // Bytes are taken out of this one, so it must come unpacked.
        (vec!["gzip"], stream, "identity"),
    ] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(offers.iter().map(|offer| ("accept-encoding", *offer)));
        weir.ask(request("POST /v1/chat/completions", &headers, body));
        assert_eq!(upstream.seen().last().unwrap().all("accept-encoding"), [offered], "{offers:?}");
    }
}

#[test]
fn packed_answers_pass_packed_and_are_metered() {
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let unary = pack(ANSWER.as_bytes());
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":150}}\n\ndata: [DONE]\n\n";
    let packed_stream = pack(stream.as_bytes());
    let head = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let mut chunked = events(packed_stream.chunks(7));
    chunked.splice(17..17, *b"content-encoding: gzip\r\n");
    for (answer, body) in [(with_headers("200 OK", head, &unary), unary), (chunked, packed_stream)] {
        let upstream = Upstream::answering(answer);
        let weir = Weir::before(&upstream);
        let asked = "{\"model\":\"gpt-4\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}";
        let headers = [("content-type", "application/json"), ("accept-encoding", "gzip")];
        let answer = weir.ask(request("POST /v1/chat/completions", &headers, asked));
        assert_eq!((&answer.body, answer.whole), (&body, true));
        let record = weir.record();
        assert_eq!((&record["total_tokens"], &record["status"]), (&175.into(), &"success".into()));
        // A stream's Record is written when the stream says that it is over; gzip's last eight bytes follow that.
        let counted = record["response_bytes"].as_u64().unwrap() as usize;
        let after_the_end = if answer.chunks.is_empty() { 0 } else { 8 };
        assert!((body.len() - after_the_end..=body.len()).contains(&counted), "as the provider sent it");
    }
    // What nobody asked for passes too, unread.
    let upstream = Upstream::answering(with_headers(
        "200 OK",
        "content-type: application/json\r\ncontent-encoding: br\r\n",
        b"\x0b\x02\x80",
    ));
    let weir = Weir::before(&upstream);
    assert_eq!(weir.chat(CHAT).body, b"\x0b\x02\x80");
    assert!(weir.record()["total_tokens"].is_null());
}

#[test]
fn an_answer_without_a_length_keeps_its_chunks_coming() {
    let pieces: Vec<&[u8]> = ANSWER.as_bytes().chunks(50).collect();
    let mut chunked = events(&pieces);
    let from = chunked.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    chunked.splice(17..from, *b"content-type: application/json\r\ntransfer-encoding: chunked");
    let upstream = Upstream::answering(chunked);
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    for _ in 0..3 {
        let answer = caller.ask(chat(CHAT));
        assert_eq!((answer.text().as_str(), answer.whole), (ANSWER, true));
        assert_eq!(answer.header("content-length"), None);
    }
    assert_eq!(upstream.connections(), 1);
    assert!(weir.settled(3).iter().all(|record| record["total_tokens"] == 175));
}

#[test]
fn an_answer_to_head_has_no_body() {
    let upstream = Upstream::start(|_, peer| {
        peer.send("HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 5000\r\n\r\n")
    });
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    for _ in 0..2 {
        caller.send(request("HEAD /v1/files/1", &[], ""));
        assert_eq!(caller.head().unwrap().header("content-length"), Some("5000"));
    }
    assert!(weir.settled(2).iter().all(|record| record["status"] == "success" && record["api"] == "other"));
}
