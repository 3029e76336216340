//! What there is to ask for: labels, their values, series; and queries laid out.

use std::collections::BTreeSet;

use http::StatusCode;
use logql::Labels;
use logql::discover::{detected_labels, label_names, label_values};
use logql::source::LabelMatcher;
use logql::stage::units::format_prometheus_duration;
use logql::syntax::{parse, parse_matchers, pretty};
use serde_json::{Value, json};

use super::render::object;
use super::{Asked, Failure, Settings, nanos};
use crate::config::SERVICE_LABELS;

/// Matchers of a selector; none of an empty one.
pub(super) fn matchers(selector: &str) -> Result<Vec<LabelMatcher>, Failure> {
    let bare = selector.trim().trim_start_matches('{').trim_end_matches('}').trim();
    if bare.is_empty() {
        return Ok(Vec::new());
    }
    let matchers = parse_matchers(selector)?;
    let compiled = matchers.iter().map(LabelMatcher::new).collect::<Result<_, _>>();
    compiled.map_err(|error| Failure::bad(error.to_string()))
}

/// The streams that a selector means in the time that is asked about.
fn streams(asked: &Asked, selectors: &[&str]) -> Result<Vec<Labels>, Failure> {
    let (start, end) = asked.parameters.bounds(asked.now)?;
    asked.settings.allows(start, end)?;
    let mut found = BTreeSet::new();
    for selector in selectors {
        found.append(&mut asked.source.streams(&matchers(selector)?, start, end)?);
    }
    Ok(found.into_iter().collect())
}

/// A list, left out where it is empty, as Loki does.
fn list(items: Vec<Value>) -> String {
    match items.is_empty() {
        true => json!({"status": "success"}).to_string(),
        false => json!({"status": "success", "data": items}).to_string(),
    }
}

/// The names of labels.
pub(super) fn labels(asked: &Asked) -> Result<String, Failure> {
    let streams = streams(asked, &[asked.parameters.get("query")])?;
    Ok(list(label_names(&streams).into_iter().map(Value::from).collect()))
}

/// The values of a label.
pub(super) fn values(asked: &Asked, name: &str) -> Result<String, Failure> {
    let streams = streams(asked, &[asked.parameters.get("query")])?;
    Ok(list(label_values(&streams, name).into_iter().map(Value::from).collect()))
}

/// Streams.
pub(super) fn series(asked: &Asked) -> Result<String, Failure> {
    let selectors: Vec<&str> = ["match", "match[]"].iter().flat_map(|name| asked.parameters.all(name)).collect();
    let selectors = if selectors.is_empty() { vec![""] } else { selectors };
    let series = streams(asked, &selectors)?;
    Ok(json!({"status": "success", "data": series.iter().map(object).collect::<Vec<_>>()}).to_string())
}

/// Labels that are worth choosing by.
pub(super) fn detected(asked: &Asked) -> Result<String, Failure> {
    let streams = streams(asked, &[asked.parameters.get("query")])?;
    let labels = detected_labels(&streams)
        .into_iter()
        .map(|(label, cardinality)| json!({"label": label, "cardinality": cardinality}));
    Ok(json!({"detectedLabels": labels.collect::<Vec<_>>()}).to_string())
}

/// What Logs Drilldown wants to know of limits.
pub(super) fn limits(settings: &Settings) -> String {
    let config = &settings.config;
    let span = |time| match nanos(time) {
        0 => "0s".to_owned(),
        ns => format_prometheus_duration(ns),
    };
    json!({
        "limits": {
            "discover_log_levels": true,
            "discover_service_name": SERVICE_LABELS,
            "log_level_fields": ["level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "LVL", "Lvl"],
            "max_entries_limit_per_query": config.max_entries,
            "max_line_size_truncate": false,
            "max_query_bytes_read": format!("{}B", config.max_bytes_read),
            "max_query_length": span(config.max_length),
            "max_query_lookback": span(config.max_lookback),
            "max_query_range": "0s",
            "max_query_series": config.max_series,
            "metric_aggregation_enabled": false,
            "otlp_config": {},
            "pattern_persistence_enabled": false,
            "query_timeout": span(config.timeout),
            "retention_period": "0s",
            "volume_enabled": true,
            "volume_max_series": config.max_volume_series,
        },
        "pattern_ingester_enabled": true,
        "version": crate::VERSION,
    })
    .to_string()
}

/// A query as people write it.
pub(super) fn format(asked: &Asked) -> Result<String, Failure> {
    match parse(asked.parameters.get("query")) {
        Ok(query) => Ok(json!({"status": "success", "data": pretty::format(&query)}).to_string()),
        Err(error) => {
            let body = json!({"status": "invalid-query", "error": error.to_string()});
            Err(Failure::new(StatusCode::BAD_REQUEST, body.to_string()))
        }
    }
}
