//! One request: admitted, routed, passed on, answered, recorded. [`handle`] tells the story.

mod answer;
mod body;
mod caller;
mod counted;
mod deadline;
mod drain;
mod exchange;
mod field;
mod headers;
mod key;
mod mask;
mod models;
mod note;
pub(crate) mod past;
mod route;
mod settle;
mod snapshot;
mod unknown;
pub(crate) mod unread;
mod upstream;
mod usage;
mod watch;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use meter::dialect::Api;
use meter::request::Asked;

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::recorder::{Recorder, Slot};

pub use answer::Answer;
use body::{Inbound, Memory};
pub use caller::Gate;
pub use deadline::Deadlines;
pub use drain::Drains;
use exchange::Exchange;
use route::Route;
use snapshot::Newest;
pub use snapshot::Snapshot;
use unknown::Unknown;
pub use upstream::Pool;
use upstream::{Outgoing, Sent};
pub(crate) use upstream::{Reply, download, inquire, through};

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    newest: Newest,
    /// Who writes Records.
    pub recorder: Arc<Recorder>,
    /// Set when Weir begins to go down and is no longer ready.
    pub draining: AtomicBool,
    /// Refusals in the order of [`ErrorKind::REFUSALS`].
    pub refused: [AtomicU64; ErrorKind::REFUSALS.len()],
    /// Connections that broke before a request could be read.
    pub bad_heads: AtomicU64,
    /// Bytes of request bodies in memory.
    pub memory: Arc<Memory>,
    /// What a warning was given of already.
    unknown: Unknown,
}

impl Shared {
    /// For a configuration.
    ///
    /// # Errors
    /// The certificates for reaching providers cannot be read.
    pub fn new(config: Config, recorder: Arc<Recorder>) -> io::Result<Shared> {
        Ok(Shared {
            memory: Arc::new(Memory::new(config.body_memory)),
            newest: Newest::new(config)?,
            draining: AtomicBool::new(false),
            refused: Default::default(),
            unknown: Unknown::default(),
            bad_heads: AtomicU64::new(0),
            recorder,
        })
    }

    /// What requests that come now are served by.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.newest.get()
    }

    /// Serves requests that come from now on by another configuration; those under way keep theirs.
    ///
    /// # Errors
    /// The certificates for reaching providers cannot be read; nothing has changed then.
    pub fn replace(&self, config: Config) -> io::Result<()> {
        self.newest.replace(config)
    }

    async fn refuse(&self, error: &Error, head: &Parts, body: &mut Incoming) -> Response<Answer> {
        if let Some(index) = ErrorKind::REFUSALS.iter().position(|kind| *kind == error.kind) {
            self.refused[index].fetch_add(1, Ordering::Relaxed);
        }
        if error.kind == ErrorKind::BadHead {
            self.bad_heads.fetch_add(1, Ordering::Relaxed);
        }
        let mut response = refused(error).map(Answer::whole);
        unread::leave(head, body, &mut response).await;
        response
    }
}

/// The answer to what leaves no Record.
pub(crate) fn refused(error: &Error) -> Response<Bytes> {
    let id = exchange::new_id(crate::recorder::now());
    let mut response = error.response(Some(&id));
    // Not as x-weir-request-id, which names a Record: there is none.
    exchange::mark_refused(&id, response.headers_mut());
    response
}

/// One thread's share: its own connections to providers.
#[derive(Debug)]
pub struct Worker {
    /// What all workers share.
    pub shared: Arc<Shared>,
    /// Connections to providers.
    pub pool: Pool,
    /// Set when the grace period is over: what is cut off then was not left by its caller.
    pub stopping: AtomicBool,
    /// What goes on without its caller.
    pub drains: Drains,
}

/// Answers a request that came over the connection of these `deadlines`.
pub async fn handle(worker: Arc<Worker>, deadlines: Arc<Deadlines>, request: Request<Incoming>) -> Response<Answer> {
    let (mut head, mut body) = request.into_parts();
    let shared = worker.shared.clone();
    let snapshot = shared.snapshot();
    let origin = match snapshot.gate.check(&head) {
        Ok(caller::Entry::Call(origin)) => origin,
        Ok(caller::Entry::Preflight(answer)) => return answer.map(Answer::whole),
        Err(error) => return shared.refuse(&error, &head, &mut body).await,
    };
    let mut response = match admit(&snapshot, &shared, &mut head) {
        Err(error) => shared.refuse(&error, &head, &mut body).await,
        Ok(admitted) => {
            let may_drain = drain::may_be_needed(&snapshot.config);
            let exchange = Exchange::begin(worker, snapshot, &deadlines, admitted, &head);
            if may_drain { drain::detached(exchange, head, body).await } else { respond(exchange, head, body).await }
        }
    };
    if let Some(origin) = origin {
        caller::allow(&origin, response.headers_mut());
    }
    response
}

