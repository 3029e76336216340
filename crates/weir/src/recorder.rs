//! The recorder: no slot, no request; one admitted request, one final Record.
//!
//! Admission takes a slot: an entry in the table of what is in flight and room set aside in the journal for one line, so
//! that whoever was admitted gets recorded although the disk fills up meanwhile. The line's append, the counters and the
//! slot's return happen in one critical section, so accepted = recorded + in flight at every instant, and the counters are
//! at every instant the sums of the journal.

mod counting;
mod journaling;
mod ledger;
mod recovery;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meter::record::{self, LINE_LIMIT, Record};
use store::journal::End;
use store::{Inflight, Journal, Seq};
use tokio::sync::watch;

use crate::config::{Durability, OnJournalFailure};
use crate::error::ErrorKind;

pub use counting::{Ending, Tally};
pub use ledger::{Balance, Drawn, Histogram, Ledger, OVERHEAD_BUCKETS, SECONDS_BUCKETS, Series, Unrecorded};
pub use recovery::Recovered;

/// Bytes that a line usually fits in.
const USUAL_LINE: usize = 2048;
/// How long the committing thread sleeps when nobody wakes it.
const COMMIT_RETRY: Duration = Duration::from_millis(100);

/// How the recorder keeps its promises.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Slots.
    pub max_in_flight: u32,
    /// What a Record survives.
    pub durability: Durability,
    /// What happens while the journal cannot be written.
    pub on_failure: OnJournalFailure,
    /// When the journal's files are full.
    pub journal: store::Options,
}

/// See the module.
#[derive(Debug)]
pub struct Recorder {
    state: Mutex<State>,
    table: Inflight,
    options: Options,
    end: Arc<End>,
    first_new_line: Seq,
    /// Up to which line the journal is on the disk; the number of the next one. Moves only with `fsync`.
    synced: watch::Sender<Seq>,
    /// Set when a sync failed. The kernel reports that once and may drop what it could not write, so that no later success
    /// says anything of it: from then on nothing is promised any more.
    sync_failed: AtomicBool,
    /// The thread that commits in groups, to be woken when there is something to commit.
    committer: OnceLock<Thread>,
    table_errors: AtomicU64,
    counting: counting::Counting,
}

#[derive(Debug)]
struct State {
    journal: journaling::Journaling,
    slots: Slots,
    last_timestamp: u64,
    balance: Balance,
    ledger: Ledger,
}

/// Which slots are free. The last one returned is the first one taken, so that few are ever touched.
#[derive(Debug)]
struct Slots {
    free: Vec<u32>,
    /// Written since the table was last cleared of what has ended.
    dirty: Vec<bool>,
    in_flight: Vec<bool>,
}

impl Slots {
    fn new(count: u32) -> Slots {
        let none = vec![false; count as usize];
        Slots { free: (0..count).rev().collect(), dirty: none.clone(), in_flight: none }
    }

    fn take(&mut self) -> Option<u32> {
        let slot = self.free.pop()?;
        self.dirty[slot as usize] = true;
        self.in_flight[slot as usize] = true;
        Some(slot)
    }

    fn give_back(&mut self, slot: u32) {
        self.in_flight[slot as usize] = false;
        self.free.push(slot);
    }

    /// The slots that describe what has ended.
    fn ended(&mut self) -> Vec<u32> {
        let ended = |slot: &u32| self.dirty[*slot as usize] && !self.in_flight[*slot as usize];
        let ended: Vec<u32> = (0..self.dirty.len() as u32).filter(ended).collect();
        ended.iter().for_each(|slot| self.dirty[*slot as usize] = false);
        ended
    }
}

/// The right to one Record. Ends in [`Recorder::finish`].
#[derive(Debug)]
#[must_use = "a slot that is not finished stays in flight"]
pub struct Slot {
    place: Place,
    since: Seq,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Table(u32),
    /// Served while the journal cannot be written: counted, not recorded.
    Unrecorded,
}

