//! The rules' files: Prometheus's own tool takes them, and they fire when they should and else not.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use weir::panels::{ALERTS, Selection, THRESHOLDS, Thresholds};
use yaml_rust2::Yaml;

use crate::{promtool, root, yaml};

const PROMETHEUS: &str = "observability/alerts/prometheus.yaml";

/// Names and queries of a file's rules.
fn rules(group: &Yaml) -> Vec<(String, String)> {
    let text = |rule: &Yaml, name: &str| rule[name].as_str().unwrap().to_owned();
    group["rules"].as_vec().unwrap().iter().map(|rule| (text(rule, "alert"), text(rule, "expr"))).collect()
}

fn passes(args: &[&str]) {
    if let Some(output) = promtool(args) {
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "promtool {args:?}\n{said}");
    }
}

#[test]
fn prometheus_takes_its_rules() {
    passes(&["check", "rules", root().join(PROMETHEUS).to_str().unwrap()]);
}

/// The three formats have the same rules: each those that it can tell.
#[test]
fn the_formats_agree() {
    let names = |rules: Vec<(String, String)>| rules.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let prometheus = rules(&yaml(PROMETHEUS)[0]["groups"][0]);
    let by_counters = ALERTS.iter().filter(|alert| alert.promql.is_some()).map(|alert| alert.name.to_owned());
    assert_eq!(names(prometheus.clone()), by_counters.collect::<Vec<_>>());
    assert_eq!(prometheus, rules(&yaml("observability/alerts/prometheus-rule.yaml")[0]["spec"]["groups"][0]));
    let by_lines = rules(&yaml("observability/alerts/loki.yaml")[0]["groups"][0]);
    for (name, expr) in &by_lines {
        let alert = ALERTS.iter().find(|alert| alert.name == name).unwrap();
        let thresholds = Thresholds::default();
        let query = thresholds.expand(&Selection::default().expand(alert.logql.unwrap()));
        assert_eq!(*expr, format!("({query}) > {}", alert.limit(&thresholds)));
        logql::syntax::parse(expr).unwrap_or_else(|error| panic!("{name}: {expr}\n{error}"));
    }
    assert_eq!(by_lines.len(), ALERTS.iter().filter(|alert| alert.logql.is_some()).count());
    let grafana = &yaml("observability/alerts/grafana.yaml")[0]["groups"][0]["rules"];
    let grafana = grafana.as_vec().unwrap();
    let titles: Vec<_> = grafana.iter().map(|rule| rule["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ALERTS.iter().map(|alert| alert.name).collect::<Vec<_>>());
    let uids: BTreeSet<_> = grafana.iter().map(|rule| rule["uid"].as_str().unwrap()).collect();
    assert_eq!(uids.len(), ALERTS.len());
    for (rule, alert) in grafana.iter().zip(ALERTS) {
        check_grafana(rule, alert, &by_lines, &prometheus);
    }
}

/// Grafana's rule asks what the others ask, and compares by itself.
fn check_grafana(rule: &Yaml, alert: &weir::panels::Alert, lines: &[(String, String)], counters: &[(String, String)]) {
    let of = if alert.logql.is_some() { lines } else { counters };
    let (_, expr) = of.iter().find(|(name, _)| name == alert.name).unwrap();
    let asked = rule["data"][0]["model"]["expr"].as_str().unwrap();
    let params = &rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"][0];
    let limit = params.as_f64().or_else(|| params.as_i64().map(|limit| limit as f64)).unwrap();
    assert_eq!(*expr, format!("({asked}) > {limit}"), "{}", alert.name);
    assert_eq!(rule["condition"].as_str(), Some("B"));
    let source = rule["data"][0]["datasourceUid"].as_str().unwrap();
    let sources = yaml("observability/grafana/llm-datasources.yaml");
    let sources = sources[0]["datasources"].as_vec().unwrap();
    assert!(sources.iter().any(|known| known["uid"].as_str() == Some(source)), "{source} is provisioned");
}

/// Every label that a summary names is one that the query leaves.
#[test]
fn summaries_name_labels_that_there_are() {
    for alert in ALERTS {
        let labels = alert.summary.split("{label:").skip(1).map(|rest| rest.split(['}', '|']).next().unwrap());
        for label in labels {
            for expr in [alert.logql, alert.promql].into_iter().flatten() {
                let groups = expr.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap());
                let mut groups = groups.flat_map(|group| group.split(", "));
                assert!(groups.any(|group| group == label), "{}: {label}: {expr}", alert.name);
            }
        }
    }
}

/// A day and an hour of counters, a sample a minute.
struct Scenario {
    name: &'static str,
    series: &'static [(&'static str, &'static str)],
    /// What fires at its end.
    fires: &'static [&'static str],
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "trouble",
        series: &[
            ("llm_cost_usd_total{organization=\"acme\",model=\"m\",provider=\"p\"}", "0+1x1500"),
            ("llm_cost_usd_total{organization=\"small\",model=\"m\",provider=\"p\"}", "0+0.01x1500"),
            ("llm_energy_joules_total{model=\"m\",provider=\"p\"}", "0+1000000x1500"),
            ("llm_energy_joules_total{model=\"small\",provider=\"p\"}", "0+1000x1500"),
            ("llm_request_duration_seconds_bucket{model=\"m\",provider=\"p\",le=\"20.48\"}", "0+1x1500"),
            ("llm_request_duration_seconds_bucket{model=\"m\",provider=\"p\",le=\"40.96\"}", "0+10x1500"),
            ("llm_request_duration_seconds_bucket{model=\"m\",provider=\"p\",le=\"+Inf\"}", "0+10x1500"),
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"error\"}", "0+1x1500"),
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"success\"}", "0+4x1500"),
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"cancelled\"}", "0+3x1500"),
            ("llm_unpriced_requests_total{model=\"m\",provider=\"p\"}", "0+1x1500"),
            ("weir_build_info{version=\"1\",instance=\"a\"}", "1+0x1500"),
            ("weir_journal_up{instance=\"a\"}", "0+0x1500"),
            ("weir_journal_up{instance=\"b\"}", "1+0x1500"),
            ("weir_unrecorded_requests_total{instance=\"a\"}", "0+1x1500"),
            ("weir_journal_dropped_lines_total{instance=\"a\"}", "0+1x1500"),
            ("weir_follower_lag_lines{instance=\"a\",follower=\"loki\"}", "0+100x1500"),
            ("weir_follower_errors_total{instance=\"a\",follower=\"loki\"}", "0+1x1500"),
            ("weir_follower_dead_letters_total{instance=\"a\",follower=\"loki\"}", "0+1x1500"),
        ],
        fires: &[
            "LlmCostPerHour",
            "LlmCostPerDay",
            "LlmEnergyPerHour",
            "LlmLatencyHigh",
            "LlmErrorRateHigh",
            "LlmErrorBudgetBurnsFast",
            "LlmErrorBudgetBurnsSlowly",
            "LlmModelUnpriced",
            "WeirJournalDown",
            "WeirRequestsUnrecorded",
            "WeirJournalDroppedLines",
            "WeirFollowerBehind",
            "WeirFollowerFails",
            "WeirFollowerDeadLetters",
        ],
    },
    Scenario {
        name: "calm",
        series: &[
            ("llm_cost_usd_total{organization=\"acme\",model=\"m\",provider=\"p\"}", "0+0.1x1500"),
            ("llm_energy_joules_total{model=\"m\",provider=\"p\"}", "0+500000x1500"),
            ("llm_request_duration_seconds_bucket{model=\"m\",provider=\"p\",le=\"20.48\"}", "0+10x1500"),
            ("llm_request_duration_seconds_bucket{model=\"m\",provider=\"p\",le=\"+Inf\"}", "0+10x1500"),
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"error\"}", "0+0.005x1500"),
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"success\"}", "0+5x1500"),
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"cancelled\"}", "0+3x1500"),
            ("llm_unpriced_requests_total{model=\"m\",provider=\"p\"}", "7+0x1500"),
            ("weir_build_info{version=\"1\",instance=\"a\"}", "1+0x1500"),
            ("weir_journal_up{instance=\"a\"}", "1+0x1500"),
            ("weir_unrecorded_requests_total{instance=\"a\"}", "3+0x1500"),
            ("weir_journal_dropped_lines_total{instance=\"a\"}", "0+0x1500"),
            ("weir_follower_lag_lines{instance=\"a\",follower=\"loki\"}", "10+0x1500"),
            ("weir_follower_errors_total{instance=\"a\",follower=\"loki\"}", "4+0x1500"),
            ("weir_follower_dead_letters_total{instance=\"a\",follower=\"loki\"}", "2+0x1500"),
        ],
        fires: &[],
    },
    // Prometheus saw the process, and then a model, an organization and a lack of a price for the first time, with figures that stay.
    Scenario {
        name: "born",
        series: &[
            ("weir_build_info{version=\"1\",job=\"w\",instance=\"a\"}", "1+0x1500"),
            (
                "llm_cost_usd_total{organization=\"acme\",model=\"m\",provider=\"p\",job=\"w\",instance=\"a\"}",
                "_x1490 600+0x10",
            ),
            ("llm_energy_joules_total{model=\"m\",provider=\"p\",job=\"w\",instance=\"a\"}", "_x1490 40000000+0x10"),
            ("llm_unpriced_requests_total{model=\"m\",provider=\"p\",job=\"w\",instance=\"a\"}", "_x1490 1+0x10"),
            (
                "llm_requests_total{model=\"m\",provider=\"p\",status=\"success\",job=\"w\",instance=\"a\"}",
                "_x1490 1+0x10",
            ),
        ],
        fires: &["LlmCostPerHour", "LlmCostPerDay", "LlmEnergyPerHour", "LlmModelUnpriced"],
    },
    // A new pod under a name of its own, with what it counted before its first scrape.
    Scenario {
        name: "young",
        series: &[
            ("weir_build_info{version=\"1\",job=\"w\",instance=\"a\"}", "_x1480 1+0x20"),
            ("process_start_time_seconds{job=\"w\",instance=\"a\"}", "_x1480 88790+0x20"),
            ("llm_unpriced_requests_total{model=\"m\",provider=\"p\",job=\"w\",instance=\"a\"}", "_x1480 1+0x20"),
            (
                "llm_requests_total{model=\"m\",provider=\"p\",status=\"success\",job=\"w\",instance=\"a\"}",
                "_x1490 1+0x10",
            ),
        ],
        fires: &["LlmModelUnpriced"],
    },
    // A Prometheus that is new to a Weir that has long counted.
    Scenario {
        name: "newly watched",
        series: &[
            ("weir_build_info{version=\"1\",job=\"w\",instance=\"a\"}", "_x1480 1+0x20"),
            ("process_start_time_seconds{job=\"w\",instance=\"a\"}", "_x1480 0+0x20"),
            (
                "llm_cost_usd_total{organization=\"acme\",model=\"m\",provider=\"p\",job=\"w\",instance=\"a\"}",
                "_x1480 9000+0.1x20",
            ),
            ("llm_unpriced_requests_total{model=\"m\",provider=\"p\",job=\"w\",instance=\"a\"}", "_x1480 7+0x20"),
            (
                "llm_requests_total{model=\"m\",provider=\"p\",status=\"success\",job=\"w\",instance=\"a\"}",
                "_x1480 9+1x20",
            ),
        ],
        fires: &[],
    },
    Scenario {
        name: "silence",
        series: &[
            ("llm_requests_total{model=\"m\",provider=\"p\",status=\"success\"}", "0+5x1400 7000+0x100"),
            ("weir_build_info{version=\"1\",instance=\"a\"}", "1+0x1500"),
        ],
        fires: &["LlmProxySilent"],
    },
    Scenario { name: "nothing", series: &[("up", "1+0x1500")], fires: &["LlmProxySilent", "WeirDown"] },
];

