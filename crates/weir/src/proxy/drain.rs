//! Answers that go on without their callers, so that the provider's own figures arrive (`on_client_gone = "drain"`). They hold
//! their slots, and are bounded in time and bytes; what did not come within them is counted as if the answer had been closed.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::{RwLock, oneshot};

use super::answer::{Answer, Metered};
use super::body::within;
use super::exchange::Exchange;
use super::respond;
use crate::config::{Config, OnClientGone};

/// How long an answer goes on.
const LONGEST: Duration = Duration::from_secs(300);
/// How many bytes of it are read.
pub(super) const MOST_BYTES: u64 = 64 << 20;

/// Those that go on, so that a worker can wait for them.
#[derive(Debug, Clone, Default)]
pub struct Drains(Arc<RwLock<()>>);

impl Drains {
    /// Waits for those that go on.
    pub async fn settle(&self) {
        let _ = self.0.write().await;
    }
}

/// Whether any answer goes on without its caller.
pub(super) fn may_be_needed(config: &Config) -> bool {
    config.providers.iter().any(|provider| provider.on_client_gone == OnClientGone::Drain)
}

/// Answers on a task of its own, which the caller's going does not end: most providers begin an answer that is no stream
/// only when it is done.
pub(super) async fn detached(exchange: Exchange, head: Parts, body: Incoming) -> Response<Answer> {
    let (mut give, take) = oneshot::channel();
    let (drains, all) = (exchange.drains().clone(), exchange.worker().drains.clone());
    tokio::spawn(async move {
        let _guard = all.0.try_read_owned();
        let response = tokio::select! {
            biased;
            response = respond(exchange, head, body) => response,
            // What is under way is dropped, and recorded.
            () = left(&mut give, &drains) => return,
        };
        // Where nobody takes it the answer is dropped, and goes on as it does when a caller leaves in the middle of it.
        let _ = give.send(response);
    });
    match take.await {
        Ok(response) => response,
        // The task ends without an answer only if nobody waits for one, or with its runtime.
        Err(_) => pending().await,
    }
}

/// Ready when the caller has left, and the request is not one that goes on, or has for long enough.
async fn left(give: &mut oneshot::Sender<Response<Answer>>, drains: &AtomicBool) {
    give.closed().await;
    if drains.load(Ordering::Relaxed) {
        tokio::time::sleep(LONGEST).await;
    }
}

/// Reads on what a caller has left.
pub(super) fn go_on(mut metered: Box<Metered>) {
    // Where the runtime goes down there is nothing to read on with.
    let Ok(runtime) = Handle::try_current() else { return };
    let guard = metered.exchange().worker().drains.0.clone().try_read_owned();
    runtime.spawn(async move {
        let limit = metered.exchange().at_most(LONGEST);
        let _ = within(limit, poll_fn(|context| metered.poll_drain(context))).await;
        metered.leave();
        drop(guard);
    });
}
