//! HTTP/1.1 towards providers, as bytes: how a request's head is written, an answer's is read, and where its body ends.
//! Pure; RFC 9112 is meant by every section number.

use std::fmt::Write as _;
use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, response};

/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 128;
/// The longest line with a chunk's size, and all trailers together.
const MAX_LINE: usize = 16 << 10;

/// The bytes are not HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not HTTP/1.1")]
pub struct Malformed;

/// Writes a request's head. With `chunked` the body's length is not known ahead.
pub fn write_head(method: &Method, uri: &Uri, headers: &HeaderMap, chunked: bool, out: &mut BytesMut) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    match uri.scheme() {
        // The absolute form is for an HTTP proxy on the way. Writing to memory cannot fail.
        Some(_) => drop(write!(out, "{uri}")),
        None => out.extend_from_slice(uri.path_and_query().map_or("/", |path| path.as_str()).as_bytes()),
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(if chunked { b"transfer-encoding: chunked\r\n\r\n" } else { b"\r\n" });
}

/// An answer's head, and what it says of the body.
#[derive(Debug)]
pub struct Head {
    /// Status and headers.
    pub parts: response::Parts,
    /// Where the body ends.
    pub body: Decoder,
    /// Whether the connection can be used again afterwards.
    pub keep: bool,
}

/// Takes an answer's head from the front of `buffer`, if it is there; informational answers are passed over.
///
/// # Errors
/// The bytes are no head of an answer, or it is too long.
pub fn read_head(buffer: &mut BytesMut, method: &Method) -> Result<Option<Head>, Malformed> {
    loop {
        let Some(length) = head_length(buffer) else {
            // What can never become a head is found out before its end has come.
            let hopeless = buffer.len() >= MAX_HEAD || parse(buffer, |_| ()).is_err();
            return if hopeless { Err(Malformed) } else { Ok(None) };
        };
        if length > MAX_HEAD {
            return Err(Malformed);
        }
        let bytes = buffer.split_to(length).freeze();
        let read = parse(&bytes, |parsed| {
            let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Malformed)?;
            if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                return Ok(None);
            }
            let mut headers = HeaderMap::with_capacity(parsed.headers.len() + 4);
            for header in parsed.headers.iter() {
                let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Malformed)?;
                // Values share the bytes they came in.
                let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value)).map_err(|_| Malformed)?;
                headers.append(name, value);
            }
            head(status, parsed.version == Some(1), headers, method).map(Some)
        })?;
        if let Some(head) = read.ok_or(Malformed)?? {
            return Ok(Some(head));
        }
    }
}

/// Parses what may be a head; `None` where it is not whole.
fn parse<T>(bytes: &[u8], read: impl FnOnce(&httparse::Response<'_, '_>) -> T) -> Result<Option<T>, Malformed> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut headers) {
        Ok(httparse::Status::Complete(_)) => Ok(Some(read(&parsed))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Malformed),
    }
}

/// Up to just behind the blank line that ends a head.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let ends = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1);
    ends.into_iter().find_map(|next| match &bytes[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

fn head(status: StatusCode, version_1_1: bool, mut headers: HeaderMap, method: &Method) -> Result<Head, Malformed> {
    let (body, framed_twice) = body(status, &mut headers, method)?;
    let says = |word: &str| {
        let mut values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(word)))
    };
    let wants_to = if version_1_1 { !says("close") } else { says("keep-alive") };
    let keep = wants_to && !framed_twice && !matches!(body, Decoder::ToEnd);
    let (mut parts, ()) = response::Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    parts.version = Version::HTTP_11;
    Ok(Head { parts, body, keep })
}

/// Where the body ends (section 6.3), and whether it was said in two ways, which makes a connection untrustworthy.
fn body(status: StatusCode, headers: &mut HeaderMap, method: &Method) -> Result<(Decoder, bool), Malformed> {
    let none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if none || *method == Method::HEAD {
        return Ok((Decoder::Exact(0), false));
    }
    if let Some(coding) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        let last = coding.to_str().map_err(|_| Malformed)?.rsplit(',').next().unwrap_or_default().trim();
        let chunked = last.eq_ignore_ascii_case("chunked");
        let twice = headers.remove(CONTENT_LENGTH).is_some();
        return Ok((if chunked { Decoder::chunked() } else { Decoder::ToEnd }, twice));
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for one in value.to_str().map_err(|_| Malformed)?.split(',') {
            let one = one.trim();
            let digits = !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_digit());
            let one: u64 = one.parse().ok().filter(|_| digits).ok_or(Malformed)?;
            if length.is_some_and(|length| length != one) {
                return Err(Malformed);
            }
            length = Some(one);
        }
    }
    Ok((length.map_or(Decoder::ToEnd, Decoder::Exact), false))
}

