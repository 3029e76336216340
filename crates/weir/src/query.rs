//! Loki's HTTP API over what Weir has: Records, the newest ones included.
//!
//! Questions are answered on threads of their own ([`pool`]), over [`source`]s that together are one, within limits that are
//! settings. Answers and errors are Loki's, so that whoever asks Loki asks Weir.

mod ask;
mod discover;
mod failure;
mod label;
mod parameter;
mod pool;
mod render;
mod source;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use logql::eval::Limits;

pub use failure::Failure;
pub use label::Labeller;
pub use parameter::{Parameters, time};

use crate::config::{Config, QueryConfig};
use crate::push::Receiver;
use pool::{Patience, Pool};
use source::{Journaled, Others, Part, Pushed, Union};

/// Where Loki's API stands.
pub const PREFIX: &str = "/loki/api/v1/";
/// A form may have so many bytes.
const MOST_FORM_BYTES: usize = 1 << 20;
/// Whether metadata is told apart.
const ENCODING_FLAGS: &str = "x-loki-response-encoding-flags";

/// See the module.
#[derive(Debug)]
pub struct Api {
    journaled: Arc<Journaled>,
    receiver: Arc<Receiver>,
    others: Arc<Others>,
    pool: Pool,
    settings: Settings,
}

/// What a question may take.
#[derive(Debug, Clone, Copy)]
struct Settings {
    config: QueryConfig,
    max_entries: usize,
    /// Threads that a single question may read with.
    threads_per_query: usize,
}

impl Settings {
    fn limits(&self) -> Limits {
        Limits {
            series: self.config.max_series,
            entries: self.config.max_entries,
            // Moved to multiples of the step, a question begins up to a step earlier and ends up to one later.
            points: parameter::MOST_POINTS + 2,
            bytes: self.config.max_bytes_read,
            time_ns: nanos(self.config.timeout),
        }
    }

    /// Refuses what goes on for too long.
    fn allows(&self, start: i64, end: i64) -> Result<(), Failure> {
        let (length, limit) = (end.saturating_sub(start), nanos(self.config.max_length));
        if limit == 0 || length <= limit {
            return Ok(());
        }
        let words = logql::stage::units::format_prometheus_duration;
        Err(Failure::bad(format!(
            "the query time range exceeds the limit (query length: {}, limit: {})",
            words(length),
            words(limit)
        )))
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// A question, with all that it takes to answer it.
struct Asked<'a> {
    parameters: &'a Parameters,
    source: &'a Union,
    settings: &'a Settings,
    patience: &'a Patience,
    /// In nanoseconds since 1970.
    now: i64,
    /// Whether metadata is told apart from streams.
    categorize: bool,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    Instant,
    Range,
    Labels,
    Values(String),
    Series,
    DetectedLabels,
    Format,
}

impl Question {
    /// By the path behind [`PREFIX`].
    fn of(path: &str) -> Option<Question> {
        Some(match path {
            "query" => Question::Instant,
            "query_range" => Question::Range,
            "labels" | "label" => Question::Labels,
            "series" => Question::Series,
            "detected_labels" => Question::DetectedLabels,
            "format_query" => Question::Format,
            _ => Question::Values(between(path, "label/", "/values")?),
        })
    }

    fn answer(&self, asked: &Asked) -> Result<String, Failure> {
        match self {
            Question::Instant => ask::instant(asked),
            Question::Range => ask::range(asked),
            Question::Labels => discover::labels(asked),
            Question::Values(name) => discover::values(asked, name),
            Question::Series => discover::series(asked),
            Question::DetectedLabels => discover::detected(asked),
            Question::Format => discover::format(asked),
        }
    }
}

fn between(path: &str, before: &str, after: &str) -> Option<String> {
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

impl Api {
    /// For the data directory of a configuration.
    ///
    /// # Errors
    /// The file system refused, or the system has no more threads.
    pub fn start(config: &Config, receiver: Arc<Receiver>) -> io::Result<Api> {
        let journal = config.data_dir.join("journal");
        let labeller = Labeller::new(config);
        Ok(Api {
            journaled: Arc::new(Journaled::new(Path::new(&journal), labeller, config.query.recent_bytes)?),
            receiver,
            others: Arc::new(Others::new(&config.data_dir, Labeller::new(config), config.query.recent_bytes)),
            pool: Pool::start(config.query.threads, config.query.max_waiting)?,
            settings: Settings { config: config.query, max_entries: config.query.max_entries, threads_per_query: 1 },
        })
    }

    /// Answers a question under [`PREFIX`].
    pub async fn answer(&self, head: &Parts, body: Incoming) -> Response<Full<Bytes>> {
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if path == "status/buildinfo" {
            return json(build_info());
        }
        let Some(question) = Question::of(path) else {
            return failed(&Failure::new(StatusCode::NOT_FOUND, "404 page not found"));
        };
        if ![Method::GET, Method::HEAD, Method::POST].contains(&head.method) {
            return failed(&Failure::new(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed"));
        }
        let parameters = match read(head, body).await {
            Ok(parameters) => parameters,
            Err(failure) => return failed(&failure),
        };
        let (pushed, others) = (self.receiver.runs(), self.others.clone());
        let (journaled, settings, categorize) = (self.journaled.clone(), self.settings, categorizes(&head.headers));
        let work = move |patience: &Patience| {
            let unreadable = |error: io::Error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
            let mut parts = journaled.parts(0).map_err(unreadable)?;
            parts.extend(others.parts().map_err(unreadable)?);
            parts.extend(pushed.into_iter().map(|run| Arc::new(Pushed::new(run)) as Arc<dyn Part>));
            let source = Union::new(parts);
            let (settings, parameters) = (&settings, &parameters);
            question.answer(&Asked { parameters, source: &source, settings, patience, now: now(), categorize })
        };
        match self.pool.run(work).await.and_then(|answer| answer) {
            Ok(body) => json(body),
            Err(failure) => failed(&failure),
        }
    }
}

/// In nanoseconds since 1970.
fn now() -> i64 {
    nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn categorizes(headers: &HeaderMap) -> bool {
    let flags = headers.get_all(ENCODING_FLAGS).iter().filter_map(|value| value.to_str().ok());
    flags.flat_map(|flags| flags.split(',')).any(|flag| flag.trim() == "categorize-labels")
}

/// The parameters of an address, and of a form if there is one.
async fn read(head: &Parts, body: Incoming) -> Result<Parameters, Failure> {
    let query = head.uri.query().unwrap_or_default();
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if head.method != Method::POST || !kind.starts_with("application/x-www-form-urlencoded") {
        return Parameters::read(query, b"");
    }
    #[allow(clippy::disallowed_methods, reason = "it is read with a limit")]
    let form = Limited::new(body, MOST_FORM_BYTES).collect().await;
    let form = form.map_err(|_| Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large, or broke off"))?;
    Parameters::read(query, &form.to_bytes())
}

fn build_info() -> String {
    serde_json::json!({
        "version": crate::VERSION, "revision": crate::COMMIT, "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "",
    })
    .to_string()
}

fn json(body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}

/// As Loki says it: a line of text, or what is JSON already.
fn failed(failure: &Failure) -> Response<Full<Bytes>> {
    let is_json = failure.text.starts_with('{');
    let mut response = Response::new(Full::new(Bytes::from(format!("{}\n", failure.text))));
    *response.status_mut() = failure.status;
    let kind = if is_json { "application/json; charset=UTF-8" } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
