//! `tail`: lines as they come, over a WebSocket.
//!
//! What is new is asked for four times a second, as any question is. What came late is still told: each look goes a few seconds
//! back, and what was told before is left out.

pub mod frame;

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use logql::eval::{Answer, Context, LogEntry, Request as Ask, evaluate};
use logql::source::Direction;
use logql::syntax::Expr;
use logql::syntax::parse;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::parameter::{Parameters, SECOND};
use super::{Api, Failure, categorizes, now, render};
use frame::Kind;

const KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
/// What RFC 6455 has a server hash behind the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// How far back a look goes.
const OVERLAP: i64 = 5 * SECOND;
/// Entries of one look.
const MOST_AT_ONCE: usize = 1000;
/// How often it is asked whether anybody is there, and after how much silence nobody is.
const PING: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);
/// How long writing may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long lines are followed at most: Loki's `tail_max_duration`.
const LONGEST: Duration = Duration::from_secs(3600);
/// The most seconds by which lines may be told later.
const MOST_DELAY: usize = 5;

/// How many follow.
#[derive(Debug, Default)]
pub(super) struct Tails(AtomicUsize);

/// One that follows.
struct Place(Arc<Api>);

impl Place {
    fn take(api: &Arc<Api>) -> Result<Place, Failure> {
        let most = api.settings.config.max_tails;
        let count = api.tails.0.fetch_add(1, Ordering::Relaxed);
        let place = Place(api.clone());
        if count < most {
            return Ok(place);
        }
        let text = format!("max concurrent tail requests limit exceeded, count > limit ({} > {most})", count + 1);
        Err(Failure::bad(text))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.tails.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is followed.
struct Wanted {
    query: Expr,
    start: i64,
    delay: i64,
    limit: usize,
    categorize: bool,
}

impl Wanted {
    fn read(parameters: &Parameters, headers: &HeaderMap) -> Result<Wanted, Failure> {
        let query = parse(parameters.get("query"))?;
        if !matches!(query, Expr::Log(_)) {
            return Err(Failure::bad("only log selector is supported"));
        }
        let delay = parameters.number("delay_for", 0)?;
        if delay > MOST_DELAY {
            return Err(Failure::bad(format!("delay_for can't be greater than {MOST_DELAY}")));
        }
        let start = parameters.time("start", now().saturating_sub(3600 * SECOND))?;
        let (limit, categorize) = (parameters.limit()?, categorizes(headers));
        Ok(Wanted { query, start, delay: delay as i64 * SECOND, limit, categorize })
    }
}

/// Answers the handshake, and follows from then on.
pub(super) fn begin(api: &Arc<Api>, head: &Parts) -> Result<Response<Full<Bytes>>, Failure> {
    let key = handshake(&head.headers)?;
    let parameters = Parameters::read(head.uri.query().unwrap_or_default(), b"")?;
    let wanted = Wanted::read(&parameters, &head.headers)?;
    if wanted.limit > api.settings.max_entries {
        let most = api.settings.max_entries;
        let text = format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({} > {most})",
            wanted.limit
        );
        return Err(Failure::bad(text));
    }
    let place = Place::take(api)?;
    let upgrade = hyper::upgrade::on(Request::from_parts(head.clone(), ()));
    let api = api.clone();
    tokio::spawn(async move {
        let _place = place;
        if let Ok(upgraded) = upgrade.await {
            follow(api, Arc::new(wanted), Line::new(upgraded)).await;
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(ACCEPT, key);
    Ok(response)
}

/// What is answered to a handshake, or why it is none.
fn handshake(headers: &HeaderMap) -> Result<HeaderValue, Failure> {
    let has = |name: &HeaderName, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    if !has(&CONNECTION, "upgrade") || !has(&UPGRADE, "websocket") {
        let text = "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header";
        return Err(Failure::bad(text));
    }
    if !has(&VERSION, "13") {
        return Err(Failure::bad("websocket: unsupported version: 13 not found in 'Sec-Websocket-Version' header"));
    }
    let key = headers.get(&KEY).filter(|key| key.len() == 24);
    let key =
        key.ok_or_else(|| Failure::bad("websocket: not a websocket handshake: 'Sec-WebSocket-Key' is missing"))?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key.as_bytes());
    context.update(GUID);
    let accept = base64(context.finish().as_ref());
    HeaderValue::from_str(&accept).map_err(|_| Failure::bad("websocket: not a websocket handshake"))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let value = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= three.len() { ALPHABET[value] as char } else { '=' });
        }
    }
    text
}

/// The connection, as frames.
struct Line {
    stream: TokioIo<Upgraded>,
    received: Vec<u8>,
    heard: Instant,
    pinged: Instant,
}

/// Why a line ends.
struct Over;

impl Line {
    fn new(upgraded: Upgraded) -> Line {
        let now = Instant::now();
        Line { stream: TokioIo::new(upgraded), received: Vec::new(), heard: now, pinged: now }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let written = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
        written.map_err(|_| Over)?.map_err(|_| Over)?;
        self.stream.flush().await.map_err(|_| Over)
    }

