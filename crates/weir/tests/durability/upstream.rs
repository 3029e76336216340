//! A provider in the test's own process: exact figures, and answers that stand still until they are let go.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

const USAGE: &str = r#""usage":{"prompt_tokens":25,"completion_tokens":150,"total_tokens":175}"#;

/// Answers whoever asks. What asks as the user `hold` waits in mid-answer.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    held: usize,
}

impl Gate {
    fn wait(&self) {
        let mut state = self.state.lock().unwrap();
        state.held += 1;
        self.changed.notify_all();
        while !state.open {
            state = self.changed.wait(state).unwrap();
        }
    }
}

impl Upstream {
    pub(crate) fn start() -> Upstream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Gate::default());
        std::thread::spawn({
            let gate = gate.clone();
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let gate = gate.clone();
                    // A connection that breaks is the proxy's end of it.
                    std::thread::spawn(move || drop(converse(stream, &gate)));
                }
            }
        });
        Upstream { address, gate }
    }

    /// Waits until `count` answers stand still.
    pub(crate) fn held(&self, count: usize) {
        let state = self.gate.state.lock().unwrap();
        let (state, late) =
            self.gate.changed.wait_timeout_while(state, crate::DEADLINE, |state| state.held < count).unwrap();
        assert!(!late.timed_out(), "{} of {count} requests have come", state.held);
    }

    /// Lets the answers that stand still, and all that come later, go on.
    pub(crate) fn let_go(&self) {
        self.gate.state.lock().unwrap().open = true;
        self.gate.changed.notify_all();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn converse(stream: TcpStream, gate: &Gate) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(body) = request(&mut reader)? {
        answer(&stream, &body, gate)?;
    }
    Ok(())
}

/// The body of the next request, if there is one.
fn request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    String::from_utf8(body).map(Some).map_err(io::Error::other)
}

fn answer(mut stream: &TcpStream, request: &str, gate: &Gate) -> io::Result<()> {
    let hold = request.contains(r#""user":"hold""#);
    if !request.contains(r#""stream":true"#) {
        if hold {
            gate.wait();
        }
        let body = format!(r#"{{"id":"x","model":"gpt-4","choices":[{{"message":{{"content":"hello"}}}}],{USAGE}}}"#);
        let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
        return stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").as_bytes());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    event(stream, r#"{"id":"x","model":"gpt-4","choices":[{"delta":{"content":"hel"}}]}"#)?;
    if hold {
        gate.wait();
    }
    event(stream, r#"{"id":"x","model":"gpt-4","choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}"#)?;
    if request.contains("include_usage") {
        event(stream, &format!(r#"{{"id":"x","model":"gpt-4","choices":[],{USAGE}}}"#))?;
    }
    event(stream, "[DONE]")?;
    stream.write_all(b"0\r\n\r\n")
}

fn event(mut stream: &TcpStream, data: &str) -> io::Result<()> {
    let event = format!("data: {data}\n\n");
    stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
}
