//! A caller's body: JSON is held, within limits, so that it can be read before it is passed on; anything else streams.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use meter::dialect::Api;
use meter::form::Form;
use meter::meter::Format;

use super::exchange::Exchange;
use super::{route, unread};
use crate::error::{Error, ErrorKind};

/// What came in.
#[derive(Debug)]
pub(super) enum Inbound {
    /// A whole JSON body, and the memory it takes.
    Json(Bytes, Held),
    /// A body that is passed on as it comes.
    Stream(Counted),
    /// No body.
    Empty,
}

/// The memory that all bodies share.
#[derive(Debug)]
pub struct Memory {
    limit: u64,
    used: AtomicU64,
}

impl Memory {
    pub(super) fn new(limit: u64) -> Memory {
        Memory { limit, used: AtomicU64::new(0) }
    }

    /// Whether there is so little room left that nothing should stay that is not needed.
    pub(super) fn is_short(&self) -> bool {
        self.used() > self.limit / 2
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// A part of the shared memory; goes back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Held {
    fn take(&mut self, bytes: u64) -> Result<(), Error> {
        let before = self.memory.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes > self.memory.limit {
            let message = format!(
                "request bodies together exceed body_memory ({} bytes); try again shortly, or raise it in weir.toml",
                self.memory.limit
            );
            return Err(Error::new(ErrorKind::BodyMemory, message));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Takes a body in. JSON is read to its end; while it is on its way the table already knows of the request.
pub(super) async fn receive(exchange: &mut Exchange, head: &Parts, body: Incoming) -> Result<Inbound, Error> {
    let json = Format::of_content_type(content_type(head)) == Format::Json;
    let must_be_json = route::needs_model(exchange.api());
    if must_be_json {
        require_plain_json(exchange, head, json)?;
    } else if body.is_end_stream() {
        return Ok(Inbound::Empty);
    }
    refuse_forms(exchange, head)?;
    let packed = head.headers.contains_key(CONTENT_ENCODING);
    if !must_be_json && (!json || packed) {
        let form = Form::of_content_type(content_type(head)).filter(|_| names_model_in_form(exchange.api()));
        let form = form.map(|form| Box::new((form, exchange.form_model())));
        return Ok(Inbound::Stream(Counted { body, counter: exchange.request_counter(), form }));
    }
    let mut held = Held { memory: exchange.shared().memory.clone(), bytes: 0 };
    let bytes = collect(exchange, head, body, &mut held).await?;
    exchange.received(bytes.len() as u64);
    Ok(Inbound::Json(bytes, held))
}

/// Calls whose price depends on a model that stands in a form.
fn names_model_in_form(api: Api) -> bool {
    matches!(api, Api::Transcriptions | Api::Images)
}

/// What a browser's form or script may send across sites without asking is not passed on with Weir's key. Files come as
/// multipart, which a browser never sends without naming its origin.
fn refuse_forms(exchange: &Exchange, head: &Parts) -> Result<(), Error> {
    let essence = content_type(head).split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let form = essence.is_empty()
        || essence.eq_ignore_ascii_case(b"text/plain")
        || essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded");
    if form && exchange.holds_key() {
        let message = "send the request with content-type: application/json, or what its body is";
        return Err(Error::new(ErrorKind::UnsupportedMediaType, message));
    }
    Ok(())
}

fn content_type(head: &Parts) -> &[u8] {
    head.headers.get(CONTENT_TYPE).map_or(b"", |value| value.as_bytes())
}

/// A browser's form cannot say that it is JSON, so where Weir adds a key to whatever comes, saying so is required.
fn require_plain_json(exchange: &Exchange, head: &Parts, json: bool) -> Result<(), Error> {
    let message = if exchange.holds_key() && !json {
        "send the request with content-type: application/json"
    } else if head.headers.contains_key(CONTENT_ENCODING) {
        "send the request's body without content-encoding; Weir has to read its model"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::UnsupportedMediaType, message))
}

async fn collect(exchange: &mut Exchange, head: &Parts, body: Incoming, held: &mut Held) -> Result<Bytes, Error> {
    let limit = exchange.snapshot().config.body_limit;
    let mut body = pin!(body);
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        // A caller that waits for leave to send hears no at once.
        if !head.headers.contains_key(EXPECT) {
            exchange.describe()?;
            unread::discard(body).await;
        }
        return Err(too_large(limit));
    }
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(piece) = next_piece(exchange, body.as_mut()).await? {
        let length = (first.len() + rest.len() + piece.len()) as u64;
        if length > limit {
            exchange.describe()?;
            unread::discard(body).await;
            return Err(too_large(limit));
        }
        held.take(piece.len() as u64)?;
        if first.is_empty() && rest.is_empty() {
            // Most bodies come in one piece, which is kept as it is.
            first = piece;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(announced.unwrap_or(0).min(limit) as usize);
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&piece);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn too_large(limit: u64) -> Error {
    let message = format!("the body is larger than body_limit ({limit} bytes); send less, or raise it in weir.toml");
    Error::new(ErrorKind::BodyTooLarge, message)
}

/// The next piece of a body. A request whose body has still to come is put into the table before it is waited for.
async fn next_piece(exchange: &mut Exchange, mut body: Pin<&mut Incoming>) -> Result<Option<Bytes>, Error> {
    loop {
        let at_once = poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context))).await;
        let frame = match at_once {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                exchange.describe()?;
                exchange.wait_for_caller(poll_fn(|context| body.as_mut().poll_frame(context))).await?
            }
        };
        match frame {
            None => return Ok(None),
            // Trailers of a request say nothing that a provider reads.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_) => continue,
            },
            Some(Err(error)) => return Err(broken_off(&error)),
        }
    }
}

/// Why a caller's body ended early: it is framed wrongly, or the caller has gone.
pub(super) fn broken_off(error: &hyper::Error) -> Error {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    if source.is_some_and(|source| matches!(source.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)) {
        return Error::new(
            ErrorKind::BodyIncomplete,
            "the request's body is not framed as HTTP says; send it with a right content-length, or in chunks",
        );
    }
    Error::new(ErrorKind::CallerGone, "the request's body broke off")
}

/// Waits for at most `limit`.
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// A body that is passed on as it comes, and counted.
#[derive(Debug)]
pub(super) struct Counted {
    body: Incoming,
    counter: Arc<AtomicU64>,
    /// The reader of a form, and where the model goes that it names.
    form: Option<Box<(Form, Arc<OnceLock<String>>)>>,
}

impl Counted {
    fn read_form(&mut self, data: &[u8]) {
        let Some((form, model)) = self.form.as_deref_mut() else { return };
        form.observe(data);
        if let Some(found) = form.model() {
            // Nobody else sets it.
            let _ = model.set(found.to_owned());
            self.form = None;
        }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.counter.fetch_add(data.len() as u64, Ordering::Relaxed);
            self.read_form(data);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
