//! The rules, in the three formats that watch them: Prometheus's, that of Loki's ruler, and Grafana's own.

use serde_json::{Value, json};

use super::Settings;
use crate::panels::{ALERTS, Alert};

/// Rules for Prometheus: those that counters can tell.
pub(super) fn prometheus(settings: &Settings) -> Value {
    groups("llm-metrics", settings, |alert| alert.promql.map(str::to_owned))
}

/// The same as the operator of kube-prometheus-stack takes them.
pub(super) fn prometheus_object(settings: &Settings, namespace: &str) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "labels": {"app.kubernetes.io/part-of": "weir", "release": "kps"},
            "name": "llm-analytics",
            "namespace": namespace,
        },
        "spec": prometheus(settings),
    })
}

/// Rules for Loki's ruler: those that lines can tell.
pub(super) fn loki(settings: &Settings) -> Value {
    let selection = settings.selection();
    groups("llm-lines", settings, |alert| alert.logql.map(|expr| selection.expand(expr)))
}

fn groups(name: &str, settings: &Settings, expr: impl Fn(&Alert) -> Option<String>) -> Value {
    let rule = |alert: &Alert| {
        let expr = settings.thresholds.expand(&expr(alert)?);
        let mut rule = json!({
            "alert": alert.name,
            "annotations": {
                "description": alert.description,
                "summary": template(alert.summary, "{{ $value | humanize }}"),
            },
            "expr": format!("({expr}) > {}", alert.limit(&settings.thresholds)),
            "labels": {"severity": alert.severity.name()},
        });
        if alert.minutes > 0 {
            rule["for"] = json!(format!("{}m", alert.minutes));
        }
        Some(rule)
    };
    let rules: Vec<Value> = ALERTS.iter().filter_map(rule).collect();
    json!({"groups": [{"interval": "1m", "name": name, "rules": rules}]})
}

/// Rules for Grafana, to be provisioned: all of them, each over lines where lines can tell.
pub(super) fn grafana(settings: &Settings) -> Value {
    let rules: Vec<Value> = ALERTS.iter().map(|alert| grafana_rule(alert, settings)).collect();
    json!({"apiVersion": 1, "groups": [
        {"folder": "LLM", "interval": "1m", "name": "llm", "orgId": 1, "rules": rules},
    ]})
}

fn grafana_rule(alert: &Alert, settings: &Settings) -> Value {
    let (source, kind, expr) = match (alert.logql, alert.promql) {
        (Some(logql), _) => (super::datasources::LOKI, "loki", settings.selection().expand(logql)),
        (None, promql) => (super::datasources::PROMETHEUS, "prometheus", promql.unwrap_or_default().to_owned()),
    };
    let mut query = json!({
        "datasource": {"type": kind, "uid": source},
        "editorMode": "code",
        "expr": settings.thresholds.expand(&expr),
        "refId": "A",
    });
    match kind {
        "loki" => query["queryType"] = json!("instant"),
        _ => (query["instant"], query["range"]) = (json!(true), json!(false)),
    }
    let limit = alert.limit(&settings.thresholds);
    json!({
        "annotations": {
            "description": alert.description,
            "summary": template(alert.summary, "{{ humanize $values.A.Value }}"),
        },
        "condition": "B",
        "data": [
            {"datasourceUid": source, "model": query, "refId": "A", "relativeTimeRange": {"from": 86_400, "to": 0}},
            {
                "datasourceUid": "__expr__",
                "model": {
                    "conditions": [{"evaluator": {"params": [limit], "type": "gt"}}],
                    "datasource": {"type": "__expr__", "uid": "__expr__"},
                    "expression": "A",
                    "refId": "B",
                    "type": "threshold",
                },
                "refId": "B",
                "relativeTimeRange": {"from": 0, "to": 0},
            },
        ],
        "execErrState": "Error",
        "for": format!("{}m", alert.minutes),
        "labels": {"severity": alert.severity.name()},
        // Nothing to tell is good news: a sum over no requests has no series.
        "noDataState": "OK",
        "title": alert.name,
        "uid": uid(alert.name),
    })
}

/// `LlmCostPerHour` as `llm-cost-per-hour`.
fn uid(name: &str) -> String {
    let mut uid = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !uid.is_empty() {
            uid.push('-');
        }
        uid.push(c.to_ascii_lowercase());
    }
    uid
}

/// A summary with templates in place of its words.
fn template(summary: &str, value: &str) -> String {
    summary.replace("{value}", value).split("{label:").enumerate().fold(String::new(), |mut out, (at, part)| {
        match part.split_once('}') {
            Some((label, rest)) if at > 0 => match label.split_once('|') {
                Some((label, none)) => {
                    let parts = ["{{ with $labels.", label, " }}{{ . }}{{ else }}", none, "{{ end }}", rest];
                    out.extend(parts);
                }
                None => out.extend(["{{ $labels.", label, " }}", rest]),
            },
            _ => out.push_str(part),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_summary_become_templates() {
        let summary = "{label:a} of {label:b} is {value} more";
        assert_eq!(template(summary, "{{ $value }}"), "{{ $labels.a }} of {{ $labels.b }} is {{ $value }} more");
        assert_eq!(template("{label:a|None} is", ""), "{{ with $labels.a }}{{ . }}{{ else }}None{{ end }} is");
        assert_eq!(uid("LlmCostPerHour"), "llm-cost-per-hour");
    }
}
