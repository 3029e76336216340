//! The threads that look after what ended: the journal, its segments, what others push and what other Weirs bring.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use store::Library;
use store::library::Libraries;

use super::{Housekeeping, grid};
use crate::config::{Config, Durability};
use crate::hub::Hub;
use crate::prices;
use crate::proxy::Shared;
use crate::push::Receiver;
use crate::recorder;
use crate::seal::{self, Sealing};
use crate::sink::Progress;

/// How often the journal is looked after.
const TEND: Duration = Duration::from_millis(250);
/// How often old files are looked for.
const TRIM: Duration = Duration::from_secs(10);

/// The threads that look after the journal: one that tends and trims, one that seals, and one that syncs.
pub(super) fn threads(
    config: &Config,
    shared: &Arc<Shared>,
    followers: &[Arc<Progress>],
    (library, others): (&Arc<Library>, &Arc<Libraries>),
    housekeeping: &Arc<Housekeeping>,
    (receiver, hub): (&Arc<Receiver>, &Arc<Hub>),
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let mut keepers = vec![thread("keep-journal").spawn({
        let (shared, followers) = (shared.clone(), followers.to_vec());
        let (library, housekeeping, stop) = (library.clone(), housekeeping.clone(), stop.clone());
        move || keep(&shared, &followers, &library, &housekeeping, &stop)
    })?];
    keepers.push(thread("ask-grids").spawn({
        let (shared, stop) = (shared.clone(), stop.clone());
        move || grid::ask(&shared, &stop)
    })?);
    keepers.push(thread("keep-pushed").spawn({
        let (receiver, hub, shared, stop) = (receiver.clone(), hub.clone(), shared.clone(), stop.clone());
        move || keep_others(&receiver, &hub, &shared, &stop)
    })?);
    keepers.push(thread("seal-journal").spawn({
        let (current, retention, keep, stop) = (shared.clone(), shared.clone(), shared.clone(), stop.clone());
        let sealing = Sealing {
            library: library.clone(),
            journal: config.data_dir.join("journal"),
            // Where nothing is to be sealed, no file is complete.
            current: move || match current.snapshot().config.store.enabled {
                true => current.recorder.current_file(),
                false => 0,
            },
            retention: move || retention.snapshot().config.store.retention,
            others: others.clone(),
            keep: move || keep.snapshot().config.journal.keep,
            sound: housekeeping.seals.clone(),
        };
        move || sealing.run(&stop)
    })?);
    if config.durability == Durability::Fsync {
        let (shared, stop) = (shared.clone(), stop.clone());
        keepers.push(thread("sync-journal").spawn(move || shared.recorder.commit(&stop))?);
    }
    Ok(keepers)
}

fn keep(
    shared: &Shared,
    followers: &[Arc<Progress>],
    library: &Library,
    housekeeping: &Housekeeping,
    stop: &AtomicBool,
) {
    let mut trimmed: Option<Instant> = None;
    let mut freshness = prices::Freshness::default();
    while !stop.load(Ordering::Acquire) {
        shared.recorder.tend();
        freshness.look(&shared.snapshot().config.prices.book().catalog, recorder::now());
        if trimmed.is_none_or(|trimmed| trimmed.elapsed() >= TRIM) {
            trimmed = Some(Instant::now());
            if let Err(error) = trim(shared, followers, library, housekeeping) {
                crate::log::say(format_args!("old journal files could not be looked after: {error}"));
            }
        }
        std::thread::park_timeout(TEND);
    }
}

/// Looks after what others push, and after the Records that other Weirs bring.
fn keep_others(receiver: &Receiver, hub: &Hub, shared: &Shared, stop: &AtomicBool) {
    seal::stand_behind();
    let (mut failing, mut tidied): (bool, Option<Instant>) = (false, None);
    while !stop.load(Ordering::Acquire) {
        let now = i64::try_from(recorder::now()).unwrap_or(i64::MAX);
        let mut tended = receiver.tend();
        if tidied.is_none_or(|tidied| tidied.elapsed() >= TRIM) {
            tidied = Some(Instant::now());
            let snapshot = shared.snapshot();
            tended = tended.and_then(|()| receiver.tidy(&snapshot.config.push, now, stop));
            let place = || snapshot.config.data_dir.join(store::data_dir::HUB);
            let rested = hub.rest(snapshot.config.journal.rotate_after);
            tended = tended.and(rested.map_err(|source| store::SegmentError::Io { path: place(), source }));
        }
        if let Err(error) = &tended
            && !failing
        {
            crate::log::say(format_args!("what others brought could not be looked after: {error}"));
        }
        failing = tended.is_err();
        std::thread::park_timeout(TEND);
    }
}

fn trim(
    shared: &Shared,
    followers: &[Arc<Progress>],
    library: &Library,
    housekeeping: &Housekeeping,
) -> io::Result<()> {
    let snapshot = shared.snapshot();
    let (dir, journal) = (snapshot.config.data_dir.join("journal"), snapshot.config.journal);
    let current = shared.recorder.current_file();
    // What is not in a segment yet is nowhere else.
    let sealed = if snapshot.config.store.enabled { library.shelf().sealed() } else { current };
    let passed = followers.iter().map(|follower| follower.next()).fold(sealed, u64::min);
    let trimmed = store::journal::trim(&dir, current, passed, journal.keep, journal.max_bytes)?;
    housekeeping.journal_bytes.store(trimmed.bytes, Ordering::Relaxed);
    if trimmed.unseen_lines > 0 {
        housekeeping.dropped_lines.fetch_add(trimmed.unseen_lines, Ordering::Relaxed);
        crate::log::say(format_args!(
            "journal.max_bytes is reached: {} lines went that a follower had not read, or that were not sealed",
            trimmed.unseen_lines
        ));
    }
    Ok(())
}
