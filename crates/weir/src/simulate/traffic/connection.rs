//! Connection: one kept-alive HTTP/1.1 connection. Dropping it closes the socket, as a caller does that hangs up.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes; held so that it ends with the connection.
    _driver: Driver,
}

/// What became of a request that could not be sent.
#[derive(Debug)]
pub(super) enum Lost {
    /// Nothing of it left: it can be sent again.
    Unsent(Box<Request<Full<Bytes>>>),
    /// It may have arrived.
    Sent,
}

impl Connection {
    /// Opens a connection to a host and a port.
    ///
    /// # Errors
    /// Where nobody listens there, or nobody answers within five seconds.
    pub(super) async fn open(address: (&str, u16)) -> io::Result<Connection> {
        let connect = timeout(CONNECT, TcpStream::connect(address));
        let stream = connect.await.map_err(|_| io::ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // What goes wrong on the wire is told to whoever waits for the answer.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { sender, _driver: Driver(driver) })
    }

    /// Can be used for another request.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends `request` and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Lost> {
        if self.sender.ready().await.is_err() {
            return Err(Lost::Unsent(Box::new(request)));
        }
        self.sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
            Some(request) => Lost::Unsent(Box::new(request)),
            None => Lost::Sent,
        })
    }
}

#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
