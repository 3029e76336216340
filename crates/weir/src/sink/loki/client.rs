//! The way to Loki, and to a hub: one connection, HTTP/1.1, plain or with TLS, with blocking calls that all end at a deadline.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::config::LokiConfig;
use crate::framing::{self, Decoded, Head};

/// How much of what Loki says is read; what is longer costs the connection.
const MAX_ANSWER: usize = 64 << 10;
/// How much of it is repeated.
const MAX_REASON: usize = 300;
/// The longest `Retry-After` that is believed.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Loki has it.
    Stored,
    /// Loki will never take all of it.
    Refused(String),
    /// It may take it another time; so long it wants to be left alone.
    Later(String, Option<Duration>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Client {
    config: LokiConfig,
    uri: Uri,
    host: HeaderValue,
    tls: Option<Arc<ClientConfig>>,
    kind: &'static str,
    encoding: Option<&'static str>,
    kept: Option<Connection>,
}

impl Client {
    /// Bodies are of this kind, packed in this way.
    pub(crate) fn new(config: &LokiConfig, kind: &'static str, encoding: Option<&'static str>) -> io::Result<Client> {
        let tls = config.tls.then(|| crate::trust::client(config.ca_file.as_deref(), "ca_file")).transpose()?;
        Ok(Client {
            uri: config.path.parse().map_err(io::Error::other)?,
            host: HeaderValue::from_str(config.authority.as_str()).map_err(io::Error::other)?,
            tls,
            kind,
            encoding,
            kept: None,
            config: config.clone(),
        })
    }

    /// Sends a packed push request.
    pub(crate) fn push(&mut self, body: &[u8]) -> Outcome {
        let request = match self.request(body) {
            Ok(request) => request,
            Err(reason) => return Outcome::Later(reason, None),
        };
        // A kept connection may have been closed meanwhile. Loki knows again what it has already, so nothing speaks against
        // sending it twice.
        if let Some(kept) = self.kept.take()
            && let Ok(outcome) = self.exchange(kept, &request)
        {
            return outcome;
        }
        let deadline = Instant::now() + self.config.timeout;
        let outcome = self.connect(deadline).and_then(|connection| self.exchange(connection, &request));
        outcome.unwrap_or_else(|error| {
            let timeout = self.config.timeout;
            let what = match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("no answer within {timeout:.1?}"),
                _ => error.to_string(),
            };
            Outcome::Later(format!("{}: {what}", self.config.authority), None)
        })
    }

    /// Head and body.
    fn request(&self, body: &[u8]) -> Result<BytesMut, String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION"))));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(encoding) = self.encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|_| "the secret has characters that none has".to_owned());
        if let Some(tenant) = &self.config.tenant {
            headers.insert(HeaderName::from_static("x-scope-orgid"), value(tenant)?);
        }
        if let Some(who) = self.config.auth.header()? {
            headers.insert(AUTHORIZATION, who);
        }
        let mut request = BytesMut::with_capacity(body.len() + 512);
        framing::write_head(&Method::POST, &self.uri, &headers, false, &mut request);
        request.extend_from_slice(body);
        Ok(request)
    }

    fn connect(&self, deadline: Instant) -> io::Result<Connection> {
        let host = self.config.authority.host().trim_start_matches('[').trim_end_matches(']');
        let mut last = io::Error::other("its name leads to no address");
        for address in (host, self.config.port()).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    let timed = Timed { stream, deadline };
                    let Some(tls) = &self.tls else { return Ok(Connection::Plain(timed)) };
                    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                    let session = ClientConnection::new(tls.clone(), name).map_err(io::Error::other)?;
                    return Ok(Connection::Tls(Box::new(StreamOwned::new(session, timed))));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn exchange(&mut self, mut connection: Connection, request: &[u8]) -> io::Result<Outcome> {
        connection.until(Instant::now() + self.config.timeout);
        let sent = connection.write_all(request).and_then(|()| connection.flush());
        // Who refuses early may close before all was sent; what it said still counts.
        let (head, reason, whole) = match (answer(&mut connection), sent) {
            (Ok(answer), _) => answer,
            (Err(_), Err(error)) | (Err(error), Ok(())) => return Err(error),
        };
        let outcome = judge(head.parts.status, &head.parts.headers, &reason);
        if whole && head.keep {
            self.kept = Some(connection);
        }
        Ok(outcome)
    }
}

