//! The aggregates that there are.

use super::segments::Aggregate;

#[derive(Clone)]
pub(super) struct Count(pub(super) f64);

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
pub(in super::super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(in super::super) const ZERO: Self = Self { sum: 0.0, lost: 0.0 };

    pub(in super::super) fn plus(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    pub(in super::super) fn value(&self) -> f64 {
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
pub(super) struct Mean {
    sum: Sum,
    count: f64,
}

impl Mean {
    pub(super) fn value(&self) -> f64 {
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
pub(super) struct Extreme<const GREATEST: bool>(pub(super) f64);

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
pub(in super::super) struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Variance {
    pub(in super::super) fn value(&self) -> f64 {
        self.squares / self.count
    }

    /// Of one value: no distance, whatever the value is.
    pub(in super::super) fn first(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0 }
    }

    pub(in super::super) fn plus(&mut self, value: f64) {
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
pub(super) struct Outermost<const NEWEST: bool> {
    timestamp: i64,
    pub(super) value: f64,
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
