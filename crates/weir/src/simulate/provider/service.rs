//! Service: one request in, one answer out.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::answer::Answer;
use super::embedding::Embedding;
use super::fault::{Fault, StreamFault};
use super::model::{MODELS, Model, model};
use super::pace::{Body, Event, Piece, paced, whole};
use super::refusal::Refusal;
use super::request::{Api, Request as Asked};
use super::wire::{Stream, StreamShape, unary};
use super::{ProviderOptions, Tally};
use crate::simulate::chance::{generator, hex, log_normal};
use crate::simulate::number::duration;

/// The longest body of a request.
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long a caller may take to send it.
const BODY_TIME: Duration = Duration::from_secs(30);
/// The spread of the time to first token, and of the speed, around their medians.
const FIRST_SPREAD: f64 = 0.4;
const SPEED_SPREAD: f64 = 0.15;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Provider {
    options: ProviderOptions,
    seed: u64,
    tally: Arc<Tally>,
    numbers: AtomicU64,
}

impl Provider {
    pub(super) fn new(options: ProviderOptions, tally: Arc<Tally>) -> Provider {
        let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
        Provider { options, seed, tally, numbers: AtomicU64::new(0) }
    }
}

/// How long an answer takes.
#[derive(Clone, Copy, Debug)]
struct Timing {
    start: Instant,
    /// From the start to the first token.
    first: Duration,
    /// Between two tokens.
    gap: Duration,
}

/// Answers `request`, whatever it is.
pub(super) async fn handle(provider: Arc<Provider>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let start = Instant::now();
    Tally::add(&provider.tally.requests, 1);
    let mut rng = generator(provider.seed, provider.numbers.fetch_add(1, Ordering::Relaxed));
    let id = hex(&mut rng, 32);
    let mut answer = route(&provider, request, rng, start).await.unwrap_or_else(|refusal| {
        Tally::add(&provider.tally.refused, 1);
        refusal.answer()
    });
    name_answer(answer.headers_mut(), &id, start.elapsed());
    Ok(answer)
}

