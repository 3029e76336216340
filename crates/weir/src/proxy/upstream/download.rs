//! A file or an answer from the web, over the same TLS and the same way out as requests: for feeds of prices, and for who looks
//! whether somebody is there.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connect::{self, Opened};
use crate::config::Upstream;
use crate::framing::{self, Decoded};
use crate::proxy::body::within;

/// How long it may take in all.
const LIMIT: Duration = Duration::from_secs(120);
/// A head that switches protocols is short, in bytes.
const MOST_SWITCHING: usize = 16 << 10;
/// How often somebody may say that it is elsewhere.
const MOST_MOVES: usize = 5;

/// Fetches what lies at `url`, at most `most` bytes of it.
///
/// # Errors
/// It cannot be reached, is longer, or there is another answer than 200 in the end.
pub(crate) async fn download(upstream: &Upstream, url: &Uri, most: usize) -> io::Result<Bytes> {
    let mut url = url.clone();
    for _ in 0..MOST_MOVES {
        let answer = inquire(upstream, &url, &HeaderMap::new(), most, LIMIT).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer.body);
        }
        let other = answer.elsewhere().ok_or_else(|| io::Error::other(format!("{url} answered {}", answer.status)))?;
        if url.scheme() == Some(&Scheme::HTTPS) && other.scheme() != url.scheme() {
            return Err(io::Error::other(format!("{url} leads to {other}, which is not https")));
        }
        url = other;
    }
    Err(io::Error::other(format!("{url} leads on and on")))
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Reply {
    /// Where it says that the thing is, if it says so.
    fn elsewhere(&self) -> Option<Uri> {
        let location = self.headers.get(LOCATION).filter(|_| self.status.is_redirection())?;
        location.to_str().ok()?.parse::<Uri>().ok().filter(|location| location.authority().is_some())
    }
}

/// Asks with GET, once, whatever the answer is; within `limit`, and for at most `most` bytes.
///
/// # Errors
/// It cannot be reached, breaks off, or is longer.
pub(crate) async fn inquire(
    upstream: &Upstream,
    url: &Uri,
    headers: &HeaderMap,
    most: usize,
    limit: Duration,
) -> io::Result<Reply> {
    let answer = within(limit, get(upstream, url, headers, most)).await;
    answer.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, format!("{url} took longer than {limit:.0?}")))?
}

async fn get(upstream: &Upstream, url: &Uri, headers: &HeaderMap, most: usize) -> io::Result<Reply> {
    let no_url = || io::Error::other(format!("{url} is not an http or https URL"));
    let authority = url.authority().ok_or_else(no_url)?;
    let secure = url.scheme() == Some(&Scheme::HTTPS);
    if !secure && url.scheme() != Some(&Scheme::HTTP) {
        return Err(no_url());
    }
    let tls = if secure { Some(connect::client(upstream)?) } else { None };
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let proxied = upstream.asks_proxy(secure, authority.host());
    let head = head(url, authority, headers, proxied)?;
    match connect::open(upstream, tls.as_ref(), authority, port).await? {
        Opened::Plain(stream) => exchange(stream, url, &head, most).await,
        Opened::Tls(stream) => exchange(*stream, url, &head, most).await,
    }
}

fn head(url: &Uri, authority: &Authority, more: &HeaderMap, proxied: bool) -> io::Result<BytesMut> {
    let host = HeaderValue::from_str(authority.as_str()).map_err(io::Error::other)?;
    let agent = HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION")));
    let mut headers: HeaderMap = [
        (HOST, host),
        (USER_AGENT, agent),
        (ACCEPT, HeaderValue::from_static("*/*")),
        (CONNECTION, HeaderValue::from_static("close")),
    ]
    .into_iter()
    .collect();
    headers.extend(more.clone());
    let path = url.path_and_query().map_or("/", |path| path.as_str()).parse::<Uri>().map_err(io::Error::other)?;
    let mut out = BytesMut::new();
    framing::write_head(&Method::GET, if proxied { url } else { &path }, &headers, false, &mut out);
    Ok(out)
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    url: &Uri,
    head: &[u8],
    most: usize,
) -> io::Result<Reply> {
    stream.write_all(head).await?;
    stream.flush().await?;
    let mut buffer = BytesMut::new();
    let mut answer = loop {
        if let Some(head) = framing::read_head(&mut buffer, &Method::GET).map_err(io::Error::other)? {
            break head;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::other(format!("{url}: the connection ended before the answer")));
        }
    };
    let mut body = BytesMut::new();
    loop {
        match answer.body.decode(&mut buffer).map_err(io::Error::other)? {
            Decoded::Data(piece) if body.len() + piece.len() > most => {
                return Err(io::Error::other(format!("{url} is longer than {most} bytes")));
            }
            Decoded::Data(piece) => body.extend_from_slice(&piece),
            Decoded::Over => break,
            // A peer that closes without the last words of TLS ends a body of known length all the same.
            Decoded::More => match stream.read_buf(&mut buffer).await {
                Ok(1..) => {}
                Ok(0) if answer.body.may_end() => break,
                Ok(0) => return Err(io::Error::other(format!("{url}: the answer broke off"))),
                Err(error) => return Err(error),
            },
        }
    }
    Ok(Reply { status: answer.parts.status, headers: answer.parts.headers, body: body.freeze() })
}

/// A connection that has been switched to another protocol.
pub(crate) type Switched = Box<dyn Stream>;

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Asks with GET for another protocol; gives the head of the answer, and the connection behind it.
///
/// # Errors
/// It cannot be reached, or what comes is no answer, or more than a head.
pub(crate) async fn through(upstream: &Upstream, url: &Uri, headers: &HeaderMap) -> io::Result<(Reply, Switched)> {
    let authority = url.authority().ok_or_else(|| io::Error::other("not an http or https URL"))?;
    let secure = url.scheme() == Some(&Scheme::HTTPS);
    let tls = if secure { Some(connect::client(upstream)?) } else { None };
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let mut stream: Switched = match connect::open(upstream, tls.as_ref(), authority, port).await? {
        Opened::Plain(stream) => Box::new(stream),
        Opened::Tls(stream) => stream,
    };
    let mut head =
        format!("GET {} HTTP/1.1\r\nhost: {authority}\r\n", url.path_and_query().map_or("/", |path| path.as_str()));
    for (name, value) in headers {
        head += &format!("{name}: {}\r\n", value.to_str().map_err(io::Error::other)?);
    }
    stream.write_all((head + "\r\n").as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte, because what follows belongs to the other protocol.
        answer.push(stream.read_u8().await?);
        if answer.len() > MOST_SWITCHING {
            return Err(io::Error::other("the answer's head is too long"));
        }
    }
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut lines);
    parsed.parse(&answer).map_err(io::Error::other)?;
    let status = StatusCode::from_u16(parsed.code.unwrap_or(0)).map_err(io::Error::other)?;
    let mut headers = HeaderMap::new();
    for line in parsed.headers {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(io::Error::other)?;
        headers.append(name, HeaderValue::from_bytes(line.value).map_err(io::Error::other)?);
    }
    let mut body = Vec::new();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let mut rest = vec![0; MOST_SWITCHING];
        let read = stream.read(&mut rest).await?;
        body.extend_from_slice(&rest[..read]);
    }
    Ok((Reply { status, headers, body: body.into() }, stream))
}
