//! A Weir, scripted upstreams and plain clients. Waits are bounded and generous: they end a hanging test, and measure
//! nothing.

mod process;
mod tls;
mod upstream;
mod weir;
mod wire;

use std::time::{Duration, Instant};

pub(crate) use process::Process;
pub(crate) use tls::Authority;
pub(crate) use upstream::{Peer, Upstream};
pub(crate) use weir::{Metrics, Weir, provider};
pub(crate) use wire::{Message, Wire};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// An ordinary question.
pub(crate) const CHAT: &str = r#"{"model":"gpt-4","messages":[{"role":"user","content":"hi"}]}"#;

/// An ordinary answer, with a spacing that nobody would reproduce by writing it anew.
pub(crate) const ANSWER: &str = "{ \"id\":\"chatcmpl-1\",\n\t\"object\" : \"chat.completion\",\"model\":\"gpt-4-0613\",\
    \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9 \u{1f30a}\"},\
    \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":150,\"total_tokens\":175}}\n ";

/// A request of HTTP/1.1.
pub(crate) fn request(start: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("{start} HTTP/1.1\r\n").into_bytes();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        bytes.extend_from_slice(b"host: localhost\r\n");
    }
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let framed = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    if !body.is_empty() && !framed("content-length") && !framed("transfer-encoding") {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// A chat completion's request.
pub(crate) fn chat(body: impl AsRef<[u8]>) -> Vec<u8> {
    request("POST /v1/chat/completions", &[("content-type", "application/json")], body)
}

/// An answer with its length announced.
pub(crate) fn answer(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An ordinary JSON answer.
pub(crate) fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", "application/json", body)
}

/// A chunked stream of events, one chunk for each piece: each reaches Weir as a piece of its own, however TCP cuts it.
pub(crate) fn events<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    for piece in pieces {
        bytes.extend_from_slice(&chunk(piece));
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// One chunk; none for an empty piece, which would end the body.
pub(crate) fn chunk(piece: impl AsRef<[u8]>) -> Vec<u8> {
    let piece = piece.as_ref();
    if piece.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}

/// Waits until `done` gives something.
pub(crate) fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Checks that an answer is an error of Weir's own, in OpenAI's shape; gives its sentence. `admitted` says whether a Record
/// tells of it.
pub(crate) fn is_own_error(answer: &Message, status: u16, code: &str, admitted: bool) -> String {
    assert_eq!((answer.status(), answer.whole), (status, true), "{}", answer.text());
    assert_eq!(answer.header("x-weir-error"), Some("proxy"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    let error = body["error"].as_object().expect("an error");
    let mut names: Vec<&str> = error.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["code", "message", "param", "request_id", "type"]);
    assert_eq!(error["code"], code);
    let kind = if matches!(status, 400..=499 | 501) { "invalid_request_error" } else { "api_error" };
    assert_eq!((error["type"].as_str(), error["param"].is_null()), (Some(kind), true));
    // The id of what was refused names no Record, so it stands under another header.
    let recorded = answer.header("x-weir-request-id");
    assert_eq!(recorded.is_some(), admitted);
    assert_eq!(error["request_id"].as_str(), recorded.or(answer.header("x-request-id")));
    let sentence = error["message"].as_str().expect("a sentence");
    // What happened, and what to do: behind a semicolon, or it is all that there is to say.
    assert!(["; ", "send ", " takes "].iter().any(|said| sentence.contains(said)), "{sentence}");
    sentence.to_owned()
}
