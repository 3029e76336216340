//! A caller that is exact about what it has received: which answers began, and which came to their end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::DEADLINE;

/// A chat with the usage 25 + 150 tokens at the tests' own provider. `user` is how it is told to behave.
pub(crate) fn chat(stream: bool, user: &str) -> String {
    let say = r#""messages":[{"role":"user","content":"hello"}],"max_tokens":30"#;
    format!(r#"{{"model":"gpt-4","stream":{stream},"user":"{user}",{say}}}"#)
}

/// A kept connection, HTTP/1.1.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
}

/// What came of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end, as HTTP says it should.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Weir's own id; who has one has been admitted.
    pub(crate) fn id(&self) -> Option<String> {
        self.header("x-weir-request-id").map(str::to_owned)
    }

    /// Whether a stream has said that it is over.
    pub(crate) fn said_done(&self) -> bool {
        memchr::memmem::find(&self.body, b"data: [DONE]\n\n").is_some()
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Connection { reader: BufReader::new(stream) })
    }

    /// Sends a request and reads the answer. An answer that breaks off in its body is returned as far as it came.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let mut answer = self.begin(method, path, body)?;
        // What came before the break is kept; that it broke is told by `whole`.
        let _ = self.read_on(&mut answer, |_| false);
        Ok(answer)
    }

    /// Sends a chat and reads its answer.
    pub(crate) fn chat(&mut self, stream: bool) -> io::Result<Answer> {
        self.ask("POST", "/v1/chat/completions", &chat(stream, ""))
    }

    /// Sends a request and reads the answer's head.
    pub(crate) fn begin(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        self.send(method, path, body)?;
        self.head()
    }

    /// Sends a request and reads nothing.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<()> {
        let stream = self.reader.get_mut();
        let host = stream.peer_addr()?;
        let content = format!("content-type: application/json\r\ncontent-length: {}", body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: durability\r\n{content}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes())
    }

    /// Whether the other side closes it without another word.
    pub(crate) fn is_left(&mut self) -> bool {
        matches!(self.reader.read(&mut [0]), Ok(0))
    }

    /// Reads the head of an answer.
    pub(crate) fn head(&mut self) -> io::Result<Answer> {
        let status = self.line()?;
        let status =
            status.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut answer = Answer { status, ..Answer::default() };
        loop {
            let line = self.line()?;
            let Some((key, value)) = line.split_once(':') else { return Ok(answer) };
            answer.headers.push((key.to_owned(), value.trim().to_owned()));
        }
    }

    /// Reads the body until it is over or `enough` is.
    pub(crate) fn read_on(&mut self, answer: &mut Answer, enough: impl Fn(&Answer) -> bool) -> io::Result<()> {
        if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            self.take(length, answer)?;
            answer.whole = true;
            return Ok(());
        }
        while !enough(answer) {
            let size = usize::from_str_radix(&self.line()?, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            self.take(size, answer)?;
            self.line()?;
            if size == 0 {
                answer.whole = true;
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(&mut self, length: usize, answer: &mut Answer) -> io::Result<()> {
        let taken = self.reader.by_ref().take(length as u64).read_to_end(&mut answer.body)?;
        if taken < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
