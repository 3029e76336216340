//! The dashboard over Prometheus: its queries name metrics and labels that there are, and what they answer is what the raw
//! counters differ by.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use weir::panels::{ALERTS, PANELS, Thresholds};

use crate::dashboard::{PROMETHEUS, dashboard, queries};
use crate::{promtool, read};

/// The metrics of the page, each with its labels.
fn metrics() -> BTreeMap<String, Vec<String>> {
    let page = read("docs/metrics.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').collect();
        let labels = cells.get(2)?.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((cells[0].trim().trim_end_matches('`').to_owned(), labels))
    };
    page.lines().filter_map(row).collect()
}

/// Words of a query outside of quotes.
fn words(query: &str) -> Vec<String> {
    let outside: Vec<&str> = query.split('"').step_by(2).collect();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    outside.join(" ").split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn no_query_asks_for_a_metric_or_label_that_nobody_writes() {
    let metrics = metrics();
    assert!(metrics.len() > 20);
    // Labels of Prometheus's own, and one that an operator declares.
    let known = ["job", "instance", "le", "organization"];
    let of_panels = PANELS
        .iter()
        .flat_map(|panel| panel.promql.iter().map(|query| query.expr.replace("{series", "{").replace("{process", "{")));
    let of_alerts = ALERTS.iter().filter_map(|alert| Some(Thresholds::default().expand(alert.promql?)));
    let mut found = 0;
    for query in of_panels.chain(of_alerts) {
        let words = words(&query);
        let metric = |word: &String| {
            let is_one = word.starts_with("llm_") || word.starts_with("weir_");
            let base = word.trim_end_matches("_bucket");
            assert!(!is_one || metrics.contains_key(base), "{query} asks for {word}");
            is_one.then(|| metrics[base].clone())
        };
        let labels: Vec<String> = words.iter().filter_map(metric).flatten().collect();
        found += usize::from(!labels.is_empty());
        for group in query.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            for label in group.split(", ") {
                assert!(
                    known.contains(&label) || labels.iter().any(|known| known == label),
                    "{query} asks for {label}"
                );
            }
        }
        for (at, _) in query.match_indices("=\"").chain(query.match_indices("=~\"")) {
            let label = query[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            assert!(known.contains(&label) || labels.iter().any(|known| known == label), "{query} asks for {label}");
        }
    }
    assert!(found > 15, "{found}");
}

/// Each counter's series, all growing, each at a rate of its own.
fn series() -> String {
    let mut out = String::new();
    let mut rate = 0;
    for model in ["a", "b"] {
        for instance in ["x", "y"] {
            let of = format!("job=\"weir\",instance=\"{instance}\",provider=\"p\",model=\"{model}\"");
            let mut put = |name: &str, rest: &str| {
                rate += 3;
                _ = writeln!(out, "      - {{series: '{name}{{{of}{rest}}}', values: '{rate}+{rate}x180'}}");
            };
            for status in ["success", "error", "cancelled"] {
                put("llm_requests_total", &format!(",status=\"{status}\",api=\"chat\""));
            }
            for class in ["input", "output", "reasoning"] {
                put("llm_tokens_total", &format!(",class=\"{class}\""));
            }
            for name in ["llm_cost_usd_total", "llm_unpriced_requests_total", "llm_unestimated_requests_total"] {
                put(name, "");
            }
            put("llm_carbon_grams_total", "");
            for name in ["llm_energy_joules_total", "llm_energy_low_joules_total", "llm_energy_high_joules_total"] {
                put(name, "");
            }
            put("weir_refused_total", ",reason=\"not_found\"");
            for name in ["weir_in_flight", "weir_journal_bytes", "weir_follower_lag_lines"] {
                put(name, ",follower=\"loki\"");
            }
            for name in ["llm_request_duration_seconds", "llm_time_to_first_token_seconds", "weir_overhead_seconds"] {
                for le in ["0.5", "1", "2", "+Inf"] {
                    put(&format!("{name}_bucket"), &format!(",le=\"{le}\""));
                }
            }
        }
    }
    out
}

/// The query with differences of raw counters in place of `increase` and `rate`.
fn by_difference(query: &str, window: &str, seconds: u32) -> String {
    let mut out = String::new();
    let mut rest = query;
    let calls = [("increase(", String::new()), ("rate(", format!(" / {seconds}"))];
    while let Some((at, (call, after))) =
        calls.iter().filter_map(|call| Some((rest.find(call.0)?, call))).min_by_key(|(at, _)| *at)
    {
        out += &rest[..at];
        let (series, tail) = rest[at + call.len()..].split_once(&format!("[{window}])")).unwrap();
        _ = write!(out, "(({series} - {series} offset {window}){after})");
        rest = tail;
    }
    out + rest
}

/// The dashboard's queries, of anything.
fn shown() -> Vec<String> {
    let of = |panel: &serde_json::Value| queries(panel);
    let any = ["$job", "$instance", "$provider", "$model"];
    let wide = |query: String| any.iter().fold(query, |query, name| query.replace(name, ".*"));
    dashboard(PROMETHEUS)["panels"].as_array().unwrap().iter().flat_map(of).map(wide).collect()
}

/// Asks promtool for each expression at a time, and what it should answer.
fn holds(interval: &str, series: &str, expected: &[(String, &str, u32)]) {
    let mut file = format!(
        "rule_files: []\nevaluation_interval: 1m\ntests:\n  - interval: {interval}\n    input_series:\n{series}    promql_expr_test:\n"
    );
    for (expr, at, value) in expected {
        let expr = expr.replace('\'', "''");
        _ = writeln!(
            file,
            "      - {{expr: '{expr}', eval_time: {at}, exp_samples: [{{labels: '{{}}', value: {value}}}]}}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("panels.yaml");
    std::fs::write(&path, file).unwrap();
    let Some(output) = promtool(&["test", "rules", path.to_str().unwrap()]) else { return };
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_panels_agree_with_differences_of_raw_counters() {
    let mut expected = Vec::new();
    for query in shown() {
        let query = ["$__rate_interval", "$__range"].iter().fold(query, |query, name| query.replace(name, "1h"));
        let query = query.replace("$__interval_ms", "3600000");
        let raw = by_difference(&query, "1h", 3_600);
        // No figure differs, and there are figures.
        expected.push((format!("count(abs(({query}) - ({raw})) > 1e-9) or vector(0)"), "2h", 0));
        expected.push((format!("clamp_max(count(({query}) == ({query})), 1) or vector(0)"), "2h", 1));
    }
    assert!(expected.len() > 30, "{}", expected.len());
    holds("1m", &series(), &expected);
}

/// Counters that rise unevenly for an hour and stand still before and after, a sample every 15 seconds.
fn uneven() -> String {
    let mut out = String::new();
    for (place, name) in [
        "llm_tokens_total",
        "llm_cost_usd_total",
        "llm_energy_joules_total",
        "llm_energy_low_joules_total",
        "llm_energy_high_joules_total",
        "llm_carbon_grams_total",
        "llm_unestimated_requests_total",
    ]
    .iter()
    .enumerate()
    {
        for (model, class) in [("a", "input"), ("b", "output")] {
            let mut value = 1_000_000 + place;
            let mut values = format!("{value}x240");
            for sample in 0..240 {
                value += if sample % 7 == 0 { 5_000 } else { sample * 31 % 13 };
                _ = write!(values, " {value}");
            }
            let of = format!("job=\"w\",instance=\"i\",provider=\"p\",model=\"{model}\",class=\"{class}\"");
            _ = writeln!(out, "      - {{series: '{name}{{{of}}}', values: '{values} {value}x480'}}");
        }
    }
    out
}

/// Bars add up to what was counted, whatever the step: nothing is shown in several of them, and nothing in none.
#[test]
fn bars_add_up_to_what_was_counted() {
    let bars: Vec<String> = shown().into_iter().filter(|query| query.contains("$__interval_ms")).collect();
    assert!(bars.len() >= 9, "{bars:?}");
    let panels = dashboard(PROMETHEUS)["panels"].as_array().unwrap().clone();
    for panel in panels.iter().filter(|panel| panel["fieldConfig"]["defaults"]["custom"]["drawStyle"] == "bars") {
        assert!(queries(panel).iter().all(|query| query.contains("$__interval_ms")), "{}", panel["title"]);
        assert_eq!(panel["interval"], "2m", "{}: a step has three scrapes at the least", panel["title"]);
    }
    let mut expected = Vec::new();
    for step in [120, 300, 600, 1_200] {
        // Grafana's own rule: a scrape more than the step, and four scrapes at the least.
        let window = (step + 15).max(4 * 15);
        for query in &bars {
            // Scrapes are at no step's end.
            let asked = query
                .replace("[$__rate_interval]", &format!("[{window}s] offset 7s"))
                .replace("$__interval_ms", &(step * 1_000).to_string());
            let (head, series) = query.split_once("rate(").unwrap();
            let (series, tail) = series.split_once("[$__rate_interval]").unwrap();
            let tail = tail.replace(" * $__interval_ms / 1000", "");
            let counted = format!("{head}({series} - {series} offset 3h{tail}");
            let sum = format!("sum_over_time(({asked})[3h:{step}s])");
            expected.push((format!("count(abs({sum} / ({counted}) - 1) > 1e-9) or vector(0)"), "200m", 0));
            expected.push((format!("clamp_max(count({sum} > 0), 1)"), "200m", 1));
        }
    }
    holds("15s", &uneven(), &expected);
}
