//! Plan: how many Records each hour has, and which are made together.

use fastrand::Rng;

use super::HOUR;
use super::calendar::Calendar;

/// The most Records that are made together.
const MOST: u64 = 1000;

/// Records that are made together: an hour's, or a part of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// The number of the first, from 0.
    pub(super) first: u64,
    /// How many there are.
    pub(super) count: u64,
    /// When they begin, in nanoseconds since 1970.
    begin: u64,
    /// How much time each has to itself.
    width: u64,
}

impl Slice {
    /// When the one at `number` ended. Each has a place of its own, so that time goes on.
    pub(super) fn moment(&self, number: u64, rng: &mut Rng) -> u64 {
        self.begin + number * self.width + rng.u64(..self.width.max(1))
    }
}

/// `records` from `start` to `end`, spread as the calendar says.
pub(super) fn plan(calendar: &Calendar, records: u64, start: u64, end: u64) -> Vec<Slice> {
    let hours: Vec<u64> = (0..end.saturating_sub(start) / HOUR).rev().map(|hour| end - (hour + 1) * HOUR).collect();
    let all: f64 = hours.iter().map(|hour| calendar.busy(*hour)).sum();
    let (mut sum, mut first, mut slices) = (0.0, 0, Vec::new());
    for hour in hours {
        sum += calendar.busy(hour);
        let until = (sum / all * records as f64).round() as u64;
        let width = HOUR / (until - first).max(1);
        let mut begin = hour;
        while first < until {
            let count = (until - first).min(MOST);
            slices.push(Slice { first, count, begin, width });
            (first, begin) = (first + count, begin + count * width);
        }
    }
    slices
}
