//! THE list of alert rules.

/// A number that a rule compares with, and which an operator may set.
#[derive(Debug)]
pub struct Threshold {
    /// Its name, with the unit.
    pub name: &'static str,
    /// What it is unless set.
    pub default: f64,
    /// What it means.
    pub doc: &'static str,
}

const fn threshold(name: &'static str, default: f64, doc: &'static str) -> Threshold {
    Threshold { name, default, doc }
}

/// All thresholds.
pub static THRESHOLDS: &[Threshold] = &[
    threshold("cost_per_hour_usd", 50.0, "What an organization may spend in an hour, in US dollars."),
    threshold("cost_per_day_usd", 500.0, "What an organization may spend in a day, in US dollars."),
    threshold("energy_per_hour_kwh", 10.0, "What requests for a model may draw in an hour, in kWh."),
    threshold("latency_p95_seconds", 30.0, "What 95 of 100 requests for a model stay below, in seconds."),
    threshold("error_share", 0.05, "The share of a provider's requests that may fail."),
    threshold("slo_objective", 0.99, "The share of requests that end without an error, of those completed or failed."),
    threshold("burn_fast", 14.4, "How many times faster than allowed errors may come within an hour."),
    threshold("burn_slow", 6.0, "How many times faster than allowed errors may come within six hours."),
    threshold("follower_lag_lines", 10_000.0, "How many lines a follower may be behind."),
];

/// Thresholds as they are set.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds(Vec<(&'static str, f64)>);

impl Default for Thresholds {
    fn default() -> Self {
        Self(THRESHOLDS.iter().map(|threshold| (threshold.name, threshold.default)).collect())
    }
}

impl Thresholds {
    /// Sets one.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the number is none to compare with.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
        let known = self.0.iter_mut().find(|(known, _)| *known == name);
        let Some((_, current)) = known else {
            let names: Vec<&str> = THRESHOLDS.iter().map(|threshold| threshold.name).collect();
            return Err(format!("there is no threshold {name}; there are {}", names.join(", ")));
        };
        if !value.is_finite() || value < 0.0 || (name == "slo_objective" && value >= 1.0) {
            return Err(format!("{name} cannot be {value}"));
        }
        *current = value;
        Ok(())
    }

    /// A threshold's value; 0 where there is none of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> f64 {
        self.0.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, value)| *value)
    }

    /// A query with values in place of the thresholds' names in braces.
    #[must_use]
    pub fn expand(&self, expr: &str) -> String {
        let put = |text: String, (name, value): &(&str, f64)| text.replace(&format!("{{{name}}}"), &value.to_string());
        self.0.iter().fold(expr.to_owned(), put)
    }
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look within a day.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// Its name, as a label's value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// One rule: it fires for each series that is above its threshold for long enough.
#[derive(Debug)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// What is the matter, with `{value}`, `{label:NAME}` and `{label:NAME|WHERE THERE IS NONE}`.
    pub summary: &'static str,
    /// What to do.
    pub description: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The threshold that the figure is compared with; 0 if none is named.
    pub above: Option<&'static str>,
    /// For how long, in minutes.
    pub minutes: u32,
    /// The figure in LogQL, if lines can tell.
    pub logql: Option<&'static str>,
    /// The figure in PromQL, if counters can tell.
    pub promql: Option<&'static str>,
}

impl Alert {
    /// The number that its figure is compared with.
    #[must_use]
    pub fn limit(&self, thresholds: &Thresholds) -> f64 {
        self.above.map_or(0.0, |name| thresholds.get(name))
    }
}

/// What counters rose by in a time, with what those began with that were born in it: where Prometheus saw the process before, or
/// where the process itself is younger.
macro_rules! risen {
    ($metric:literal, $time:literal, $seconds:literal) => {
        concat!(
            "(((",
            $metric,
            " unless ",
            $metric,
            " offset ",
            $time,
            ") > increase(",
            $metric,
            "[",
            $time,
            "])) ",
            "and on (job, instance) (weir_build_info offset ",
            $time,
            " or process_start_time_seconds > time() - ",
            $seconds,
            ") or increase(",
            $metric,
            "[",
            $time,
            "]))"
        )
    };
}

/// How many times faster than the objective allows errors came in two windows: the longer one, if the shorter agrees.
macro_rules! burn_of_lines {
    ($long:literal, $short:literal, $limit:literal) => {
        concat!(
            "sum(count_over_time({failed} [",
            $long,
            "])) / sum(count_over_time({answered} [",
            $long,
            "])) / (1 - {slo_objective}) and sum(count_over_time({failed} [",
            $short,
            "])) / sum(count_over_time({answered} [",
            $short,
            "])) / (1 - {slo_objective}) > ",
            $limit
        )
    };
}

