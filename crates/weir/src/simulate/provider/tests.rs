use std::collections::BTreeMap;

use bytes::Bytes;
use clap::Parser;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::simulate::text::count_tokens;

/// A provider on a port of its own that answers at once.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

pub(crate) fn quick() -> ProviderOptions {
    ProviderOptions { first_token_seconds: 0.0, tokens_per_second: 1e8, seed: Some(7), ..ProviderOptions::default() }
}

impl Running {
    pub(crate) async fn start(options: ProviderOptions) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, options, async { drop(stopped.await) }));
        Running { address, stop, served }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    /// Status, headers, body, and whether the body came to its end.
    async fn send(&self, method: &str, path: &str, body: &str) -> (StatusCode, HeaderMap, String, bool) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "simulated");
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (head, mut body) = sender.send_request(request).await.unwrap().into_parts();
        let (mut bytes, mut whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        driver.abort();
        assert_eq!(head.headers["x-weir-simulated"], "true");
        (head.status, head.headers, String::from_utf8(bytes).unwrap(), whole)
    }

    async fn chat(&self, body: &Value) -> (StatusCode, String, bool) {
        let (status, _, text, whole) = self.send("POST", "/v1/chat/completions", &body.to_string()).await;
        (status, text, whole)
    }
}

fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn ask(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Explain a rate limiter to me." }] })
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: ProviderOptions,
}

#[test]
fn options_have_the_defaults_they_show() {
    assert_eq!(Line::parse_from(["weir"]).options, ProviderOptions::default());
    assert!(Line::try_parse_from(["weir", "--error-rate", "2"]).is_err());
    assert!(ProviderOptions { error_rate: 0.6, cut_rate: 0.6, ..quick() }.check().is_err());
}

#[tokio::test]
async fn streamed_or_not_one_answer_has_one_usage() {
    let mut whole = ask("gpt-4o");
    whole["n"] = json!(2);
    let mut streamed = whole.clone();
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({ "include_usage": true });
    // Each provider draws the same numbers for its first request.
    let (first, second) = (Running::start(quick()).await, Running::start(quick()).await);
    let unary: Value = serde_json::from_str(&first.chat(&whole).await.1).unwrap();
    let (_, stream, complete) = second.chat(&streamed).await;
    let events = events(&stream);
    let (last, others) = events.split_last().unwrap();
    assert!(complete && stream.ends_with("data: [DONE]\n\n"));
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], unary["usage"]);
    assert!(others.iter().all(|event| event.as_object().unwrap().get("usage") == Some(&Value::Null)));
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    for choice in others.iter().map(|event| &event["choices"][0]) {
        let text = texts.entry(choice["index"].as_u64().unwrap()).or_default();
        text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
    }
    assert_eq!(texts[&0], unary["choices"][0]["message"]["content"].as_str().unwrap());
    let tokens: u64 = texts.values().map(|text| count_tokens(text)).sum();
    assert_eq!(last["usage"]["completion_tokens"], tokens);
    assert_eq!(last["model"], "gpt-4o-2024-08-06");
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn usage_and_its_null_come_only_where_asked_for() {
    let provider = Running::start(ProviderOptions { no_null_usage: true, ..quick() }).await;
    let mut body = ask("gpt-4");
    body["stream"] = json!(true);
    let (_, plain, _) = provider.chat(&body).await;
    assert!(!plain.contains("usage"));
    body["stream_options"] = json!({ "include_usage": true, "include_obfuscation": true });
    let (_, asked, _) = provider.chat(&body).await;
    assert_eq!(asked.matches("\"usage\"").count(), 1);
    assert_eq!(asked.matches("\"obfuscation\"").count(), events(&asked).len());
    provider.stop().await;
}

#[tokio::test]
async fn limits_reasons_and_caches_are_counted() {
    let provider = Running::start(quick()).await;
    let mut body = ask("gpt-4");
    body["max_tokens"] = json!(5);
    let answer: Value = serde_json::from_str(&provider.chat(&body).await.1).unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 5);
    let mut body = ask("o4-mini");
    body["messages"][0]["content"] = json!("word ".repeat(2000));
    let (mut reasoned, mut cached) = (0, 0);
    for _ in 0..12 {
        let answer: Value = serde_json::from_str(&provider.chat(&body).await.1).unwrap();
        let usage = &answer["usage"];
        let details = &usage["completion_tokens_details"];
        assert!(details["reasoning_tokens"].as_u64() < usage["completion_tokens"].as_u64());
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap() % 128, 0);
        reasoned += details["reasoning_tokens"].as_u64().unwrap();
        cached += usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    }
    assert!(reasoned > 0 && cached > 0);
    provider.stop().await;
}

#[tokio::test]
async fn tools_are_called_streamed_or_not() {
    let provider = Running::start(quick()).await;
    let mut body = ask("gpt-4o");
    body["tool_choice"] = json!("required");
    body["tools"] = json!([{ "type": "function", "function": { "name": "find", "parameters": {
        "type": "object", "properties": { "what": { "type": "string" } } } } }]);
    let answer: Value = serde_json::from_str(&provider.chat(&body).await.1).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
    body["stream"] = json!(true);
    let events = events(&provider.chat(&body).await.1);
    let mut arguments = String::new();
    for call in events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]) {
        if call["index"] == 0 {
            arguments.push_str(call["function"]["arguments"].as_str().unwrap());
        }
    }
    assert!(serde_json::from_str::<Value>(&arguments).unwrap()["what"].is_string(), "{arguments}");
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    provider.stop().await;
}

