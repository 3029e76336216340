//! A journal that may fail for a while: lines it could not take wait in memory, and it is tried again.
//!
//! What waits is bounded: every waiting line holds its slot.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meter::record::Record;
use store::journal::Left;
use store::{Journal, Seq};

/// How often a failing journal is tried.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Waiting {
    line: Vec<u8>,
    slot: u32,
    record: Box<Record>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Journaling {
    journal: Journal,
    waiting: VecDeque<Waiting>,
    failed: Option<Failure>,
    /// When a new file could not be begun.
    stuck: Option<Instant>,
    /// Files that were left and still hold room; there is a handful at most before somebody takes care of them.
    left: Vec<Left>,
}

#[derive(Debug)]
struct Failure {
    /// When it was last tried.
    tried: Instant,
    kind: io::ErrorKind,
    text: String,
    reported: bool,
}

impl Journaling {
    pub(super) fn new(journal: Journal) -> Journaling {
        Journaling { journal, waiting: VecDeque::new(), failed: None, stuck: None, left: Vec::new() }
    }

    pub(super) fn next(&self) -> Seq {
        self.journal.next()
    }

    pub(super) fn first(&self) -> Seq {
        self.journal.first()
    }

    pub(super) fn file(&self) -> Arc<File> {
        self.journal.file()
    }

    pub(super) fn is_due(&self) -> bool {
        let stuck = self.stuck.is_some_and(|tried| tried.elapsed() < RETRY);
        !stuck && self.journal.is_due() && self.waiting.is_empty()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.failed.is_none()
    }

    /// Gives back what was set aside. What still waits is lost to this process, and that is said.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            let count = self.waiting.len();
            return Err(io::Error::other(format!(
                "{count} Records could not be written ({}); the next start records their requests without tokens",
                self.error()
            )));
        }
        self.journal.close()
    }

    /// Appends a line, behind those that wait. A line that cannot be written waits, and its Record with it.
    pub(super) fn append(&mut self, line: Vec<u8>, slot: u32, record: Box<Record>) -> io::Result<(Seq, Box<Record>)> {
        if self.waiting.is_empty() {
            match self.journal.append(&line, 1) {
                Ok(seq) => return Ok((seq, record)),
                Err(error) => self.fail(&error),
            }
        }
        self.waiting.push_back(Waiting { line, slot, record });
        Err(self.error())
    }

    /// Writes what waits, if the journal failed some time ago; returns what was written.
    pub(super) fn retry(&mut self) -> io::Result<Vec<(u32, Box<Record>)>> {
        let mut settled = Vec::new();
        let Some(failure) = &self.failed else { return Ok(settled) };
        if failure.tried.elapsed() < RETRY {
            return Err(self.error());
        }
        while let Some(first) = self.waiting.front() {
            if let Err(error) = self.journal.append(&first.line, 1) {
                self.fail(&error);
                // What was written before counts, whatever comes now.
                return if settled.is_empty() { Err(error) } else { Ok(settled) };
            }
            settled.extend(self.waiting.pop_front().map(|waiting| (waiting.slot, waiting.record)));
        }
        Ok(settled)
    }

    /// Sets room aside, and with that a journal is sound again.
    pub(super) fn ensure_room(&mut self, bytes: u64) -> io::Result<()> {
        if !self.waiting.is_empty() {
            return Err(self.error());
        }
        match self.journal.ensure_room(bytes) {
            Ok(()) => {
                if self.failed.take().is_some_and(|failure| failure.reported) {
                    crate::log::say(format_args!("the journal can be written again"));
                }
                Ok(())
            }
            Err(error) => {
                self.fail(&error);
                Err(error)
            }
        }
    }

    /// Begins a new file, if the disk has room for one; if not, the old one goes on.
    pub(super) fn rotate(&mut self, room: u64) {
        match self.journal.rotate(room) {
            Ok(left) => {
                self.stuck = None;
                self.left.push(left);
            }
            Err(_) => self.stuck = Some(Instant::now()),
        }
    }

    /// The files that were left, for whoever has time to wait for the disk.
    pub(super) fn take_left(&mut self) -> Vec<Left> {
        std::mem::take(&mut self.left)
    }

    /// Says once per failure what is wrong.
    pub(super) fn report(&mut self, error: &io::Error) {
        if let Some(failure) = &mut self.failed
            && !failure.reported
        {
            failure.reported = true;
            crate::log::say(format_args!(
                "the journal cannot be written: {error}; no request is recorded until it can, and those under way wait to be"
            ));
        }
    }

    fn fail(&mut self, error: &io::Error) {
        let reported = self.failed.as_ref().is_some_and(|failure| failure.reported);
        self.failed = Some(Failure { tried: Instant::now(), kind: error.kind(), text: error.to_string(), reported });
    }

    fn error(&self) -> io::Error {
        match &self.failed {
            Some(failure) => io::Error::new(failure.kind, failure.text.clone()),
            None => io::Error::other("lines are waiting"),
        }
    }
}
