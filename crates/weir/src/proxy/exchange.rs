//! One admitted request from its slot to its Record. Whatever becomes of it, it is finished exactly once: when the answer is
//! over, when an error takes its place, or when the value is dropped because the caller has gone.

mod end;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::response;
use http::{HeaderName as Name, Method, Response};
use meter::dialect::Api;
use meter::meter::{Format, Nanos};
use meter::record::{Record, id_text, id_v7};
use meter::request::Asked;
use meter::splice::Splicer;

use super::answer::{Answer, Filter};
use super::body::within;
use super::counted::{self, Kept};
use super::deadline::{Deadline, Deadlines};
use super::field::{self, Gathering};
use super::key::Shown;
use super::mask::{self, Mask};
use super::note::{self, Noted};
use super::route::Route;
use super::upstream::Sent;
use super::watch::Watch;
use super::{Admitted, Shared, Snapshot, Worker};
use crate::config::{Caller, Config, Destination, OnClientGone, OnJournalFailure};
use crate::error::{Error, ErrorKind};
use crate::recorder::{self, Slot, Tally};

const REQUEST_ID: Name = Name::from_static("x-request-id");
const WEIR_ERROR: Name = Name::from_static("x-weir-error");
const WEIR_REQUEST_ID: Name = Name::from_static("x-weir-request-id");

/// See the module.
#[derive(Debug)]
pub(super) struct Exchange {
    worker: Arc<Worker>,
    snapshot: Arc<Snapshot>,
    /// Who calls: the place in the snapshot's callers.
    caller: Option<usize>,
    gathering: Gathering,
    /// Who is asked: the place in the snapshot's providers. It is known once the request is routed.
    provider: Option<usize>,
    /// Taken when the Record is written.
    slot: Option<Slot>,
    _deadline: Deadline,
    record: Box<Record>,
    started: Instant,
    format: Format,
    /// Whether something is asked for that is there already: a response by its id, a file, a list.
    fetches: bool,
    watch: Option<Watch>,
    times: Marks,
    streamed: Option<Arc<AtomicU64>>,
    /// The model that a form names, once that has passed.
    form: Option<Arc<OnceLock<String>>>,
    /// Characters that the request wants to be spoken.
    characters: u64,
    /// What the answer's head says that it cost, in nano-dollars.
    bill: Option<u64>,
    /// What the caller showed, to be taken out of what the provider says of it.
    shown: Shown,
    /// The request, as long as its tokens may have to be counted.
    kept: Option<Kept>,
    /// What is counted of a long answer while it goes by.
    tally: Option<Arc<Tally>>,
    /// Whether it goes on without its caller.
    drains: Arc<AtomicBool>,
}

/// Moments and waits that the Record's times are made of, in nanoseconds since the start.
#[derive(Debug, Default)]
struct Marks {
    /// Waiting for the caller's body.
    caller: Nanos,
    /// Connecting.
    connect: Nanos,
    /// When the request left for the provider.
    departed: Option<Nanos>,
    /// When the last piece of the answer came, or when it was given up.
    last_piece: Nanos,
}

impl Marks {
    /// How long the provider took, as far as that is known.
    fn upstream(&self) -> Option<Nanos> {
        self.departed.map(|departed| self.last_piece.max(departed) - departed)
    }
}

