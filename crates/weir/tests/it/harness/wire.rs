//! One end of a connection that speaks HTTP/1.1 by the byte: what is sent is what the test wrote, and what comes is kept
//! as it came.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use super::PATIENCE;

/// A request or an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    /// In their order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Without its framing.
    pub(crate) body: Vec<u8>,
    /// The chunks that it came in, if it did.
    pub(crate) chunks: Vec<Vec<u8>>,
    /// Whether it ended as its framing says it should.
    pub(crate) whole: bool,
}

impl Message {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The only header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} comes {} times", all.len());
        all.first().copied()
    }

    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
    }

    /// The path and query of a request.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).expect("a request line")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }
}

/// What a connection runs over.
pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// See the module.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    /// The socket below, to be closed.
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Wire {
        Wire::new(TcpStream::connect(address).expect("a connection"))
    }

    pub(crate) fn new(socket: TcpStream) -> Wire {
        let socket = patient(socket);
        let stream = Box::new(socket.try_clone().expect("a clone"));
        Wire { stream, socket, buffer: Vec::new() }
    }

    /// Over `stream`, which runs over `socket`.
    pub(crate) fn over(stream: Box<dyn Stream>, socket: TcpStream) -> Wire {
        Wire { stream, socket, buffer: Vec::new() }
    }

    /// The socket below, of which nothing has been read.
    pub(crate) fn into_socket(self) -> TcpStream {
        assert!(self.buffer.is_empty(), "something was read already");
        self.socket
    }

    /// The socket below, for what goes past this reader.
    pub(crate) fn socket(&self) -> TcpStream {
        assert!(self.buffer.is_empty(), "something was read already");
        self.socket.try_clone().expect("a clone")
    }

    /// Sends; whether the other side took it.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Closes both directions at once.
    pub(crate) fn close(&self) {
        // The other side may have closed it already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// The next bytes; none at the end.
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            self.fill();
        }
        std::mem::take(&mut self.buffer)
    }

    /// Waits until the other side closes.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    fn fill(&mut self) -> bool {
        let mut piece = vec![0; 64 << 10];
        let read = match self.stream.read(&mut piece) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("nothing came for too long; before: {:?}", String::from_utf8_lossy(&self.buffer))
            }
            // A reset is an end too.
            Err(_) => 0,
        };
        self.buffer.extend_from_slice(&piece[..read]);
        read > 0
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..at]).into_owned();
                self.buffer.drain(..at + 2);
                return Some(line);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// The next `count` bytes, or as many as come.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count && self.fill() {}
        let end = count.min(self.buffer.len());
        self.buffer.drain(..end).collect()
    }

    /// The head of the next message, with an empty body.
    pub(crate) fn head(&mut self) -> Option<Message> {
        let mut message = Message { start: self.line()?, ..Message::default() };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Some(message);
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?} is no header"));
            message.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The next request.
    pub(crate) fn request(&mut self) -> Option<Message> {
        let mut message = self.head()?;
        let framed = !message.all("content-length").is_empty() || !message.all("transfer-encoding").is_empty();
        if framed {
            self.body(&mut message);
        }
        message.whole |= !framed;
        Some(message)
    }

    /// The next answer that is final.
    pub(crate) fn answer(&mut self) -> Option<Message> {
        loop {
            let mut message = self.head()?;
            match message.status() {
                100..200 => continue,
                204 | 304 => message.whole = true,
                _ => self.body(&mut message),
            }
            return Some(message);
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        // A refusal may come, and the connection be closed, before all was sent.
        let _ = self.send(request);
        self.answer().expect("an answer")
    }

    /// The next chunk: `None` where the stream broke off, empty at its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line()?;
        let length = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("{line:?} is no chunk's length"));
        let chunk = self.take(length);
        (chunk.len() == length && self.take(2) == b"\r\n").then_some(chunk)
    }

    fn body(&mut self, message: &mut Message) {
        if message.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            while let Some(chunk) = self.chunk() {
                if chunk.is_empty() {
                    message.whole = true;
                    return;
                }
                message.body.extend_from_slice(&chunk);
                message.chunks.push(chunk);
            }
        } else if let Some(length) = message.header("content-length") {
            let length: usize = length.parse().expect("a length");
            message.body = self.take(length);
            message.whole = message.body.len() == length;
        } else {
            message.body = self.read_to_end();
            message.whole = true;
        }
    }
}

/// A socket whose waits end.
pub(crate) fn patient(socket: TcpStream) -> TcpStream {
    socket.set_nodelay(true).expect("nodelay");
    socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
    socket.set_write_timeout(Some(PATIENCE)).expect("a limit");
    socket
}