impl Recorder {
    /// Opens the journal and the table in `dir` and records what an earlier process had admitted and not recorded.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(dir: &Path, options: Options) -> io::Result<(Recorder, Recovered)> {
        let (mut journal, found) = Journal::open(&dir.join("journal"), options.journal)?;
        let (table, orphans) = Inflight::open(&dir.join("inflight"), options.max_in_flight)?;
        let mut ledger = Ledger::default();
        let recovered = recovery::recover(&mut journal, &dir.join("journal"), orphans, found, &mut ledger)?;
        if options.durability == Durability::Fsync {
            journal.file().sync_data()?;
        }
        table.reset()?;
        let balance = Balance { accepted: recovered.lines, recorded: recovered.lines, ..Balance::default() };
        let recorder = Recorder {
            end: journal.end(),
            first_new_line: journal.next() - recovered.lines,
            synced: watch::Sender::new(journal.next()),
            state: Mutex::new(State {
                journal: journaling::Journaling::new(journal),
                slots: Slots::new(options.max_in_flight),
                last_timestamp: recovered.last_timestamp,
                balance,
                ledger,
            }),
            table,
            options,
            sync_failed: AtomicBool::new(false),
            committer: OnceLock::new(),
            table_errors: AtomicU64::new(0),
            counting: counting::Counting::default(),
        };
        Ok((recorder, recovered))
    }

    /// Takes a slot.
    ///
    /// # Errors
    /// [`ErrorKind::TooManyInFlight`], [`ErrorKind::JournalUnavailable`].
    pub fn admit(&self) -> Result<Slot, ErrorKind> {
        if self.sync_failed.load(Ordering::Relaxed) && self.options.on_failure == OnJournalFailure::Refuse {
            return Err(ErrorKind::JournalUnavailable);
        }
        let mut state = self.lock();
        let taken = u64::from(state.balance.in_flight) + 1;
        if let Err(error) = state.prepare(taken, &self.table) {
            return match self.options.on_failure {
                OnJournalFailure::Refuse => {
                    state.journal.report(&error);
                    Err(ErrorKind::JournalUnavailable)
                }
                OnJournalFailure::Serve if state.balance.unrecorded_in_flight < self.options.max_in_flight => {
                    state.journal.report(&error);
                    state.balance.unrecorded_in_flight += 1;
                    Ok(Slot { place: Place::Unrecorded, since: 0 })
                }
                OnJournalFailure::Serve => Err(ErrorKind::TooManyInFlight),
            };
        }
        let slot = state.slots.take().ok_or(ErrorKind::TooManyInFlight)?;
        state.balance.accepted += 1;
        state.balance.in_flight += 1;
        Ok(Slot { place: Place::Table(slot), since: state.journal.next() })
    }

    /// Writes into the table what is known of a request: one write to the kernel. Called again when more is known.
    ///
    /// # Errors
    /// The table cannot be written; a crash now would lose the request.
    pub fn describe(&self, slot: &Slot, record: &Record, scratch: &mut Vec<u8>) -> io::Result<()> {
        let Place::Table(index) = slot.place else { return Ok(()) };
        scratch.clear();
        record::render_begun(record, store::inflight::DESCRIPTION, scratch);
        self.table.write(index, &record.request_id, slot.since, scratch).inspect_err(|error| {
            if self.table_errors.fetch_add(1, Ordering::Relaxed) == 0 {
                crate::log::say(format_args!("the table of what is in flight cannot be written: {error}"));
            }
        })
    }

    /// Appends the Record of a request that has ended and gives its slot back. Returns the line's number, unless the line
    /// is waiting for a journal that cannot be written, or was never to be recorded.
    pub fn finish(&self, slot: Slot, mut record: Box<Record>) -> Option<Seq> {
        let mut line = Vec::with_capacity(USUAL_LINE);
        // Everything but the timestamp is written before the lock is taken; the timestamp has a fixed width.
        record::render(&record, &mut line);
        let mut state = self.lock();
        let Place::Table(index) = slot.place else {
            state.balance.unrecorded_in_flight -= 1;
            state.ledger.unrecorded.add(&record);
            return None;
        };
        record.timestamp = now().max(state.last_timestamp + 1);
        state.last_timestamp = record.timestamp;
        stamp(&mut line, record.timestamp);
        let seq = state.append(index, line, record);
        drop(state);
        if let Some(committer) = self.committer.get() {
            committer.unpark();
        }
        seq
    }

    /// Tries what a failing journal left undone, begins a new file where one is due, and syncs. Called regularly.
    pub fn tend(&self) {
        let left = {
            let mut state = self.lock();
            // For one more than there are, as an admission would: a journal that has room for nobody is not sound.
            let next = u64::from(state.balance.in_flight) + 1;
            if let Err(error) = state.prepare(next, &self.table) {
                state.journal.report(&error);
            }
            state.journal.take_left()
        };
        // A file whose room cannot be given back keeps it; nothing else depends on that.
        left.into_iter().for_each(|left| drop(left.give_back()));
    }

    /// Leaves a piece of an answer's text to be counted.
    pub fn hear(&self, tally: &Arc<Tally>, raw: Vec<u8>) {
        self.counting.hear(tally, raw);
    }

    /// Leaves what ends a request whose tokens have to be counted first. It calls [`Recorder::finish`].
    pub fn end_counted(&self, tally: Option<Arc<Tally>>, ending: Ending) {
        self.counting.end(tally, ending);
    }

    /// Before the thread of [`Recorder::count`] is started.
    pub fn expect_count(&self) {
        self.counting.expect_work();
    }

    /// Counts tokens until [`Recorder::stop_count`] is called and nothing is left: the body of a thread of its own.
    pub fn count(&self) {
        self.counting.work();
    }

    /// Lets the counting thread end.
    pub fn stop_count(&self) {
        self.counting.stop();
    }

    /// Waits until line `seq` is on the disk; at once unless `durability = "fsync"`.
    pub async fn synced(&self, seq: Seq) {
        if self.options.durability == Durability::Fsync {
            // The sender lives as long as the recorder.
            let _ = self.synced.subscribe().wait_for(|synced| *synced > seq).await;
        }
    }

    /// Whether answers wait for the disk.
    #[must_use]
    pub fn waits_for_disk(&self) -> bool {
        self.options.durability == Durability::Fsync
    }

    /// Commits in groups until told to stop: the body of a thread of its own, with `durability = "fsync"`. All that was
    /// appended while one sync ran shares the next.
    pub fn commit(&self, stop: &AtomicBool) {
        let _ = self.committer.set(std::thread::current());
        loop {
            let stopping = stop.load(Ordering::Acquire);
            if let Err(error) = self.sync() {
                if !self.sync_failed.swap(true, Ordering::Relaxed) {
                    crate::log::say(format_args!(
                        "the disk could not take the journal: {error}; what was answered lately may not survive a loss of \
                         power. No request is accepted until the disk is sound and Weir is started again"
                    ));
                }
                // Their answers were paid for; holding them back would make nothing safer.
                self.synced.send_replace(Seq::MAX);
            }
            if stopping {
                return;
            }
            std::thread::park_timeout(COMMIT_RETRY);
        }
    }

    fn sync(&self) -> io::Result<()> {
        let (file, next) = {
            let state = self.lock();
            (state.journal.file(), state.journal.next())
        };
        if *self.synced.borrow() < next {
            file.sync_data()?;
            self.synced.send_replace(next);
        }
        Ok(())
    }

    /// How far the journal has come.
    #[must_use]
    pub fn end(&self) -> Arc<End> {
        self.end.clone()
    }

    /// The number of the first line that this process wrote, what it recovered included: where a new follower begins.
    #[must_use]
    pub fn first_new_line(&self) -> Seq {
        self.first_new_line
    }

    /// The number of the first line in the file being written.
    #[must_use]
    pub fn current_file(&self) -> Seq {
        self.lock().journal.first()
    }

    /// The balance and the sums, as they are at one instant.
    #[must_use]
    pub fn snapshot(&self) -> (Balance, Ledger) {
        let state = self.lock();
        (state.balance.clone(), state.ledger.clone())
    }

    /// The balance at one instant, and whether the journal can be written.
    #[must_use]
    pub fn health(&self) -> (Balance, bool) {
        let state = self.lock();
        (state.balance.clone(), state.journal.is_sound() && !self.sync_failed.load(Ordering::Relaxed))
    }

    /// Gives back to the disk what was set aside. Nothing is appended afterwards.
    ///
    /// # Errors
    /// The file system refused.
    pub fn close(&self) -> io::Result<()> {
        let mut state = self.lock();
        let in_flight = u64::from(state.balance.in_flight);
        // A last try for what waits.
        let _ = state.prepare(in_flight, &self.table);
        if state.balance.in_flight == 0 {
            let ended = state.slots.ended();
            self.table.forget_ended(&ended)?;
        }
        state.journal.close()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not stop recording; every change below is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes sure that `lines` more lines have room in a journal that works.
    fn prepare(&mut self, lines: u64, table: &Inflight) -> io::Result<()> {
        let settled = self.journal.retry()?;
        self.settle(settled);
        if self.journal.is_due() {
            // Slots of what has ended must not outlive the file that says so. If they cannot be cleared, or the disk has
            // no room for another file, the old file goes on.
            let ended = self.slots.ended();
            if table.forget_ended(&ended).is_err() {
                ended.iter().for_each(|slot| self.slots.dirty[*slot as usize] = true);
            } else {
                self.journal.rotate(lines * LINE_LIMIT as u64);
            }
        }
        self.journal.ensure_room(lines * LINE_LIMIT as u64)
    }

    fn append(&mut self, slot: u32, line: Vec<u8>, record: Box<Record>) -> Option<Seq> {
        match self.journal.append(line, slot, record) {
            Ok((seq, record)) => {
                self.count(slot, &record);
                Some(seq)
            }
            Err(error) => {
                self.journal.report(&error);
                None
            }
        }
    }

    fn settle(&mut self, settled: Vec<(u32, Box<Record>)>) {
        for (slot, record) in settled {
            self.count(slot, &record);
        }
    }

    fn count(&mut self, slot: u32, record: &Record) {
        self.ledger.add(record);
        self.balance.recorded += 1;
        self.balance.in_flight -= 1;
        self.slots.give_back(slot);
    }
}

/// Nanoseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes the timestamp over the one that a rendered line begins with.
fn stamp(line: &mut [u8], timestamp: u64) {
    const AT: usize = b"{\"timestamp\":\"".len();
    line[AT..AT + meter::time::WIDTH].copy_from_slice(&meter::time::format(timestamp));
}

#[cfg(test)]
mod tests;