/// Reads an answer: its head, what it says, and whether its body came to its end.
fn answer(connection: &mut Connection) -> io::Result<(Head, String, bool)> {
    let broken = || io::Error::other("the answer is not HTTP");
    let (mut buffer, mut piece) = (BytesMut::new(), vec![0; 8 << 10]);
    let mut head = loop {
        let filled = connection.read(&mut piece)?;
        if filled == 0 {
            return Err(io::Error::other("the connection was closed before the answer"));
        }
        buffer.extend_from_slice(&piece[..filled]);
        if let Some(head) = framing::read_head(&mut buffer, &Method::POST).map_err(|_| broken())? {
            break head;
        }
    };
    let mut body = Vec::new();
    let whole = loop {
        match head.body.decode(&mut buffer).map_err(|_| broken())? {
            Decoded::Data(data) => body.extend_from_slice(&data),
            Decoded::Over => break true,
            Decoded::More if head.body.is_over() => break true,
            // The head says enough; what is said beyond it may break off.
            Decoded::More => match connection.read(&mut piece) {
                Ok(filled @ 1..) => buffer.extend_from_slice(&piece[..filled]),
                Ok(0) | Err(_) => break false,
            },
        }
        if body.len() > MAX_ANSWER {
            break false;
        }
    };
    let said = String::from_utf8_lossy(&body);
    let said: String = said.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect();
    Ok((head, said, whole))
}

fn judge(status: StatusCode, headers: &HeaderMap, said: &str) -> Outcome {
    let code = status.as_u16();
    let reason = format!("{code} {said}").trim_end().to_owned();
    match code {
        200..=299 => Outcome::Stored,
        429 | 500..=599 => Outcome::Later(reason, retry_after(headers)),
        // These say something of the address or of who asks, and nothing of the lines: no line is to be given up for them.
        401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 => {
            Outcome::Later(format!("{reason} (look at url, tenant and credentials)"), retry_after(headers))
        }
        400..=499 => Outcome::Refused(reason),
        _ => Outcome::Later(format!("{reason} (is url the address of a Loki?)"), None),
    }
}

/// Seconds; the other form, a date, is rare and left to the back-off.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds).min(MAX_WAIT))
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A socket whose calls all end at a deadline.
#[derive(Debug)]
struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[derive(Debug)]
enum Connection {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Connection {
    fn until(&mut self, deadline: Instant) {
        match self {
            Connection::Plain(timed) => timed.deadline = deadline,
            Connection::Tls(stream) => stream.sock.deadline = deadline,
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Plain(timed) => timed.read(buffer),
            Connection::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Plain(timed) => timed.write(bytes),
            Connection::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Connection::Plain(timed) => timed.flush(),
            Connection::Tls(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_given_up_only_for_what_is_said_of_them() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        let judged = |code: u16| judge(StatusCode::from_u16(code).unwrap(), &headers, "why");
        for code in [200, 204] {
            assert_eq!(judged(code), Outcome::Stored);
        }
        for code in [400, 413, 422] {
            assert_eq!(judged(code), Outcome::Refused(format!("{code} why")));
        }
        for code in [429, 500, 503] {
            assert_eq!(judged(code), Outcome::Later(format!("{code} why"), Some(Duration::from_secs(7))));
        }
        for code in [301, 401, 403, 404] {
            assert!(matches!(judged(code), Outcome::Later(..)), "{code}");
        }
    }
}