#[tokio::test]
async fn the_other_endpoints_answer_too() {
    let provider = Running::start(quick()).await;
    let body = json!({ "model": "gpt-3.5-turbo-instruct", "prompt": "Once", "stream": true }).to_string();
    let (_, headers, stream, _) = provider.send("POST", "/v1/completions", &body).await;
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    let text: String = events(&stream).iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect();
    assert_eq!(count_tokens(&text), 16);
    let body = json!({ "model": "text-embedding-3-small", "input": "Once" }).to_string();
    let (_, _, vectors, _) = provider.send("POST", "/v1/embeddings", &body).await;
    assert_eq!(serde_json::from_str::<Value>(&vectors).unwrap()["usage"]["prompt_tokens"], 1);
    let (status, _, models, _) = provider.send("GET", "/v1/models", "").await;
    assert!(status == 200 && models.contains("\"gpt-4-turbo\""));
    provider.stop().await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_in_the_same_shape() {
    let provider = Running::start(quick()).await;
    let long = format!("\"{}\"", "x".repeat(5 * 1024 * 1024));
    for (method, path, body, status) in [
        ("POST", "/v1/chat/completions", "{not json", 400),
        ("POST", "/v1/chat/completions", "{}", 400),
        ("GET", "/v1/chat/completions", "", 405),
        ("POST", "/v1/models", "", 405),
        ("POST", "/chat", "{}", 404),
        ("POST", "/v1/chat/completions", long.as_str(), 413),
    ] {
        let (found, headers, text, _) = provider.send(method, path, body).await;
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found, status, "{method} {path}");
        assert_eq!(error["error"]["type"], "invalid_request_error");
        assert_eq!(headers.contains_key("allow"), status == 405);
    }
    provider.stop().await;
}

#[tokio::test]
async fn faults_happen_as_often_as_asked() {
    let options = ProviderOptions { error_rate: 0.5, rate_limit_rate: 0.5, ..quick() };
    let provider = Running::start(options).await;
    let mut statuses = BTreeMap::new();
    for _ in 0..40 {
        let (status, headers, text, _) = provider.send("POST", "/v1/chat/completions", &ask("gpt-4").to_string()).await;
        assert_eq!(headers.get("retry-after").is_some(), status == 429);
        assert!(serde_json::from_str::<Value>(&text).unwrap()["error"]["message"].is_string());
        *statuses.entry(status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [429, 500]);
    assert!(statuses.values().all(|count| *count > 8), "{statuses:?}");
    provider.stop().await;
}

#[tokio::test]
async fn answers_are_cut_and_broken_where_asked() {
    let mut streamed = ask("gpt-4");
    streamed["stream"] = json!(true);
    let provider = Running::start(ProviderOptions { cut_rate: 1.0, ..quick() }).await;
    for body in [&streamed, &ask("gpt-4")] {
        let (status, text, whole) = provider.chat(body).await;
        assert!(status == 200 && !whole && !text.is_empty() && !text.contains("[DONE]"), "{text}");
    }
    provider.stop().await;
    let provider = Running::start(ProviderOptions { malformed_rate: 1.0, ..quick() }).await;
    let (_, text, whole) = provider.chat(&ask("gpt-4")).await;
    assert!(whole && serde_json::from_str::<Value>(&text).is_err());
    let (_, text, whole) = provider.chat(&streamed).await;
    let broken = text.lines().filter_map(|line| line.strip_prefix("data: {")).filter(|data| !data.ends_with('}'));
    assert!(whole && text.ends_with("data: [DONE]\n\n") && broken.count() == 1);
    provider.stop().await;
}

#[tokio::test]
async fn silence_lasts_as_long_as_asked() {
    let options = ProviderOptions { silence_rate: 1.0, silence_seconds: 0.15, ..quick() };
    let provider = Running::start(options).await;
    let mut body = ask("gpt-4");
    for stream in [true, false] {
        body["stream"] = json!(stream);
        let start = std::time::Instant::now();
        assert!(provider.chat(&body).await.2);
        assert!(start.elapsed() >= Duration::from_millis(150));
    }
    provider.stop().await;
}

#[tokio::test]
async fn a_stop_ends_answers_that_are_under_way() {
    let provider = Running::start(ProviderOptions { tokens_per_second: 0.01, ..quick() }).await;
    let mut body = ask("gpt-4");
    body["stream"] = json!(true);
    let body = body.to_string();
    let mut socket = TcpStream::connect(provider.address).await.unwrap();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all((head + &body).as_bytes()).await.unwrap();
    let mut buffer = [0; 1024];
    let count = socket.read(&mut buffer).await.unwrap();
    assert!(buffer[..count].starts_with(b"HTTP/1.1 200 OK"));
    let start = std::time::Instant::now();
    provider.stop().await;
    assert!(start.elapsed() < Duration::from_secs(4));
}
