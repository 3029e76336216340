//! The way to a provider: kept connections, new ones, and what goes wrong on it.

mod connect;
mod download;
mod link;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::response;
use http_body::{Body, Frame};

use super::body::{Counted, broken_off, within};
use super::exchange::Exchange;
use super::headers;
use super::route::Route;
use crate::error::{Error, ErrorKind};
use crate::framing::Decoder;

pub(super) use connect::tls;
pub(crate) use download::{Reply, download, inquire, through};
use link::{Failure, Link};

/// How long a connection is kept that nobody uses. Most servers keep theirs longer than this; some Python ones 5 seconds,
/// and their closing is seen while the connection waits.
const KEEP: Duration = Duration::from_secs(30);
/// How many are kept for a provider.
const MAX_IDLE: usize = 512;

/// A request's body on its way out.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// None.
    Empty,
    /// In one piece.
    Whole(Bytes),
    /// As it comes from the caller.
    Stream(Counted),
}

/// A provider's answer, whose head has come.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) head: response::Parts,
    pub(super) body: Remote,
    /// Whether the stream was asked for its usage on the caller's behalf.
    pub(super) injected: bool,
}

/// A provider's body, of which some may have been read and put back.
#[derive(Debug)]
pub(super) struct Remote {
    front: Option<Bytes>,
    broken: Option<io::Error>,
    connection: Option<Connection>,
    decoder: Decoder,
    /// Whether the connection can be used again.
    keep: bool,
}

impl Remote {
    pub(super) fn put_back(&mut self, front: Bytes, broken: Option<io::Error>) {
        self.front = Some(front).filter(|front| !front.is_empty());
        self.broken = broken;
    }

    /// The connection, if the body was read to its end and nothing speaks against using it again.
    pub(super) fn release(&mut self) -> Option<Connection> {
        self.connection.take().filter(|connection| self.keep && self.decoder.is_over() && connection.link.is_clean())
    }
}

impl Body for Remote {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if let Some(front) = this.front.take() {
            return Poll::Ready(Some(Ok(Frame::data(front))));
        }
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match &mut this.connection {
            Some(connection) => connection.link.poll_body(context, &mut this.decoder).map_ok(Frame::data),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_none() && self.broken.is_none() && self.decoder.is_over()
    }
}

/// A connection to a provider.
#[derive(Debug)]
pub(super) struct Connection {
    link: Link,
    /// The number of the way that it goes.
    way: u64,
    idle_since: Instant,
}

/// A thread's kept connections, by the way to a provider that they go; the one used last is used next.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<Vec<Idle>>,
}

/// Those of one way.
#[derive(Debug)]
struct Idle {
    way: u64,
    connections: Vec<Connection>,
}

impl Pool {
    fn take(&self, way: u64) -> Option<Connection> {
        let mut all = self.lock();
        let idle = all.iter_mut().find(|idle| idle.way == way)?;
        // Those that were closed meanwhile are let go on the way.
        std::iter::from_fn(|| idle.connections.pop()).find_map(|mut one| one.link.is_waiting().then_some(one))
    }

    /// Keeps a connection whose answer was read to its end `now`.
    pub(super) fn put(&self, connection: Option<Connection>, now: Instant) {
        let Some(mut connection) = connection else { return };
        connection.idle_since = now;
        let mut all = self.lock();
        match all.iter_mut().find(|idle| idle.way == connection.way) {
            Some(idle) if idle.connections.len() < MAX_IDLE => idle.connections.push(connection),
            Some(_) => {}
            None => all.push(Idle { way: connection.way, connections: vec![connection] }),
        }
    }

