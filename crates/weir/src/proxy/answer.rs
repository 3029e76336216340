//! The body that a caller gets: the provider's bytes as they come, watched in passing.
//!
//! The last piece leaves after the Record is in the journal. Where the answer's length is known the last piece is the one
//! that completes it; a stream's is the one that says so; otherwise it is the end itself.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use meter::splice::Splicer;
use tokio::time::Sleep;

use super::drain;
use super::exchange::Exchange;
use super::mask::Mask;
use super::settle::End;
use super::upstream::Remote;

/// Why a body ends early. The caller sees its connection broken off, as the provider's was.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The provider broke off.
    #[error("the provider broke off its answer")]
    Upstream(#[from] io::Error),
    /// A limit on time.
    #[error("the provider was silent for too long, or the request took too long")]
    Timeout,
}

/// See the module.
#[derive(Debug)]
pub enum Answer {
    /// In one piece.
    Whole(Bytes),
    /// As it comes.
    Metered(Passing),
}

/// What changes an answer's bytes on their way.
pub(super) enum Filter {
    /// Takes out what asking for usage added.
    Splice(Splicer),
    /// Covers the provider's key.
    Mask(Mask),
}

impl Filter {
    fn feed(&mut self, data: &Bytes) -> Bytes {
        match self {
            Filter::Splice(splicer) => {
                let mut out = Vec::with_capacity(data.len());
                splicer.feed(data, &mut out);
                out.into()
            }
            Filter::Mask(mask) => mask.feed(data),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Filter::Splice(mut splicer) => {
                let mut rest = Vec::new();
                splicer.finish(&mut rest);
                rest
            }
            Filter::Mask(mask) => mask.finish(),
        }
    }
}

/// A provider's answer in its caller's hands, who leaves by dropping it.
#[derive(Debug)]
pub struct Passing(Option<Box<Metered>>);

/// A provider's answer on its way.
pub(super) struct Metered {
    remote: Remote,
    exchange: Exchange,
    filter: Option<Filter>,
    /// What is ready to leave.
    ready: Option<Frame<Bytes>>,
    /// Set while the disk is waited for.
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How the answer broke off, until the caller's side is told.
    broken: Option<Broken>,
    over: bool,
    timer: Option<Pin<Box<Sleep>>>,
    last_piece: Instant,
    /// Bytes that were read since the caller left.
    drained: u64,
}

impl std::fmt::Debug for Metered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Metered")
            .field("exchange", &self.exchange)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// In one piece.
    #[must_use]
    pub fn whole(bytes: Bytes) -> Answer {
        Answer::Whole(bytes)
    }

    /// A provider's answer as it comes. One without a body is recorded at once.
    pub(super) async fn metered(mut exchange: Exchange, mut remote: Remote, filter: Option<Filter>) -> Answer {
        if remote.is_end_stream() {
            let recorder = exchange.shared().recorder.clone();
            exchange.finish(End::Whole).settled(recorder).await;
            exchange.worker().pool.put(remote.release(), Instant::now());
            return Answer::Whole(Bytes::new());
        }
        Answer::Metered(Passing(Some(Box::new(Metered {
            remote,
            exchange,
            filter,
            ready: None,
            wait: None,
            broken: None,
            over: false,
            timer: None,
            last_piece: Instant::now(),
            drained: 0,
        }))))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(metered) = self.0.take().filter(|metered| metered.goes_on()) {
            drain::go_on(metered);
        }
    }
}

impl Metered {
    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Whether there is more to come that is to be read although nobody waits for it.
    fn goes_on(&self) -> bool {
        let stopping = self.exchange.worker().stopping.load(Ordering::Relaxed);
        !self.over && !self.exchange.is_finished() && !stopping && self.exchange.drains().load(Ordering::Relaxed)
    }

