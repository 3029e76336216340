//! The protocols that callers speak.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::harness::{
    ANSWER, Authority, CHAT, PATIENCE, Upstream, Weir, chat, events, is_own_error, json, provider, request,
};

#[test]
fn connections_are_kept_on_both_sides() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    for _ in 0..10 {
        assert_eq!(caller.ask(chat(CHAT)).text(), ANSWER);
    }
    // An error of Weir's own ends neither side's connection.
    is_own_error(&caller.ask(chat("{}")), 400, "weir_missing_model", true);
    assert_eq!(caller.ask(chat(CHAT)).text(), ANSWER);
    assert_eq!(upstream.connections(), 1);
    weir.settled(12);
    // Who wants to leave is let go.
    let headers = [("content-type", "application/json"), ("connection", "close")];
    caller.send(request("POST /v1/chat/completions", &headers, CHAT));
    let answer = caller.answer().unwrap();
    assert_eq!((answer.text().as_str(), answer.header("connection")), (ANSWER, Some("close")));
    assert!(caller.read_to_end().is_empty());
}

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let upstream = Upstream::start(|request, peer| {
        let model = request.json()["model"].as_str().unwrap().to_owned();
        if model.ends_with('1') {
            peer.pause();
        }
        peer.send(json(format!("{{\"id\":\"{model}\",\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":1}}}}")));
    });
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    let all: Vec<u8> = (0..20).flat_map(|index| chat(format!("{{\"model\":\"m-{index}\"}}"))).collect();
    assert!(caller.send(all));
    for index in 0..20 {
        assert_eq!(caller.answer().unwrap().json()["id"], format!("m-{index}"));
    }
    let records = weir.settled(20);
    for (index, record) in records.iter().enumerate() {
        assert_eq!(
            (record["model"].as_str(), record["response_id"].as_str()),
            (Some(&*format!("m-{index}")), Some(&*format!("m-{index}")))
        );
    }
}

#[test]
fn an_old_caller_gets_what_it_can_read() {
    let upstream = Upstream::answering(events(["data: {\"choices\":[]}\n\n", "data: [DONE]\n\n"]));
    let weir = Weir::before(&upstream);
    let head = format!(
        "POST /v1/chat/completions HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        CHAT.len()
    );
    let answer = weir.ask(head + CHAT);
    assert_eq!(answer.header("transfer-encoding"), None, "chunks came with HTTP/1.1");
    assert_eq!(answer.text(), "data: {\"choices\":[]}\n\ndata: [DONE]\n\n");
    weir.settled(1);
}

/// Sends `count` chat completions at once over one HTTP/2 connection and gives the answers' bodies.
async fn over_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authority: &str,
    count: usize,
) -> Vec<String> {
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let asking = (0..count).map(|index| {
        let request = Request::post(format!("http://{authority}/v1/chat/completions"))
            .version(Version::HTTP_2)
            .header("content-type", "application/json")
            .header("x-request-id", format!("mine-{index}"))
            .body(Full::new(Bytes::from(CHAT)))
            .unwrap();
        let mut sender = sender.clone();
        tokio::spawn(async move {
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
            assert!(answer.headers().contains_key("x-weir-request-id"));
            let body = Limited::new(answer.into_body(), 1 << 20);
            #[allow(clippy::disallowed_methods, reason = "the body is limited")]
            let body = body.collect().await.unwrap().to_bytes();
            String::from_utf8(body.to_vec()).unwrap()
        })
    });
    let mut answers = Vec::new();
    for asking in asking.collect::<Vec<_>>() {
        answers.push(asking.await.unwrap());
    }
    drop(sender);
    driver.abort();
    answers
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") })
}

#[test]
fn http2_by_prior_knowledge() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let listen = weir.listen;
    let answers = block_on(async move {
        let stream = TcpStream::connect(listen).await.unwrap();
        over_http2(stream, "localhost", 30).await
    });
    assert!(answers.iter().all(|answer| answer == ANSWER));
    assert_eq!(upstream.seen()[0].header("host").unwrap(), upstream.address.to_string());
    assert!(upstream.seen().iter().all(|request| request.start.ends_with("HTTP/1.1")));
    weir.settled(30).iter().for_each(|record| assert_eq!(record["total_tokens"], 175));
}

#[test]
fn http2_streams_are_spliced_and_errors_are_weirs_own() {
    let with_usage = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":150}}\n\ndata: [DONE]\n\n";
    let upstream = Upstream::answering(events([with_usage]));
    let weir = Weir::before(&upstream);
    let listen = weir.listen;
    let ask = |authority: &'static str, body: &'static str| {
        block_on(async move {
            let stream = TcpStream::connect(listen).await.unwrap();
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let request = Request::post(format!("http://{authority}/v1/chat/completions"))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(body)))
                .unwrap();
            let answer = sender.send_request(request).await.unwrap();
            let (head, body) = answer.into_parts();
            #[allow(clippy::disallowed_methods, reason = "the body is limited")]
            let body = Limited::new(body, 1 << 20).collect().await.unwrap().to_bytes();
            (head, String::from_utf8(body.to_vec()).unwrap())
        })
    };
    let (_, body) = ask("localhost", "{\"model\":\"gpt-4\",\"stream\":true}");
    assert_eq!(body, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n");
    assert_eq!(weir.record()["total_tokens"], 175);
    let (head, body) = ask("localhost", "{}");
    assert_eq!((head.status.as_u16(), &head.headers["x-weir-error"]), (400, &"proxy".parse().unwrap()));
    assert!(body.contains("weir_missing_model"));
    let (head, body) = ask("evil.example", "{}");
    assert_eq!(head.status.as_u16(), 403);
    assert!(body.contains("weir_forbidden_host"));
    weir.refused("forbidden_host", 1);
    weir.settled(2);
}

#[test]
fn tls_towards_callers_with_both_protocols() {
    let authority = Authority::new();
    let upstream = Upstream::answering(json(ANSWER));
    let tls = format!("[tls]\ncert = {:?}\nkey = {:?}\n", authority.cert(), authority.key());
    let weir = Weir::start(&(tls + &provider("up", &upstream, "")));
    let (mut plain, chosen) = authority.connect(weir.listen, &[b"http/1.1"]);
    assert_eq!(chosen.as_deref(), Some(b"http/1.1".as_slice()));
    assert_eq!(plain.ask(chat(CHAT)).text(), ANSWER);
    let (mut without_alpn, chosen) = authority.connect(weir.listen, &[]);
    assert_eq!(chosen, None);
    assert_eq!(without_alpn.ask(chat(CHAT)).text(), ANSWER);
    let (listen, config) = (weir.listen, authority.client(&[b"h2", b"http/1.1"]));
    let answers = block_on(async move {
        let stream = TcpStream::connect(listen).await.unwrap();
        let stream =
            TlsConnector::from(Arc::clone(&config)).connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        over_http2(stream, "localhost", 5).await
    });
    assert!(answers.iter().all(|answer| answer == ANSWER));
    weir.settled(7);
    // Who does not speak TLS is not answered in the clear.
    let mut clear = weir.connect();
    clear.send(chat(CHAT));
    assert!(!String::from_utf8_lossy(&clear.read_to_end()).contains("HTTP/"));
    weir.refused("bad_head", 1);
    weir.settled(7);
}