impl Exchange {
    /// Begins with what the head says.
    pub(super) fn begin(
        worker: Arc<Worker>,
        snapshot: Arc<Snapshot>,
        deadlines: &Arc<Deadlines>,
        admitted: Admitted,
        head: &Parts,
    ) -> Exchange {
        let Admitted { slot, api, caller } = admitted;
        let now = recorder::now();
        let mut record = Box::new(Record { request_id: new_id(now), ..Record::default() });
        record.times.started_at = now;
        record.what.api = api;
        record.what.simulated = snapshot.config.simulated;
        record.who.instance.clone_from(&snapshot.config.instance);
        note::request(&mut record.who, &head.headers);
        let known = caller.and_then(|place| snapshot.config.callers.get(place));
        record.who.key = known.map(|caller| caller.name.clone());
        let gathering = Gathering::begin(&snapshot, &mut record, &head.headers, known);
        let started = Instant::now();
        let deadline = deadlines.begin(started + snapshot.config.timeouts.total);
        Exchange {
            worker,
            snapshot,
            caller,
            gathering,
            provider: None,
            slot: Some(slot),
            _deadline: deadline,
            record,
            started,
            format: Format::Opaque,
            fetches: api == Api::Other && head.method != Method::POST,
            watch: None,
            times: Marks::default(),
            streamed: None,
            form: None,
            characters: 0,
            bill: None,
            shown: Shown::of(&head.headers),
            kept: None,
            tally: None,
            drains: Arc::default(),
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.worker.shared
    }

    /// What this request is served by.
    pub(super) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    pub(super) fn api(&self) -> Api {
        self.record.what.api
    }

    /// Whether Weir adds a key to what it passes on.
    pub(super) fn holds_key(&self) -> bool {
        self.snapshot.holds_key
    }

    /// Nanoseconds since the start.
    pub(super) fn elapsed(&self) -> Nanos {
        nanos(self.started.elapsed())
    }

    /// When the request must be over.
    pub(super) fn deadline(&self) -> Instant {
        self.started + self.snapshot.config.timeouts.total
    }

    /// How long a wait may take that has a limit of its own: no longer than the request as a whole.
    pub(super) fn at_most(&self, limit: Duration) -> Duration {
        self.at_most_from(self.elapsed(), limit)
    }

    /// The same, from a moment that is known.
    pub(super) fn at_most_from(&self, now: Nanos, limit: Duration) -> Duration {
        limit.min(self.snapshot.config.timeouts.total.saturating_sub(Duration::from_nanos(now)))
    }

    /// Puts into the table what is known by now.
    pub(super) fn describe(&self) -> Result<(), Error> {
        let (Some(slot), shared) = (&self.slot, self.shared()) else { return Ok(()) };
        let mut scratch = Vec::with_capacity(store::inflight::DESCRIPTION);
        match shared.recorder.describe(slot, &self.record, &mut scratch) {
            Err(_) if self.snapshot.config.on_journal_failure == OnJournalFailure::Refuse => {
                Err(Error::new(ErrorKind::JournalUnavailable, ErrorKind::JournalUnavailable.advice()))
            }
            _ => Ok(()),
        }
    }

    /// Waits for the caller, and counts the wait as the caller's.
    pub(super) async fn wait_for_caller<T>(&mut self, future: impl Future<Output = T>) -> Result<T, Error> {
        let before = self.elapsed();
        let outcome = within(self.at_most(self.snapshot.config.timeouts.caller), future).await;
        self.times.caller += self.elapsed() - before;
        outcome.ok_or_else(|| {
            let message =
                "the request's body stood still for too long; send it again, or raise timeouts.caller in weir.toml";
            Error::new(ErrorKind::BodyIncomplete, message)
        })
    }

    /// The body is here.
    pub(super) fn received(&mut self, bytes: u64) {
        self.record.request_bytes = Some(bytes);
    }

    /// A counter for a body that is passed on as it comes.
    pub(super) fn request_counter(&mut self) -> Arc<AtomicU64> {
        self.streamed.get_or_insert_default().clone()
    }

    /// Where the model is to be put that a form names.
    pub(super) fn form_model(&mut self) -> Arc<OnceLock<String>> {
        self.form.get_or_insert_default().clone()
    }

    /// So much is to be spoken.
    pub(super) fn speaks(&mut self, characters: u64) {
        self.characters = characters;
    }

    /// It is known what is asked for.
    pub(super) fn asked(&mut self, asked: &Asked) {
        let what = &mut self.record.what;
        what.model.clone_from(&asked.model);
        what.stream = Some(asked.stream);
        what.max_tokens = asked.max_tokens;
        what.temperature = asked.temperature;
        what.top_p = asked.top_p;
        self.says(Destination::UserId, asked.user.as_ref().or(asked.metadata.user_id.as_ref()));
        self.says(Destination::Organization, asked.metadata.organization.as_ref());
        self.says(Destination::SessionId, asked.session_id.as_ref().or(asked.metadata.session_id.as_ref()));
        self.says(Destination::PromptCategory, asked.metadata.prompt_category.as_ref());
        self.gathering.body(&self.snapshot, &mut self.record, &asked.found);
    }

    /// The body says who asks: it counts more than the head, unless somebody declared where to look.
    fn says(&mut self, destination: Destination, text: Option<&String>) {
        if let (Some(text), Some(slot)) = (text, field::slot(destination, &mut self.record.who))
            && !field::is_declared(&self.snapshot, destination)
        {
            *slot = Some(text.clone());
        }
    }

    /// Refuses a model that the caller's key is not for, and, for a key that is not for all, what has a model that is not
    /// known.
    pub(super) fn check_model(&self, method: &Method, asked: Option<&Asked>) -> Result<(), Error> {
        let Some(caller) = self.caller().filter(|caller| !caller.is_unlimited()) else { return Ok(()) };
        // Readers of JSON differ in which of several they take, and the provider's may take the one that was not looked at.
        if asked.is_some_and(Asked::has_several_models) {
            let message = "the request names its model more than once, and its key is for certain models; name it once";
            return Err(Error::new(ErrorKind::InvalidModel, message));
        }
        let message = match asked.and_then(|asked| asked.model.as_deref()) {
            Some(model) if caller.may_call(model) => return Ok(()),
            None if matches!(*method, Method::GET | Method::HEAD | Method::DELETE) => return Ok(()),
            Some(model) => format!(
                "the key \"{}\" is not for the model {:?}; GET /v1/models lists those that it is for",
                caller.name,
                beginning(model)
            ),
            None => {
                let name = &caller.name;
                format!("the key \"{name}\" is for certain models only, and this request names none; name one of them")
            }
        };
        Err(Error::new(ErrorKind::ModelNotAllowed, message))
    }

    /// The key that Weir shows the provider, which is covered in its answers.
    fn secret(&self) -> Option<&str> {
        self.snapshot.config.providers[self.provider?].key.secret()
    }

    /// Who calls, where callers have keys.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.snapshot.config.callers.get(self.caller?)
    }

