//! Questions that a Loki answers in Weir's place: `query.backend`, for those who have outgrown one machine.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    UPGRADE,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::config::Backend;
use crate::proxy::{self, inquire};

/// How much of an answer is passed on, in bytes.
const MOST_BYTES: usize = 256 << 20;
/// A form may have so many bytes.
const MOST_FORM_BYTES: usize = 64 << 10;
/// How long a WebSocket's handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// What of a question's headers is passed on.
const PASSED: [HeaderName; 4] = [
    ACCEPT_ENCODING,
    HeaderName::from_static("x-loki-response-encoding-flags"),
    HeaderName::from_static("x-query-tags"),
    HeaderName::from_static("x-loki-query-limits-context"),
];
/// What belongs to a WebSocket's handshake.
const HANDSHAKEN: [HeaderName; 6] = [
    CONNECTION,
    UPGRADE,
    HeaderName::from_static("sec-websocket-key"),
    HeaderName::from_static("sec-websocket-version"),
    HeaderName::from_static("sec-websocket-accept"),
    HeaderName::from_static("sec-websocket-protocol"),
];

/// The Loki's answer.
pub(super) async fn answer(
    backend: &Backend,
    limit: Duration,
    head: &Parts,
    body: &mut Incoming,
) -> Response<Full<Bytes>> {
    let passed = if head.uri.path().ends_with("/tail") {
        follow(backend, head).await
    } else {
        ask(backend, limit, head, body).await
    };
    passed.unwrap_or_else(|error| {
        let mut response = Response::new(Full::new(Bytes::from(format!("query.backend cannot be asked: {error}\n"))));
        let late = error.kind() == io::ErrorKind::TimedOut;
        *response.status_mut() = if late { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    })
}

async fn ask(
    backend: &Backend,
    limit: Duration,
    head: &Parts,
    body: &mut Incoming,
) -> io::Result<Response<Full<Bytes>>> {
    let mut query = head.uri.query().unwrap_or_default().to_owned();
    if head.method == Method::POST {
        #[allow(clippy::disallowed_methods, reason = "it is read with a limit")]
        let form = Limited::new(body, MOST_FORM_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
        let form = std::str::from_utf8(&form).map_err(io::Error::other)?;
        query = [form, &query].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
    }
    let url = url(backend, head.uri.path(), &query)?;
    let reply = inquire(&backend.upstream(), &url, &headers(backend, head, &PASSED)?, MOST_BYTES, limit).await?;
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        if let Some(value) = reply.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

fn url(backend: &Backend, path: &str, query: &str) -> io::Result<Uri> {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{path}{mark}{query}", backend.url).parse().map_err(io::Error::other)
}

fn headers(backend: &Backend, head: &Parts, passed: &[HeaderName]) -> io::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for name in passed {
        for value in head.headers.get_all(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    if let Some(tenant) = &backend.tenant {
        let value = HeaderValue::from_str(tenant).map_err(io::Error::other)?;
        headers.insert(HeaderName::from_static("x-scope-orgid"), value);
    }
    if let Some(value) = backend.auth.header().map_err(io::Error::other)? {
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// A WebSocket to the Loki, whose bytes are passed on both ways.
async fn follow(backend: &Backend, head: &Parts) -> io::Result<Response<Full<Bytes>>> {
    let url = url(backend, head.uri.path(), head.uri.query().unwrap_or_default())?;
    let all = [&PASSED[1..], &HANDSHAKEN].concat();
    let headers = headers(backend, head, &all)?;
    let opened = tokio::time::timeout(HANDSHAKE, proxy::through(&backend.upstream(), &url, &headers)).await;
    let (answer, mut stream) = opened.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut response = Response::new(Full::default());
    *response.status_mut() = answer.status;
    for name in HANDSHAKEN.iter().chain([&CONTENT_TYPE]) {
        if let Some(value) = answer.headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().remove(CONNECTION);
        *response.body_mut() = Full::new(answer.body);
        return Ok(response);
    }
    let upgrade = hyper::upgrade::on(Request::from_parts(head.clone(), ()));
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            // Either end closes when it has had enough.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut stream).await;
        }
    });
    Ok(response)
}
