//! Grafana's dashboards: their queries as Grafana sends them, and the rules of its dashboard-linter.

use std::collections::BTreeSet;

use serde_json::Value;
use weir::panels::{Filter, PANELS, Selection};

use crate::read;

pub(crate) const LOKI: &str = "observability/grafana/llm-analytics.json";
pub(crate) const PROMETHEUS: &str = "observability/grafana/llm-analytics-prometheus.json";

pub(crate) fn dashboard(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

pub(crate) fn panel(dashboard: &Value, title: &str) -> Value {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().find(|panel| panel["title"] == title).unwrap_or_else(|| panic!("no panel {title}")).clone()
}

/// A panel's queries.
pub(crate) fn queries(panel: &Value) -> Vec<String> {
    panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

fn variables(dashboard: &Value) -> Vec<Value> {
    dashboard["templating"]["list"].as_array().unwrap().clone()
}

/// The first eight are those that were asked for, by their names.
#[test]
fn the_missions_panels_are_there() {
    let loki = dashboard(LOKI);
    assert_eq!(loki["title"], "LLM Analytics & Metrics");
    for title in [
        "Request Rate",
        "Token Usage",
        "Energy Consumption",
        "Cost Tracking",
        "Processing Time",
        "Model Distribution",
        "Error Rate",
        "Structured Log Viewer",
    ] {
        panel(&loki, title);
    }
}

#[test]
fn the_dashboards_have_the_lists_panels_and_queries() {
    let selection = Selection::default().with(Filter::Variables);
    for (path, of) in [(LOKI, true), (PROMETHEUS, false)] {
        let dashboard = dashboard(path);
        let queries_of = |panel: &'static weir::panels::Panel| if of { panel.logql } else { panel.promql };
        let listed: Vec<_> = PANELS.iter().filter(|panel| !queries_of(panel).is_empty()).collect();
        assert_eq!(dashboard["panels"].as_array().unwrap().len(), listed.len());
        for panel_of_list in listed {
            let shown = panel(&dashboard, panel_of_list.title);
            let expected: Vec<String> =
                queries_of(panel_of_list).iter().map(|query| selection.expand(query.expr)).collect();
            assert_eq!(queries(&shown), expected, "{}", panel_of_list.title);
        }
    }
}

/// Grafana's units that are used here, from the linter's list.
const UNITS: &[&str] = &["reqps", "short", "kwatth", "massg", "currencyUSD", "s", "percentunit", "bytes"];

#[test]
fn the_linters_rules_hold() {
    for path in [LOKI, PROMETHEUS] {
        let dashboard = dashboard(path);
        assert_eq!(dashboard["editable"], false, "{path}: uneditable-dashboard");
        assert!((39..=42).contains(&dashboard["schemaVersion"].as_u64().unwrap()));
        let variables = variables(&dashboard);
        let sources: Vec<_> = variables.iter().filter(|variable| variable["type"] == "datasource").collect();
        assert_eq!(sources.len(), 1, "{path}: template-datasource");
        assert_eq!((&sources[0]["name"], &sources[0]["label"]), (&"datasource".into(), &"Data source".into()));
        for variable in variables.iter().filter(|variable| variable["type"] == "query") {
            assert_eq!(variable["refresh"], 2, "{path}: template-on-time-change-reload: {}", variable["name"]);
            assert_eq!(variable["datasource"]["uid"], "${datasource}");
        }
        let text = read(path);
        for variable in &variables {
            let name = variable["name"].as_str().unwrap();
            assert!(text.contains(&format!("${name}")) || text.contains(&format!("${{{name}")), "{name} is of no use");
        }
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            check_panel(panel, sources[0]["query"].as_str().unwrap());
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: its id is another's", panel["title"]);
        }
    }
}

fn check_panel(panel: &Value, source: &str) {
    let title = panel["title"].as_str().unwrap();
    assert!(!title.is_empty() && panel["description"].as_str().unwrap().len() > 10, "{title}: panel-title-description");
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}: panel-datasource");
    assert_eq!(panel["datasource"]["type"], source);
    let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
    assert!(UNITS.contains(&unit), "{title}: panel-units: {unit}");
    let queries = queries(panel);
    assert!(!queries.is_empty(), "{title}: panel-no-targets");
    for query in queries {
        for (at, _) in query.match_indices('[') {
            let range = query[at + 1..].split(']').next().unwrap();
            // The linter asks for $__rate_interval in rates only: an increase is that of the whole time, never of a step.
            let increase = query[..at].rsplit('(').nth(1).is_some_and(|head| head.ends_with("increase"));
            let window = match source {
                "loki" => "$__auto",
                _ if increase => "$__range",
                _ => "$__rate_interval",
            };
            let whole = matches!(panel["type"].as_str(), Some("piechart" | "bargauge" | "stat"));
            assert!(source == "loki" || increase == whole, "{title}: {query}");
            assert_eq!(range, window, "{title}: target-logql-auto, target-rate-interval: {query}");
        }
        if source == "prometheus" {
            for selector in query.split('{').skip(1) {
                assert!(selector.starts_with("job=~\"$job\", instance=~\"$instance\""), "{title}: target-job: {query}");
            }
            for (at, _) in query.match_indices("_total{") {
                let call = query[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
                assert!(call.ends_with("rate(") || call.ends_with("increase("), "{title}: target-counter-agg: {query}");
            }
            let histograms = query.matches("_bucket{").count();
            assert_eq!(query.matches("histogram_quantile(").count(), histograms, "{title}: {query}");
        }
    }
}

#[test]
fn prometheus_has_job_and_instance_to_choose() {
    let variables = variables(&dashboard(PROMETHEUS));
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
        let variable = variables.iter().find(|variable| variable["name"] == name).unwrap();
        assert_eq!((&variable["label"], &variable["allValue"]), (&label.into(), &".+".into()), "template-{name}");
        assert_eq!((&variable["multi"], &variable["type"]), (&true.into(), &"query".into()), "template-{name}");
    }
}

/// No two panels lie upon each other, and none goes beyond the 24 columns.
#[test]
fn panels_have_room() {
    for path in [LOKI, PROMETHEUS] {
        let mut taken = BTreeSet::new();
        for panel in dashboard(path)["panels"].as_array().unwrap() {
            let of = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(of("x") + of("w") <= 24, "{}", panel["title"]);
            for x in of("x")..of("x") + of("w") {
                for y in of("y")..of("y") + of("h") {
                    assert!(taken.insert((x, y)), "{} lies upon another panel", panel["title"]);
                }
            }
        }
    }
}

/// The ConfigMap carries the JSON that is there to import.
#[test]
fn the_config_map_is_for_the_sidecar() {
    for (map, json) in [
        ("observability/grafana-llm-analytics-dashboard.yaml", LOKI),
        ("observability/grafana-llm-prometheus-dashboard.yaml", PROMETHEUS),
    ] {
        let map = read(map);
        assert!(map.contains("kind: ConfigMap") && map.contains("grafana_dashboard: \"1\""));
        let block: String = read(json)
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
            .collect();
        assert!(map.contains(&block), "{json} stands in its ConfigMap");
    }
}
