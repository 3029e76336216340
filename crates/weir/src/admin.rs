//! The operators' side: `/metrics`, `/healthz`, `/readyz`, questions about what was recorded, what Weir knows at `/api/v1/…`, and
//! Weir's own page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;

use crate::api::{self, Known};
use crate::error::{Error, ErrorKind};
use crate::hub::{self, Hub};
use crate::metrics::{self, FollowerState, Gauges};
use crate::page;
use crate::prices;
use crate::proxy::{Gate, Shared};
use crate::push::Receiver;
use crate::query::{self, Api};
use crate::recorder;
use crate::server::Housekeeping;
use crate::sink::Progress;

/// What operators are told from.
#[derive(Debug)]
pub struct Admin {
    /// The proxy's side.
    pub shared: Arc<Shared>,
    /// The followers.
    pub followers: Vec<Arc<Progress>>,
    /// What is known of the journal's files.
    pub housekeeping: Arc<Housekeeping>,
    /// Where operators connect.
    pub address: SocketAddr,
    /// Who answers questions.
    pub api: Api,
    /// Who takes what others push.
    pub receiver: Arc<Receiver>,
    /// Who takes what other Weirs bring.
    pub hub: Arc<Hub>,
}

impl Admin {
    /// Answers an operator.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let gate = Gate::for_address(self.address, &self.shared.snapshot().config.allowed_hosts, &[]);
        if let Err(error) = gate.check_host(&head).and_then(|()| gate.check_page(&head)) {
            return error.response(None).map(Full::new);
        }
        if head.uri.path() == hub::PATH {
            let snapshot = self.shared.snapshot();
            return self.hub.receive(&head, body, snapshot.config.hub_token.as_ref()).await;
        }
        if head.uri.path().strip_prefix(query::PREFIX) == Some("push") {
            let now = i64::try_from(recorder::now()).unwrap_or(i64::MAX);
            return self.receiver.receive(&head, body, &self.shared.snapshot().config.push.clone(), now).await;
        }
        if head.uri.path().starts_with(query::PREFIX) {
            return self.api.answer(&head, body).await;
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            let message = format!("{} takes GET, not {}", head.uri.path(), head.method);
            return Error::new(ErrorKind::MethodNotAllowed, message).response(None).map(Full::new);
        }
        match head.uri.path() {
            "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics()),
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" | "/ready" => self.ready(),
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
        let known = Known { shared: &self.shared, followers: &self.followers, housekeeping: &self.housekeeping };
        let answer = known.answer(uri.path().strip_prefix(api::PREFIX)?, uri.query().unwrap_or_default())?;
        let (status, body) = match answer {
            Ok(answer) => (StatusCode::OK, answer),
            Err(message) => (StatusCode::BAD_REQUEST, json!({ "message": message })),
        };
        let mut response = text(status, "application/json", body.to_string());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
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
            followers: self.followers.iter().map(|follower| state(follower)).collect(),
            body_memory: self.shared.memory.used(),
            wrong_fields: fields.wrong().map(|(name, wrong)| (name.to_owned(), wrong)).collect(),
            reloads_applied: reloads.applied.load(Ordering::Relaxed),
            reloads_refused: reloads.refused.load(Ordering::Relaxed),
            last_reload_applied: reloads.last_applied.load(Ordering::Relaxed),
            config_since: reloads.applied_at.load(Ordering::Relaxed),
            price_catalog_age: prices::age(&snapshot.config.prices.book().catalog, recorder::now()).as_secs(),
        };
        metrics::render(&balance, &ledger, &gauges)
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

fn plain(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    text(status, "text/plain; charset=utf-8", body.to_owned())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