    /// It is known of whom.
    pub(super) fn routed(&mut self, config: &Config, route: &Route<'_>) {
        let provider = &config.providers[route.provider];
        self.record.what.provider = Some(provider.name.clone());
        self.record.what.region.clone_from(&provider.region);
        self.record.what.target = route.target.map(str::to_owned);
        self.drains.store(provider.on_client_gone == OnClientGone::Drain, Ordering::Relaxed);
        self.provider = Some(route.provider);
    }

    /// Whether it goes on without its caller. It is known once the request is routed.
    pub(super) fn drains(&self) -> &Arc<AtomicBool> {
        &self.drains
    }

    /// The way to the provider is open after so long.
    pub(super) fn connected(&mut self, took: Nanos) {
        self.times.connect += took;
    }

    /// The request leaves for the provider; returns when.
    pub(super) fn departed(&mut self) -> Nanos {
        let now = self.elapsed();
        self.times.departed.get_or_insert(now);
        now
    }

    /// A piece of the answer came `at`. Whether the answer has said that it is over.
    pub(super) fn observe(&mut self, piece: &[u8], at: Instant) -> bool {
        let now = nanos(at.saturating_duration_since(self.started));
        self.times.last_piece = now;
        *self.record.response_bytes.get_or_insert(0) += piece.len() as u64;
        let Some(watch) = &mut self.watch else { return false };
        watch.observe(piece, now);
        let over = watch.is_over();
        if let Some((raw, missed)) = watch.take_heard() {
            self.hear(raw, missed);
        }
        over
    }