/// Finds a body's bytes in what comes over a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoder {
    /// So many bytes are still to come.
    Exact(u64),
    /// In chunks.
    Chunked(Chunked),
    /// Up to the connection's end.
    ToEnd,
}

/// Where in a body of chunks we are (section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunked {
    /// In front of a size line.
    Size,
    /// So many bytes of a chunk are still to come.
    Data(u64),
    /// Behind a chunk's bytes, in front of their line end.
    DataEnd,
    /// Among the trailers, of which so many bytes were read.
    Trailers(usize),
    /// Behind the last line.
    Over,
}

/// What a [`Decoder`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Bytes of the body.
    Data(Bytes),
    /// Nothing as yet.
    More,
    /// The body is over.
    Over,
}

impl Decoder {
    fn chunked() -> Decoder {
        Decoder::Chunked(Chunked::Size)
    }

    /// Whether the body is over, as far as can be told without reading on.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Decoder::Exact(0) | Decoder::Chunked(Chunked::Over))
    }

    /// Whether the connection's end is where the body may end.
    #[must_use]
    pub fn may_end(&self) -> bool {
        matches!(self, Decoder::ToEnd) || self.is_over()
    }

    /// Takes what there is from the front of `buffer`.
    ///
    /// # Errors
    /// The bytes are no chunks.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Malformed> {
        match self {
            Decoder::Exact(0) => Ok(Decoded::Over),
            Decoder::Exact(left) => Ok(take(buffer, left)),
            Decoder::ToEnd if buffer.is_empty() => Ok(Decoded::More),
            Decoder::ToEnd => Ok(Decoded::Data(buffer.split().freeze())),
            Decoder::Chunked(state) => state.decode(buffer),
        }
    }
}

fn take(buffer: &mut BytesMut, left: &mut u64) -> Decoded {
    if buffer.is_empty() {
        return Decoded::More;
    }
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= length as u64;
    Decoded::Data(buffer.split_to(length).freeze())
}

impl Chunked {
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Malformed> {
        loop {
            if let Chunked::Data(left) = self {
                let data = take(buffer, left);
                if *left == 0 {
                    *self = Chunked::DataEnd;
                    // The end that stands right behind is taken along, so that the last chunk is known as the last.
                    self.look_ahead(buffer);
                }
                return Ok(data);
            }
            if *self == Chunked::Over {
                return Ok(Decoded::Over);
            }
            if !self.line(buffer)? {
                return Ok(Decoded::More);
            }
        }
    }

    /// Reads line ends, the next size and the end, as far as they are there. What is wrong with them is found again, and
    /// said, when it is their turn: the bytes before them are good.
    fn look_ahead(&mut self, buffer: &mut BytesMut) {
        while !matches!(self, Chunked::Data(_) | Chunked::Over) && self.line(buffer) == Ok(true) {}
    }

    /// Reads one line, if it is there.
    fn line(&mut self, buffer: &mut BytesMut) -> Result<bool, Malformed> {
        let Some(end) = memchr::memchr(b'\n', buffer) else {
            return if buffer.len() > MAX_LINE { Err(Malformed) } else { Ok(false) };
        };
        if end > MAX_LINE {
            return Err(Malformed);
        }
        let line = buffer[..end].strip_suffix(b"\r").ok_or(Malformed)?;
        *self = match self {
            Chunked::DataEnd if line.is_empty() => Chunked::Size,
            Chunked::Size => match size(line)? {
                0 => Chunked::Trailers(0),
                size => Chunked::Data(size),
            },
            Chunked::Trailers(_) if line.is_empty() => Chunked::Over,
            Chunked::Trailers(read) if *read + end < MAX_LINE => Chunked::Trailers(*read + end),
            _ => return Err(Malformed),
        };
        buffer.advance(end + 1);
        Ok(true)
    }
}

/// A chunk's size, in hexadecimal; what stands behind a semicolon is no concern of ours.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let hexadecimal = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    if hexadecimal { u64::from_str_radix(text, 16).map_err(|_| Malformed) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests;
