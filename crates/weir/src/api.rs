//! What Weir knows, asked at `/api/v1/…`: the panels, the fields, how Weir is doing. What happened is asked in LogQL.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use store::Library;
use store::library::Held;
use store::lot::lots;

use address::Members;

use crate::config::{Config, Slo};
use crate::panels::{self, Selection};
use crate::proxy::Shared;
use crate::push::Receiver;
use crate::server::Housekeeping;
use crate::sink::Progress;
use crate::{COMMIT, VERSION, prices, recorder};

mod address;
mod field;
mod price;

/// What all of its paths begin with.
pub const PREFIX: &str = "/api/v1/";

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The proxy's side.
    pub shared: &'a Shared,
    /// The followers.
    pub followers: &'a [Arc<Progress>],
    /// What is known of the journal's files.
    pub housekeeping: &'a Housekeeping,
    /// The segments of what was sealed.
    pub library: &'a Library,
    /// What others pushed.
    pub receiver: &'a Receiver,
}

impl Known<'_> {
    /// The answer to what follows [`PREFIX`], with the members of the address; nothing if there is no such question.
    ///
    /// # Errors
    /// The question makes no sense: what to say.
    #[must_use]
    pub fn answer(&self, question: &str, members: &str) -> Option<Result<Value, String>> {
        let snapshot = self.shared.snapshot();
        match question {
            "panels" => Some(Ok(panels())),
            "fields" => Some(Ok(field::list(&snapshot.config.fields))),
            "status" => Some(Ok(self.status())),
            "price" => Some(price::answer(&Members::read(members), &snapshot.config)),
            _ => None,
        }
    }

    fn status(&self) -> Value {
        let (balance, _) = self.shared.recorder.snapshot();
        let (_, sound) = self.shared.recorder.health();
        let snapshot = self.shared.snapshot();
        let (kept, reloads) = (self.housekeeping, &self.housekeeping.reloads);
        json!({
            "version": VERSION,
            "commit": COMMIT,
            "now": seconds(recorder::now()),
            "draining": self.shared.draining.load(Ordering::Relaxed),
            "callers_url": callers_url(&snapshot.config),
            "instance": snapshot.config.instance,
            "simulated": snapshot.config.simulated,
            "slo": snapshot.config.slos.iter().map(slo).collect::<Vec<_>>(),
            "grafana": snapshot.config.grafana.as_ref().map(|grafana| {
                json!({ "url": grafana.url, "datasource": grafana.datasource })
            }),
            "providers": snapshot.config.providers.iter().map(|provider| &provider.name).collect::<Vec<_>>(),
            "balance": {
                "accepted": balance.accepted,
                "recorded": balance.recorded,
                "in_flight": balance.in_flight,
                "unrecorded_in_flight": balance.unrecorded_in_flight,
            },
            "journal": {
                "sound": sound,
                "bytes": kept.journal_bytes.load(Ordering::Relaxed),
                "dropped_lines": kept.dropped_lines.load(Ordering::Relaxed),
            },
            "backend": snapshot.config.backend.is_some(),
            "store": self.store(&snapshot.config.data_dir),
            "pushed": self.pushed(),
            "followers": self.followers.iter().map(|follower| follower_state(follower)).collect::<Vec<_>>(),
            "configuration": {
                "sound": reloads.last_applied.load(Ordering::Relaxed),
                "since": reloads.applied_at.load(Ordering::Relaxed),
            },
            "prices": {
                "as_of": meter::time::day_text(snapshot.config.prices.book().catalog.as_of()),
                "age_seconds": prices::age(&snapshot.config.prices.book().catalog, recorder::now()).as_secs(),
            },
        })
    }
}

impl Known<'_> {
    fn store(&self, data_dir: &Path) -> Value {
        let shelf = self.library.shelf();
        let others = lots(data_dir).unwrap_or_default().iter().filter(|lot| lot.dir() != data_dir).count();
        json!({
            "sound": self.housekeeping.seals.load(Ordering::Relaxed),
            "unsealed_lines": self.shared.recorder.end().next().saturating_sub(shelf.sealed()),
            "records": held(&self.library.held()),
            "pushed": held(&self.receiver.library().held()),
            "others": others,
        })
    }

    fn pushed(&self) -> Value {
        let counts = &self.receiver.counts;
        json!({
            "stored": counts.stored.load(Ordering::Relaxed),
            "repeated": counts.repeated.load(Ordering::Relaxed),
            "refused": counts.refused.load(Ordering::Relaxed),
            "memory_bytes": self.receiver.bytes(),
        })
    }
}

/// What segments hold.
fn held(held: &Held) -> Value {
    let instant = |nanos: Option<i64>| nanos.and_then(|nanos| u64::try_from(nanos).ok()).map(seconds);
    json!({
        "segments": held.segments,
        "bytes": held.bytes,
        "lines": held.lines,
        "oldest": instant(held.oldest),
        "newest": instant(held.newest),
        "damaged": held.damaged,
    })
}

/// Seconds since 1970, to the millisecond.
fn seconds(nanos: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a float for 285,000 years")]
    let millis = (nanos / 1_000_000) as f64;
    millis / 1000.0
}

fn slo(slo: &Slo) -> Value {
    json!({ "model": slo.model, "p95_seconds": slo.p95.map(|span| span.as_secs_f64()), "availability": slo.availability })
}

fn callers_url(config: &Config) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}/v1", config.listen)
}

fn follower_state(follower: &Progress) -> Value {
    json!({
        "name": follower.name,
        "lag_lines": follower.lag(),
        "errors": follower.errors(),
        "dead_letters": follower.dead_letters.kept.load(Ordering::Relaxed),
        "dead_letters_dropped": follower.dead_letters.dropped.load(Ordering::Relaxed),
    })
}

fn panels() -> Value {
    let selection = Selection::default();
    let all = panels::PANELS.iter().filter(|panel| !panel.logql.is_empty());
    let listed: Vec<Value> = all
        .map(|panel| {
            let queries = panel
                .logql
                .iter()
                .map(|query| json!({ "logql": selection.expand(query.expr), "legend": query.legend, "by": query.by }));
            json!({
                "title": panel.title,
                "description": panel.description,
                "kind": panel.kind.name(),
                "unit": panel.unit.name(),
                "lines": panel.lines.map(|lines| selection.expand(lines)),
                "queries": queries.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "stream": selection.stream(), "requests": selection.expand("{requests}"), "panels": listed })
}
