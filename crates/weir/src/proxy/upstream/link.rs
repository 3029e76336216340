//! One connection to a provider: a request goes out, an answer comes in, on the thread that asked and without a task of its
//! own. While a body is on its way out the answer is already listened for, so that an early refusal is heard.
//!
//! A connection that waits holds no room for what may come: all of a thread's connections read into the same room, and what has
//! come is put into as much as it needs. Thousands of streams wait most of the time.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Uri};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Outgoing;
use crate::framing::{self, Decoded, Decoder, Head, Malformed};

/// Room for what comes in.
const READ: usize = 8 << 10;

thread_local! {
    /// The room that all connections of a thread read into, one after the other.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// Room for a usual head, and the longest body that is copied behind it: cheaper than two pieces for the kernel to gather.
const HEAD: usize = 1 << 10;
const SMALL: usize = 2 << 10;

/// What went wrong before the answer's head had come.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing of the request has left; it can be sent on another connection, and here is its body.
    Unsent(Outgoing),
    /// The provider closed the connection or it broke.
    Closed,
    /// The provider sent something that is not HTTP.
    NotHttp,
    /// The caller's body broke off.
    Body(hyper::Error),
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: Stream,
    read: BytesMut,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl From<TcpStream> for Link {
    fn from(stream: TcpStream) -> Link {
        Link { stream: Stream::Plain(stream), read: BytesMut::new() }
    }
}

impl From<TlsStream<TcpStream>> for Link {
    fn from(stream: TlsStream<TcpStream>) -> Link {
        Link { stream: Stream::Tls(Box::new(stream)), read: BytesMut::new() }
    }
}

impl Stream {
    fn poll_write(&mut self, context: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match (self, pieces) {
            (Stream::Plain(stream), [only, rest @ ..]) if rest.iter().all(|piece| piece.is_empty()) => {
                Pin::new(stream).poll_write(context, only)
            }
            (Stream::Plain(stream), _) => Pin::new(stream).poll_write_vectored(context, pieces),
            (Stream::Tls(stream), _) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // A socket keeps nothing back.
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    /// Reads behind what there is; gives how much has come, 0 at the end.
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        ROOM.with_borrow_mut(|room| {
            let mut room = ReadBuf::new(room);
            ready!(match self {
                Stream::Plain(stream) => Pin::new(stream).poll_read(context, &mut room),
                Stream::Tls(stream) => Pin::new(stream).poll_read(context, &mut room),
            })?;
            let come = room.filled();
            match buffer.is_empty() {
                // A new one, which is no larger than what has come.
                true if !come.is_empty() => *buffer = BytesMut::from(come),
                _ => buffer.extend_from_slice(come),
            }
            Poll::Ready(Ok(come.len()))
        })
    }
}

/// A request on its way out.
struct Sending {
    /// What leaves next: a head or a chunk's size line, bytes of the body, and what ends the chunk.
    front: BytesMut,
    piece: Bytes,
    tail: &'static [u8],
    body: Outgoing,
    chunked: bool,
    /// Whether anything has left.
    begun: bool,
    done: bool,
}

impl Sending {
    fn new(method: &Method, uri: &Uri, headers: &HeaderMap, body: Outgoing) -> Sending {
        let chunked = matches!(body, Outgoing::Stream(_)) && !headers.contains_key(CONTENT_LENGTH);
        let mut front = BytesMut::with_capacity(HEAD + SMALL);
        framing::write_head(method, uri, headers, chunked, &mut front);
        let piece = match &body {
            Outgoing::Whole(bytes) if bytes.len() <= SMALL => {
                front.extend_from_slice(bytes);
                Bytes::new()
            }
            Outgoing::Whole(bytes) => bytes.clone(),
            Outgoing::Stream(_) | Outgoing::Empty => Bytes::new(),
        };
        Sending { front, piece, tail: b"", body, chunked, begun: false, done: false }
    }

    /// Writes as much as goes. Ready when all has left.
    fn poll(&mut self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            while !(self.front.is_empty() && self.piece.is_empty() && self.tail.is_empty()) {
                let pieces = [&self.front[..], &self.piece, self.tail].map(io::IoSlice::new);
                match ready!(stream.poll_write(context, &pieces)) {
                    Ok(written @ 1..) => self.left(written),
                    _ => return Poll::Ready(Err(Failure::Closed)),
                }
            }
            if self.done {
                return stream.poll_flush(context).map_err(|_| Failure::Closed);
            }
            ready!(self.poll_next(context))?;
        }
    }

    fn left(&mut self, mut written: usize) {
        self.begun = true;
        let of_front = written.min(self.front.len());
        self.front.advance(of_front);
        written -= of_front;
        let of_piece = written.min(self.piece.len());
        self.piece.advance(of_piece);
        self.tail = &self.tail[written - of_piece..];
    }

    /// Takes the next piece of a body that comes in pieces.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let Outgoing::Stream(body) = &mut self.body else {
            self.done = true;
            return Poll::Ready(Ok(()));
        };
        match ready!(Pin::new(body).poll_frame(context)) {
            Some(Err(error)) => return Poll::Ready(Err(Failure::Body(error))),
            // A caller's trailers say nothing that a provider reads.
            Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
            None => {
                self.done = true;
                self.tail = if self.chunked { b"0\r\n\r\n" } else { b"" };
            }
        }
        if self.chunked && !self.piece.is_empty() {
            self.front.extend_from_slice(format!("{:x}\r\n", self.piece.len()).as_bytes());
            self.tail = b"\r\n";
        }
        Poll::Ready(Ok(()))
    }
}

