//! The operators' side: `/metrics`, `/healthz`, `/readyz`, questions about what was recorded, what Weir knows at `/api/v1/…`, and
//! Weir's own page.

mod access;
mod backend;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use store::Library;

use crate::api::{self, Known};
use crate::config::Scope;
use crate::error::{Error, ErrorKind};
use crate::hub::{self, Hub};
use crate::metrics::{self, FollowerState, Gauges, PushState, StoreState};
use crate::page;
use crate::prices;
use crate::proxy::{Gate, Shared, unread};
use crate::push::Receiver;
use crate::query::{self, Api};
use crate::recorder;
use crate::server::Housekeeping;
use crate::sink::Progress;

pub use access::Sessions;

/// More than any token has, in bytes.
const MOST_LOGIN_BYTES: usize = 16 << 10;

/// What operators are told from.
#[derive(Debug)]
pub struct Admin {
    /// The proxy's side.
    pub shared: Arc<Shared>,
    /// The followers.
    pub followers: Vec<Arc<Progress>>,
    /// What is known of the journal's files.
    pub housekeeping: Arc<Housekeeping>,
    /// The segments of what was sealed.
    pub library: Arc<Library>,
    /// Where operators connect.
    pub address: SocketAddr,
    /// Who answers questions.
    pub api: Arc<Api>,
    /// Who takes what others push.
    pub receiver: Arc<Receiver>,
    /// Who takes what other Weirs bring.
    pub hub: Arc<Hub>,
    /// Sessions of pages.
    pub sessions: Sessions,
}

