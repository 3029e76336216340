//! Exchange: one request and its answer, from the caller's side.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use super::answer::Reading;
use super::caller::Ask;
use super::connection::{Connection, Lost};
use super::mix::BaseUrl;

/// How long a caller waits for the whole answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    Complete,
    Status(u16),
    Unreachable(String),
    Broken,
    Malformed,
    Cancelled,
}

/// How a request ended, and what came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) bytes: u64,
    /// From the first byte sent to the last byte received.
    pub(super) seconds: f64,
    /// The connection, where it can be used again.
    pub(super) connection: Option<Connection>,
}

impl Outcome {
    fn failed(end: End) -> Outcome {
        Outcome { end, input_tokens: 0, output_tokens: 0, bytes: 0, seconds: 0.0, connection: None }
    }
}

/// Sends `ask` over `idle`, or over a new connection, and reads the answer to its end.
pub(super) async fn exchange(url: Arc<BaseUrl>, ask: Ask, idle: Option<Connection>) -> Outcome {
    let start = Instant::now();
    match timeout(PATIENCE, converse(&url, ask, idle)).await {
        Ok(outcome) => Outcome { seconds: start.elapsed().as_secs_f64(), ..outcome },
        Err(_) => Outcome::failed(End::Broken),
    }
}

async fn converse(url: &BaseUrl, ask: Ask, idle: Option<Connection>) -> Outcome {
    let (stream, hang_up_after) = (ask.stream, ask.hang_up_after);
    let Ok(request) = ask.request(url) else { return Outcome::failed(End::Malformed) };
    let (response, connection) = match send(url, request, idle).await {
        Ok(answered) => answered,
        Err(end) => return Outcome::failed(end),
    };
    let status = response.status();
    let mut reading = Reading::new(stream && status.is_success());
    let mut outcome = Outcome::failed(End::Broken);
    outcome.end = read(response, &mut reading, hang_up_after, &mut outcome.bytes).await;
    outcome.input_tokens = reading.input_tokens;
    outcome.output_tokens = reading.output_tokens;
    outcome.connection = matches!(outcome.end, End::Complete | End::Malformed).then_some(connection);
    if !status.is_success() && outcome.end != End::Broken {
        outcome.end = End::Status(status.as_u16());
    }
    outcome
}

/// Sends `request`; where an idle connection turns out to be closed already, once more over a new one.
async fn send(
    url: &BaseUrl,
    mut request: Request<Full<Bytes>>,
    idle: Option<Connection>,
) -> Result<(Response<Incoming>, Connection), End> {
    if let Some(mut connection) = idle {
        match connection.send(request).await {
            Ok(response) => return Ok((response, connection)),
            Err(Lost::Sent) => return Err(End::Broken),
            Err(Lost::Unsent(unsent)) => request = *unsent,
        }
    }
    let opened = Connection::open(url.address()).await;
    let mut connection = opened.map_err(|error| End::Unreachable(error.to_string()))?;
    let response = connection.send(request).await.map_err(|_| End::Broken)?;
    Ok((response, connection))
}

/// Reads the answer until it ends, breaks off, or the caller has had enough events.
async fn read(
    mut response: Response<Incoming>,
    reading: &mut Reading,
    hang_up_after: Option<u64>,
    bytes: &mut u64,
) -> End {
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(frame) = frame else { return End::Broken };
        if let Some(data) = frame.data_ref() {
            *bytes += data.len() as u64;
            reading.take(data);
        }
        if hang_up_after.is_some_and(|most| reading.events >= most) {
            return End::Cancelled;
        }
    }
    match reading.finish() {
        false => End::Broken,
        true if reading.malformed => End::Malformed,
        true => End::Complete,
    }
}