/// The headers OpenAI sends with each answer, and the one that says that this is not OpenAI.
fn name_answer(headers: &mut HeaderMap, id: &str, elapsed: Duration) {
    headers.insert(HeaderName::from_static("x-weir-simulated"), HeaderValue::from_static("true"));
    headers.insert(HeaderName::from_static("openai-version"), HeaderValue::from_static("2020-10-01"));
    headers.insert(HeaderName::from_static("openai-processing-ms"), HeaderValue::from(elapsed.as_millis() as u64));
    if let Ok(id) = HeaderValue::from_str(&format!("req_{id}")) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

async fn route(
    provider: &Provider,
    request: Request<Incoming>,
    rng: Rng,
    start: Instant,
) -> Result<Response<Body>, Refusal> {
    let path = request.uri().path().to_owned();
    let takes = match path.as_str() {
        "/v1/chat/completions" | "/v1/completions" | "/v1/embeddings" => Method::POST,
        "/v1/models" => Method::GET,
        _ => return Err(Refusal::unknown_path(request.method(), &path)),
    };
    if request.method() != takes {
        let mut answer = Refusal::wrong_method(request.method(), &path).answer();
        Tally::add(&provider.tally.refused, 1);
        if let Ok(allow) = HeaderValue::from_str(takes.as_str()) {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
        return Ok(answer);
    }
    if takes == Method::GET {
        return Ok(json_answer(whole(list_models().into())));
    }
    let body = read_body(request.into_body()).await?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| Refusal::not_json())?;
    match path.as_str() {
        "/v1/chat/completions" => write(provider, Asked::read(Api::Chat, &body)?, rng, start).await,
        "/v1/completions" => write(provider, Asked::read(Api::Completion, &body)?, rng, start).await,
        _ => embed(provider, Embedding::read(&body)?, rng, start).await,
    }
}

/// The whole body of a request, within its limits of size and time.
async fn read_body(mut body: Incoming) -> Result<Bytes, Refusal> {
    let read = async {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let data = frame.ok().and_then(|frame| frame.into_data().ok()).unwrap_or_default();
            if bytes.len() + data.len() > BODY_BYTES {
                return Err(Refusal::too_large(BODY_BYTES));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    timeout(BODY_TIME, read).await.unwrap_or_else(|_| Err(Refusal::not_json()))
}

fn list_models() -> Vec<u8> {
    let models: Vec<Value> = MODELS
        .iter()
        .map(|model| json!({ "id": model.name, "object": "model", "created": 1_687_882_411, "owned_by": "weir-simulated" }))
        .collect();
    json!({ "object": "list", "data": models }).to_string().into_bytes()
}

/// Refuses the request where its fate says so.
async fn face_fate(
    provider: &Provider,
    rng: &mut Rng,
    model: &str,
    timing: Timing,
) -> Result<Option<StreamFault>, Refusal> {
    let fault = Fault::draw(rng, &provider.options);
    if fault.is_some() {
        Tally::add(&provider.tally.faults, 1);
    }
    match fault {
        Some(Fault::RateLimit) => Err(Refusal::rate_limited(model)),
        Some(Fault::Error) => {
            sleep_until(timing.start + timing.first / 2).await;
            Err(Refusal::server_error())
        }
        Some(Fault::OnTheWay(fault)) => Ok(Some(fault)),
        None => Ok(None),
    }
}

fn time(provider: &Provider, rng: &mut Rng, model: Model, start: Instant) -> Timing {
    let options = &provider.options;
    let first = log_normal(rng, options.first_token_seconds * model.patience, FIRST_SPREAD);
    let speed = log_normal(rng, options.tokens_per_second * model.speed, SPEED_SPREAD);
    Timing { start, first: duration(first), gap: duration(1.0 / speed) }
}

/// Answers a request for text.
async fn write(provider: &Provider, asked: Asked, mut rng: Rng, start: Instant) -> Result<Response<Body>, Refusal> {
    let model = model(&asked.model);
    let mut timing = time(provider, &mut rng, model, start);
    let fault = face_fate(provider, &mut rng, &asked.model, timing).await?;
    let answer = Answer::compose(&mut rng, &asked, model, provider.options.answer_tokens);
    let thought = answer.usage.completion_tokens_details.map_or(0, |details| details.reasoning_tokens);
    timing.first += timing.gap * u32::try_from(thought).unwrap_or(u32::MAX);
    Tally::add(&provider.tally.output_tokens, answer.usage.completion_tokens);
    if asked.stream {
        Tally::add(&provider.tally.streams, 1);
        return Ok(stream(provider, &asked, answer, fault, timing, rng).await);
    }
    let written = u32::try_from(answer.usage.completion_tokens - thought).unwrap_or(u32::MAX);
    sleep_until(start + timing.first + timing.gap * written).await;
    Ok(complete(unary(asked.api, &answer), fault).await)
}

/// An answer that leaves token by token.
async fn stream(
    provider: &Provider,
    asked: &Asked,
    answer: Answer,
    fault: Option<StreamFault>,
    timing: Timing,
    rng: Rng,
) -> Response<Body> {
    let shape = StreamShape {
        api: asked.api,
        usage: asked.include_usage,
        null_usage: !provider.options.no_null_usage,
        obfuscate: asked.obfuscate,
        first: timing.first,
        gap: timing.gap,
        fault,
    };
    // The head leaves a little before the first token, when the model has begun to work.
    sleep_until(timing.start + timing.first.mul_f64(0.8)).await;
    let mut response = Response::new(paced(Stream::new(answer, shape, rng), timing.start, None));
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer that leaves as a whole, unless something goes wrong with it.
async fn complete(mut bytes: Vec<u8>, fault: Option<StreamFault>) -> Response<Body> {
    match fault {
        None => {}
        Some(StreamFault::Silence(silence)) => sleep(silence).await,
        Some(StreamFault::Malformed) => bytes.truncate(bytes.len() / 2),
        Some(StreamFault::Cut) => {
            let length = bytes.len() as u64;
            bytes.truncate(bytes.len() / 2);
            let half = Event { due: Duration::ZERO, piece: Piece::Bytes(bytes.into()) };
            let cut = Event { due: Duration::from_millis(10), piece: Piece::Cut };
            return json_answer(paced([half, cut].into_iter(), Instant::now(), Some(length)));
        }
    }
    json_answer(whole(bytes.into()))
}

/// Answers a request for vectors.
async fn embed(
    provider: &Provider,
    embedding: Embedding,
    mut rng: Rng,
    start: Instant,
) -> Result<Response<Body>, Refusal> {
    let timing = time(provider, &mut rng, model(&embedding.model), start);
    let fault = face_fate(provider, &mut rng, &embedding.model, timing).await?;
    sleep_until(start + timing.first).await;
    let mut events: Vec<Event> = Vec::new();
    match fault {
        None => return Ok(json_answer(paced(embedding.events(timing.first), start, None))),
        Some(StreamFault::Silence(silence)) => {
            return Ok(json_answer(paced(embedding.events(timing.first + silence), start, None)));
        }
        // Half an answer is its first vector and no end.
        Some(StreamFault::Cut | StreamFault::Malformed) => events.extend(embedding.events(timing.first).take(2)),
    }
    if fault == Some(StreamFault::Cut) {
        events.push(Event { due: timing.first + Duration::from_millis(10), piece: Piece::Cut });
    }
    Ok(json_answer(paced(events.into_iter(), start, None)))
}

fn json_answer(body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
