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

#[test]
fn the_panels_agree_with_differences_of_raw_counters() {
    let mut file =
        format!("rule_files: []\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{}", series());
    file += "    promql_expr_test:\n";
    let mut count = 0;
    for panel in dashboard(PROMETHEUS)["panels"].as_array().unwrap() {
        for query in queries(panel) {
            let any = ["$job", "$instance", "$provider", "$model"];
            let query =
                any.iter().fold(query, |query, name| query.replace(name, ".*")).replace("$__rate_interval", "1h");
            let raw = by_difference(&query, "1h", 3_600);
            // No figure differs, and there are figures.
            for (expr, value) in [
                (format!("count(abs(({query}) - ({raw})) > 1e-9) or vector(0)"), 0),
                (format!("clamp_max(count(({query}) == ({query})), 1) or vector(0)"), 1),
            ] {
                let expr = expr.replace('\'', "''");
                _ = writeln!(
                    file,
                    "      - {{expr: '{expr}', eval_time: 2h, exp_samples: [{{labels: '{{}}', value: {value}}}]}}"
                );
            }
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("panels.yaml");
    std::fs::write(&path, file).unwrap();
    let Some(output) = promtool(&["test", "rules", path.to_str().unwrap()]) else { return };
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}
