//! What samples become: aggregates that can be added to and put together.

use std::any::Any;
use std::collections::HashSet;

use super::window::Windows;
use crate::syntax::ast::RangeOp;

/// Samples of many series, as columns.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) series: Vec<u32>,
    pub(super) segments: Vec<u32>,
    pub(super) timestamps: Vec<i64>,
    pub(super) values: Vec<f64>,
}

impl Samples {
    pub(super) fn push(&mut self, series: u32, segment: u32, timestamp: i64, value: f64) {
        self.series.push(series);
        self.segments.push(segment);
        self.timestamps.push(timestamp);
        self.values.push(value);
    }

    fn clear(&mut self) {
        self.series.clear();
        self.segments.clear();
        self.timestamps.clear();
        self.values.clear();
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

    /// The value of each series in each window that has samples.
    fn finish(&mut self, windows: &Windows) -> Vec<Points>;

    /// Itself, to be absorbed.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// Appends each of `others` to the series that it is here.
fn absorb<T>(all: &mut Vec<Vec<T>>, others: Vec<Vec<T>>, series: &[u32]) {
    for (mut other, series) in others.into_iter().zip(series) {
        let at = *series as usize;
        if all.len() <= at {
            all.resize_with(at + 1, Vec::new);
        }
        all[at].append(&mut other);
    }
}

/// The accumulator of an aggregation; `unwrapped` if samples have values of their own.
pub(super) fn accumulator(op: RangeOp, unwrapped: bool, parameter: f64) -> Box<dyn Accumulator> {
    fn of<A: Aggregate + Send + 'static>(finish: impl Fn(&A, f64) -> f64 + Send + 'static) -> Box<dyn Accumulator> {
        Box::new(BySegment { series: Vec::new(), finish: Box::new(finish) })
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
        RangeOp::Quantile => Box::new(Whole::new(move |points: &mut [(i64, f64)], _| quantile(parameter, points))),
        RangeOp::RateCounter => Box::new(Whole::new(rate_counter)),
        RangeOp::ApproxCountDistinct => Box::new(Whole::new(count_distinct)),
    }
}

/// The aggregate of some samples, of which there is at least one.
trait Aggregate: Clone {
    fn of(timestamp: i64, value: f64) -> Self;
    fn add(&mut self, timestamp: i64, value: f64);
    fn merge(&mut self, other: &Self);
}

/// The value of an aggregate, of a window so many seconds wide.
type Value<A> = Box<dyn Fn(&A, f64) -> f64 + Send>;

/// An aggregate of each segment of each series.
struct BySegment<A> {
    series: Vec<Vec<(u32, A)>>,
    finish: Value<A>,
}

impl<A: Aggregate + Send + 'static> Accumulator for BySegment<A> {
    fn take(&mut self, samples: &mut Samples) {
        let most = samples.series.iter().max().map_or(0, |series| *series as usize + 1);
        if self.series.len() < most {
            self.series.resize_with(most, Vec::new);
        }
        let columns = samples.series.iter().zip(&samples.segments).zip(samples.timestamps.iter().zip(&samples.values));
        for ((series, segment), (timestamp, value)) in columns {
            let segments = &mut self.series[*series as usize];
            match segments.last_mut() {
                Some((last, aggregate)) if last == segment => aggregate.add(*timestamp, *value),
                _ => segments.push((*segment, A::of(*timestamp, *value))),
            }
        }
        samples.clear();
    }

