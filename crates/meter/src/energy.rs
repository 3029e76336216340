//! Energy: `Usage` and what is known of a model to kilowatt-hours, low, middle and high, with the name of the method that says
//! so.
//!
//! [`Rates`], the operator's own kWh per 1,000 tokens, go before all else: whole numbers that are multiplied, and exact. Two methods stand
//! behind one interface, [`Method`]: [`Weir`], fitted to measured machines ([`physics`]), and [`Ecologits`], the published formulas of
//! EcoLogits, so that figures can be compared. One that measures would be a third. [`Estimator`] knows which of them holds for a
//! request.

mod calibrate;
mod ecologits;
mod estimator;
mod evaluate;
pub mod feed;
mod matrix;
mod model;
pub mod physics;
mod points;
mod rates;
mod weir;

pub use calibrate::{Measured, calibrate, read_measured};
pub use ecologits::{Deployment, Ecologits, Impacts};
pub use estimator::{Ask, Book, Choice, Estimate, Estimator, Found};
pub use evaluate::{Evaluation, Group, evaluate};
pub(crate) use model::sources;
pub use model::{Basis, Family, Models, Origin, Profile, Row, Size};
pub use points::{Point, points};
pub use rates::Rates;
pub use weir::{HOST, Serving, Share, Shares, Weir};

use crate::usage::Usage;

/// Decimal places of a pico-kilowatt-hour (3.6 microjoules), in which energy is kept.
pub const PICO: u8 = 12;

/// Pico-kilowatt-hours of a joule.
const PICO_KWH_PER_JOULE: f64 = 1e12 / 3.6e6;

/// The energy of one request, in pico-kilowatt-hours (1e-12 kWh). The three are of the same machine, its host and its building.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Energy {
    /// What it hardly falls short of.
    pub low: u64,
    /// The estimate.
    pub mid: u64,
    /// What it hardly exceeds.
    pub high: u64,
    /// The method and its version.
    pub method: &'static str,
    /// What is known of the model's size.
    pub basis: Basis,
}

/// Low, middle and high of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Band {
    /// Low.
    pub low: f64,
    /// Middle.
    pub mid: f64,
    /// High.
    pub high: f64,
}

impl Band {
    /// All three the same.
    #[must_use]
    pub const fn point(value: f64) -> Band {
        Band { low: value, mid: value, high: value }
    }

    /// A middle and the logarithms of how far it may be below and above.
    #[must_use]
    pub fn around(mid: f64, below: f64, above: f64) -> Band {
        Band { low: mid * (-below).exp(), mid, high: mid * above.exp() }
    }

    /// Each member through the same function.
    #[must_use]
    pub fn zip(self, other: Band, of: impl Fn(f64, f64) -> f64) -> Band {
        Band { low: of(self.low, other.low), mid: of(self.mid, other.mid), high: of(self.high, other.high) }
    }

    /// High over low.
    #[must_use]
    pub fn width(self) -> f64 {
        self.high / self.low
    }

    /// The sum, members by themselves: what is wrong with one request is wrong with the next, so errors add up.
    #[must_use]
    pub fn plus(self, other: Band) -> Band {
        self.zip(other, |a, b| a + b)
    }

    /// Times a number of at least 0.
    #[must_use]
    pub fn times(self, factor: f64) -> Band {
        self.zip(Band::point(factor), |a, b| a * b)
    }
}

/// How energy is estimated.
pub trait Method {
    /// Its name and version, as it stands in `energy_method`.
    fn name(&self) -> &'static str;

    /// The energy of a request in joules, machine, host and building together, or nothing where the method cannot say.
    /// `seconds` is how long the provider took, where that is known.
    fn joules(&self, usage: &Usage, building: &Building, seconds: Option<f64>) -> Option<Band>;
}

/// What a building adds to its machines: all the electricity that it draws, over what its machines draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Building {
    /// Power usage effectiveness.
    pub pue: Band,
}

/// Joules as whole pico-kilowatt-hours.
pub(crate) fn pico_kwh(joules: f64) -> u64 {
    (joules * PICO_KWH_PER_JOULE).round() as u64
}

#[cfg(test)]
mod tests;
