//! THE list of panels and of alert rules.
//!
//! Grafana's dashboards, the rules of Prometheus, of Loki's ruler and of Grafana, and whoever else shows figures, are rendered
//! from here, so that no panel asks for a field that nobody writes. Queries name what they look at by words in braces, such as
//! `{requests}`; [`Selection`] puts labels in their place.

mod alerts;
mod energy;
mod selection;

pub use alerts::{ALERTS, Alert, Severity, THRESHOLDS, Threshold, Thresholds};
pub use selection::{Filter, Selection};

/// The dashboard over lines.
pub const TITLE: &str = "LLM Analytics & Metrics";
/// The dashboard over Prometheus's counters.
pub const PROMETHEUS_TITLE: &str = "LLM Analytics & Metrics (Prometheus)";

/// One panel.
#[derive(Debug)]
pub struct Panel {
    /// Its heading.
    pub title: &'static str,
    /// What it shows, with what is in the figure and what is not.
    pub description: &'static str,
    /// How it is drawn.
    pub kind: Kind,
    /// What its figures are.
    pub unit: Unit,
    /// How wide it is, of 24 columns.
    pub width: u8,
    /// Which lines lie behind its figures, as a query for lines; none where they are no lines.
    pub lines: Option<&'static str>,
    /// What it asks in LogQL; empty where lines cannot tell.
    pub logql: &'static [Query],
    /// What it asks in PromQL; empty where counters cannot tell.
    pub promql: &'static [Query],
}

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines over time.
    Lines,
    /// Bars over time, one upon the other: each is a sum over its piece of time.
    Bars,
    /// A cake, of the whole time.
    Pie,
    /// The largest, of the whole time.
    Ranking,
    /// One figure, of the whole time.
    Figure,
    /// Lines of the log.
    Log,
}

impl Kind {
    /// Its name in `/api/v1/panels`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Lines => "lines",
            Kind::Bars => "bars",
            Kind::Pie => "pie",
            Kind::Ranking => "ranking",
            Kind::Figure => "figure",
            Kind::Log => "log",
        }
    }

    /// Whether it shows one figure a series for the whole time, instead of one a step.
    #[must_use]
    pub const fn of_the_whole(self) -> bool {
        matches!(self, Kind::Pie | Kind::Ranking | Kind::Figure)
    }
}

/// What a panel's figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Requests per second.
    RequestsPerSecond,
    /// Things counted.
    Count,
    /// Kilowatt-hours.
    KilowattHours,
    /// Grams.
    Grams,
    /// US dollars.
    UsDollars,
    /// Seconds.
    Seconds,
    /// A part of 1.
    Share,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// Its name in `/api/v1/panels`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::RequestsPerSecond => "requests_per_second",
            Unit::Count => "count",
            Unit::KilowattHours => "kilowatt_hours",
            Unit::Grams => "grams",
            Unit::UsDollars => "us_dollars",
            Unit::Seconds => "seconds",
            Unit::Share => "share",
            Unit::Bytes => "bytes",
        }
    }
}

/// One query of a panel.
#[derive(Debug)]
pub struct Query {
    /// What is asked, with words in braces.
    pub expr: &'static str,
    /// What its series are called: a text, or a template as `{{model}}`.
    pub legend: &'static str,
    /// The label that tells its series apart.
    pub by: Option<&'static str>,
}

const fn by(label: &'static str, legend: &'static str, expr: &'static str) -> Query {
    Query { expr, legend, by: Some(label) }
}

const fn one(legend: &'static str, expr: &'static str) -> Query {
    Query { expr, legend, by: None }
}

/// A quantile of a histogram over the series that are chosen.
macro_rules! duration_quantile {
    ($quantile:literal, $metric:literal) => {
        concat!("histogram_quantile(", $quantile, ", sum by (le) (rate(", $metric, "{series}[$__rate_interval])))")
    };
}

/// The share of requests of a status.
macro_rules! status_share {
    ($status:literal) => {
        concat!(
            "(sum(rate(llm_requests_total{series, status=\"",
            $status,
            "\"}[$__rate_interval])) or vector(0)) / sum(rate(llm_requests_total{series}[$__rate_interval]))"
        )
    };
}

/// What counters rose by in each step. Grafana looks further back than a step where scrapes are far apart
/// (`$__rate_interval`), so an increase within that time would show what was counted several times over: a rate does not.
macro_rules! counted {
    ($by:literal, $series:literal $(, $unit:literal)?) => {
        concat!("sum", $by, " (rate(", $series, "[$__rate_interval])) * $__interval_ms / 1000" $(, $unit)?)
    };
}

