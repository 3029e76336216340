//! Sending dead letters again.

use std::io;
use std::path::Path;

use super::dead::{DeadLetters, Letter};
use super::entry::{Entry, Shape, Unfit};
use super::{Pusher, directory};
use crate::config::LokiConfig;

/// How often a replay tries what cannot be sent now.
const TRIES: u32 = 5;

/// What came of a replay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Lines that Loki has now.
    pub sent: u64,
    /// Lines that were refused again; they are dead letters as before.
    pub refused: u64,
}

/// Sends a follower's dead letters again. May run beside Weir.
///
/// # Errors
/// Loki cannot be reached, or a file cannot be used; then every letter stays where it is.
pub fn replay(config: &LokiConfig, data_dir: &Path) -> io::Result<Replayed> {
    let dir = directory(data_dir);
    let dead = DeadLetters::new(&dir, &config.name, config.dead_letter_bytes);
    let Some(taken) = dead.take()? else { return Ok(Replayed::default()) };
    let mut shape = Shape::new(config, &dir.join(format!("{}.labels", config.name)))?;
    let (mut entries, mut refused) = (Vec::new(), Vec::new());
    for letter in &taken.letters {
        match shape.entry(letter.seq, letter.line.get().as_bytes()) {
            Ok(entry) => entries.push(entry),
            Err(Unfit::Line(reason)) => refused.push(Letter { reason: reason.to_owned(), ..again(letter) }),
            Err(Unfit::Io(error)) => return Err(error),
        }
    }
    let mut sent = 0;
    push_patiently(&mut Pusher::new(config)?, &entries, &mut |entry, reason| match reason {
        None => sent += 1,
        // It was a letter before, so it can be one.
        Some(reason) => refused.extend(Letter::new(entry.seq, entry.line, reason).ok()),
    })?;
    let replayed = Replayed { sent, refused: refused.len() as u64 };
    drop(entries);
    dead.settle(taken, &refused)?;
    Ok(replayed)
}

fn again(letter: &Letter) -> Letter {
    Letter { seq: letter.seq, reason: letter.reason.clone(), line: letter.line.clone() }
}

fn push_patiently(
    pusher: &mut Pusher,
    entries: &[Entry<'_>],
    settled: &mut impl FnMut(&Entry<'_>, Option<&str>),
) -> io::Result<()> {
    let (mut done, mut failures) = (0, 0);
    loop {
        let before = done;
        let outcome = pusher.push(&entries[done..], &mut |entry, reason| {
            done += 1;
            settled(entry, reason);
        });
        let Err(error) = outcome else { return Ok(()) };
        failures = if done > before { 1 } else { failures + 1 };
        if failures >= TRIES {
            return Err(error);
        }
        std::thread::sleep(pusher.patience.pause(failures));
    }
}
