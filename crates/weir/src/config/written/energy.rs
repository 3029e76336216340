//! What is written about energy and carbon.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::amount::Span;

/// Whom a provider's machines serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrittenServing {
    /// Many, so that they are well filled.
    Shared,
    /// Nobody else.
    Own,
}

/// How energy is estimated where there is no rate.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenEnergy {
    /// The method.
    pub method: WrittenMethod,
    /// How large models are, where that is not known or not what is run.
    pub models: BTreeMap<String, WrittenModel>,
}

/// The method by which energy is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrittenMethod {
    /// Weir's own: fitted to measured machines, with a band.
    #[default]
    Weir,
    /// EcoLogits's published formulas.
    Ecologits,
    /// None: what has no rate has no figure.
    Rates,
}

/// How large a model is.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenModel {
    /// All its parameters, in billions.
    pub total_b: f64,
    /// Those that each token meets, in billions; all if not given.
    #[serde(default)]
    pub active_b: Option<f64>,
    /// Bits of a parameter.
    #[serde(default)]
    pub bits: Option<u8>,
}

/// The grid of a zone by the hour.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenCarbon {
    /// A file, CSV or JSON in Electricity Maps's shape, or a URL that answers with one.
    pub series: String,
    /// "env:NAME" or "file:PATH": what the URL wants to see as `auth-token`.
    #[serde(default)]
    pub token: Option<String>,
    /// How often the URL is asked.
    #[serde(default = "quarter")]
    pub every: Span,
}

fn quarter() -> Span {
    Span(std::time::Duration::from_secs(900))
}

impl WrittenCarbon {
    /// Whether it is asked for, and not read.
    pub(in crate::config) fn is_url(&self) -> bool {
        self.series.starts_with("https://") || self.series.starts_with("http://")
    }
}