    /// Reads on for nobody: ready when the answer has ended, however it did, or there was too much of it.
    pub(super) fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.over && self.drained < drain::MOST_BYTES {
            match Pin::new(&mut self.remote).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.last_piece = Instant::now();
                    self.drained += data.len() as u64;
                    self.exchange.observe(&data, self.last_piece);
                    self.over = self.remote.is_end_stream();
                }
                Poll::Ready(Some(Err(_)) | None) => self.over = true,
                Poll::Pending => return self.poll_silence(context),
            }
        }
        Poll::Ready(())
    }

    /// The caller has gone.
    pub(super) fn leave(&mut self) {
        drop(self.exchange.finish(End::CallerGone));
        self.close();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(context));
                self.wait = None;
            }
            if let Some(frame) = self.ready.take() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(broken) = self.broken.take() {
                return Poll::Ready(Some(Err(broken)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            match Pin::new(&mut self.remote).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.take(frame);
                    // A caller that reads slowly keeps an answer going that the provider has long given.
                    if !self.exchange.is_finished() && self.last_piece >= self.exchange.deadline() {
                        return Poll::Ready(Some(Err(self.too_late())));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    // An error ends the connection with what is still to be written on it, so what came before the break
                    // is let go first.
                    self.broken = Some(self.broke(error));
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(None) => self.end(),
                Poll::Pending => {
                    ready!(self.poll_silence(context));
                    return Poll::Ready(Some(Err(self.too_late())));
                }
            }
        }
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(trailers) => {
                self.ready = Some(trailers);
                return;
            }
        };
        self.last_piece = Instant::now();
        let said_over = !self.exchange.is_finished() && self.exchange.observe(&data, self.last_piece);
        let mut out = self.filter(data);
        if self.remote.is_end_stream() {
            out = self.filter_rest(out);
            self.finish(End::Whole);
            self.close();
        } else if said_over {
            self.finish(End::Whole);
        }
        if !out.is_empty() {
            self.ready = Some(Frame::data(out));
        }
    }

    fn filter(&mut self, data: Bytes) -> Bytes {
        match &mut self.filter {
            Some(filter) => filter.feed(&data),
            None => data,
        }
    }

    fn filter_rest(&mut self, out: Bytes) -> Bytes {
        let Some(filter) = self.filter.take() else { return out };
        let rest = filter.finish();
        if rest.is_empty() { out } else { [out.as_ref(), &rest].concat().into() }
    }

    fn end(&mut self) {
        let rest = self.filter_rest(Bytes::new());
        self.finish(End::Whole);
        self.close();
        if !rest.is_empty() {
            self.ready = Some(Frame::data(rest));
        }
    }

    fn too_late(&mut self) -> Broken {
        self.finish(End::Timeout);
        self.over = true;
        Broken::Timeout
    }

    fn close(&mut self) {
        self.over = true;
        let connection = self.remote.release();
        self.exchange.worker().pool.put(connection, self.last_piece);
    }

    /// What came before the break has left already, but for an event that was held.
    fn broke(&mut self, error: io::Error) -> Broken {
        self.finish(End::UpstreamGone);
        self.over = true;
        Broken::Upstream(error)
    }

    fn finish(&mut self, end: End) {
        let recorder = self.exchange.shared().recorder.clone();
        let recorded = self.exchange.finish(end);
        if recorded.is_later() || recorder.waits_for_disk() {
            self.wait = Some(Box::pin(recorded.settled(recorder)));
        }
    }

    /// Ready when the provider has been silent, or the request on its way, for too long. The timer is not moved with every
    /// piece; when it goes off it is looked whether it should have.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let silence = self.exchange.snapshot().config.timeouts.between_chunks;
        let due = (self.last_piece + silence).min(self.exchange.deadline());
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due.into())));
        loop {
            ready!(timer.as_mut().poll(context));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due.into());
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Answer::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Answer::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Answer::Metered(Passing(Some(metered))) => metered.poll(context),
            Answer::Metered(Passing(None)) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(bytes) => bytes.is_empty(),
            Answer::Metered(Passing(Some(metered))) => {
                metered.over && metered.ready.is_none() && metered.wait.is_none() && metered.broken.is_none()
            }
            Answer::Metered(Passing(None)) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Answer::Metered(_) => SizeHint::default(),
        }
    }
}
