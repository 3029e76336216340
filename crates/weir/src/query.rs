//! Loki's HTTP API over what Weir has: Records, the newest ones included.
//!
//! Questions are answered on threads of their own ([`pool`]), over [`source`]s that together are one, within limits that are
//! settings. Answers and errors are Loki's, so that whoever asks Loki asks Weir.

mod ask;
mod discover;
mod failure;
mod field;
mod label;
mod parameter;
mod pattern;
mod pool;
mod render;
mod source;
pub mod tail;
mod volume;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use logql::eval::Limits;
use store::library::{Libraries, SetAside};
use store::{Library, SegmentError};

pub use failure::Failure;
pub use label::Labeller;
pub(crate) use label::{Told, tell};
pub use parameter::{Parameters, time};
pub(crate) use source::directory;

use crate::config::{Config, QueryConfig};
use crate::push::Receiver;
use pool::{Patience, Pool};
use source::{Journaled, Others, Part, Pushed, PushedShelf, Sealed, Union, recorded};

/// Where Loki's API stands.
pub const PREFIX: &str = "/loki/api/v1/";
/// A form may have so many bytes.
const MOST_FORM_BYTES: usize = 1 << 20;
/// Shorter answers are not worth packing.
const LEAST_PACKED: usize = 1400;
/// Whether metadata is told apart.
const ENCODING_FLAGS: &str = "x-loki-response-encoding-flags";

/// See the module.
#[derive(Debug)]
pub struct Api {
    library: Arc<Library>,
    sealed: Arc<Sealed>,
    journaled: Arc<Journaled>,
    receiver: Arc<Receiver>,
    others: Arc<Others>,
    pool: Pool,
    settings: Settings,
    tails: tail::Tails,
}

/// What a question may take.
#[derive(Debug, Clone, Copy)]
struct Settings {
    config: QueryConfig,
    max_entries: usize,
}

impl Settings {
    fn limits(&self) -> Limits {
        Limits {
            series: self.config.max_series,
            entries: self.config.max_entries,
            // Moved to multiples of the step, a question begins up to a step earlier and ends up to one later.
            points: parameter::MOST_POINTS + 2,
            bytes: self.config.max_bytes_read,
            memory: self.config.memory,
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
    DetectedFields,
    FieldValues(String),
    Format,
    Stats,
    Volume,
    VolumeRange,
    Patterns,
    Limits,
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
            "detected_fields" => Question::DetectedFields,
            "format_query" => Question::Format,
            "index/stats" => Question::Stats,
            "index/volume" => Question::Volume,
            "index/volume_range" => Question::VolumeRange,
            "patterns" => Question::Patterns,
            "drilldown-limits" => Question::Limits,
            _ => {
                let field = between(path, "detected_field/", "/values").map(Question::FieldValues);
                field.or_else(|| between(path, "label/", "/values").map(Question::Values))?
            }
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
            Question::DetectedFields => field::fields(asked),
            Question::FieldValues(name) => field::values(asked, name),
            Question::Format => discover::format(asked),
            Question::Stats => volume::stats(asked),
            Question::Volume => volume::volume(asked, false),
            Question::VolumeRange => volume::volume(asked, true),
            Question::Patterns => pattern::patterns(asked),
            Question::Limits => Ok(discover::limits(asked.settings)),
        }
    }
}