macro_rules! burn_of_counters {
    ($long:literal, $short:literal, $limit:literal) => {
        concat!(
            "sum(rate(llm_requests_total{status=\"error\"}[",
            $long,
            "])) / sum(rate(llm_requests_total{status=~\"success|error\"}[",
            $long,
            "])) / (1 - {slo_objective}) and sum(rate(llm_requests_total{status=\"error\"}[",
            $short,
            "])) / sum(rate(llm_requests_total{status=~\"success|error\"}[",
            $short,
            "])) / (1 - {slo_objective}) > ",
            $limit
        )
    };
}

/// All rules.
pub static ALERTS: &[Alert] = &[
    Alert {
        name: "LlmCostPerHour",
        summary: "{label:organization|Requests without an organization} spent {value} USD within an hour",
        description: "Look at Cost by Organization and at Top Users. Counters know organizations only where a field of that name \
                      is declared with `label = true`; without it they tell of all together.",
        severity: Severity::Warning,
        above: Some("cost_per_hour_usd"),
        minutes: 0,
        logql: Some("sum by (organization) (sum_over_time({requests} | unwrap cost_usd [1h]))"),
        promql: Some(concat!("sum by (organization) ", risen!("llm_cost_usd_total", "1h", "3600"))),
    },
    Alert {
        name: "LlmCostPerDay",
        summary: "{label:organization|Requests without an organization} spent {value} USD within a day",
        description: "Look at Cost by Organization and at Top Users. Counters know organizations only where a field of that name \
                      is declared with `label = true`; without it they tell of all together.",
        severity: Severity::Critical,
        above: Some("cost_per_day_usd"),
        minutes: 0,
        logql: Some("sum by (organization) (sum_over_time({requests} | unwrap cost_usd [1d]))"),
        promql: Some(concat!("sum by (organization) ", risen!("llm_cost_usd_total", "1d", "86400"))),
    },
    Alert {
        name: "LlmEnergyPerHour",
        summary: "Requests for {label:model} drew {value} kWh within an hour",
        description: "Look at Energy Consumption and at Energy Band. It is an estimate; weir energy says how it comes about.",
        severity: Severity::Warning,
        above: Some("energy_per_hour_kwh"),
        minutes: 0,
        logql: Some("sum by (model) (sum_over_time({requests} | unwrap energy_consumption_kwh [1h]))"),
        promql: Some(concat!("sum by (model) ", risen!("llm_energy_joules_total", "1h", "3600"), " / 3600000")),
    },
    Alert {
        name: "LlmLatencyHigh",
        summary: "5 of 100 requests for {label:model} take longer than {value} s",
        description: "Look at Processing Time and Time to First Token; the fields queue_time_seconds and upstream_time_seconds say \
                      whether it is Weir or the provider.",
        severity: Severity::Warning,
        above: Some("latency_p95_seconds"),
        minutes: 10,
        logql: Some("quantile_over_time(0.95, {completed} | unwrap processing_time_seconds [10m]) by (model)"),
        promql: Some("histogram_quantile(0.95, sum by (model, le) (rate(llm_request_duration_seconds_bucket[10m])))"),
    },
    Alert {
        name: "LlmErrorRateHigh",
        summary: "Of the requests to {label:provider} a share of {value} fails",
        description: "Look at the lines with event llm_request_failed: error_type and status_code say why.",
        severity: Severity::Critical,
        above: Some("error_share"),
        minutes: 5,
        logql: Some(
            "sum by (provider) (count_over_time({failed} [5m])) / sum by (provider) (count_over_time({requests} [5m]))",
        ),
        promql: Some(
            "sum by (provider) (rate(llm_requests_total{status=\"error\"}[5m])) \
             / sum by (provider) (rate(llm_requests_total[5m]))",
        ),
    },
    Alert {
        name: "LlmErrorBudgetBurnsFast",
        summary: "Errors come {value} times as fast as the objective allows",
        description: "At this pace the errors that a month allows are used up within two days.",
        severity: Severity::Critical,
        above: Some("burn_fast"),
        minutes: 2,
        logql: Some(burn_of_lines!("1h", "5m", "{burn_fast}")),
        promql: Some(burn_of_counters!("1h", "5m", "{burn_fast}")),
    },
    Alert {
        name: "LlmErrorBudgetBurnsSlowly",
        summary: "Errors come {value} times as fast as the objective allows",
        description: "At this pace the errors that a month allows are used up within five days.",
        severity: Severity::Warning,
        above: Some("burn_slow"),
        minutes: 15,
        logql: Some(burn_of_lines!("6h", "30m", "{burn_slow}")),
        promql: Some(burn_of_counters!("6h", "30m", "{burn_slow}")),
    },
    Alert {
        name: "LlmModelUnpriced",
        summary: "{value} requests for {label:model} have no price",
        description: "What they cost is in no sum. Give the model a price under [pricing].",
        severity: Severity::Warning,
        above: None,
        minutes: 5,
        logql: Some("sum by (model) (count_over_time({requests} | total_tokens != \"\" | cost_usd = \"\" [1h]))"),
        promql: Some(concat!("sum by (model) ", risen!("llm_unpriced_requests_total", "1h", "3600"))),
    },
    Alert {
        name: "LlmProxySilent",
        summary: "No request has ended for a quarter of an hour",
        description: "Where there is always traffic: look whether the proxy runs, whether callers reach it, and whether its lines \
                      arrive. Where there is none at night, silence this rule then.",
        severity: Severity::Warning,
        above: None,
        minutes: 5,
        logql: Some("absent_over_time({requests} [15m])"),
        promql: Some(concat!("absent(sum", risen!("llm_requests_total", "15m", "900"), " > 0)")),
    },
    Alert {
        name: "WeirDown",
        summary: "No Weir answers to Prometheus",
        description: "Look whether the pods run and whether Prometheus finds their operators' port.",
        severity: Severity::Critical,
        above: None,
        minutes: 5,
        logql: None,
        promql: Some("absent(weir_build_info)"),
    },
    Alert {
        name: "WeirJournalDown",
        summary: "{label:instance} cannot write its journal",
        description: "Its log says why: usually the disk is full. Requests are refused, or served unrecorded.",
        severity: Severity::Critical,
        above: None,
        minutes: 1,
        logql: None,
        promql: Some("1 - min by (instance) (weir_journal_up)"),
    },
    Alert {
        name: "WeirRequestsUnrecorded",
        summary: "{label:instance} served {value} requests without a Record",
        description: "The journal could not be written and on_journal_failure is serve.",
        severity: Severity::Critical,
        above: None,
        minutes: 0,
        logql: None,
        promql: Some("sum by (instance) (increase(weir_unrecorded_requests_total[1h]))"),
    },
    Alert {
        name: "WeirJournalDroppedLines",
        summary: "{label:instance} removed {value} lines that a follower had not delivered",
        description: "The follower was behind by more than journal.max_bytes. See WeirFollowerBehind.",
        severity: Severity::Critical,
        above: None,
        minutes: 0,
        logql: None,
        promql: Some("sum by (instance) (increase(weir_journal_dropped_lines_total[1h]))"),
    },
    Alert {
        name: "WeirFollowerBehind",
        summary: "The follower {label:follower} of {label:instance} is {value} lines behind",
        description: "What it delivers to is slow or away. Nothing is lost before journal.max_bytes is reached.",
        severity: Severity::Warning,
        above: Some("follower_lag_lines"),
        minutes: 10,
        logql: None,
        promql: Some("max by (instance, follower) (weir_follower_lag_lines)"),
    },
    Alert {
        name: "WeirFollowerFails",
        summary: "The follower {label:follower} of {label:instance} failed {value} times to deliver",
        description: "Weir's log says why. It is tried again without end.",
        severity: Severity::Warning,
        above: None,
        minutes: 15,
        logql: None,
        promql: Some("sum by (instance, follower) (increase(weir_follower_errors_total[15m]))"),
    },
    Alert {
        name: "WeirFollowerDeadLetters",
        summary: "{value} lines of the follower {label:follower} of {label:instance} were refused for good",
        description: "Weir's log says why. They are set aside; weir replay sends them again.",
        severity: Severity::Warning,
        above: None,
        minutes: 0,
        logql: None,
        promql: Some("sum by (instance, follower) (increase(weir_follower_dead_letters_total[1h]))"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_set_by_name() {
        let mut thresholds = Thresholds::default();
        thresholds.set("cost_per_hour_usd", 7.5).unwrap();
        assert_eq!(thresholds.get("cost_per_hour_usd"), 7.5);
        assert_eq!(thresholds.expand("x > {cost_per_hour_usd} {failed}"), "x > 7.5 {failed}");
        assert!(thresholds.set("cost_per_year_usd", 1.0).unwrap_err().contains("cost_per_day_usd"));
        for (name, value) in [("slo_objective", 1.0), ("burn_fast", -1.0), ("burn_fast", f64::NAN)] {
            assert!(thresholds.set(name, value).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn rules_name_thresholds_that_there_are() {
        for alert in ALERTS {
            assert!(alert.above.is_none_or(|name| THRESHOLDS.iter().any(|known| known.name == name)), "{}", alert.name);
            assert!(alert.logql.is_some() || alert.promql.is_some(), "{}", alert.name);
        }
        for threshold in THRESHOLDS {
            let word = format!("{{{}}}", threshold.name);
            let used = |alert: &Alert| {
                let named = |expr: Option<&str>| expr.is_some_and(|expr| expr.contains(&word));
                alert.above == Some(threshold.name) || named(alert.logql) || named(alert.promql)
            };
            assert!(ALERTS.iter().any(used), "nothing uses {}", threshold.name);
        }
    }
}
