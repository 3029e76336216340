//! What samples become: aggregates that can be added to and put together.

mod kinds;
mod quantile;
mod segments;
mod whole;

use std::any::Any;
use std::ops::Range;

use super::error::EvalError;
use super::memory::Held;
use super::window::{Cursor, Windows};
use crate::syntax::ast::RangeOp;
use kinds::{Count, Extreme, Mean, Outermost};
pub(super) use kinds::{Sum, Variance};
use quantile::Quantiles;
use segments::{Aggregate, BySegment};
use whole::{Whole, count_distinct, rate_counter};

/// Samples of many series, as columns.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) series: Vec<u32>,
    pub(super) timestamps: Vec<i64>,
    pub(super) values: Vec<f64>,
    runs: Vec<Run>,
}

/// Samples one after the other in one segment: those from the end of the run before.
struct Run {
    segment: u32,
    end: usize,
}

impl Samples {
    pub(super) fn push(&mut self, series: u32, segment: u32, timestamp: i64, value: f64) {
        self.series.push(series);
        self.timestamps.push(timestamp);
        self.values.push(value);
        self.end_run(segment, self.timestamps.len());
    }

    /// Appends the times of samples, all of which lie in windows.
    pub(super) fn extend_times(&mut self, windows: &mut Cursor, timestamps: impl Iterator<Item = i64>) {
        let from = self.timestamps.len();
        self.timestamps.extend(timestamps);
        let mut at = from;
        while let Some(first) = self.timestamps.get(at) {
            let Some(segment) = windows.segment(*first) else { break };
            let rest = &self.timestamps[at..];
            // Most often all that are looked at lie in one.
            let (least, most) =
                rest.iter().fold((*first, *first), |(least, most), time| (least.min(*time), most.max(*time)));
            at += match windows.holds(least) && windows.holds(most) {
                true => rest.len(),
                false => rest.iter().position(|time| !windows.holds(*time)).unwrap_or(rest.len()),
            };
            self.end_run(segment, at);
        }
    }

    fn end_run(&mut self, segment: u32, end: usize) {
        match self.runs.last_mut() {
            Some(run) if run.segment == segment => run.end = end,
            _ => self.runs.push(Run { segment, end }),
        }
    }

    /// Segments, and where their samples are.
    fn runs(&self) -> impl Iterator<Item = (u32, Range<usize>)> {
        let mut from = 0;
        self.runs.iter().map(move |run| (run.segment, std::mem::replace(&mut from, run.end)..run.end))
    }

    fn clear(&mut self) {
        self.series.clear();
        self.timestamps.clear();
        self.values.clear();
        self.runs.clear();
    }
}

/// What comes of a series: steps and values.
pub(super) type Points = Vec<(u32, f64)>;

/// Takes samples and gives what they come to in each window.
pub(super) trait Accumulator: Send {
    /// Takes `samples`, and empties them.
    fn take(&mut self, samples: &mut Samples);

    /// Takes what another accumulator of the same aggregation has taken; `series` says what its series are called here.
    fn absorb(&mut self, other: Box<dyn Accumulator>, series: &[u32]);

    /// About how many bytes of memory it takes.
    fn bytes(&self) -> usize;

    /// The value of each series in each window that has samples; `memory` is for what comes of it.
    fn finish(&mut self, windows: &Windows, memory: &mut Held) -> Result<Vec<Points>, EvalError>;

    /// Itself, to be absorbed.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// Makes room for each of `series`.
fn grow<T>(all: &mut Vec<T>, series: &[u32], new: impl FnMut() -> T) {
    let most = series.iter().max().map_or(0, |series| *series as usize + 1);
    if all.len() < most {
        all.resize_with(most, new);
    }
}

/// What a vector of vectors takes.
fn bytes_of<T>(all: &[Vec<T>]) -> usize {
    size_of_val(all) + all.iter().map(Vec::capacity).sum::<usize>() * size_of::<T>()
}

/// The points of each series, as far as there is memory for them.
fn points_of<S>(
    series: impl Iterator<Item = S>,
    memory: &mut Held,
    mut points: impl FnMut(S) -> Points,
) -> Result<Vec<Points>, EvalError> {
    let counted = |series| {
        let points: Points = points(series);
        memory.add(size_of::<Points>() + points.capacity() * size_of::<(u32, f64)>())?;
        Ok(points)
    };
    series.map(counted).collect()
}

/// Appends each of `others` to the series that it is here.
fn absorb<T>(all: &mut Vec<Vec<T>>, others: Vec<Vec<T>>, series: &[u32]) {
    grow(all, series, Vec::new);
    for (mut other, series) in others.into_iter().zip(series) {
        all[*series as usize].append(&mut other);
    }
}

/// The accumulator of an aggregation; `unwrapped` if samples have values of their own.
pub(super) fn accumulator(op: RangeOp, unwrapped: bool, parameter: f64) -> Box<dyn Accumulator> {
    fn of<A: Aggregate + Send + 'static>(finish: impl Fn(&A, f64) -> f64 + Send + 'static) -> Box<dyn Accumulator> {
        Box::new(BySegment::new(finish))
    }
    match op {
        RangeOp::Count => of(|count: &Count, _| count.0),
        RangeOp::Rate if !unwrapped => of(|count: &Count, seconds| count.0 / seconds),
        RangeOp::Rate | RangeOp::BytesRate => of(|sum: &Sum, seconds| sum.value() / seconds),
        RangeOp::Sum | RangeOp::Bytes => of(|sum: &Sum, _| sum.value()),
        RangeOp::Avg => of(|mean: &Mean, _| mean.value()),
        RangeOp::Min => of(|min: &Extreme<false>, _| min.0),
        RangeOp::Max => of(|max: &Extreme<true>, _| max.0),
        RangeOp::Stdvar => of(|variance: &Variance, _| variance.value()),
        RangeOp::Stddev => of(|variance: &Variance, _| variance.value().sqrt()),
        RangeOp::First => of(|first: &Outermost<false>, _| first.value),
        RangeOp::Last => of(|last: &Outermost<true>, _| last.value),
        RangeOp::Absent => of(|_: &Count, _| 1.0),
        RangeOp::Quantile => Box::new(Quantiles::new(parameter)),
        RangeOp::RateCounter => Box::new(Whole::new(rate_counter)),
        RangeOp::ApproxCountDistinct => Box::new(Whole::new(count_distinct)),
    }
}

#[cfg(test)]
mod tests;
