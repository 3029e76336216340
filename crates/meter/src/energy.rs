//! Energy: `Usage` and what is known of a model to kilowatt-hours, with the name of the method that says so.
//!
//! One method so far, `rates`: the mission's own kWh per 1,000 tokens, as configured. A model without a rate has no figure.

use std::collections::HashMap;

use crate::decimal::{self, DecimalError};
use crate::usage::Usage;

/// Decimal places of a pico-kilowatt-hour (3.6 microjoules), in which energy is kept.
pub const PICO: u8 = 12;

/// The energy of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Energy {
    /// The estimate in pico-kilowatt-hours (1e-12 kWh).
    pub mid: u64,
    /// The method and its version.
    pub method: &'static str,
}

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
        self.by_model.insert(model, decimal::from_float(kwh_per_1k, PICO - 3)?);
        Ok(())
    }

    /// The energy of `usage` at the rate of the first of `models` that has one.
    #[must_use]
    pub fn estimate(&self, models: &[Option<&str>], usage: &Usage) -> Option<Energy> {
        let rate = models.iter().flatten().find_map(|model| self.by_model.get(*model))?;
        Some(Energy { mid: usage.total().saturating_mul(*rate), method: "rates/1" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missions_worked_example() {
        let mut rates = Rates::default();
        rates.insert("gpt-4".to_owned(), 0.005).unwrap();
        let usage = Usage::from_inclusive(25, 150, crate::usage::Parts::default());
        let energy = rates.estimate(&[None, Some("gpt-4")], &usage).unwrap();
        assert_eq!(decimal::to_string(energy.mid, PICO), "0.000875");
        assert_eq!(rates.estimate(&[Some("gpt-5")], &usage), None);
    }
}
