//! What the page is told: service levels that somebody has promised, and where Grafana is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::Span;
use super::{ConfigError, invalid};

/// A service level: what callers have been promised.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenSlo {
    /// The models that it is about; * stands for anything.
    #[serde(default = "any")]
    pub model: String,
    /// What 95 of 100 completed requests stay below.
    pub p95: Option<Span>,
    /// The share of requests, of those completed or failed, that end without an error: 0.99.
    pub availability: Option<f64>,
}

fn any() -> String {
    "*".to_owned()
}

/// A service level.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// The models that it is about; `*` stands for anything.
    pub model: String,
    /// What 95 of 100 completed requests stay below.
    pub p95: Option<Duration>,
    /// The share of requests, of those completed or failed, that end without an error.
    pub availability: Option<f64>,
}

pub(super) fn slos(written: &[WrittenSlo]) -> Result<Vec<Slo>, ConfigError> {
    let one = |(place, slo): (usize, &WrittenSlo)| {
        let place = format!("slo[{place}]");
        if slo.p95.is_none() && slo.availability.is_none() {
            return Err(invalid(place, "promises nothing; give it p95 = \"10s\", availability = 0.99, or both"));
        }
        if slo.p95.is_some_and(|span| span.0.is_zero()) {
            return Err(invalid(place, "p95 is 0s, which no request stays below"));
        }
        // All of them cannot be promised: there would be no budget to measure against.
        if slo.availability.is_some_and(|share| !(0.0..1.0).contains(&share) || share == 0.0) {
            return Err(invalid(place, "availability is a share between 0 and 1, such as 0.99"));
        }
        Ok(Slo { model: slo.model.clone(), p95: slo.p95.map(|span| span.0), availability: slo.availability })
    };
    written.iter().enumerate().map(one).collect()
}

/// The page.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenPage {
    /// Where Grafana is, such as "https://grafana.example.com", so that panels can be opened there.
    pub grafana: Option<String>,
    /// The uid of the data source there that has Weir's lines.
    pub grafana_datasource: String,
}

impl Default for WrittenPage {
    fn default() -> Self {
        WrittenPage { grafana: None, grafana_datasource: "llm-weir".to_owned() }
    }
}

/// Where Grafana is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grafana {
    /// Its address.
    pub url: String,
    /// The uid of the data source that has Weir's lines.
    pub datasource: String,
}

pub(super) fn grafana(written: &WrittenPage) -> Result<Option<Grafana>, ConfigError> {
    let Some(url) = &written.grafana else { return Ok(None) };
    // The page makes a link of it: what is no address of the web could be a program.
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(invalid("page.grafana", "is not an address; write \"https://grafana.example.com\""));
    }
    Ok(Some(Grafana { url: url.clone(), datasource: written.grafana_datasource.clone() }))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const ONE: &str = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";

    fn error(settings: &str) -> String {
        Config::parse(&format!("{settings}\n{ONE}")).unwrap_err().to_string()
    }

    #[test]
    fn levels_are_promises_that_can_be_measured() {
        let config =
            Config::parse(&format!("[[slo]]\nmodel = \"gpt-*\"\np95 = \"10s\"\navailability = 0.995\n{ONE}")).unwrap();
        assert_eq!(config.slos[0].p95.unwrap().as_secs(), 10);
        assert_eq!((config.slos[0].model.as_str(), config.slos[0].availability), ("gpt-*", Some(0.995)));
        assert!(error("[[slo]]\nmodel = \"a\"").contains("promises nothing"));
        assert!(error("[[slo]]\np95 = \"0s\"").contains("p95 is 0s"));
        for share in ["1.0", "0.0", "1.5", "-0.1", "nan"] {
            assert!(error(&format!("[[slo]]\navailability = {share}")).contains("between 0 and 1"), "{share}");
        }
    }

    #[test]
    fn grafana_is_an_address_of_the_web() {
        let config = Config::parse(&format!("[page]\ngrafana = \"https://g\"\n{ONE}")).unwrap();
        assert_eq!(config.grafana.unwrap().datasource, "llm-weir");
        assert!(error("[page]\ngrafana = \"javascript:alert(1)\"").contains("not an address"));
    }
}