#[test]
fn rules_fire_when_they_should_and_else_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = format!("rule_files: [{:?}]\nevaluation_interval: 1m\ntests:\n", root().join(PROMETHEUS));
    for Scenario { name, series, fires } in SCENARIOS {
        _ = writeln!(file, "  - name: {name}\n    interval: 1m\n    input_series:");
        for (series, values) in *series {
            _ = writeln!(file, "      - {{series: '{series}', values: '{values}'}}");
        }
        file += "    promql_expr_test:\n";
        for alert in ALERTS.iter().filter(|alert| alert.promql.is_some()) {
            let expr = format!("count(ALERTS{{alertname=\"{}\",alertstate=\"firing\"}}) or vector(0)", alert.name);
            let count = u8::from(fires.contains(&alert.name));
            _ = writeln!(
                file,
                "      - {{expr: '{expr}', eval_time: 25h, exp_samples: [{{labels: '{{}}', value: {count}}}]}}"
            );
        }
    }
    let path = dir.path().join("fire.yaml");
    fs::write(&path, file).unwrap();
    passes(&["test", "rules", path.to_str().unwrap()]);
    // And each rule over counters fires in some scenario.
    for alert in ALERTS.iter().filter(|alert| alert.promql.is_some()) {
        assert!(SCENARIOS.iter().any(|scenario| scenario.fires.contains(&alert.name)), "{} never fires", alert.name);
    }
}

