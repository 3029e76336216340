//! Money: prices in whole pico-dollars per token, costs in whole nano-dollars, no floats in between.
//!
//! A [`Price`] is what one model costs under all conditions that its source names: tier, length of the input, date, hour. The
//! engine picks the band whose conditions a request meets, sums each component exactly, and rounds it once. Whose price it
//! is that counts (the operator's, a contract's, the provider's own bill, the catalogue's) is for [`Prices`] to say.

pub(crate) mod key;
mod price;
mod prices;
mod rule;

use std::sync::Arc;

pub use price::{Price, Tariff};
pub use prices::{Ask, Book, Explained, Listing, Prices};
pub use rule::{BadRule, Rule};

/// Decimal places of a nano-dollar, in which costs are kept.
pub const NANO: u8 = 9;

/// What a request cost, in nano-dollars (1e-9 USD).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    total: u64,
    /// What the total is made of; a provider's bill is one figure.
    pub parts: Option<Parts>,
    /// How the figure came about.
    pub status: CostStatus,
    /// The price that was applied.
    pub price_id: Arc<str>,
    /// The day of the catalogue's figures, `2026-11-23`: those of the cost, else those of `list`.
    pub as_of: Option<Arc<str>>,
    /// What the catalogue asks for the same, where the cost does not come from it.
    pub list: Option<u64>,
}

/// The components of a cost, in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Input that was not cached.
    pub input: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Cached input and cache writes.
    pub cache: u64,
    /// What is paid per call: web searches, requests.
    pub tools: u64,
}

impl Parts {
    fn total(&self) -> u64 {
        self.input.saturating_add(self.output).saturating_add(self.cache).saturating_add(self.tools)
    }
}

impl Cost {
    /// The whole, in nano-dollars. Where there are components it is their sum, so that what a reader adds up is what stands
    /// there.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// How a cost came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostStatus {
    /// From the catalogue: what the provider publishes.
    List,
    /// From the operator's own price or contract.
    Contracted,
    /// The provider's own bill.
    Reported,
    /// From a price, for tokens that the provider did not report, or without calls that are paid otherwise than by the call.
    Estimated,
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
            CostStatus::List => "list",
            CostStatus::Contracted => "contracted",
            CostStatus::Reported => "reported",
            CostStatus::Estimated => "estimated",
            CostStatus::Free => "free",
            CostStatus::Unpriced => "unpriced",
        }
    }
}

#[cfg(test)]
mod tests;
