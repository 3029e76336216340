use super::quantile::quantile;
use super::{Samples, Sum, accumulator, rate_counter};
use crate::eval::memory::Memory;
use crate::eval::window::Windows;
use crate::syntax::ast::RangeOp;
use proptest::prelude::*;

/// What a window holds, put together sample by sample.
fn plain(op: RangeOp, values: &[f64]) -> f64 {
    let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
    let mean = sum / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    match op {
        RangeOp::Count => count,
        RangeOp::Sum => sum,
        RangeOp::Avg => mean,
        RangeOp::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        RangeOp::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        RangeOp::Stdvar => variance,
        RangeOp::Stddev => variance.sqrt(),
        RangeOp::First => values[0],
        RangeOp::Last => values[values.len() - 1],
        _ => quantile(0.7, &mut values.to_vec()),
    }
}

proptest! {
    #[test]
    fn windows_are_the_same_however_they_are_put_together(
        step in 1_i64..10, width in 1_i64..90, offset in -5_i64..5, samples in prop::collection::vec((0_i64..120, -50_i32..50), 0..60)
    ) {
        let windows = Windows::new(30, 110, step, width, offset);
        // One sample an instant, so that the first and the last are known.
        let samples: std::collections::BTreeMap<i64, f64> =
            samples.into_iter().map(|(at, value)| (at, f64::from(value) / 8.0)).collect();
        for op in [
            RangeOp::Count, RangeOp::Sum, RangeOp::Avg, RangeOp::Min, RangeOp::Max, RangeOp::Stdvar, RangeOp::Stddev,
            RangeOp::First, RangeOp::Last, RangeOp::Quantile,
        ] {
            let mut accumulator = accumulator(op, true, 0.7);
            let mut taken = Samples::default();
            for (at, value) in samples.iter().rev() {
                if let Some(segment) = windows.cursor().segment(*at) {
                    taken.push(0, segment, *at, *value);
                }
            }
            accumulator.take(&mut taken);
            let points = accumulator.finish(&windows, &mut Memory::new(0).part()).unwrap().pop().unwrap_or_default();
            let mut wanted = Vec::new();
            for window in 0..windows.count {
                let (begin, end) = windows.bounds(window);
                let values: Vec<f64> = samples.range(begin + 1..=end).map(|(_, value)| *value).collect();
                if !values.is_empty() {
                    wanted.push((window as u32, plain(op, &values)));
                }
            }
            prop_assert_eq!(points.len(), wanted.len());
            for (point, wanted) in points.iter().zip(&wanted) {
                prop_assert_eq!(point.0, wanted.0);
                prop_assert!((point.1 - wanted.1).abs() < 1e-9, "{:?}: {:?} {:?}", op, point, wanted);
            }
        }
    }

    #[test]
    fn sums_lose_nothing(mut values in prop::collection::vec(-1_000_000_i64..1_000_000, 1..500)) {
        // Nano-dollars: their exact sum is known.
        let exact: i64 = values.iter().sum();
        let mut sum = Sum::ZERO;
        values.iter().for_each(|value| sum.plus(*value as f64 / 1e9));
        let scale = values.iter().map(|value| value.abs()).sum::<i64>() as f64 / 1e9;
        prop_assert!((sum.value() - exact as f64 / 1e9).abs() <= 1e-12 * scale.max(1e-9));
        values.clear();
    }
}

#[test]
fn a_sum_keeps_what_is_small() {
    let mut sum = Sum::ZERO;
    [1e100, 1.0, -1e100].into_iter().for_each(|value| sum.plus(value));
    assert_eq!(sum.value(), 1.0);
    sum.plus(f64::INFINITY);
    assert_eq!(sum.value(), f64::INFINITY);
    sum.plus(f64::NEG_INFINITY);
    assert!(sum.value().is_nan());
}

#[test]
fn quantiles_lie_between_samples() {
    let mut samples = [5.0, 1.0, 3.0, 2.0, 4.0];
    for (q, wanted) in [(0.0, 1.0), (0.25, 2.0), (0.4, 2.6), (0.5, 3.0), (1.0, 5.0), (1.5, f64::INFINITY)] {
        assert!((quantile(q, &mut samples) - wanted).abs() < 1e-12 || wanted.is_infinite(), "{q}");
    }
    assert!(quantile(0.5, &mut [f64::NAN, f64::NAN]).is_nan());
}

#[test]
fn counters_are_extended_to_the_windows_edges() {
    let rate = |samples: &[(i64, f64)], begin: i64, end: i64| {
        let second = 1_000_000_000;
        let mut samples: Vec<_> = samples.iter().map(|(at, value)| (at * second, *value)).collect();
        rate_counter(&mut samples, (begin * second, end * second))
    };
    let close = |left: f64, right: f64| assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    // The rise of 60 within 30 s is extended by the 30 s to the window's beginning.
    close(rate(&[(450, 580.0), (480, 640.0)], 420, 480), 2.0);
    // A fall is a counter that began anew.
    close(rate(&[(60, 60.0), (90, 90.0), (120, 30.0), (150, 60.0)], 30, 150), 1.0);
    // Nothing is extended below zero, nor further than half a distance where the edge is far.
    close(rate(&[(75, 30.0), (105, 90.0)], 45, 105), 1.5);
    close(rate(&[(150, 600.0), (180, 660.0)], 90, 240), 0.8);
    close(rate(&[(90, 100.0)], 80, 90), 0.0);
}
