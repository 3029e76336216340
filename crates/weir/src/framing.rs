//! HTTP/1.1 towards providers, as bytes: how a request's head is written, an answer's is read, and where its body ends.
//! Pure; RFC 9112 is meant by every section number.

use std::fmt::Write as _;

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
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let length = match parsed.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if buffer.len() < MAX_HEAD => return Ok(None),
            _ => return Err(Malformed),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Malformed)?;
        let version_1_1 = parsed.version == Some(1);
        // Names and values are remembered as places, so that the values can share the buffer they came in.
        let start = buffer.as_ptr() as usize;
        let mut places = [(0, 0, 0); MAX_HEADERS];
        let count = parsed.headers.len();
        for (place, header) in places.iter_mut().zip(parsed.headers.iter()) {
            let name = header.name.as_ptr() as usize - start;
            *place = (name, header.name.len(), header.value.as_ptr() as usize - start);
        }
        let lengths = parsed.headers.iter().map(|header| header.value.len());
        let lengths: [usize; MAX_HEADERS] = fill(lengths);
        let bytes = buffer.split_to(length).freeze();
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        let mut headers = HeaderMap::with_capacity(count + 4);
        for ((name, name_length, value), value_length) in places.into_iter().zip(lengths).take(count) {
            let name = HeaderName::from_bytes(&bytes[name..name + name_length]).map_err(|_| Malformed)?;
            let value = bytes.slice(value..value + value_length);
            headers.append(name, HeaderValue::from_maybe_shared(value).map_err(|_| Malformed)?);
        }
        return head(status, version_1_1, headers, method).map(Some);
    }
}

fn fill(values: impl Iterator<Item = usize>) -> [usize; MAX_HEADERS] {
    let mut all = [0; MAX_HEADERS];
    all.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    all
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
