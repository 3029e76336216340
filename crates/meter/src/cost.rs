//! Money: dated prices in whole pico-dollars per token, costs in whole nano-dollars, no floats in between.

use std::collections::HashMap;

use crate::decimal::{self, DecimalError};
use crate::usage::{Class, Usage};

/// Decimal places of a nano-dollar, in which costs are kept.
pub const NANO: u8 = 9;

/// What a model's tokens cost, in pico-dollars (1e-12 USD) per token of each class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Names the price on the Record: `config:gpt-4`.
    pub id: String,
    per_token: [u64; Class::ALL.len()],
}

/// A price as an operator writes it, in USD per 1,000 tokens. What is not given follows from what is: cached input and
/// cache writes cost what input costs, reasoning what output costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tariff {
    /// Input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Input found in the prompt cache.
    pub cached_input: Option<f64>,
    /// Input written to the prompt cache.
    pub cache_write: Option<f64>,
    /// Whether the figures are per 1,000,000 tokens rather than per 1,000.
    pub per_million: bool,
}

impl Price {
    /// From an operator's tariff.
    ///
    /// # Errors
    /// A figure that is negative, no number, or finer than a pico-dollar per token.
    pub fn from_tariff(id: String, tariff: &Tariff) -> Result<Price, DecimalError> {
        // USD per 1,000 tokens to pico-dollars per token: 12 places less 3; per million, less 6.
        let scale = if tariff.per_million { 6 } else { 9 };
        let pico = |usd: f64| decimal::from_float(usd, scale);
        let (input, output) = (pico(tariff.input)?, pico(tariff.output)?);
        let cached = tariff.cached_input.map_or(Ok(input), pico)?;
        let write = tariff.cache_write.map_or(Ok(input), pico)?;
        let per_token = Class::ALL.map(|class| match class {
            Class::Input | Class::AudioInput | Class::ImageInput => input,
            Class::CachedInput => cached,
            Class::CacheWrite | Class::CacheWrite1h => write,
            Class::Output | Class::Reasoning | Class::AudioOutput => output,
        });
        Ok(Price { id, per_token })
    }

    /// What `usage` costs. Each component is summed exactly and rounded once, half up, to a nano-dollar; the total is the
    /// sum of the components, so that what a reader adds up is what stands there.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Cost {
        let component = |classes: &[Class]| {
            let pico: u128 = classes
                .iter()
                .map(|class| u128::from(usage.get(*class)) * u128::from(self.per_token[*class as usize]))
                .sum();
            u64::try_from((pico + 500) / 1000).unwrap_or(u64::MAX)
        };
        Cost {
            input: component(&[Class::Input, Class::AudioInput, Class::ImageInput]),
            output: component(&[Class::Output, Class::Reasoning, Class::AudioOutput]),
            cache: component(&[Class::CachedInput, Class::CacheWrite, Class::CacheWrite1h]),
            status: if self.per_token == [0; Class::ALL.len()] { CostStatus::Free } else { CostStatus::Contracted },
            price_id: self.id.clone(),
        }
    }
}

/// What a request cost, in nano-dollars (1e-9 USD) by component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Input that was not cached.
    pub input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Cached input and cache writes.
    pub cache: u64,
    /// How the figure came about.
    pub status: CostStatus,
    /// The price that was applied.
    pub price_id: String,
}

impl Cost {
    /// The whole, in nano-dollars.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output).saturating_add(self.cache)
    }
}

/// How a cost came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostStatus {
    /// From the operator's own price.
    Contracted,
    /// The price is truly 0.
    Free,
    /// Tokens are known, a price is not: there is no figure.
    Unpriced,
}

impl CostStatus {
    /// The name in `cost_status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CostStatus::Contracted => "contracted",
            CostStatus::Free => "free",
            CostStatus::Unpriced => "unpriced",
        }
    }
}

/// The prices that are known, by model.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    by_model: HashMap<String, Price>,
}

impl Prices {
    /// Adds a model's price.
    pub fn insert(&mut self, model: String, price: Price) {
        self.by_model.insert(model, price);
    }

    /// The price of the first of `models` that has one.
    #[must_use]
    pub fn find(&self, models: &[Option<&str>]) -> Option<&Price> {
        models.iter().flatten().find_map(|model| self.by_model.get(*model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpt_4() -> Price {
        let tariff = Tariff { input: 0.03, output: 0.06, ..Tariff::default() };
        Price::from_tariff("config:gpt-4".to_owned(), &tariff).unwrap()
    }

    #[test]
    fn the_missions_worked_example() {
        let usage = Usage::from_inclusive(25, 150, crate::usage::Parts::default());
        let cost = gpt_4().cost(&usage);
        assert_eq!((cost.input, cost.output, cost.cache), (750_000, 9_000_000, 0));
        assert_eq!(decimal::to_string(cost.total(), NANO), "0.00975");
    }

    #[test]
    fn cached_input_is_billed_once() {
        let tariff =
            Tariff { input: 3.0, output: 15.0, cached_input: Some(0.3), per_million: true, ..Tariff::default() };
        let price = Price::from_tariff("config:m".to_owned(), &tariff).unwrap();
        let usage = Usage::default().with(Class::Input, 1000).with(Class::CachedInput, 10_000);
        let cost = price.cost(&usage);
        assert_eq!((cost.input, cost.cache, cost.total()), (3_000_000, 3_000_000, 6_000_000));
    }

    #[test]
    fn a_component_is_rounded_once_half_up() {
        let tariff = Tariff { input: 0.0005, per_million: true, ..Tariff::default() };
        let price = Price::from_tariff("config:m".to_owned(), &tariff).unwrap();
        let cost = |tokens| price.cost(&Usage::default().with(Class::Input, tokens)).total();
        assert_eq!((cost(0), cost(1), cost(2), cost(3)), (0, 1, 1, 2));
    }

    #[test]
    fn a_true_zero_is_free() {
        let price = Price::from_tariff("config:m".to_owned(), &Tariff::default()).unwrap();
        assert_eq!(price.cost(&Usage::default()).status, CostStatus::Free);
        assert_eq!(gpt_4().cost(&Usage::default()).status, CostStatus::Contracted);
    }

    proptest::proptest! {
        #[test]
        fn components_add_up(counts in proptest::array::uniform9(0u64..1 << 40)) {
            let usage = Class::ALL.into_iter().zip(counts).fold(Usage::default(), |usage, (class, count)| usage.with(class, count));
            let cost = gpt_4().cost(&usage);
            proptest::prop_assert_eq!(cost.total(), cost.input + cost.output + cost.cache);
            let exact = u128::from(usage.input()) * 30_000_000 + u128::from(usage.output()) * 60_000_000;
            proptest::prop_assert!(u128::from(cost.total()).abs_diff(exact / 1000) <= 3);
        }
    }
}