/// A request that was let in.
struct Admitted {
    slot: Slot,
    api: Api,
    /// Who calls, where callers have keys.
    caller: Option<usize>,
}

/// Admits a request: its head is sound, its caller known, its slot reserved.
fn admit(snapshot: &Snapshot, shared: &Shared, head: &mut Parts) -> Result<Admitted, Error> {
    let api = route::api(head)?;
    let caller = key::authenticate(&snapshot.config.callers, &mut head.headers)?;
    let slot = shared.recorder.admit().map_err(|kind| Error::new(kind, kind.advice()))?;
    Ok(Admitted { slot, api, caller })
}

/// From an admitted request to its answer.
async fn respond(mut exchange: Exchange, mut head: Parts, body: Incoming) -> Response<Answer> {
    match pass(&mut exchange, &mut head, body).await {
        Ok(Passed::Upstream(sent)) => exchange.answer(*sent).await,
        Ok(Passed::Own(response)) => exchange.answer_whole(response).await,
        Err(error) => exchange.fail(&error).await,
    }
}

/// What a request led to.
enum Passed {
    /// A provider's answer.
    Upstream(Box<Sent>),
    /// Weir's own: the list of all providers' models.
    Own(Response<Bytes>),
}

async fn pass(exchange: &mut Exchange, head: &mut Parts, body: Incoming) -> Result<Passed, Error> {
    let snapshot = exchange.snapshot().clone();
    let config = &snapshot.config;
    let inbound = body::receive(exchange, head, body).await?;
    if exchange.api() == Api::Models && (config.providers.len() > 1 || !config.routes.is_empty()) {
        exchange.describe()?;
        exchange.departed();
        return models::merged(exchange, head).await.map(Passed::Own);
    }
    let asked = match &inbound {
        Inbound::Json(body, _) => Some(route::inspect(exchange.api(), body, &config.fields.request)?),
        Inbound::Stream(_) | Inbound::Empty => None,
    };
    if let Some(asked) = &asked {
        exchange.asked(asked);
    }
    if let (Inbound::Json(body, _), Api::Speech) = (&inbound, exchange.api()) {
        exchange.speaks(meter::request::characters(body));
    }
    exchange.check_model(&head.method, asked.as_ref())?;
    let route = route::find(config, exchange.api(), asked.as_ref())?;
    exchange.routed(config, &route);
    exchange.describe()?;
    let sent = match (inbound, asked) {
        (Inbound::Json(body, held), Some(asked)) => {
            exchange.keep(counted::Kept::new(&body, held));
            send_json(exchange, head, &body, &asked, &route).await?
        }
        (Inbound::Stream(body), _) => upstream::send(exchange, head, Outgoing::Stream(body), &route).await?,
        _ => upstream::send(exchange, head, Outgoing::Empty, &route).await?,
    };
    Ok(Passed::Upstream(Box::new(sent)))
}

/// Sends a JSON body, changed in two places at most: the model that a route names, and the question for a stream's usage.
/// Where a provider refuses the question this request is sent once more without it; if that is taken the provider is not
/// asked again. If not, it may have named what the caller wrote itself, and nothing is learnt.
async fn send_json(
    exchange: &mut Exchange,
    head: &mut Parts,
    body: &Bytes,
    asked: &Asked,
    route: &Route<'_>,
) -> Result<Sent, Error> {
    let may_ask = &exchange.snapshot().clone().ways[route.provider].may_ask;
    let mut refused = false;
    if asked.stream && asked.include_usage != Some(true) && route.streams_usage && may_ask.load(Ordering::Relaxed) {
        let mut head = head.clone();
        headers::ask_for_plain_bytes(&mut head.headers);
        let outgoing = Outgoing::Whole(asked.rewrite(body, route.target, true).into());
        let sent = upstream::send(exchange, &mut head, outgoing, route).await?;
        match usage::examine(exchange, sent).await {
            usage::Asking::Granted(sent) => return Ok(*sent),
            usage::Asking::Refused => refused = true,
        }
    }
    let body = match route.target {
        Some(_) => asked.rewrite(body, route.target, false).into(),
        None => body.clone(),
    };
    let sent = upstream::send(exchange, head, Outgoing::Whole(body), route).await?;
    if refused && sent.head.status.is_success() {
        may_ask.store(false, Ordering::Relaxed);
    }
    Ok(sent)
}
