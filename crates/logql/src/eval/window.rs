//! Windows that slide over time, and the segments that they are made of.
//!
//! A window ends at each step `T` and holds the samples of `(T − R, T]`. All beginnings and ends cut time into segments; within
//! one, all samples belong to the same windows. So samples are summed up by segment first, and segments by window then.

/// The windows of a range aggregation. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    /// Where the first window ends.
    first: i64,
    step: i64,
    width: i64,
    /// How many there are.
    pub(super) count: usize,
}

impl Windows {
    /// Windows that end at `start`, `start + step`, … up to `end`, moved back by `offset`.
    pub(super) fn new(start: i64, end: i64, step: i64, width: i64, offset: i64) -> Self {
        let step = step.max(1);
        let count = usize::try_from(end.saturating_sub(start) / step).unwrap_or(0) + 1;
        Self { first: start.saturating_sub(offset), step, width, count }
    }

    /// The instants that belong to windows: from the first one to before the second.
    pub(super) fn reach(&self) -> (i64, i64) {
        let last =
            self.first.saturating_add(self.step.saturating_mul(i64::try_from(self.count - 1).unwrap_or(i64::MAX)));
        (self.first.saturating_sub(self.width).saturating_add(1), last.saturating_add(1))
    }

    /// How many of `start`, `start + step`, … lie before `at`.
    fn cuts_before(&self, start: i64, at: i64) -> i64 {
        let beyond = at.saturating_sub(start);
        if beyond <= 0 {
            return 0;
        }
        ((beyond - 1) / self.step + 1).min(i64::try_from(self.count).unwrap_or(i64::MAX))
    }

    /// Whether the instants within reach all lie in windows.
    pub(super) fn are_gapless(&self) -> bool {
        self.width >= self.step || self.count == 1
    }

    /// Finds segments one after the other: quickly while instants stay in one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { windows: *self, after: i64::MAX, until: i64::MIN, segment: None }
    }

    /// The segments of the window of step `at`: the first, and the one after the last.
    pub(super) fn segments(&self, at: usize) -> (u32, u32) {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let end = self.first.saturating_add(self.step.saturating_mul(at));
        let begin = end.saturating_sub(self.width);
        // Behind the window's beginning this many windows have ended, and before its end this many have begun.
        let ended = self.cuts_before(self.first, begin.saturating_add(1));
        let begun = self.cuts_before(self.first.saturating_sub(self.width), end);
        let narrow = |segment: i64| u32::try_from(segment).unwrap_or(u32::MAX);
        (narrow(at + 1 + ended), narrow(begun + at + 1))
    }

    /// Where the window of step `at` begins and ends.
    pub(super) fn bounds(&self, at: usize) -> (i64, i64) {
        let end = self.first.saturating_add(self.step.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX)));
        (end.saturating_sub(self.width), end)
    }

    /// In seconds.
    #[allow(clippy::cast_precision_loss, reason = "as precise as a float can be")]
    pub(super) fn width_seconds(&self) -> f64 {
        self.width as f64 / 1e9
    }
}

/// Where the last instant was found.
pub(super) struct Cursor {
    windows: Windows,
    after: i64,
    until: i64,
    segment: Option<u32>,
}

impl Cursor {
    /// The segment in which an instant lies; `None` if no window has it.
    pub(super) fn segment(&mut self, at: i64) -> Option<u32> {
        if !self.holds(at) {
            self.look_up(at);
        }
        self.segment
    }

    /// Whether an instant lies where the last one was found.
    pub(super) fn holds(&self, at: i64) -> bool {
        self.after < at && at <= self.until
    }

    fn look_up(&mut self, at: i64) {
        (self.after, self.until) = (i64::MIN, i64::MAX);
        let ended = self.pass_cuts(self.windows.first, at);
        let begun = self.pass_cuts(self.windows.first.saturating_sub(self.windows.width), at);
        self.segment = if begun > ended { u32::try_from(begun + ended).ok() } else { None };
    }

    /// How many cuts of one kind lie before an instant. The nearest on both sides bound where the segment is known.
    fn pass_cuts(&mut self, start: i64, at: i64) -> i64 {
        let Windows { step, count, .. } = self.windows;
        let before = self.windows.cuts_before(start, at);
        let cut = |number: i64| start.saturating_add(step.saturating_mul(number));
        if before > 0 {
            self.after = self.after.max(cut(before - 1));
        }
        if usize::try_from(before).is_ok_and(|before| before < count) {
            self.until = self.until.min(cut(before));
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_segment_belongs_to_the_windows_that_have_its_samples(
            step in 1_i64..20, width in 1_i64..50, steps in 0_i64..10, offset in -5_i64..5, at in -80_i64..220
        ) {
            let windows = Windows::new(100, 100 + steps * step, step, width, offset);
            let segment = windows.cursor().segment(at);
            let mut any = false;
            for window in 0..windows.count {
                let (begin, end) = windows.bounds(window);
                let (from, to) = windows.segments(window);
                let holds = begin < at && at <= end;
                any |= holds;
                prop_assert_eq!(segment.is_some_and(|segment| (from..to).contains(&segment)), holds);
            }
            prop_assert_eq!(segment.is_some(), any);
            let mut cursor = windows.cursor();
            for at in [at, at + 1, at + 2, at + 9, at - 7, at] {
                prop_assert_eq!(cursor.segment(at), windows.cursor().segment(at));
            }
            let (from, to) = windows.reach();
            prop_assert!(!any || (from..to).contains(&at));
            prop_assert!(!windows.are_gapless() || any == (from..to).contains(&at));
        }
    }
}
