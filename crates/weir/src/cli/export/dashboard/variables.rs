//! The fields above a dashboard by which it is narrowed.

use serde_json::{Value, json};

use super::Asks;
use crate::panels::Selection;

/// Any value, or none.
const ANY: &str = ".*";

pub(super) fn render(asks: Asks, selection: &Selection) -> Vec<Value> {
    let mut variables = vec![source(asks)];
    match asks {
        Asks::Loki => {
            let stream = selection.stream();
            let definition = format!("label_values({stream}, provider)");
            let query = json!({"label": "provider", "refId": "LokiVariableQueryEditor-VariableQuery", "stream": stream, "type": 1});
            variables.push(choice(asks, "provider", "Provider", &definition, &query, ANY));
            // Structured metadata has no list of values to choose from, so these are typed.
            variables.push(typed("model", "Model (a regular expression)", ANY));
            variables.push(typed("organization", "Organization (a regular expression)", ANY));
            variables.push(typed("slo_seconds", "In time: within seconds", "10"));
            variables.push(typed("search", "Search", ""));
        }
        Asks::Prometheus => {
            let values = |label: &str, name: &str, of: &str, all: &str| {
                let definition = format!("label_values({of}, {label})");
                let query = json!({"query": definition, "refId": "PrometheusVariableQueryEditor-VariableQuery"});
                choice(asks, label, name, &definition, &query, all)
            };
            variables.push(values("job", "Job", "weir_build_info", ".+"));
            variables.push(values("instance", "Instance", "weir_build_info{job=~\"$job\"}", ".+"));
            let requests = "llm_requests_total{job=~\"$job\", instance=~\"$instance\"}";
            variables.push(values("provider", "Provider", requests, ANY));
            variables.push(values("model", "Model", requests, ANY));
        }
    }
    variables
}

fn source(asks: Asks) -> Value {
    json!({
        "hide": 0, "includeAll": false, "label": "Data source", "multi": false, "name": "datasource", "query": asks.name(),
        "refresh": 1, "regex": "", "type": "datasource",
    })
}

fn choice(asks: Asks, name: &str, label: &str, definition: &str, query: &Value, all: &str) -> Value {
    json!({
        "allValue": all,
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": {"type": asks.name(), "uid": "${datasource}"},
        "definition": definition,
        "hide": 0,
        "includeAll": true,
        "label": label,
        "multi": true,
        "name": name,
        "query": query,
        // With each change of the time that is looked at.
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "type": "query",
    })
}

fn typed(name: &str, label: &str, value: &str) -> Value {
    json!({
        "current": {"text": value, "value": value},
        "hide": 0,
        "label": label,
        "name": name,
        "options": [{"selected": true, "text": value, "value": value}],
        "query": value,
        "type": "textbox",
    })
}
