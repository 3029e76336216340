//! Rate: requests by second, over the last minute.

use std::time::{Duration, Instant};

/// The seconds that are kept.
const SECONDS: usize = 60;
/// The seconds the current rate is taken over.
const WINDOW: usize = 10;

/// Requests by second, over the last minute.
#[derive(Debug)]
pub(super) struct Rate {
    start: Instant,
    /// The count of each second, in the place its number has in a minute, with that number.
    seconds: [(u64, u32); SECONDS],
}

impl Rate {
    pub(super) fn new(start: Instant) -> Rate {
        Rate { start, seconds: [(0, 0); SECONDS] }
    }

    /// Counts a request at `now`.
    pub(super) fn add(&mut self, now: Instant) {
        let second = self.second(now);
        if let Some(slot) = self.seconds.get_mut(second as usize % SECONDS) {
            *slot = if slot.0 == second { (second, slot.1.saturating_add(1)) } else { (second, 1) };
        }
    }

    /// Requests per second over the last ten whole seconds, or over those there have been.
    pub(super) fn per_second(&self, now: Instant) -> f64 {
        let second = self.second(now);
        let elapsed = now.saturating_duration_since(self.start);
        let recent: u64 = self.counts(second, WINDOW).map(u64::from).sum();
        // The second that has just begun counts for the part of it that is over.
        let begun = elapsed.subsec_nanos() as f64 / 1e9;
        let covered = ((WINDOW - 1) as f64 + begun).min(elapsed.as_secs_f64());
        recent as f64 / covered.max(Duration::from_secs(1).as_secs_f64())
    }

    /// The last minute, one character for each two seconds, oldest first; the tallest is the busiest.
    pub(super) fn sparkline(&self, now: Instant) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let second = self.second(now);
        let counts: Vec<u32> = self.counts(second, SECONDS).collect();
        let pairs: Vec<u32> = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
        let most = pairs.iter().max().copied().unwrap_or_default().max(1) as usize;
        let bar = |count: u32| BARS[(count as usize * (BARS.len() - 1)).div_ceil(most).min(BARS.len() - 1)];
        // What was before the start is not nothing but blank.
        let blank = pairs.len().saturating_sub(second as usize / 2 + 1);
        let bars = pairs.into_iter().skip(blank).map(bar);
        std::iter::repeat_n(' ', blank).chain(bars).collect()
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs()
    }

    /// The counts of the last `length` seconds up to `second`, oldest first; those before the start are 0.
    fn counts(&self, second: u64, length: usize) -> impl Iterator<Item = u32> {
        (0..length as u64).rev().map(move |back| {
            let number = second.checked_sub(back);
            let slot = number.and_then(|number| self.seconds.get(number as usize % SECONDS));
            slot.filter(|slot| Some(slot.0) == number).map_or(0, |slot| slot.1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for tenth in 0..300 {
            rate.add(start + Duration::from_millis(tenth * 100));
        }
        let now = start + Duration::from_millis(29_950);
        assert!((rate.per_second(now) - 10.0).abs() < 0.2, "{}", rate.per_second(now));
        assert_eq!(rate.per_second(now + Duration::from_secs(15)), 0.0);
        assert_eq!(rate.sparkline(now).trim_start().chars().count(), 15);
        assert_eq!(rate.sparkline(now + Duration::from_secs(200)), "▁".repeat(30));
    }

    #[test]
    fn the_first_second_is_not_exaggerated() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        rate.add(start);
        assert_eq!(rate.per_second(start), 1.0);
    }
}