/// The sum of a field that stands on the line only, and there only where it is known: lines without it are passed over unread.
macro_rules! on_the_line {
    ($field:literal) => {
        concat!(
            "sum(sum_over_time({requests} |= `\"",
            $field,
            "\":` | json ",
            $field,
            "=\"",
            $field,
            "\" | unwrap ",
            $field,
            " [$__auto]))"
        )
    };
}

use {counted, on_the_line};

/// A sum without what other fields have of it.
macro_rules! less {
    ($sum:literal, $($field:literal),+) => {
        concat!($sum, $(" - (", on_the_line!($field), " or vector(0))"),+)
    };
}

/// All panels, those that were asked for first, in the order of the dashboards.
pub static PANELS: &[Panel] = &[
    Panel {
        title: "Request Rate",
        description: "Requests per second by how they ended: completed, failed, or cancelled because the caller went away.",
        kind: Kind::Lines,
        unit: Unit::RequestsPerSecond,
        width: 12,
        lines: Some("{requests}"),
        logql: &[by("event", "{{event}}", "sum by (event) (rate({requests} [$__auto]))")],
        promql: &[by("status", "{{status}}", "sum by (status) (rate(llm_requests_total{series}[$__rate_interval]))")],
    },
    Panel {
        title: "Token Usage",
        description: "Tokens by model, input and output, of all requests: completed, failed and cancelled.",
        kind: Kind::Bars,
        unit: Unit::Count,
        width: 12,
        lines: Some("{requests} | total_tokens != \"\""),
        logql: &[by(
            "model",
            "{{model}}",
            "sum by (model) (sum_over_time({requests} | unwrap total_tokens [$__auto]))",
        )],
        promql: &[by("model", "{{model}}", counted!(" by (model)", "llm_tokens_total{series}"))],
    },
    Panel {
        title: "Energy Consumption",
        description: "The estimate of the energy that requests drew, in kWh by model. Requests without an estimate are not in it.",
        kind: Kind::Bars,
        unit: Unit::KilowattHours,
        width: 12,
        lines: Some("{requests} | energy_consumption_kwh != \"\""),
        logql: &[by(
            "model",
            "{{model}}",
            "sum by (model) (sum_over_time({requests} | unwrap energy_consumption_kwh [$__auto]))",
        )],
        promql: &[by("model", "{{model}}", counted!(" by (model)", "llm_energy_joules_total{series}", " / 3600000"))],
    },
    Panel {
        title: "Cost Tracking",
        description: "US dollars by model, of all requests: failed and cancelled ones may cost too. Unpriced requests are not in it, \
                      see Unpriced Share.",
        kind: Kind::Bars,
        unit: Unit::UsDollars,
        width: 12,
        lines: Some("{requests} | cost_usd != \"\""),
        logql: &[by("model", "{{model}}", "sum by (model) (sum_over_time({requests} | unwrap cost_usd [$__auto]))")],
        promql: &[by("model", "{{model}}", counted!(" by (model)", "llm_cost_usd_total{series}"))],
    },
    Panel {
        title: "Processing Time",
        description: "How long completed requests took, first byte in to last byte out: the median, and what 95 and 99 of 100 \
                      stayed below. Over Prometheus: of all requests, within a bucket's width.",
        kind: Kind::Lines,
        unit: Unit::Seconds,
        width: 12,
        lines: Some("{completed}"),
        logql: &[
            one("p50", "quantile_over_time(0.5, {completed} | unwrap processing_time_seconds [$__auto]) by ()"),
            one("p95", "quantile_over_time(0.95, {completed} | unwrap processing_time_seconds [$__auto]) by ()"),
            one("p99", "quantile_over_time(0.99, {completed} | unwrap processing_time_seconds [$__auto]) by ()"),
        ],
        promql: &[
            one("p50", duration_quantile!("0.5", "llm_request_duration_seconds_bucket")),
            one("p95", duration_quantile!("0.95", "llm_request_duration_seconds_bucket")),
            one("p99", duration_quantile!("0.99", "llm_request_duration_seconds_bucket")),
        ],
    },
    Panel {
        title: "Model Distribution",
        description: "How many requests each model was asked for.",
        kind: Kind::Pie,
        unit: Unit::Count,
        width: 12,
        lines: Some("{requests}"),
        logql: &[by("model", "{{model}}", "sum by (model) (count_over_time({requests} [$__auto]))")],
        promql: &[by("model", "{{model}}", "sum by (model) (increase(llm_requests_total{series}[$__range]))")],
    },
    Panel {
        title: "Error Rate",
        description: "The share of requests that failed, and of those whose caller went away before the end.",
        kind: Kind::Lines,
        unit: Unit::Share,
        width: 12,
        lines: Some("{unfinished}"),
        logql: &[
            one(
                "failed",
                "(sum(count_over_time({failed} [$__auto])) or vector(0)) / sum(count_over_time({requests} [$__auto]))",
            ),
            one(
                "cancelled",
                "(sum(count_over_time({cancelled} [$__auto])) or vector(0)) / sum(count_over_time({requests} [$__auto]))",
            ),
        ],
        promql: &[one("failed", status_share!("error")), one("cancelled", status_share!("cancelled"))],
    },
    Panel {
        title: "Time to First Token",
        description: "How long the first token of streams took: the median, and what 95 of 100 stayed below.",
        kind: Kind::Lines,
        unit: Unit::Seconds,
        width: 12,
        lines: Some("{requests} | time_to_first_token_seconds != \"\""),
        logql: &[
            one("p50", "quantile_over_time(0.5, {requests} | unwrap time_to_first_token_seconds [$__auto]) by ()"),
            one("p95", "quantile_over_time(0.95, {requests} | unwrap time_to_first_token_seconds [$__auto]) by ()"),
        ],
        promql: &[
            one("p50", duration_quantile!("0.5", "llm_time_to_first_token_seconds_bucket")),
            one("p95", duration_quantile!("0.95", "llm_time_to_first_token_seconds_bucket")),
        ],
    },
    Panel {
        title: "Tokens by Class",
        description: "Tokens by what they cost differently for. The classes are disjoint: input is what was not cached, output what \
                      was no reasoning; audio and images count as input and output.",
        kind: Kind::Bars,
        unit: Unit::Count,
        width: 12,
        lines: Some("{requests} | total_tokens != \"\""),
        logql: &[
            one(
                "input",
                less!(
                    "sum(sum_over_time({requests} | unwrap input_tokens [$__auto]))",
                    "cached_input_tokens",
                    "cache_write_tokens",
                    "cache_write_1h_tokens"
                ),
            ),
            one("cached input", on_the_line!("cached_input_tokens")),
            one("cache writes", on_the_line!("cache_write_tokens")),
            one("cache writes, 1 h", on_the_line!("cache_write_1h_tokens")),
            one("output", less!("sum(sum_over_time({requests} | unwrap output_tokens [$__auto]))", "reasoning_tokens")),
            one("reasoning", on_the_line!("reasoning_tokens")),
        ],
        promql: &[by("class", "{{class}}", counted!(" by (class)", "llm_tokens_total{series}"))],
    },
    Panel {
        title: "Cost by Organization",
        description: "US dollars by organization, of all requests: completed, failed and cancelled.",
        kind: Kind::Bars,
        unit: Unit::UsDollars,
        width: 12,
        lines: Some("{requests} | cost_usd != \"\""),
        logql: &[by(
            "organization",
            "{{organization}}",
            "sum by (organization) (sum_over_time({requests} | unwrap cost_usd [$__auto]))",
        )],
        promql: &[],
    },
    Panel {
        title: "Cancelled and Failed Spend",
        description: "US dollars of requests that failed or whose caller went away: paid for, and of no use.",
        kind: Kind::Bars,
        unit: Unit::UsDollars,
        width: 12,
        lines: Some("{unfinished} | cost_usd != \"\""),
        logql: &[by("event", "{{event}}", "sum by (event) (sum_over_time({unfinished} | unwrap cost_usd [$__auto]))")],
        promql: &[],
    },
    Panel {
        title: "SLO Attainment",
        description: "Of the requests that completed or failed: the share without an error, and the share without an error and \
                      within the seconds chosen above. Cancelled requests count neither way. Over Prometheus: without an error.",
        kind: Kind::Lines,
        unit: Unit::Share,
        width: 12,
        lines: Some("{answered}"),
        logql: &[
            one(
                "without an error",
                "(sum(count_over_time({completed} [$__auto])) or vector(0)) / sum(count_over_time({answered} [$__auto]))",
            ),
            one(
                "and in time",
                "(sum(count_over_time({completed} | processing_time_seconds <= $slo_seconds [$__auto])) or vector(0)) \
                 / sum(count_over_time({answered} [$__auto]))",
            ),
        ],
        promql: &[one(
            "without an error",
            "(sum(rate(llm_requests_total{series, status=\"success\"}[$__rate_interval])) or vector(0)) \
             / sum(rate(llm_requests_total{series, status=~\"success|error\"}[$__rate_interval]))",
        )],
    },
    Panel {
        title: "Top Users",
        description: "The ten users whose requests cost most, in US dollars. Requests that name no user are not in it.",
        kind: Kind::Ranking,
        unit: Unit::UsDollars,
        width: 12,
        lines: Some("{requests} | user_id != \"\" | cost_usd != \"\""),
        logql: &[by(
            "user_id",
            "{{user_id}}",
            "topk(10, sum by (user_id) (sum_over_time({requests} | user_id != \"\" | unwrap cost_usd [$__auto])))",
        )],
        promql: &[],
    },
    Panel {
        title: "Unpriced Share",
        description: "The share of requests with tokens for which there is no price: what they cost is in no sum.",
        kind: Kind::Figure,
        unit: Unit::Share,
        width: 12,
        lines: Some("{requests} | total_tokens != \"\" | cost_usd = \"\""),
        logql: &[one(
            "unpriced",
            "(sum(count_over_time({requests} | total_tokens != \"\" | cost_usd = \"\" [$__auto])) or vector(0)) \
             / sum(count_over_time({requests} | total_tokens != \"\" [$__auto]))",
        )],
        promql: &[one(
            "of all requests",
            "(sum(increase(llm_unpriced_requests_total{series}[$__range])) or vector(0)) \
             / sum(increase(llm_requests_total{series}[$__range]))",
        )],
    },
    energy::BAND,
    energy::PER_TOKENS,
    energy::CARBON,
    energy::ZONE,
    energy::METHOD,
    energy::UNESTIMATED,
    Panel {
        title: "Structured Log Viewer",
        description: "Each request's line, with all of its fields. What stands in the field Search above is looked for in the lines.",
        kind: Kind::Log,
        unit: Unit::Count,
        width: 24,
        lines: Some("{requests}"),
        logql: &[one("", "{requests} |= `$search`")],
        promql: &[],
    },
    Panel {
        title: "In Flight",
        description: "Requests admitted and not yet recorded.",
        kind: Kind::Lines,
        unit: Unit::Count,
        width: 12,
        lines: None,
        logql: &[],
        promql: &[by("instance", "{{instance}}", "sum by (instance) (weir_in_flight{process})")],
    },
    Panel {
        title: "Refused Requests",
        description: "Requests refused before admission, per second, by reason. They leave no Record.",
        kind: Kind::Lines,
        unit: Unit::RequestsPerSecond,
        width: 12,
        lines: None,
        logql: &[],
        promql: &[by(
            "reason",
            "{{reason}}",
            "sum by (reason) (rate(weir_refused_total{process}[$__rate_interval])) > 0",
        )],
    },
    Panel {
        title: "Overhead",
        description: "What Weir added to requests: the median, and what 99 of 100 stayed below.",
        kind: Kind::Lines,
        unit: Unit::Seconds,
        width: 12,
        lines: None,
        logql: &[],
        promql: &[
            one(
                "p50",
                "histogram_quantile(0.5, sum by (le) (rate(weir_overhead_seconds_bucket{process}[$__rate_interval])))",
            ),
            one(
                "p99",
                "histogram_quantile(0.99, sum by (le) (rate(weir_overhead_seconds_bucket{process}[$__rate_interval])))",
            ),
        ],
    },
    Panel {
        title: "Journal Size",
        description: "Bytes of the journal's files.",
        kind: Kind::Lines,
        unit: Unit::Bytes,
        width: 12,
        lines: None,
        logql: &[],
        promql: &[by("instance", "{{instance}}", "sum by (instance) (weir_journal_bytes{process})")],
    },
    Panel {
        title: "Follower Lag",
        description: "Lines that each follower of the journal has still to deliver.",
        kind: Kind::Lines,
        unit: Unit::Count,
        width: 12,
        lines: None,
        logql: &[],
        promql: &[by("follower", "{{follower}}", "sum by (follower) (weir_follower_lag_lines{process})")],
    },
];
