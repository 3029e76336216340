//! What needs all samples of a window.

use std::any::Any;
use std::collections::HashSet;

use super::{Accumulator, Points, Samples, absorb, bytes_of, grow, points_of};
use crate::eval::error::EvalError;
use crate::eval::memory::Held;
use crate::eval::window::Windows;

/// What is made of all samples of a window, and where it begins and ends.
type Finish = dyn Fn(&mut [(i64, f64)], (i64, i64)) -> f64 + Send;

/// All samples, for what cannot be put together from parts.
pub(super) struct Whole {
    series: Vec<Vec<(u32, i64, f64)>>,
    finish: Box<Finish>,
}

impl Whole {
    pub(super) fn new(finish: impl Fn(&mut [(i64, f64)], (i64, i64)) -> f64 + Send + 'static) -> Self {
        Self { series: Vec::new(), finish: Box::new(finish) }
    }
}

impl Accumulator for Whole {
    fn take(&mut self, samples: &mut Samples) {
        grow(&mut self.series, &samples.series, Vec::new);
        for (segment, run) in samples.runs() {
            for at in run {
                let sample = (segment, samples.timestamps[at], samples.values[at]);
                self.series[samples.series[at] as usize].push(sample);
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
        bytes_of(&self.series)
    }

    fn finish(&mut self, windows: &Windows, memory: &mut Held) -> Result<Vec<Points>, EvalError> {
        let mut window = Vec::new();
        let points = |samples: &mut Vec<(u32, i64, f64)>| {
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
        points_of(self.series.iter_mut(), memory, points)
    }
}

/// How many different values there are, bit by bit. (Loki estimates; this counts.)
#[allow(clippy::cast_precision_loss, reason = "fewer than there are entries")]
pub(super) fn count_distinct(samples: &mut [(i64, f64)], _: (i64, i64)) -> f64 {
    let distinct: HashSet<u64> = samples.iter().map(|(_, value)| value.to_bits()).collect();
    distinct.len() as f64
}

/// The rise of a counter per second, extended to the window's edges as Prometheus does it.
#[allow(clippy::cast_precision_loss, reason = "as precise as a float can be")]
pub(super) fn rate_counter(samples: &mut [(i64, f64)], (begin, end): (i64, i64)) -> f64 {
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
