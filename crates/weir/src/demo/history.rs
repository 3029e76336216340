//! The demo's past: what would be on record if the town had used Weir for the last weeks.

use std::fs;
use std::io;

use store::{DataDir, DataDirError};

use crate::config::Config;
use crate::simulate::history::{DAYS, History};

/// The seed of the demo's town.
const SEED: u64 = 1;
const DAY: u64 = 86_400_000_000_000;

/// Why there is no past.
#[derive(Debug, thiserror::Error)]
pub(super) enum HistoryError {
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The file system refused.
    #[error("the history cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Writes a past of so many Records up to `now` (nanoseconds since 1970) into a data directory that has none yet, and returns how
/// many it wrote: 0 where there were some before.
pub(super) fn write(config: &Config, records: u64, now: u64) -> Result<u64, HistoryError> {
    let data_dir = DataDir::open(&config.data_dir)?;
    let (journal, begun) = (data_dir.path().join("journal"), data_dir.path().join("journal.begun"));
    if records == 0 || journal.exists() {
        return Ok(0);
    }
    // Put in its place as a whole, so that nobody finds half a past.
    match fs::remove_dir_all(&begun) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let start = now.saturating_sub(DAYS * DAY);
    let records = History::of(config.clone(), records, start, now, SEED).write(&begun)?;
    fs::rename(&begun, &journal)?;
    Ok(records)
}
