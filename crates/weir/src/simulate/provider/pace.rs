//! Pace: a body whose pieces leave when they are due, as a model's tokens do.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, Sleep, sleep_until};

/// The body of every simulated answer.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The most bytes that leave in one piece when several are due at once.
const PIECE_BYTES: usize = 16 * 1024;

/// What leaves at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Bytes of the answer.
    Bytes(Bytes),
    /// The end of the connection, in the middle of the answer.
    Cut,
}

/// A piece and when it is due, counted from the start of the answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) due: Duration,
    pub(super) piece: Piece,
}

/// A body that is there as a whole.
pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// How long a connection stays open behind the last piece before a cut.
const BEFORE_CUT: Duration = Duration::from_millis(10);

/// A body of `events` that began at `start`. `length` is its length in bytes where it was promised to the caller.
pub(super) fn paced(events: impl Iterator<Item = Event> + Send + 'static, start: Instant, length: Option<u64>) -> Body {
    let mut events: Box<dyn Iterator<Item = Event> + Send> = Box::new(events);
    let next = events.next();
    Paced { events, next, start, alarm: Box::pin(sleep_until(start)), length, left: start }.boxed_unsync()
}

struct Paced {
    events: Box<dyn Iterator<Item = Event> + Send>,
    next: Option<Event>,
    start: Instant,
    alarm: Pin<Box<Sleep>>,
    length: Option<u64>,
    /// When the last piece left.
    left: Instant,
}

impl Paced {
    /// Everything that is due by `now`, in one piece of limited size; nothing where nothing is due.
    fn take_due(&mut self, now: Instant) -> Bytes {
        let mut taken = BytesMut::new();
        while taken.len() < PIECE_BYTES {
            match &self.next {
                Some(Event { due, piece: Piece::Bytes(bytes) }) if self.start + *due <= now => {
                    taken.extend_from_slice(bytes);
                    self.next = self.events.next();
                }
                _ => break,
            }
        }
        taken.freeze()
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            let Some(next) = &self.next else { return Poll::Ready(None) };
            let mut due = self.start + next.due;
            if next_is_cut(&self.next) {
                // On a busy machine the cut may be due together with what goes before it, which must leave first.
                due = due.max(self.left + BEFORE_CUT);
            }
            if due > Instant::now() {
                self.alarm.as_mut().reset(due);
                ready!(self.alarm.as_mut().poll(cx));
            }
            if next_is_cut(&self.next) {
                self.next = None;
                return Poll::Ready(Some(Err(io::Error::other("the simulated provider cut this answer"))));
            }
            let bytes = self.take_due(Instant::now());
            if !bytes.is_empty() {
                self.left = Instant::now();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn next_is_cut(next: &Option<Event>) -> bool {
    matches!(next, Some(Event { piece: Piece::Cut, .. }))
}