    fn absorb(&mut self, other: Box<dyn Accumulator>, series: &[u32]) {
        if let Ok(other) = other.into_any().downcast::<Self>() {
            absorb(&mut self.series, other.series, series);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn finish(&mut self, windows: &Windows) -> Vec<Points> {
        let seconds = windows.width_seconds();
        let finish = |aggregate: &A| (self.finish)(aggregate, seconds);
        self.series.iter_mut().map(|segments| slide(merged(segments), windows, &finish)).collect()
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

#[derive(Clone)]
struct Count(f64);

impl Aggregate for Count {
    fn of(_: i64, _: f64) -> Self {
        Self(1.0)
    }

    fn add(&mut self, _: i64, _: f64) {
        self.0 += 1.0;
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }
}

/// A sum that keeps what rounding loses (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974).
#[derive(Clone)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) const ZERO: Self = Self { sum: 0.0, lost: 0.0 };

    pub(super) fn plus(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    pub(super) fn value(&self) -> f64 {
        // Of infinity nothing is lost, but what was computed from it is not a number.
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

impl Aggregate for Sum {
    fn of(_: i64, value: f64) -> Self {
        Self { sum: value, lost: 0.0 }
    }

    fn add(&mut self, _: i64, value: f64) {
        self.plus(value);
    }

    fn merge(&mut self, other: &Self) {
        self.plus(other.sum);
        self.lost += other.lost;
    }
}

#[derive(Clone)]
struct Mean {
    sum: Sum,
    count: f64,
}

impl Mean {
    fn value(&self) -> f64 {
        self.sum.value() / self.count
    }
}

impl Aggregate for Mean {
    fn of(timestamp: i64, value: f64) -> Self {
        Self { sum: Sum::of(timestamp, value), count: 1.0 }
    }

    fn add(&mut self, _: i64, value: f64) {
        self.sum.plus(value);
        self.count += 1.0;
    }

    fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.count += other.count;
    }
}

/// The least value, or the greatest; NaN only if all are.
#[derive(Clone)]
struct Extreme<const GREATEST: bool>(f64);

impl<const GREATEST: bool> Aggregate for Extreme<GREATEST> {
    fn of(_: i64, value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, _: i64, value: f64) {
        if self.0.is_nan() || (if GREATEST { value > self.0 } else { value < self.0 }) {
            self.0 = value;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.add(0, other.0);
    }
}

/// Mean and squared distance from it, put together after Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm
/// for Computing Sample Variances", 1979.
#[derive(Clone)]
pub(super) struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Variance {
    pub(super) fn value(&self) -> f64 {
        self.squares / self.count
    }

    /// Of one value: no distance, whatever the value is.
    pub(super) fn first(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0 }
    }

    pub(super) fn plus(&mut self, value: f64) {
        self.count += 1.0;
        let distance = value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (value - self.mean);
    }
}

impl Aggregate for Variance {
    fn of(_: i64, value: f64) -> Self {
        // Over time Loki measures the first value, too: what is not finite has no distance from itself that would be a number.
        Self { squares: if value.is_finite() { 0.0 } else { f64::NAN }, ..Self::first(value) }
    }

    fn add(&mut self, _: i64, value: f64) {
        self.plus(value);
    }

    fn merge(&mut self, other: &Self) {
        let (count, distance) = (self.count + other.count, other.mean - self.mean);
        self.mean += distance * other.count / count;
        self.squares += other.squares + distance * distance * self.count * other.count / count;
        self.count = count;
    }
}

/// The oldest sample, or the newest; of several of one instant the one that came first, or last.
#[derive(Clone)]
struct Outermost<const NEWEST: bool> {
    timestamp: i64,
    value: f64,
}

impl<const NEWEST: bool> Aggregate for Outermost<NEWEST> {
    fn of(timestamp: i64, value: f64) -> Self {
        Self { timestamp, value }
    }

    fn add(&mut self, timestamp: i64, value: f64) {
        if if NEWEST { timestamp >= self.timestamp } else { timestamp < self.timestamp } {
            (self.timestamp, self.value) = (timestamp, value);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.add(other.timestamp, other.value);
    }
}

/// What is made of all samples of a window, and where it begins and ends.
type Finish = dyn Fn(&mut [(i64, f64)], (i64, i64)) -> f64 + Send;

/// All samples, for what cannot be put together from parts.
struct Whole {
    series: Vec<Vec<(u32, i64, f64)>>,
    finish: Box<Finish>,
}

impl Whole {
    fn new(finish: impl Fn(&mut [(i64, f64)], (i64, i64)) -> f64 + Send + 'static) -> Self {
        Self { series: Vec::new(), finish: Box::new(finish) }
    }
}

impl Accumulator for Whole {
    fn take(&mut self, samples: &mut Samples) {
        let most = samples.series.iter().max().map_or(0, |series| *series as usize + 1);
        if self.series.len() < most {
            self.series.resize_with(most, Vec::new);
        }
        for at in 0..samples.series.len() {
            let sample = (samples.segments[at], samples.timestamps[at], samples.values[at]);
            self.series[samples.series[at] as usize].push(sample);
        }
        samples.clear();
    }

    fn absorb(&mut self, other: Box<dyn Accumulator>, series: &[u32]) {
        if let Ok(other) = other.into_any().downcast::<Self>() {
            absorb(&mut self.series, other.series, series);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn finish(&mut self, windows: &Windows) -> Vec<Points> {
        let mut window = Vec::new();
        let mut points_of = |samples: &mut Vec<(u32, i64, f64)>| {
            // Stable: what came first of one instant stays first.
            samples.sort_by_key(|(segment, timestamp, _)| (*segment, *timestamp));
            let mut points = Points::new();
            for step in 0..windows.count {
                let (first, end) = windows.segments(step);
                let from = samples.partition_point(|(segment, ..)| *segment < first);
                let to = samples.partition_point(|(segment, ..)| *segment < end);
                if from < to {
                    window.clear();
                    window.extend(samples[from..to].iter().map(|(_, timestamp, value)| (*timestamp, *value)));
                    let value = (self.finish)(&mut window, windows.bounds(step));
                    points.push((u32::try_from(step).unwrap_or(u32::MAX), value));
                }
            }
            points
        };
        self.series.iter_mut().map(&mut points_of).collect()
    }
}

/// The quantile `q` of values, between two of them in proportion. NaN is less than any number.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions")]
fn quantile(q: f64, samples: &mut [(i64, f64)]) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if q.is_nan() {
        return f64::NAN;
    }
    let order =
        |left: &(i64, f64), right: &(i64, f64)| right.1.is_nan().cmp(&left.1.is_nan()).then(left.1.total_cmp(&right.1));
    let rank = q * (samples.len() - 1) as f64;
    let (lower, weight) = (rank.floor() as usize, rank - rank.floor());
    let (_, (_, value), above) = samples.select_nth_unstable_by(lower, order);
    let next = above.iter().copied().min_by(order).map_or(*value, |(_, next)| next);
    *value * (1.0 - weight) + next * weight
}

/// How many different values there are, bit by bit. (Loki estimates; this counts.)
#[allow(clippy::cast_precision_loss, reason = "fewer than there are entries")]
fn count_distinct(samples: &mut [(i64, f64)], _: (i64, i64)) -> f64 {
    let distinct: HashSet<u64> = samples.iter().map(|(_, value)| value.to_bits()).collect();
    distinct.len() as f64
}

/// The rise of a counter per second, extended to the window's edges as Prometheus does it.
#[allow(clippy::cast_precision_loss, reason = "as precise as a float can be")]
fn rate_counter(samples: &mut [(i64, f64)], (begin, end): (i64, i64)) -> f64 {
    let (Some(&(first_at, first)), Some(&(last_at, last))) = (samples.first(), samples.last()) else { return 0.0 };
    if samples.len() < 2 {
        return 0.0;
    }
    let seconds = |from: i64, to: i64| (to - from) as f64 / 1e9;
    let resets: f64 = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let rise = last - first + resets;
    let sampled = seconds(first_at, last_at);
    let average = sampled / (samples.len() - 1) as f64;
    // Another sample would have been expected within the edge if it is not much further than that.
    let reach = |distance: f64| if distance >= average * 1.1 { average / 2.0 } else { distance };
    let mut before = reach(seconds(begin, first_at));
    if rise > 0.0 && first >= 0.0 {
        // A counter was never below zero.
        before = before.min(sampled * (first / rise));
    }
    let extended = sampled + before + reach(seconds(last_at, end));
    rise * (extended / sampled) / seconds(begin, end)
}

#[cfg(test)]
mod tests;
