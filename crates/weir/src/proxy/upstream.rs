//! The way to a provider: kept connections, new ones, and what goes wrong on it.

mod connect;

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::body::{Counted, broken_off, within};
use super::exchange::Exchange;
use super::headers;
use super::route::Route;
use crate::error::{Error, ErrorKind};

pub(super) use connect::tls;

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

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        match this {
            Outgoing::Empty => Poll::Ready(None),
            Outgoing::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Outgoing::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Outgoing::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outgoing::Empty => true,
            Outgoing::Whole(bytes) => bytes.is_empty(),
            Outgoing::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Empty => SizeHint::with_exact(0),
            Outgoing::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outgoing::Stream(body) => body.size_hint(),
        }
    }
}

/// A provider's answer, whose head has come.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) head: response::Parts,
    pub(super) body: Remote,
    pub(super) connection: Option<Connection>,
    /// Whether the stream was asked for its usage on the caller's behalf.
    pub(super) injected: bool,
}

/// A provider's body, of which some may have been read and put back.
#[derive(Debug)]
pub(super) struct Remote {
    front: Option<Bytes>,
    broken: Option<hyper::Error>,
    incoming: Incoming,
}

impl Remote {
    pub(super) fn put_back(&mut self, front: Bytes, broken: Option<hyper::Error>) {
        self.front = Some(front).filter(|front| !front.is_empty());
        self.broken = broken;
    }
}

impl Body for Remote {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(front) = self.front.take() {
            return Poll::Ready(Some(Ok(Frame::data(front))));
        }
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_none() && self.broken.is_none() && self.incoming.is_end_stream()
    }
}

/// A connection to a provider.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Outgoing>,
    provider: usize,
    idle_since: Instant,
}

/// A thread's kept connections, by provider; the one used last is used next.
#[derive(Debug)]
pub struct Pool {
    idle: Vec<Mutex<Vec<Connection>>>,
}

impl Pool {
    /// For so many providers.
    #[must_use]
    pub fn new(providers: usize) -> Pool {
        Pool { idle: (0..providers).map(|_| Mutex::new(Vec::new())).collect() }
    }

    fn take(&self, provider: usize) -> Option<Connection> {
        let mut idle = self.idle[provider].lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.sender.is_closed());
        let last_ready = idle.iter().rposition(|connection| connection.sender.is_ready())?;
        Some(idle.remove(last_ready))
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn put(&self, connection: Option<Connection>) {
        let Some(mut connection) = connection.filter(|connection| !connection.sender.is_closed()) else { return };
        connection.idle_since = Instant::now();
        let mut idle = self.idle[connection.provider].lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    /// Closes what nobody has used for some time. Called regularly.
    pub fn sweep(&self) {
        for idle in &self.idle {
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|connection| !connection.sender.is_closed() && connection.idle_since.elapsed() < KEEP);
        }
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
    let worker = exchange.worker().clone();
    let config = &worker.shared.config;
    let provider = &config.providers[route.provider];
    let proxied = !provider.is_tls() && config.upstream.proxy_for(provider.authority.host()).is_some();
    headers::prepare(head, provider, &outgoing, proxied)?;
    let mut request = Request::new(outgoing);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = std::mem::take(&mut head.uri);
    *request.headers_mut() = std::mem::take(&mut head.headers);
    loop {
        let kept = worker.pool.take(route.provider);
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => open(exchange, route.provider).await?,
        };
        exchange.departed();
        let limit = exchange.at_most(config.timeouts.first_byte);
        let Some(outcome) = within(limit, connection.sender.try_send_request(request)).await else {
            let message = format!("provider \"{}\" did not answer within {limit:.1?}", provider.name);
            return Err(Error::new(ErrorKind::UpstreamTimeout, message));
        };
        match outcome {
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                let body = Remote { front: None, broken: None, incoming };
                return Ok(Sent { head, body, connection: Some(connection), injected: false });
            }
            Err(mut error) => match error.take_message().filter(|_| was_kept) {
                Some(unsent) => request = unsent,
                None => return Err(broken(&provider.name, error.error())),
            },
        }
    }
}

async fn open(exchange: &mut Exchange, index: usize) -> Result<Connection, Error> {
    let before = exchange.elapsed();
    let worker = exchange.worker().clone();
    let limit = exchange.at_most(worker.shared.config.timeouts.connect);
    let sender = connect::connect(&worker.shared, index, limit).await;
    exchange.connected(exchange.elapsed() - before);
    Ok(Connection { sender: sender?, provider: index, idle_since: Instant::now() })
}

fn broken(provider: &str, error: &hyper::Error) -> Error {
    let what = if error.is_user() || error.is_body_write_aborted() {
        // What went wrong is the caller's body, which was being passed on.
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<hyper::Error>());
        let unknown = || Error::new(ErrorKind::CallerGone, "the request's body broke off on its way to the provider");
        return source.map_or_else(unknown, broken_off);
    } else if error.is_parse() {
        "answered with something that is not HTTP"
    } else {
        "closed the connection before it answered"
    };
    Error::new(ErrorKind::UpstreamBroken, format!("provider \"{provider}\" {what}"))
}

/// Fetches a small answer for Weir itself.
pub(super) async fn fetch(
    worker: &super::Worker,
    index: usize,
    mut head: Parts,
    limit: usize,
) -> Result<(response::Parts, Bytes), Error> {
    let provider = &worker.shared.config.providers[index];
    let proxied = !provider.is_tls() && worker.shared.config.upstream.proxy_for(provider.authority.host()).is_some();
    headers::prepare(&mut head, provider, &Outgoing::Empty, proxied)?;
    headers::ask_for_plain_bytes(&mut head.headers);
    let connecting = worker.shared.config.timeouts.connect;
    let mut sender = connect::connect(&worker.shared, index, connecting).await?;
    let response = sender
        .send_request(Request::from_parts(head, Outgoing::Empty))
        .await
        .map_err(|error| broken(&provider.name, &error))?;
    let (head, body) = response.into_parts();
    // The limit is what the ban on collecting asks for.
    #[allow(clippy::disallowed_methods)]
    let bytes = http_body_util::BodyExt::collect(http_body_util::Limited::new(body, limit));
    let bytes =
        bytes.await.map_err(|_| Error::new(ErrorKind::UpstreamBroken, "the answer broke off or is too long"))?;
    Ok((head, bytes.to_bytes()))
}
