//! Panels of energy and carbon.

use super::{Kind, Panel, Query, Unit, by, counted, on_the_line, one};

/// The band of the energy.
pub(super) const BAND: Panel = Panel {
    title: "Energy Band",
    description: "What requests drew: low, middle and high, in kWh. The band of a sum is the sum of the bands: more requests do \
                  not make it surer. Requests without an estimate are not in it.",
    kind: Kind::Lines,
    unit: Unit::KilowattHours,
    width: 12,
    lines: Some("{requests} | energy_consumption_kwh != \"\""),
    logql: &[
        one("low", on_the_line!("energy_kwh_low")),
        one("middle", "sum(sum_over_time({requests} | unwrap energy_consumption_kwh [$__auto]))"),
        one("high", on_the_line!("energy_kwh_high")),
    ],
    promql: &[
        one("low", counted!("", "llm_energy_low_joules_total{series}", " / 3600000")),
        one("middle", counted!("", "llm_energy_joules_total{series}", " / 3600000")),
        one("high", counted!("", "llm_energy_high_joules_total{series}", " / 3600000")),
    ],
};

/// Which method wrote how much.
pub(super) const METHOD: Panel = Panel {
    title: "Energy by Method",
    description: "kWh by the method that estimated them, with its version: a step in energy where the method changes is none in \
                  use.",
    kind: Kind::Bars,
    unit: Unit::KilowattHours,
    width: 12,
    lines: Some("{requests} |= `\"energy_method\":` | json energy_method=\"energy_method\""),
    logql: &[Query {
        expr: "sum by (energy_method) (sum_over_time({requests} |= `\"energy_method\":` \
               | json energy_method=\"energy_method\" | unwrap energy_consumption_kwh [$__auto]))",
        legend: "{{energy_method}}",
        by: Some("energy_method"),
    }],
    promql: &[],
};

/// Energy for tokens.
pub(super) const PER_TOKENS: Panel = Panel {
    title: "Energy per 1,000 Tokens",
    description: "kWh for 1,000 tokens by model, input and output together, of requests with an estimate. Over Prometheus: of all \
                  requests.",
    kind: Kind::Lines,
    unit: Unit::KilowattHours,
    width: 12,
    lines: Some("{requests} | energy_consumption_kwh != \"\""),
    logql: &[by(
        "model",
        "{{model}}",
        "1000 * sum by (model) (sum_over_time({requests} | energy_consumption_kwh != \"\" \
         | unwrap energy_consumption_kwh [$__auto])) \
         / sum by (model) (sum_over_time({requests} | energy_consumption_kwh != \"\" | unwrap total_tokens [$__auto]))",
    )],
    promql: &[by(
        "model",
        "{{model}}",
        "sum by (model) (rate(llm_energy_joules_total{series}[$__rate_interval])) / 3600 \
         / sum by (model) (rate(llm_tokens_total{series}[$__rate_interval]))",
    )],
};

/// Whose energy nobody estimates.
pub(super) const UNESTIMATED: Panel = Panel {
    title: "Requests without an Energy Estimate",
    description: "Requests with tokens of models of which nobody says how large they are, by model: what they drew is in no sum. \
                  [energy.models] sets a size, [energy_rates] what a model draws.",
    kind: Kind::Bars,
    unit: Unit::Count,
    width: 12,
    lines: Some("{requests} | total_tokens != \"\" | energy_consumption_kwh = \"\""),
    logql: &[by(
        "model",
        "{{model}}",
        "sum by (model) (count_over_time({requests} | total_tokens != \"\" | energy_consumption_kwh = \"\" [$__auto]))",
    )],
    promql: &[by("model", "{{model}}", counted!(" by (model)", "llm_unestimated_requests_total{series}"))],
};

/// Carbon by model.
pub(super) const CARBON: Panel = Panel {
    title: "Carbon by Model",
    description: "Grams of CO2 equivalent of the energy, by the grids where it was drawn; making the machines is not in it.",
    kind: Kind::Bars,
    unit: Unit::Grams,
    width: 12,
    lines: Some("{requests} | carbon_gco2e != \"\""),
    logql: &[by("model", "{{model}}", "sum by (model) (sum_over_time({requests} | unwrap carbon_gco2e [$__auto]))")],
    promql: &[by("model", "{{model}}", counted!(" by (model)", "llm_carbon_grams_total{series}"))],
};

/// Carbon by zone.
pub(super) const ZONE: Panel = Panel {
    title: "Carbon by Zone",
    description: "The same by the zone of the grid. Over Prometheus: by provider.",
    kind: Kind::Bars,
    unit: Unit::Grams,
    width: 12,
    lines: Some("{requests} | carbon_gco2e != \"\""),
    logql: &[by(
        "carbon_zone",
        "{{carbon_zone}}",
        "sum by (carbon_zone) (sum_over_time({requests} | unwrap carbon_gco2e [$__auto]))",
    )],
    promql: &[by("provider", "{{provider}}", counted!(" by (provider)", "llm_carbon_grams_total{series}"))],
};
