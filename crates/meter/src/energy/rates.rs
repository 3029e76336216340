//! The operator's own rates: kWh per 1,000 tokens of all kinds, as the mission has them.

use std::collections::HashMap;

use super::{Basis, Energy};
use crate::decimal::{self, DecimalError};
use crate::usage::Usage;

/// The name of the method.
pub(super) const NAME: &str = "rates/1";

/// Configured rates, by model.
#[derive(Debug, Clone, Default)]
pub struct Rates {
    /// Pico-kilowatt-hours per token.
    by_model: HashMap<String, u64>,
}

impl Rates {
    /// Adds a model's rate in kWh per 1,000 tokens.
    ///
    /// # Errors
    /// A figure that is negative, no number, or finer than a pico-kilowatt-hour per token.
    pub fn insert(&mut self, model: String, kwh_per_1k: f64) -> Result<(), DecimalError> {
        self.by_model.insert(model, decimal::from_float(kwh_per_1k, super::PICO - 3)?);
        Ok(())
    }

    /// The rate of the first of `models` that has one, in pico-kilowatt-hours per token.
    #[must_use]
    pub fn find(&self, models: &[Option<&str>]) -> Option<u64> {
        models.iter().flatten().find_map(|model| self.by_model.get(*model)).copied()
    }
}

/// The energy of `usage` at a rate. Whoever configures a rate says how much it is: low and high are the same.
pub(super) fn energy(rate: u64, usage: &Usage) -> Energy {
    let mid = usage.total().saturating_mul(rate);
    Energy { low: mid, mid, high: mid, method: NAME, basis: Basis::Rate }
}