    /// Takes in what comes for so long; answers pings, and ends where the other end does.
    async fn listen(&mut self, time: Duration) -> Result<(), Over> {
        let until = tokio::time::Instant::now() + time;
        loop {
            let mut buffer = [0; 1024];
            let mut filled = ReadBuf::new(&mut buffer);
            let stream = &mut self.stream;
            let read = poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut filled));
            match tokio::time::timeout_at(until, read).await {
                Err(_) => break,
                Ok(Err(_)) => return Err(Over),
                Ok(Ok(())) if filled.filled().is_empty() => return Err(Over),
                Ok(Ok(())) => {}
            }
            self.heard = Instant::now();
            self.received.extend_from_slice(filled.filled());
            while let Some((frame, used)) = frame::read(&self.received).map_err(|_| Over)? {
                self.received.drain(..used);
                match frame.kind {
                    Kind::Ping => self.send(&frame::write(Kind::Pong, &frame.payload)).await?,
                    Kind::Close => {
                        let _ = self.send(&frame::write(Kind::Close, &frame.payload)).await;
                        return Err(Over);
                    }
                    _ => {}
                }
            }
        }
        if self.heard.elapsed() > SILENCE {
            return Err(Over);
        }
        if self.pinged.elapsed() >= PING {
            self.pinged = Instant::now();
            self.send(&frame::write(Kind::Ping, b"")).await?;
        }
        Ok(())
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    /// By when it was.
    known: HashMap<u64, i64>,
    /// Everything before was told.
    from: i64,
}

impl Told {
    fn is_new(&mut self, entry: &LogEntry) -> bool {
        let mut hasher = DefaultHasher::new();
        (entry.timestamp, &entry.line, entry.all_labels()).hash(&mut hasher);
        self.known.insert(hasher.finish(), entry.timestamp).is_none()
    }

    fn forget_before(&mut self, from: i64) {
        self.from = self.from.max(from);
        let from = self.from;
        self.known.retain(|_, at| *at >= from);
    }
}

async fn follow(api: Arc<Api>, wanted: Arc<Wanted>, mut line: Line) {
    let (begun, mut told) = (Instant::now(), Told::default());
    let reason = loop {
        match step(&api, &wanted, &mut told, &mut line).await {
            Err(None) => return,
            Err(Some(failure)) => break (1011, failure.text),
            Ok(()) if begun.elapsed() >= LONGEST => break (1000, "reached tail max duration limit".to_owned()),
            Ok(()) => {}
        }
        if line.listen(LOOK).await.is_err() {
            return;
        }
    };
    let _ = line.send(&frame::close(reason.0, &reason.1)).await;
    let _ = line.stream.shutdown().await;
}

/// One look, and what it found.
async fn step(api: &Arc<Api>, wanted: &Arc<Wanted>, told: &mut Told, line: &mut Line) -> Result<(), Option<Failure>> {
    let until = now().saturating_sub(wanted.delay);
    let first = told.from == 0;
    loop {
        // First the newest of what there is, later everything.
        let ask = if first {
            Ask { limit: wanted.limit, ..Ask::range(wanted.start, until.saturating_add(1), 1) }
        } else {
            let range = Ask::range(told.from, until.saturating_add(1), 1);
            Ask { limit: MOST_AT_ONCE, direction: Direction::Forward, ..range }
        };
        if ask.start >= ask.end {
            return Ok(());
        }
        let mut entries = look(api, wanted, ask).await.map_err(Some)?;
        let full = entries.len() == ask.limit;
        let edge = entries.last().map(|entry| entry.timestamp);
        entries.retain(|entry| told.is_new(entry));
        if first {
            entries.reverse();
            let cut = edge.filter(|_| full).unwrap_or(wanted.start);
            told.forget_before(cut.max(until.saturating_sub(OVERLAP)).max(1));
        } else {
            let fresh = entries.is_empty();
            match edge.filter(|_| full) {
                // Where a whole look is of one instant, what is more of that instant cannot be told.
                Some(at) => told.from = if fresh && at == told.from { at + 1 } else { at },
                None => told.forget_before(until.saturating_sub(OVERLAP)),
            }
        }
        if !entries.is_empty() {
            line.send(&frame::write(Kind::Text, message(&entries, wanted.categorize).as_bytes()))
                .await
                .map_err(|_| None)?;
        }
        if first || !full {
            return Ok(());
        }
    }
}

async fn look(api: &Arc<Api>, wanted: &Arc<Wanted>, ask: Ask) -> Result<Vec<LogEntry>, Failure> {
    let (of, wanted) = (api.clone(), wanted.clone());
    let answer = api.pool.run(move |patience| {
        let limits = of.settings.limits();
        let context = Context { limits, watch: patience, now: now(), threads: 1 };
        of.over(|source| Ok::<Answer, Failure>(evaluate(source, &wanted.query, &ask, &context)?.answer))
    });
    match answer.await?? {
        Answer::Entries(entries) => Ok(entries),
        _ => Err(Failure::bad("only log selector is supported")),
    }
}

fn message(entries: &[LogEntry], categorize: bool) -> String {
    let mut text = String::from("{\"streams\":[");
    render::streams(entries, categorize, &mut text);
    text += "],\"dropped_entries\":[]";
    if categorize {
        text += ",\"encodingFlags\":[\"categorize-labels\"]";
    }
    text += "}";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_handshake() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(VERSION, HeaderValue::from_static("13"));
        headers.insert(KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(handshake(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for name in [CONNECTION, UPGRADE, VERSION, KEY] {
            let mut without = headers.clone();
            without.remove(name);
            assert_eq!(handshake(&without).unwrap_err().status, StatusCode::BAD_REQUEST);
        }
    }
}
