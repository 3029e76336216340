//! What is written about a provider.

use schemars::JsonSchema;
use serde::Deserialize;

use super::WrittenServing;

/// Who answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenProvider {
    /// Its name on Records and labels.
    pub name: String,
    /// A well-known provider whose address, models and ways are meant: "deepseek". Its name alone says it, too.
    #[serde(default)]
    pub preset: Option<String>,
    /// An OpenAI-compatible address: "https://api.openai.com/v1"; not needed where a preset has it.
    #[serde(default)]
    pub base_url: Option<String>,
    /// "env:NAME", "file:PATH", or "caller": the caller's own key passes through.
    #[serde(default)]
    pub api_key: Option<String>,
    /// The models it serves; * stands for anything.
    #[serde(default)]
    pub models: Vec<String>,
    /// Whether it gets what belongs to nobody else.
    #[serde(default)]
    pub default: bool,
    /// Whether it may be asked for the usage of a stream whose caller did not ask; what that adds is taken out again.
    #[serde(default)]
    pub inject_usage: Option<bool>,
    /// Its name in the catalogue of prices; "none" leaves it out. Known by its address or its name if not given.
    #[serde(default)]
    pub catalog: Option<String>,
    /// Where its models run, if that makes a difference to the price: "eu", "us".
    #[serde(default)]
    pub region: Option<String>,
    /// What happens to an answer whose caller has gone.
    #[serde(default)]
    pub on_client_gone: OnClientGone,
    /// Where its machines stand: "DEU", "US-CA", "SE3", "gcp:europe-west1".
    #[serde(default)]
    pub zone: Option<String>,
    /// What its building draws for each watt of the machines: its PUE.
    #[serde(default)]
    pub pue: Option<f64>,
    /// Litres of water on site for each kWh of the machines.
    #[serde(default)]
    pub water_l_per_kwh: Option<f64>,
    /// Grams of CO2e for each kWh, by contract.
    #[serde(default)]
    pub market_gco2e_per_kwh: Option<f64>,
    /// Whether its machines serve many, or are one's own.
    #[serde(default)]
    pub serving: Option<WrittenServing>,
}

/// What happens to an answer whose caller has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnClientGone {
    /// The provider's connection is closed, and what was delivered is counted.
    #[default]
    Close,
    /// It is read to its end, so that the provider's own figures arrive: for at most five minutes and 64 MiB more.
    Drain,
}