    /// There is enough text to be counted elsewhere, in case that nobody says how many tokens it is.
    fn hear(&mut self, raw: Vec<u8>, missed: u64) {
        if !counted::can_count(self.api()) {
            return;
        }
        let tally = match &self.tally {
            Some(tally) => tally,
            None => {
                let answering = self.watch.as_mut().and_then(Watch::model);
                self.tally.insert(Tally::new(counted::tokenizer(&self.record, answering)))
            }
        };
        tally.miss(missed);
        self.worker.shared.recorder.hear(tally, raw);
    }

    /// Keeps the request for as long as its tokens may have to be counted.
    pub(super) fn keep(&mut self, request: Kept) {
        self.kept = Some(request);
    }

    /// Whether the Record is written.
    pub(super) fn is_finished(&self) -> bool {
        self.slot.is_none()
    }

    /// The provider's answer has begun: its head goes to the caller, its body will be watched.
    pub(super) async fn answer(mut self, sent: Sent) -> Response<Answer> {
        let Sent { mut head, body, injected } = sent;
        self.times.last_piece = self.elapsed();
        if !head.status.is_success() || !counted::can_count(self.api()) || self.shared().memory.is_short() {
            self.kept = None;
        }
        self.note(&head);
        super::headers::remove_hop_by_hop(&mut head.headers);
        // Where the provider is a Weir too, its errors are not ours.
        head.headers.remove(&WEIR_ERROR);
        mark(&self.record.request_id, &mut head.headers);
        let splice = injected && self.format == Format::Events && head.status.is_success();
        if splice {
            // What is taken out is not counted in any length that was announced.
            head.headers.remove(http::header::CONTENT_LENGTH);
        }
        let secret = self.secret();
        if let Some(secret) = secret {
            mask::cover_head(secret, &mut head.headers);
        }
        let mask = secret.filter(|_| !head.status.is_success()).map(Mask::new);
        let filter = mask.map(Filter::Mask).or(splice.then(|| Filter::Splice(Splicer::default())));
        let answer = Answer::metered(self, body, filter).await;
        Response::from_parts(head, answer)
    }

    fn note(&mut self, head: &response::Parts) {
        let Noted { format, encoding, bill } = note::answer(&mut self.record, &head.headers);
        // An answer that was made before was paid for before: whoever fetches it a second time uses nothing.
        let made_before = self.fetches && head.status.is_success();
        self.format = if made_before { Format::Opaque } else { format };
        self.bill = bill.filter(|_| !made_before);
        let mut watch = Watch::start(self.format, encoding);
        if !self.snapshot.config.fields.response.is_empty() {
            watch.look_for(&self.snapshot.config.fields.response);
        }
        self.watch = Some(watch);
        self.gathering.head(&self.snapshot, &mut self.record, &head.headers, &self.shown);
        self.record.outcome.status_code = Some(head.status.as_u16());
        self.record.response_bytes = Some(0);
    }
}

fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A new id for a request that comes now.
pub(super) fn new_id(now: u64) -> [u8; 16] {
    id_v7(now / 1_000_000, fastrand::u128(..))
}

/// Writes a request's id into its answer's headers.
fn mark(id: &[u8; 16], headers: &mut HeaderMap) {
    // Hyphens and hexadecimal digits are always a header's value.
    let Ok(id) = HeaderValue::from_bytes(&id_text(id)) else { return };
    if !headers.contains_key(REQUEST_ID) {
        headers.insert(REQUEST_ID, id.clone());
    }
    headers.insert(WEIR_REQUEST_ID, id);
}

/// Writes the id of a request that leaves no Record.
pub(super) fn mark_refused(id: &[u8; 16], headers: &mut HeaderMap) {
    headers.extend(HeaderValue::from_bytes(&id_text(id)).ok().map(|id| (REQUEST_ID, id)));
}

/// The beginning of a text that a caller may have made as long as it likes.
fn beginning(text: &str) -> String {
    text.chars().take(100).collect()
}