fn between(path: &str, before: &str, after: &str) -> Option<String> {
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

impl Api {
    /// For the data directory of a configuration, and its segments.
    ///
    /// # Errors
    /// The file system refused, or the system has no more threads.
    pub fn start(
        config: &Config,
        library: Arc<Library>,
        others: Arc<Libraries>,
        receiver: Arc<Receiver>,
    ) -> io::Result<Api> {
        let journal = config.data_dir.join("journal");
        let labeller = Labeller::new(config);
        Ok(Api {
            library,
            sealed: Arc::new(Sealed::new(labeller.clone())),
            journaled: Arc::new(Journaled::new(Path::new(&journal), labeller, config.query.recent_bytes)?),
            receiver,
            others: Arc::new(Others::new(others, Labeller::new(config), config.query.recent_bytes)),
            pool: Pool::start(config.query.threads, config.query.max_waiting, config.query.max_memory)?,
            tails: tail::Tails::default(),
            settings: Settings { config: config.query, max_entries: config.query.max_entries },
        })
    }

    /// Answers a question under [`PREFIX`].
    pub async fn answer(self: &Arc<Api>, head: &Parts, body: &mut Incoming) -> Response<Full<Bytes>> {
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if path == "status/buildinfo" {
            return json(build_info());
        }
        if path == "tail" {
            return tail::begin(self, head).unwrap_or_else(|failure| failed(&failure));
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
        let (api, categorize, packs) = (self.clone(), categorizes(&head.headers), packs(&head.headers));
        let work = move |patience: &Patience| {
            let (settings, parameters) = (&api.settings, &parameters);
            let body = api.over(|source| {
                question.answer(&Asked { parameters, source, settings, patience, now: now(), categorize })
            })?;
            Ok(if packs && body.len() > LEAST_PACKED { packed(&body) } else { json(body) })
        };
        self.pool.run(work).await.and_then(|answer| answer).unwrap_or_else(|failure| failed(&failure))
    }

    /// Asks everything that can be asked for, as it is now. What turns out to be damaged is put aside, and the rest is asked again.
    fn over<T>(&self, ask: impl Fn(&Union) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut met = HashSet::new();
        loop {
            let (answer, damaged) = match self.union() {
                Ok(source) => (ask(&source), source.damaged()),
                Err(error) => (Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())), vec![error]),
            };
            let mut gone = false;
            for error in damaged {
                // What is met again has not gone.
                gone |= met.insert(error.path().to_owned()) && self.put_aside(error);
            }
            if !gone {
                return answer;
            }
        }
    }

    /// Puts a damaged segment aside, unless somebody has done it; `false` if it has to stay.
    fn put_aside(&self, why: SegmentError) -> bool {
        if !matches!(why, SegmentError::Damaged { .. }) {
            return false;
        }
        let others = self.others.libraries();
        let mut all = [&*self.library, self.receiver.library()].into_iter().chain(others.iter().map(|other| &**other));
        let Some(library) = all.find(|library| why.path().parent() == Some(library.dir())) else { return false };
        match library.set_aside(why.path()) {
            Ok(Some(path)) => crate::log::say(SetAside { path, why }),
            Ok(None) => {}
            Err(error) => crate::log::say(error),
        }
        true
    }

    /// Everything that can be asked for, as it is now.
    fn union(&self) -> Result<Union, SegmentError> {
        let lookback = nanos(self.settings.config.max_lookback);
        let since = if lookback == 0 { i64::MIN } else { now().saturating_sub(lookback) };
        let mut parts = recorded(&|| Ok(self.library.shelf()), &self.journaled, &self.sealed)?;
        parts.extend(self.others.parts()?);
        let (shelf, runs) = self.receiver.held();
        parts.push(Arc::new(PushedShelf::new(shelf)));
        parts.extend(runs.into_iter().map(|run| Arc::new(Pushed::new(run)) as Arc<dyn Part>));
        Ok(Union::new(parts).since(since))
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

/// Whether whoever asks can unpack.
fn packs(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// An answer, packed as gzip.
fn packed(body: &str) -> Response<Full<Bytes>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 6), Compression::fast());
    match encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish()) {
        Ok(bytes) => {
            let mut response = json(String::new());
            *response.body_mut() = Full::new(Bytes::from(bytes));
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
            response
        }
        Err(_) => json(body.to_owned()),
    }
}

/// The parameters of an address, and of a form if there is one.
async fn read(head: &Parts, body: &mut Incoming) -> Result<Parameters, Failure> {
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
