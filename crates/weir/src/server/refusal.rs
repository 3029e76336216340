//! What the HTTP library answers by itself, said in the shape of whom it is said to: a head that it cannot read never reaches
//! the proxy or the operators' side, so its bare status is replaced on its way out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::{Error, ErrorKind};
use crate::proxy::refused;

/// Whom it is said to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listener {
    /// Callers, as OpenAI says it.
    Caller,
    /// Who asks as of a Loki: a sentence.
    Operator,
}

/// A connection of somebody.
#[derive(Debug)]
pub(super) struct Spoken<S> {
    stream: S,
    listener: Listener,
    /// What goes out in the place of what was to.
    instead: Option<Bytes>,
}

impl<S> Spoken<S> {
    pub(super) fn new(stream: S, listener: Listener) -> Spoken<S> {
        Spoken { stream, listener, instead: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.instead.is_none() {
            this.instead = bare_refusal(bytes).map(|status| in_own_words(status, this.listener));
        }
        let Some(instead) = &mut this.instead else { return Pin::new(&mut this.stream).poll_write(context, bytes) };
        while instead.has_remaining() {
            let written = ready!(Pin::new(&mut this.stream).poll_write(context, instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            instead.advance(written);
        }
        this.instead = None;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The status of an answer that the library made: nothing but a head, without the id that every answer of the proxy has.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    let head = bytes.strip_prefix(b"HTTP/1.1 4")?.strip_suffix(b"\r\n\r\n")?;
    let mut headers = head.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii_end);
    let bare = headers
        .all(|header| matches!(header, b"connection: close" | b"content-length: 0") || header.starts_with(b"date: "));
    let status = bytes.get(b"HTTP/1.1 ".len()..)?.get(..3)?;
    StatusCode::from_bytes(status).ok().filter(|_| bare)
}

fn in_own_words(status: StatusCode, listener: Listener) -> Bytes {
    let response = match listener {
        Listener::Caller => refused(&to_caller(status)),
        Listener::Operator => to_operator(status),
    };
    let mut out = BytesMut::new();
    out.extend_from_slice(format!("HTTP/1.1 {}\r\n", response.status()).as_bytes());
    out.extend_from_slice(format!("connection: close\r\ncontent-length: {}\r\n", response.body().len()).as_bytes());
    for (name, value) in response.headers() {
        [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]
            .into_iter()
            .for_each(|part| out.extend_from_slice(part));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(response.body());
    out.freeze()
}

fn is_too_large(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG)
}

fn to_caller(status: StatusCode) -> Error {
    if is_too_large(status) {
        return Error::new(
            ErrorKind::HeadTooLarge,
            "the request's path or headers are too long or too many; send fewer",
        );
    }
    let message =
        "what came is not the head of an HTTP/1.1 or HTTP/2 request; see that the client speaks HTTP to this port";
    Error::new(ErrorKind::BadHead, message)
}

fn to_operator(status: StatusCode) -> Response<Bytes> {
    let said = if is_too_large(status) {
        "the request's path or headers are too long or too many: send a long query as a form, with POST\n"
    } else {
        "the request's head cannot be read: what stands in its query must be encoded, { as %7B, \" as %22 and a space as \
         %20; curl does so with --get --data-urlencode 'query=…'\n"
    };
    let mut response = Response::new(Bytes::from_static(said.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_library_says_by_itself() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(bare_refusal(bare), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nmore",
            "HTTP/1.1 4",
            "",
        ] {
            assert_eq!(bare_refusal(other.as_bytes()), None, "{other}");
        }
    }
}
