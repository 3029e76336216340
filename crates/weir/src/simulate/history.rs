//! History: Records of requests that never were, over days that have passed, with stories in them that are worth finding.
//!
//! What callers asked and providers answered is made up, byte by byte and on a clock of its own. What becomes of it is not: the
//! same meter, prices and rates make the Records. Each says that it is simulated. The same options give the same Records.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use meter::record::{Record, render};
use store::{DataDir, Journal};

use super::chance::generator;
use super::number::above_zero;
use crate::config::{Config, ConfigError, Written};

mod answer;
mod calendar;
mod call;
mod plan;
mod story;
mod town;

use calendar::Calendar;
use plan::{Slice, plan};
use town::Town;

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const HOUR: u64 = 3600 * SECOND;
pub(super) const DAY: u64 = 24 * HOUR;

/// How many Records the demo begins with, and over how many days.
pub(crate) const RECORDS: u64 = 100_000;
pub(crate) const DAYS: u64 = 30;
/// The seed of the generator that draws the people of a slice is that of its first Record, and this.
const OF_PEOPLE: u64 = 0x7765_6972;
/// How many slices may wait for the one that writes, by thread.
const AHEAD: usize = 2;

/// What history to write.
#[derive(Args, Clone, Debug)]
pub struct HistoryOptions {
    /// The data directory to write into: its journal gets the Records. No Weir may use it at the time.
    #[arg(long, value_name = "DIRECTORY")]
    pub to: PathBuf,

    /// Records in all.
    #[arg(long, value_name = "NUMBER", default_value_t = RECORDS)]
    pub records: u64,

    /// Days that they are spread over; the last one ends now.
    #[arg(long, value_name = "NUMBER", value_parser = above_zero, default_value_t = DAYS as f64)]
    pub days: f64,

    /// Seed of everything left to chance.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// The end, in nanoseconds since 1970, instead of now.
    #[arg(long, value_name = "TIME")]
    pub end: Option<u64>,
}

/// The town's configuration: the example's, and what else the town has.
///
/// # Errors
/// It cannot be read.
pub(crate) fn configuration() -> Result<Written, ConfigError> {
    Written::parse(concat!(include_str!("../../../../weir.example.toml"), "\n", include_str!("history/town.toml")))
}

/// Writes a history into the journal of a data directory, and returns how many Records it has.
///
/// # Errors
/// The data directory is in use, or cannot be written to.
pub fn write(options: &HistoryOptions) -> io::Result<u64> {
    let _held = DataDir::open(&options.to).map_err(io::Error::other)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = options.end.unwrap_or(since.as_nanos() as u64);
    let start = end.saturating_sub((options.days * DAY as f64) as u64);
    let history = History::new(options.records, start, end, options.seed).map_err(io::Error::other)?;
    history.write(&options.to.join("journal"))
}

/// Records of the past, by time.
pub struct History {
    config: Config,
    seed: u64,
    calendar: Calendar,
    slices: std::vec::IntoIter<Slice>,
    /// What is left of the slice under way.
    made: std::vec::IntoIter<Record>,
}

impl History {
    /// `records` of them from `start` to `end`, both in nanoseconds since 1970.
    ///
    /// # Errors
    /// The town's configuration is not sound.
    pub fn new(records: u64, start: u64, end: u64, seed: u64) -> Result<History, ConfigError> {
        Ok(History::of(Config::from_written(configuration()?)?, records, start, end, seed))
    }

    /// The same under a configuration of the town's that somebody has.
    pub(crate) fn of(config: Config, records: u64, start: u64, end: u64, seed: u64) -> History {
        let calendar = Calendar::new(end);
        let slices = plan(&calendar, records, start, end).into_iter();
        History { config, seed, calendar, slices, made: Vec::new().into_iter() }
    }

    fn slice(&self, slice: &Slice) -> Vec<Record> {
        let mut town = Town::new(&mut generator(self.seed ^ OF_PEOPLE, slice.first));
        let record = |number| {
            let mut rng = generator(self.seed, slice.first + number);
            let ended_at = slice.moment(number, &mut rng);
            call::Call::new(&mut rng, &mut town, &self.calendar, ended_at).record(&self.config, &mut rng)
        };
        (0..slice.count).map(record).collect()
    }

    /// Appends what is left of it to the journal in `dir`, and returns how many Records that were.
    ///
    /// All processors make Records, slice by slice in turn, so that they come to the journal in their order.
    ///
    /// # Errors
    /// The file system refused.
    pub(crate) fn write(mut self, dir: &Path) -> io::Result<u64> {
        let (mut journal, _) = Journal::open(dir, store::Options::default())?;
        let slices: Vec<Slice> = std::mem::take(&mut self.slices).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let history = &self;
        std::thread::scope(|scope| {
            let made: Vec<Receiver<Vec<u8>>> = (0..threads)
                .map(|thread| {
                    let (give, take) = sync_channel(AHEAD);
                    let own = slices.iter().skip(thread).step_by(threads);
                    scope.spawn(move || history.give(own, &give));
                    take
                })
                .collect();
            for (slice, made) in slices.iter().zip(made.iter().cycle()) {
                journal.append(&made.recv().map_err(io::Error::other)?, slice.count)?;
                if journal.is_due() {
                    journal.rotate(0)?.give_back()?;
                }
            }
            Ok::<_, io::Error>(())
        })?;
        journal.close()?;
        Ok(slices.iter().map(|slice| slice.count).sum())
    }

    /// Makes the lines of slices, until nobody takes them any more.
    fn give<'a>(&self, slices: impl Iterator<Item = &'a Slice>, to: &SyncSender<Vec<u8>>) {
        for slice in slices {
            let mut lines = Vec::new();
            self.slice(slice).iter().for_each(|record| render(record, &mut lines));
            if to.send(lines).is_err() {
                return;
            }
        }
    }
}

impl Iterator for History {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.made.next() {
                return Some(record);
            }
            let slice = self.slices.next()?;
            self.made = self.slice(&slice).into_iter();
        }
    }
}

#[cfg(test)]
mod tests;