#[test]
fn a_summary_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let alert = &ALERTS[0];
    let path = dir.path().join("say.yaml");
    let mut file = format!("rule_files: [{:?}]\nevaluation_interval: 1m\ntests:\n", root().join(PROMETHEUS));
    for (series, labels, who) in [
        ("{organization=\"acme\"}", "severity: warning, organization: acme", "acme"),
        ("{model=\"m\"}", "severity: warning", "Requests without an organization"),
    ] {
        _ = write!(
            file,
            "  - interval: 1m\n    input_series:\n      - {{series: 'llm_cost_usd_total{series}', values: '0+1x120'}}\n    \
             alert_rule_test:\n      - alertname: {}\n        eval_time: 2h\n        exp_alerts:\n          - exp_labels: {{{labels}}}\n            \
             exp_annotations:\n              summary: {who} spent 60 USD within an hour\n              description: {:?}\n",
            alert.name, alert.description
        );
    }
    fs::write(&path, file).unwrap();
    passes(&["test", "rules", path.to_str().unwrap()]);
}

#[test]
fn thresholds_are_explained() {
    let page = crate::read("docs/grafana.md");
    for threshold in THRESHOLDS {
        let row = format!("| `{}` | {} | {} |", threshold.name, threshold.default, threshold.doc);
        assert!(page.contains(&row), "docs/grafana.md lacks {row}");
    }
    for alert in ALERTS {
        assert!(page.contains(&format!("| `{}` |", alert.name)), "docs/grafana.md lacks {}", alert.name);
    }
}
