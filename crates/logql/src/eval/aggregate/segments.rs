//! Aggregates of each segment, and of windows from those of segments.

use std::any::Any;

use super::{Accumulator, Points, Samples, absorb, bytes_of, grow, points_of};
use crate::eval::error::EvalError;
use crate::eval::memory::Held;
use crate::eval::window::Windows;

/// The aggregate of some samples, of which there is at least one.
pub(super) trait Aggregate: Clone {
    fn of(timestamp: i64, value: f64) -> Self;
    fn add(&mut self, timestamp: i64, value: f64);
    fn merge(&mut self, other: &Self);
}

/// The value of an aggregate, of a window so many seconds wide.
type Value<A> = Box<dyn Fn(&A, f64) -> f64 + Send>;

/// An aggregate of each segment of each series.
pub(super) struct BySegment<A> {
    series: Vec<Vec<(u32, A)>>,
    /// Of each series the segment that came last, which most samples belong to: not yet in `series`.
    open: Vec<(u32, A)>,
    finish: Value<A>,
}

/// The segment of a series that none is open of.
const NONE: u32 = u32::MAX;

impl<A: Aggregate> BySegment<A> {
    pub(super) fn new(finish: impl Fn(&A, f64) -> f64 + Send + 'static) -> Self {
        Self { series: Vec::new(), open: Vec::new(), finish: Box::new(finish) }
    }

    /// The aggregate of a segment that a first sample is in.
    #[cold]
    fn open(&mut self, series: usize, segment: u32, timestamp: i64, value: f64) {
        let before = std::mem::replace(&mut self.open[series], (segment, A::of(timestamp, value)));
        if before.0 != NONE {
            self.series[series].push(before);
        }
    }

    /// All segments, none of them open.
    fn close(&mut self) -> &mut Vec<Vec<(u32, A)>> {
        for (segments, open) in self.series.iter_mut().zip(self.open.drain(..)) {
            if open.0 != NONE {
                segments.push(open);
            }
        }
        &mut self.series
    }

    /// Takes samples of one segment.
    fn add(&mut self, series: &[u32], segment: u32, timestamps: &[i64], values: &[f64]) {
        for ((series, timestamp), value) in series.iter().zip(timestamps).zip(values) {
            match self.open.get_mut(*series as usize) {
                Some((open, aggregate)) if *open == segment => aggregate.add(*timestamp, *value),
                _ => self.open(*series as usize, segment, *timestamp, *value),
            }
        }
    }

    /// Takes samples of one segment and one series: their aggregate stays in registers.
    fn add_alike(&mut self, series: usize, segment: u32, timestamps: &[i64], values: &[f64]) {
        let mut samples = timestamps.iter().zip(values);
        if self.open[series].0 != segment
            && let Some((timestamp, value)) = samples.next()
        {
            self.open(series, segment, *timestamp, *value);
        }
        let mut aggregate = self.open[series].1.clone();
        samples.for_each(|(timestamp, value)| aggregate.add(*timestamp, *value));
        self.open[series].1 = aggregate;
    }
}

impl<A: Aggregate + Send + 'static> Accumulator for BySegment<A> {
    fn take(&mut self, samples: &mut Samples) {
        grow(&mut self.open, &samples.series, || (NONE, A::of(0, 0.0)));
        self.series.resize_with(self.open.len(), Vec::new);
        for (segment, run) in samples.runs() {
            let series = &samples.series[run.clone()];
            let (timestamps, values) = (&samples.timestamps[run.clone()], &samples.values[run]);
            match series.first() {
                Some(first) if series.iter().all(|series| series == first) => {
                    self.add_alike(*first as usize, segment, timestamps, values);
                }
                _ => self.add(series, segment, timestamps, values),
            }
        }
        samples.clear();
    }

    fn absorb(&mut self, other: Box<dyn Accumulator>, series: &[u32]) {
        if let Ok(mut other) = other.into_any().downcast::<Self>() {
            absorb(self.close(), std::mem::take(other.close()), series);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn bytes(&self) -> usize {
        bytes_of(&self.series) + self.open.capacity() * size_of::<(u32, A)>()
    }

    fn finish(&mut self, windows: &Windows, memory: &mut Held) -> Result<Vec<Points>, EvalError> {
        self.close();
        let seconds = windows.width_seconds();
        let finish = |aggregate: &A| (self.finish)(aggregate, seconds);
        points_of(self.series.iter_mut(), memory, |segments| slide(merged(segments), windows, &finish))
    }
}

/// Each segment once, in order.
fn merged<A: Aggregate>(segments: &mut Vec<(u32, A)>) -> &[(u32, A)] {
    if !segments.is_sorted_by(|left, right| left.0 < right.0) {
        segments.sort_by_key(|(segment, _)| *segment);
        segments.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1.merge(&later.1);
            }
            same
        });
    }
    segments
}

/// Puts segments together to windows. Of those in a window, the older ones have been put together from the newest of them
/// backwards, the newer ones as they came: so each is looked at about twice, however wide the windows are.
fn slide<A: Aggregate>(segments: &[(u32, A)], windows: &Windows, finish: &dyn Fn(&A) -> f64) -> Points {
    let mut points = Points::new();
    // `older[i]` is the aggregate of the segments from `older_from + i` to before `turn`; `newer` that of those from there on.
    let (mut older, mut older_from, mut turn): (Vec<A>, usize, usize) = (Vec::new(), 0, 0);
    let mut newer: Option<A> = None;
    let (mut from, mut to) = (0, 0);
    for step in 0..windows.count {
        let (first, end) = windows.segments(step);
        while segments.get(to).is_some_and(|(segment, _)| *segment < end) {
            match &mut newer {
                Some(newer) => newer.merge(&segments[to].1),
                None => newer = Some(segments[to].1.clone()),
            }
            to += 1;
        }
        while from < to && segments[from].0 < first {
            from += 1;
        }
        if from >= to {
            (older_from, turn, newer) = (to, to, None);
            older.clear();
            if to >= segments.len() {
                break;
            }
            continue;
        }
        if from >= turn {
            older.clear();
            for (_, segment) in segments[from..to].iter().rev() {
                let mut aggregate = segment.clone();
                if let Some(after) = older.last() {
                    aggregate.merge(after);
                }
                older.push(aggregate);
            }
            older.reverse();
            (older_from, turn, newer) = (from, to, None);
        }
        let value = match (older.get(from - older_from), &newer) {
            (Some(older), Some(newer)) => {
                let mut both = older.clone();
                both.merge(newer);
                finish(&both)
            }
            (Some(one), None) | (None, Some(one)) => finish(one),
            (None, None) => continue,
        };
        points.push((u32::try_from(step).unwrap_or(u32::MAX), value));
    }
    points
}