impl Admin {
    /// Answers an operator.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, mut body) = request.into_parts();
        let mut response = self.serve(&head, &mut body).await;
        unread::leave(&head, &mut body, &mut response).await;
        response
    }

    async fn serve(&self, head: &Parts, body: &mut Incoming) -> Response<Full<Bytes>> {
        let snapshot = self.shared.snapshot();
        let gate = Gate::for_address(self.address, &snapshot.config.allowed_hosts, &[]);
        let allowed = gate.check_host(head).and_then(|()| gate.check_page(head)).and_then(|()| self.admit(head));
        if let Err(error) = allowed {
            return error.response(None).map(Full::new);
        }
        if head.uri.path() == hub::PATH {
            let snapshot = self.shared.snapshot();
            return self.hub.receive(head, body, snapshot.config.hub_token.as_ref()).await;
        }
        if head.uri.path().strip_prefix(query::PREFIX) == Some("push") {
            let now = i64::try_from(recorder::now()).unwrap_or(i64::MAX);
            return self.receiver.receive(head, body, &self.shared.snapshot().config.push.clone(), now).await;
        }
        if head.uri.path().starts_with(query::PREFIX) {
            return match &snapshot.config.backend {
                Some(backend) if !head.uri.path().ends_with("/push") => {
                    backend::answer(backend, snapshot.config.query.timeout, head, body).await
                }
                _ => self.api.answer(head, body).await,
            };
        }
        match (head.uri.path(), &head.method) {
            ("/api/v1/login", &Method::POST) => self.login(head, body).await,
            ("/api/v1/logout", &Method::POST) => with_cookie(self.sessions.end(&head.headers)),
            (_, &Method::GET | &Method::HEAD) => self.tell(head),
            (path, method) => {
                let message = format!("{path} takes another method than {method}");
                Error::new(ErrorKind::MethodNotAllowed, message).response(None).map(Full::new)
            }
        }
    }

    /// What everybody may, and what needs a token.
    fn admit(&self, head: &Parts) -> Result<(), Error> {
        let access = &self.shared.snapshot().config.access;
        let scope = match head.uri.path() {
            "/healthz" | "/readyz" | "/ready" | "/api/v1/login" | "/api/v1/logout" | "/api/v1/session" => return Ok(()),
            "/metrics" if access.open_metrics => return Ok(()),
            // The hub knows those that feed it by a token of its own.
            hub::PATH => return Ok(()),
            "/loki/api/v1/push" => Scope::Push,
            path if path == "/metrics" || path.starts_with("/loki/") || path.starts_with("/api/") => Scope::Read,
            _ => return Ok(()),
        };
        access::check(access, &self.sessions, self.address, &head.headers, scope)
    }

    fn tell(&self, head: &Parts) -> Response<Full<Bytes>> {
        match head.uri.path() {
            "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics()),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" | "/ready" => self.ready(),
            "/api/v1/session" => json(&self.session(head)),
            path => {
                let found = self
                    .knows(&head.uri)
                    .or_else(|| page::answer(path, &head.headers).map(|found| found.map(Full::new)));
                found.unwrap_or_else(|| {
                    let message = format!(
                        "there is no {path}; there are /, /metrics, /healthz, /readyz, /api/v1/ and /loki/api/v1/"
                    );
                    Error::new(ErrorKind::NotFound, message).response(None).map(Full::new)
                })
            }
        }
    }

    fn knows(&self, uri: &Uri) -> Option<Response<Full<Bytes>>> {
        let known = Known {
            shared: &self.shared,
            followers: &self.followers,
            housekeeping: &self.housekeeping,
            library: &self.library,
            receiver: &self.receiver,
        };
        let answer = known.answer(uri.path().strip_prefix(api::PREFIX)?, uri.query().unwrap_or_default())?;
        let (status, body) = match answer {
            Ok(answer) => (StatusCode::OK, answer),
            Err(message) => (StatusCode::BAD_REQUEST, serde_json::json!({ "message": message })),
        };
        let mut response = text(status, "application/json", body.to_string());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }

    /// Whether a token is needed, and whether whoever asks has shown one.
    fn session(&self, head: &Parts) -> serde_json::Value {
        let access = &self.shared.snapshot().config.access;
        let may = |scope: &Scope| access::check(access, &self.sessions, self.address, &head.headers, *scope).is_ok();
        let scopes = [Scope::Read, Scope::Push, Scope::Admin].into_iter().filter(may).map(Scope::name);
        serde_json::json!({
            "needed": access::is_needed(access, self.address),
            "set": !access.is_empty(),
            "scopes": scopes.collect::<Vec<_>>(),
        })
    }

    /// Begins the session of a page, for whoever shows a token: `{"token":"…"}`.
    async fn login(&self, head: &Parts, body: &mut Incoming) -> Response<Full<Bytes>> {
        #[allow(clippy::disallowed_methods, reason = "it is read with a limit")]
        let body = Limited::new(body, MOST_LOGIN_BYTES).collect().await.map(http_body_util::Collected::to_bytes);
        let token = body.ok().and_then(|body| {
            let members: serde_json::Value = serde_json::from_slice(&body).ok()?;
            Some(members.get("token")?.as_str()?.as_bytes().to_vec())
        });
        let snapshot = self.shared.snapshot();
        let found =
            token.or_else(|| access::shown(&head.headers)).and_then(|token| snapshot.config.access.find(&token));
        let Some(found) = found else {
            let error = Error::new(
                ErrorKind::InvalidKey,
                "the token that was shown is none of this Weir's; see admin.tokens in weir.toml",
            );
            return error.response(None).map(Full::new);
        };
        match self.sessions.begin(found) {
            Ok(cookie) => {
                let scopes: Vec<&str> = found.scopes.iter().map(|scope| scope.name()).collect();
                let mut response = json(&serde_json::json!({ "scopes": scopes }));
                response.headers_mut().insert(SET_COOKIE, cookie);
                response
            }
            Err(error) => error.response(None).map(Full::new),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let (_, sound) = self.shared.recorder.health();
        if self.shared.draining.load(Ordering::Relaxed) {
            plain(StatusCode::SERVICE_UNAVAILABLE, "going down\n")
        } else if !sound {
            plain(StatusCode::SERVICE_UNAVAILABLE, "the journal cannot be written\n")
        } else {
            plain(StatusCode::OK, "ready\n")
        }
    }

    fn metrics(&self) -> String {
        let (balance, ledger) = self.shared.recorder.snapshot();
        let (_, journal_sound) = self.shared.recorder.health();
        let reloads = &self.housekeeping.reloads;
        let snapshot = self.shared.snapshot();
        let fields = &snapshot.config.fields;
        let gauges = Gauges {
            refused: std::array::from_fn(|index| self.shared.refused[index].load(Ordering::Relaxed)),
            bad_heads: self.shared.bad_heads.load(Ordering::Relaxed),
            journal_sound,
            journal_bytes: self.housekeeping.journal_bytes.load(Ordering::Relaxed),
            journal_dropped: self.housekeeping.dropped_lines.load(Ordering::Relaxed),
            store: self.store(),
            pushed: self.pushed(),
            followers: self.followers.iter().map(|follower| state(follower)).collect(),
            body_memory: self.shared.memory.used(),
            wrong_fields: fields.wrong().map(|(name, wrong)| (name.to_owned(), wrong)).collect(),
            reloads_applied: reloads.applied.load(Ordering::Relaxed),
            reloads_refused: reloads.refused.load(Ordering::Relaxed),
            last_reload_applied: reloads.last_applied.load(Ordering::Relaxed),
            started: reloads.started,
            config_since: reloads.applied_at.load(Ordering::Relaxed),
            price_catalog_age: prices::age(&snapshot.config.prices.book().catalog, recorder::now()).as_secs(),
        };
        metrics::render(&balance, &ledger, &gauges)
    }
}

/// What the page of counters says of what was stored.
impl Admin {
    fn store(&self) -> StoreState {
        StoreState {
            sound: self.housekeeping.seals.load(Ordering::Relaxed),
            unsealed: self.shared.recorder.end().next().saturating_sub(self.library.shelf().sealed()),
            held: vec![("records", self.library.held()), ("pushed", self.receiver.library().held())],
        }
    }

    fn pushed(&self) -> PushState {
        let counts = &self.receiver.counts;
        let [stored, repeated, refused] =
            [&counts.stored, &counts.repeated, &counts.refused].map(|count| count.load(Ordering::Relaxed));
        PushState { stored, repeated, refused, bytes: self.receiver.bytes() }
    }
}

fn state(follower: &Progress) -> FollowerState {
    let dead = &follower.dead_letters;
    FollowerState {
        name: follower.name.clone(),
        lag: follower.lag(),
        errors: follower.errors(),
        bytes: follower.bytes(),
        dead_letters: dead.kept.load(Ordering::Relaxed),
        dead_letters_dropped: dead.dropped.load(Ordering::Relaxed),
    }
}

fn json(value: &serde_json::Value) -> Response<Full<Bytes>> {
    text(StatusCode::OK, "application/json", value.to_string())
}

fn with_cookie(cookie: Option<HeaderValue>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn plain(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    text(status, "text/plain; charset=utf-8", body.to_owned())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