    /// Closes what nobody has used for some time. Called regularly.
    pub fn sweep(&self) {
        self.lock().retain_mut(|idle| {
            idle.connections.retain_mut(|one| one.idle_since.elapsed() < KEEP && one.link.is_waiting());
            // A way that nobody goes any more is forgotten with its last connection.
            !idle.connections.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request and waits for the answer's head. A kept connection that turns out to be closed before anything was
/// written to it is replaced; what may have reached the provider is not sent again, since it may be billed.
pub(super) async fn send(
    exchange: &mut Exchange,
    head: &mut Parts,
    outgoing: Outgoing,
    route: &Route<'_>,
) -> Result<Sent, Error> {
    let (worker, snapshot) = (exchange.worker().clone(), exchange.snapshot().clone());
    let config = &snapshot.config;
    let provider = &config.providers[route.provider];
    let proxied = config.upstream.asks_proxy(provider.is_tls(), provider.authority.host());
    headers::prepare(head, provider, &outgoing, proxied)?;
    // Its bytes must be readable for the key to be covered.
    if provider.key.secret().is_some() {
        headers::ask_for_plain_bytes(&mut head.headers);
    }
    let Parts { method, uri, headers, .. } = head;
    let mut outgoing = outgoing;
    loop {
        let kept = worker.pool.take(snapshot.ways[route.provider].number);
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => open(exchange, route.provider).await?,
        };
        let now = exchange.departed();
        let limit = exchange.at_most_from(now, config.timeouts.first_byte);
        let Some(outcome) = within(limit, connection.link.ask(method, uri, headers, outgoing)).await else {
            let message = format!(
                "provider \"{}\" did not answer within {limit:.1?}; try again, or raise timeouts.first_byte in weir.toml",
                provider.name
            );
            return Err(Error::new(ErrorKind::UpstreamTimeout, message));
        };
        match outcome {
            Ok((head, all_sent)) => {
                let keep = head.keep && all_sent;
                let body = Remote { front: None, broken: None, connection: Some(connection), decoder: head.body, keep };
                return Ok(Sent { head: head.parts, body, injected: false });
            }
            Err(Failure::Unsent(unsent)) if was_kept => outgoing = unsent,
            Err(failure) => return Err(broken(&provider.name, &failure)),
        }
    }
}

async fn open(exchange: &mut Exchange, index: usize) -> Result<Connection, Error> {
    let before = exchange.elapsed();
    let snapshot = exchange.snapshot().clone();
    let limit = exchange.at_most(snapshot.config.timeouts.connect);
    let link = connect::connect(&snapshot, index, limit).await;
    exchange.connected(exchange.elapsed() - before);
    Ok(Connection { link: link?, way: snapshot.ways[index].number, idle_since: Instant::now() })
}

fn broken(provider: &str, failure: &Failure) -> Error {
    let what = match failure {
        Failure::Body(error) => return broken_off(error),
        Failure::NotHttp => "answered with something that is not HTTP; see where base_url leads in weir.toml",
        Failure::Closed | Failure::Unsent(_) => "closed the connection before it answered; try again",
    };
    Error::new(ErrorKind::UpstreamBroken, format!("provider \"{provider}\" {what}"))
}

/// Fetches a small answer for Weir itself.
pub(super) async fn fetch(
    snapshot: &super::Snapshot,
    index: usize,
    mut head: Parts,
    limit: usize,
) -> Result<(response::Parts, Bytes), Error> {
    let config = &snapshot.config;
    let provider = &config.providers[index];
    let proxied = config.upstream.asks_proxy(provider.is_tls(), provider.authority.host());
    headers::prepare(&mut head, provider, &Outgoing::Empty, proxied)?;
    headers::ask_for_plain_bytes(&mut head.headers);
    let mut link = connect::connect(snapshot, index, config.timeouts.connect).await?;
    let asked = link.ask(&head.method, &head.uri, &head.headers, Outgoing::Empty).await;
    let (head, _) = asked.map_err(|failure| broken(&provider.name, &failure))?;
    let (mut decoder, mut body) = (head.body, BytesMut::new());
    while let Some(piece) = poll_fn(|context| link.poll_body(context, &mut decoder)).await {
        let piece = piece.ok().filter(|piece| body.len() + piece.len() <= limit);
        let broken = || Error::new(ErrorKind::UpstreamBroken, "the answer broke off or is too long; try again");
        body.extend_from_slice(&piece.ok_or_else(broken)?);
    }
    Ok((head.parts, body.freeze()))
}
