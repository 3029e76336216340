//! Calendar: when people ask — office hours, quiet nights, thin weekends, slow growth — and when the stories happen.

use std::ops::Range;

use super::{DAY, HOUR};

/// How busy each hour of a working day is, UTC, beside the busiest.
const HOURS: [f64; 24] = [
    0.10, 0.08, 0.07, 0.07, 0.09, 0.14, 0.25, 0.45, 0.75, 0.92, 1.00, 0.95, 0.78, 0.90, 0.98, 0.93, 0.82, 0.65, 0.48,
    0.38, 0.32, 0.26, 0.20, 0.14,
];
/// How busy a day is, from Monday to Sunday.
const DAYS: [f64; 7] = [0.95, 1.0, 1.0, 0.98, 0.86, 0.27, 0.24];
/// What was asked a month ago, beside what is asked now.
const A_MONTH_AGO: f64 = 0.72;
/// How busy the last hours are, the very last one first: contoso has opened its search to everybody, and what comes live goes on
/// from there.
const LAST: [f64; 4] = [7.0, 4.0, 2.0, 1.0];

/// The days up to now.
#[derive(Debug)]
pub(super) struct Calendar {
    now: u64,
    storm: Range<u64>,
}

impl Calendar {
    /// Of the days before `now`, in nanoseconds since 1970.
    pub(super) fn new(now: u64) -> Calendar {
        // The provider has its bad hour in the afternoon of a working day, when it hurts.
        let working = (8..11).map(|ago| (now / DAY).saturating_sub(ago)).find(|day| weekday(*day) < 5);
        let begin = working.unwrap_or_default() * DAY + 14 * HOUR;
        Calendar { now, storm: begin..begin + HOUR * 5 / 6 }
    }

    /// How many days ago that was.
    pub(super) fn age(&self, at: u64) -> f64 {
        self.now.saturating_sub(at) as f64 / DAY as f64
    }

    /// Whether the provider has its bad hour.
    pub(super) fn storms(&self, at: u64) -> bool {
        self.storm.contains(&at)
    }

    /// How busy the hour that begins at `at` is, beside the busiest of a working day.
    pub(super) fn busy(&self, at: u64) -> f64 {
        self.usual(at).max(self.rush(at))
    }

    /// The share of what is asked at `at` that nobody asked before contoso opened its search.
    pub(super) fn share_of_rush(&self, at: u64) -> f64 {
        (1.0 - self.usual(at) / self.rush(at).max(f64::MIN_POSITIVE)).max(0.0)
    }

    fn usual(&self, at: u64) -> f64 {
        let growth = 1.0 - (1.0 - A_MONTH_AGO) * (self.age(at) / 30.0).min(1.0);
        let into = (at % HOUR) as f64 / HOUR as f64;
        let hour = (at / HOUR % 24) as usize;
        let (this, next) = (HOURS[hour], HOURS[(hour + 1) % 24]);
        (this + (next - this) * into) * DAYS[weekday(at / DAY)] * growth
    }

    fn rush(&self, at: u64) -> f64 {
        let ago = self.now.saturating_sub(at).saturating_sub(1) / HOUR;
        LAST.get(ago as usize).copied().unwrap_or_default()
    }
}

/// From Monday to Sunday, 0 to 6, of a day since 1970. Its first of January was a Thursday.
fn weekday(day: u64) -> usize {
    ((day + 3) % 7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_days_are_busy_and_sundays_quiet() {
        // 2026-11-23 is a Monday.
        let monday = 1_795_392_000_u64 * 1_000_000_000;
        let (calendar, morning) = (Calendar::new(monday + 3 * DAY), monday + 10 * HOUR);
        assert!(calendar.busy(morning) > 3.0 * calendar.busy(morning - DAY), "Sunday is quiet");
        assert!(calendar.busy(morning) > 5.0 * calendar.busy(monday + 2 * HOUR), "night is quiet");
        assert!(calendar.busy(morning) > calendar.busy(morning - 28 * DAY), "it grows");
        assert!(calendar.busy(monday + 3 * DAY - HOUR) > 5.0, "it ends as the demo goes on");
        assert!(calendar.share_of_rush(monday + 3 * DAY - HOUR) > 0.9);
        assert!(calendar.share_of_rush(morning).abs() < f64::EPSILON);
    }

    #[test]
    fn a_storm_is_of_a_working_day() {
        for day in 20_000..20_014 {
            let calendar = Calendar::new(day * DAY + 7 * HOUR);
            assert!(weekday(calendar.storm.start / DAY) < 5);
            assert!((6.0..11.0).contains(&calendar.age(calendar.storm.start)), "{:?}", calendar.storm);
        }
    }
}
