//! Quantiles, exact.

use std::any::Any;
use std::cmp::Ordering;
use std::ops::Range;

use super::{Accumulator, Points, Samples, absorb, bytes_of, grow, points_of};
use crate::eval::error::EvalError;
use crate::eval::memory::Held;
use crate::eval::window::Windows;

/// The values of each series.
pub(super) struct Quantiles {
    q: f64,
    series: Vec<Vec<Part>>,
}

/// Values of one segment.
struct Part {
    segment: u32,
    values: Vec<f64>,
}

/// From here on it costs less to move values in and out of an order than to look at all of a window: so many windows have each.
const OVERLAP: usize = 16;

impl Quantiles {
    pub(super) fn new(q: f64) -> Self {
        Self { q, series: Vec::new() }
    }
}

impl Accumulator for Quantiles {
    fn take(&mut self, samples: &mut Samples) {
        grow(&mut self.series, &samples.series, Vec::new);
        for (segment, run) in samples.runs() {
            for (series, value) in samples.series[run.clone()].iter().zip(&samples.values[run]) {
                let parts = &mut self.series[*series as usize];
                match parts.last_mut() {
                    Some(part) if part.segment == segment => part.values.push(*value),
                    _ => parts.push(Part { segment, values: vec![*value] }),
                }
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

    fn bytes(&self) -> usize {
        let values = self.series.iter().flatten().map(|part| part.values.capacity()).sum::<usize>();
        bytes_of(&self.series) + values * size_of::<f64>()
    }

    fn finish(&mut self, windows: &Windows, memory: &mut Held) -> Result<Vec<Points>, EvalError> {
        let q = self.q;
        points_of(std::mem::take(&mut self.series).into_iter(), memory, |parts| points(q, parts, windows))
    }
}

/// The quantile of each window that has values.
fn points(q: f64, mut parts: Vec<Part>, windows: &Windows) -> Points {
    parts.sort_by_key(|part| part.segment);
    let before = |segment: u32| parts.partition_point(|part| part.segment < segment);
    let spans: Vec<(u32, Range<usize>)> = (0..windows.count)
        .map(|step| {
            let (first, end) = windows.segments(step);
            (u32::try_from(step).unwrap_or(u32::MAX), before(first)..before(end))
        })
        .filter(|(_, span)| !span.is_empty())
        .collect();
    let lengths = parts.iter().map(|part| part.values.len());
    let begins: Vec<usize> =
        lengths.chain([0]).scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
    let looked_at: usize = spans.iter().map(|(_, span)| begins[span.end] - begins[span.start]).sum();
    if looked_at > begins[parts.len()].saturating_mul(OVERLAP) {
        let values: Vec<f64> = parts.into_iter().flat_map(|part| part.values).collect();
        let spans: Vec<_> =
            spans.into_iter().map(|(step, span)| (step, begins[span.start]..begins[span.end])).collect();
        return sliding(q, &values, &spans);
    }
    let mut window = Vec::new();
    let quantile = |(step, span): (u32, Range<usize>)| {
        window.clear();
        parts[span].iter().for_each(|part| window.extend_from_slice(&part.values));
        (step, quantile(q, &mut window))
    };
    spans.into_iter().map(quantile).collect()
}

/// NaN is less than any number.
fn order(left: &f64, right: &f64) -> Ordering {
    right.is_nan().cmp(&left.is_nan()).then(left.total_cmp(right))
}

/// What a quantile outside of 0 to 1 is, or NaN.
fn outside(q: f64) -> Option<f64> {
    match q {
        q if q < 0.0 => Some(f64::NEG_INFINITY),
        q if q > 1.0 => Some(f64::INFINITY),
        q if q.is_nan() => Some(f64::NAN),
        _ => None,
    }
}

/// Below which of `count` values a quantile lies, and how near it is to the next.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions")]
fn position(q: f64, count: usize) -> (usize, f64) {
    let rank = q * (count - 1) as f64;
    (rank.floor() as usize, rank - rank.floor())
}

/// The quantile `q` of values, between two of them in proportion.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if let Some(outside) = outside(q) {
        return outside;
    }
    let (lower, weight) = position(q, values.len());
    let (_, value, above) = values.select_nth_unstable_by(lower, order);
    let next = above.iter().copied().min_by(order).unwrap_or(*value);
    *value * (1.0 - weight) + next * weight
}

/// The quantiles of windows that have most of their values in common: those that come are put into an order, those that go are
/// taken out of it.
fn sliding(q: f64, values: &[f64], spans: &[(u32, Range<usize>)]) -> Points {
    let mut sorted: Vec<u32> = (0..u32::try_from(values.len()).unwrap_or(u32::MAX)).collect();
    sorted.sort_unstable_by(|left, right| order(&values[*left as usize], &values[*right as usize]));
    let mut places = vec![0; values.len()];
    for (place, at) in sorted.iter().enumerate() {
        places[*at as usize] = place;
    }
    let value_at = |place: usize| sorted.get(place).map_or(f64::NAN, |at| values[*at as usize]);
    let (mut present, mut from, mut to) = (Present::new(values.len()), 0, 0);
    let mut points = Points::with_capacity(spans.len());
    for (step, span) in spans {
        places[to..span.end].iter().for_each(|place| present.put(*place));
        places[from..span.start].iter().for_each(|place| present.remove(*place));
        (from, to) = (span.start, span.end);
        let value = outside(q).unwrap_or_else(|| {
            let (lower, weight) = position(q, span.len());
            let value = value_at(present.place(lower));
            let next = if lower + 1 < span.len() { value_at(present.place(lower + 1)) } else { value };
            value * (1.0 - weight) + next * weight
        });
        points.push((*step, value));
    }
    points
}

/// Which of some places are taken (Fenwick, "A New Data Structure for Cumulative Frequency Tables", 1994).
struct Present {
    counts: Vec<u32>,
}

impl Present {
    fn new(places: usize) -> Self {
        Self { counts: vec![0; places + 1] }
    }

    fn put(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(count) = self.counts.get_mut(at) {
            *count += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn remove(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(count) = self.counts.get_mut(at) {
            *count -= 1;
            at += at & at.wrapping_neg();
        }
    }

    /// The place that is taken and has `before` taken ones before it.
    fn place(&self, before: usize) -> usize {
        let (mut at, mut left) = (0, before);
        let mut stride = self.counts.len().next_power_of_two();
        while stride > 0 {
            if let Some(count) = self.counts.get(at + stride)
                && *count as usize <= left
            {
                at += stride;
                left -= *count as usize;
            }
            stride /= 2;
        }
        at
    }
}
