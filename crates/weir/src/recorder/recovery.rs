//! What an earlier process had admitted and not recorded gets its Record now.
//!
//! The outcome depends on the journal and the table alone, not on when or how often it is tried: a recovery that is killed
//! and repeated writes the same lines. The table is emptied only when all of them are in the journal.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use meter::record::{EndReason, Line, Owned, Record, Status, id_text};
use store::journal::{Found, scan};
use store::{Journal, Orphan};

use super::Ledger;

/// What opening found and did.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Records of requests that an earlier process did not finish.
    pub lines: u64,
    /// Bytes of an unfinished line that were cut off.
    pub torn_bytes: u64,
    /// Where bytes that were not lines were put.
    pub set_aside: Option<PathBuf>,
    /// The journal's last timestamp.
    pub last_timestamp: u64,
}

/// The error that says what happened.
const KILLED: &str = "weir_proxy_killed";

pub(super) fn recover(
    journal: &mut Journal,
    dir: &Path,
    mut orphans: Vec<Orphan>,
    found: Found,
    ledger: &mut Ledger,
) -> io::Result<Recovered> {
    orphans.retain({
        let recorded = recorded_since(dir, &orphans)?;
        move |orphan| !recorded.contains(&orphan.id)
    });
    let mut recovered = Recovered {
        last_timestamp: found.last_line.as_deref().and_then(timestamp).unwrap_or(0),
        torn_bytes: found.torn_bytes,
        set_aside: found.set_aside,
        ..Recovered::default()
    };
    // The process was alive when it last wrote anything; nothing better is known of its end.
    let alive = orphans.iter().filter_map(|orphan| started_at(&Line::parse(&orphan.description)?)).max().unwrap_or(0);
    recovered.last_timestamp = recovered.last_timestamp.max(alive);
    for orphan in &orphans {
        recovered.last_timestamp += 1;
        let mut text = Vec::new();
        line(orphan, recovered.last_timestamp).render(&mut text);
        journal.append(&text, 1)?;
        ledger.add_recovered(&Line::parse(&text).unwrap_or_default());
        recovered.lines += 1;
    }
    Ok(recovered)
}

/// The ids among the orphans' that the journal has a Record of.
fn recorded_since(dir: &Path, orphans: &[Orphan]) -> io::Result<HashSet<[u8; 16]>> {
    let mut recorded = HashSet::new();
    let Some(since) = orphans.iter().map(|orphan| orphan.since).min() else { return Ok(recorded) };
    let wanted: HashSet<[u8; 36]> = orphans.iter().map(|orphan| id_text(&orphan.id)).collect();
    scan(dir, since, |_, body| {
        let Some(id) = memchr::memmem::find(body, b"\"request_id\":\"").and_then(|at| body.get(at + 14..at + 50))
        else {
            return;
        };
        if wanted.contains(id) {
            recorded.extend(meter::record::id_from_text(id));
        }
    })?;
    Ok(recorded)
}

/// The line of a request that was in flight when its process died.
fn line(orphan: &Orphan, timestamp: u64) -> Line {
    let mut line = Line::parse(&orphan.description).unwrap_or_else(|| {
        // The table was written while the process died, or by hand: the id is what is left.
        let mut bare = Vec::new();
        meter::record::render(&Record { request_id: orphan.id, ..Record::default() }, &mut bare);
        Line::parse(&bare).unwrap_or_default()
    });
    let text = |text: &str| Owned::Text(text.to_owned());
    let processing = started_at(&line).map_or(0, |started| timestamp.saturating_sub(started));
    line.set("timestamp", Owned::Time(timestamp));
    line.set("request_id", Owned::Id(orphan.id));
    line.set("logger_name", text("llm-metrics"));
    line.set("level", text(Status::Error.level()));
    line.set("event", text(Status::Error.event()));
    line.set("status", text(Status::Error.name()));
    line.set("processing_time_seconds", Owned::Fixed(processing / 1000, 6));
    line.set("error_type", text(KILLED));
    line.set("error_message", text("the proxy was stopped before the answer was over"));
    line.set("end_reason", text(EndReason::ProxyKilled.name()));
    line
}

fn started_at(line: &Line) -> Option<u64> {
    match line.get("started_at") {
        Some(Owned::Time(nanos)) => Some(*nanos),
        _ => None,
    }
}

fn timestamp(line: &[u8]) -> Option<u64> {
    const AT: usize = b"{\"timestamp\":\"".len();
    meter::time::parse(line.get(AT..AT + meter::time::WIDTH)?)
}
