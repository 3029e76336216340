//! As much HTTP/1.1 as a load generator needs, over plain sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// What every unary request asks, and what the upstream answers.
pub(crate) const CHAT: &str = include_str!("../requests/chat.json");
pub(crate) const ANSWER: &str = include_str!("../requests/answer.json");

/// The body of a streaming request. The upstream takes `max_tokens` for the number of chunks.
pub(crate) fn stream_body(chunks: u32, include_usage: bool) -> Result<String> {
    let mut body: Value = serde_json::from_str(CHAT)?;
    body["stream"] = json!(true);
    body["max_tokens"] = json!(chunks);
    if include_usage {
        body["stream_options"] = json!({"include_usage": true});
    }
    Ok(body.to_string())
}

/// A whole request, head and body, as one piece of bytes.
pub(crate) fn post(addr: SocketAddr, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\n\
         Authorization: Bearer bench-caller\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The value of a header in a head; names in any case.
pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Splits a message at the end of its head, once that has come.
pub(crate) fn split_head(message: &[u8]) -> Option<(&str, &[u8])> {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&message[..end]).ok()?, &message[end + 4..]))
}

/// The body of an answer with a Content-Length, or None while it is not complete. Anything but 200 is an error.
pub(crate) fn complete_body(message: &[u8]) -> Result<Option<&[u8]>> {
    let Some((head, body)) = split_head(message) else {
        return Ok(None);
    };
    ensure!(head.starts_with("HTTP/1.1 200 "), "the answer was not 200:\n{head}\n{}", String::from_utf8_lossy(body));
    let length: usize = header(head, "content-length").context("an answer without Content-Length")?.parse()?;
    Ok((body.len() >= length).then(|| &body[..length]))
}

/// Asks once and returns the answer's body.
pub(crate) fn ask(addr: SocketAddr, body: &str) -> Result<Vec<u8>> {
    let mut socket = connect(addr)?;
    socket.write_all(&post(addr, body))?;
    let mut message = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let n = socket.read(&mut piece)?;
        if n == 0 {
            bail!("{addr} closed the connection in the middle of an answer");
        }
        message.extend_from_slice(&piece[..n]);
        if let Some(body) = complete_body(&message)? {
            return Ok(body.to_vec());
        }
    }
}

/// A blocking connection that gives up after a while.
pub(crate) fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&addr, Duration::from_secs(2))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(socket)
}

/// Follows a streamed answer: counts events and sees the end, however the bytes are cut.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    head: Vec<u8>,
    in_body: bool,
    tail: Vec<u8>,
    pub(crate) events: u64,
}

impl StreamReader {
    /// Takes the next bytes; returns whether the answer is complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<bool> {
        if self.in_body {
            return Ok(self.take_body(bytes));
        }
        self.head.extend_from_slice(bytes);
        let Some((head, body)) = split_head(&self.head) else {
            return Ok(false);
        };
        ensure!(head.starts_with("HTTP/1.1 200 "), "the stream was not 200: {}", String::from_utf8_lossy(&self.head));
        let chunked = header(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        ensure!(chunked, "the stream is not chunked:\n{head}");
        let body = body.to_vec();
        self.in_body = true;
        Ok(self.take_body(&body))
    }

    // An event ends with an empty line of "\n\n", which chunked framing ("\r\n") never contains; the answer ends with
    // the empty chunk, after which a connection without pipelining is silent.
    fn take_body(&mut self, bytes: &[u8]) -> bool {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        let mut last = self.tail.last().copied();
        for &byte in bytes {
            if byte == b'\n' && last == Some(b'\n') {
                self.events += 1;
                last = None;
            } else {
                last = Some(byte);
            }
        }
        self.tail.extend_from_slice(bytes);
        let drop = self.tail.len().saturating_sub(END.len());
        self.tail.drain(..drop);
        self.tail == END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_followed_at_every_cut() -> Result<()> {
        let stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
        for cut in 0..stream.len() {
            let mut reader = StreamReader::default();
            assert!(!reader.take(&stream[..cut])?);
            assert!(reader.take(&stream[cut..])?, "cut at {cut}");
            assert_eq!(reader.events, 2, "cut at {cut}");
        }
        Ok(())
    }

    #[test]
    fn a_body_is_complete_at_its_length() -> Result<()> {
        let message = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\n\r\nabc";
        assert_eq!(complete_body(message)?, Some(&b"abc"[..]));
        assert_eq!(complete_body(&message[..message.len() - 1])?, None);
        assert!(complete_body(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").is_err());
        Ok(())
    }
}