impl Link {
    /// Sends a request and waits for the answer's head. Whether the whole request had left by then, without which the
    /// connection cannot be used again.
    pub(super) async fn ask(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Outgoing,
    ) -> Result<(Head, bool), Failure> {
        let mut sending = Sending::new(method, uri, headers, body);
        let outcome = poll_fn(|context| {
            let sent = sending.poll(&mut self.stream, context);
            match self.poll_head(context, method) {
                Poll::Ready(Ok(head)) => Poll::Ready(Ok((head, sent.is_ready()))),
                // What broke off first is what went wrong.
                Poll::Ready(Err(failure)) => Poll::Ready(Err(match sent {
                    Poll::Ready(Err(earlier)) => earlier,
                    _ => failure,
                })),
                Poll::Pending => match sent {
                    Poll::Ready(Err(failure)) => Poll::Ready(Err(failure)),
                    _ => Poll::Pending,
                },
            }
        });
        match outcome.await {
            Err(Failure::Closed) if !sending.begun => Err(Failure::Unsent(sending.body)),
            other => other,
        }
    }

    fn poll_head(&mut self, context: &mut Context<'_>, method: &Method) -> Poll<Result<Head, Failure>> {
        loop {
            if !self.read.is_empty()
                && let Some(head) = framing::read_head(&mut self.read, method).map_err(|Malformed| Failure::NotHttp)?
            {
                return Poll::Ready(Ok(head));
            }
            match ready!(self.stream.poll_read(context, &mut self.read)) {
                Ok(1..) => {}
                _ => return Poll::Ready(Err(Failure::Closed)),
            }
        }
    }

    /// The next bytes of an answer's body; `None` at its end.
    pub(super) fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        decoder: &mut Decoder,
    ) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match decoder.decode(&mut self.read) {
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Decoded::Over) => return Poll::Ready(None),
                Ok(Decoded::More) => {}
                Err(malformed) => return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::InvalidData, malformed)))),
            }
            match ready!(self.stream.poll_read(context, &mut self.read)) {
                Ok(1..) => {}
                Ok(0) if decoder.may_end() => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    /// Whether the connection waits for a request: still open, and nothing has come that nobody asked for.
    pub(super) fn is_waiting(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        self.read.is_empty() && self.stream.poll_read(&mut nobody, &mut self.read).is_pending()
    }

    /// Whether nothing has come beyond the last answer.
    pub(super) fn is_clean(&self) -> bool {
        self.read.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Thousands of streams wait at a time: what each of them holds meanwhile counts.
    #[tokio::test]
    async fn a_connection_that_waits_holds_no_room() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut link = Link::from(stream);
        let event = "data: {\"choices\":[]}\n\n";
        let piece = format!("{:x}\r\n{event}\r\n", event.len());
        peer.write_all(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{piece}").as_bytes()).unwrap();
        let head = poll_fn(|context| link.poll_head(context, &Method::POST)).await.unwrap();
        let mut decoder = head.body;
        for _ in 0..100 {
            let data = poll_fn(|context| link.poll_body(context, &mut decoder)).await.unwrap().unwrap();
            assert_eq!(data, event.as_bytes());
            peer.write_all(piece.as_bytes()).unwrap();
        }
        poll_fn(|context| link.poll_body(context, &mut decoder)).await.unwrap().unwrap();
        let idle = poll_fn(|context| Poll::Ready(link.poll_body(context, &mut decoder).is_pending())).await;
        assert!(idle && link.read.capacity() <= piece.len(), "{} bytes", link.read.capacity());
    }
}
