//! LiteLLM's spend logs: rows of its table `LiteLLM_SpendLogs`, as its database or its API gives them, where values may be texts.

use meter::record::{Line, Owned, Unit};
use serde_json::{Map, Value};

use super::Origin;
use super::line::{level, owned, time, total};
use super::mapped::Mapped;
use super::rest::Rest;

/// Columns that become fields as they are: column, field.
const COLUMNS: [(&str, &str, Unit); 9] = [
    ("prompt_tokens", "input_tokens", Unit::Count),
    ("completion_tokens", "output_tokens", Unit::Count),
    ("total_tokens", "total_tokens", Unit::Count),
    ("spend", "cost_usd", Unit::Usd),
    ("custom_llm_provider", "provider", Unit::Text(256)),
    ("session_id", "session_id", Unit::Text(256)),
    ("cache_hit", "cache_hit", Unit::Bool),
    ("request_id", "response_id", Unit::Text(256)),
    ("endTime", "timestamp", Unit::Time),
];

/// Columns that are read for a field that may come from several, or that say nothing which a Record keeps.
const READ: [&str; 22] = [
    "api_base",
    "api_key",
    "cache_key",
    "call_type",
    "completionStartTime",
    "end_user",
    "messages",
    "metadata",
    "model",
    "model_group",
    "model_id",
    "organization_id",
    "proxy_server_request",
    "request_duration_ms",
    "request_tags",
    "requester_ip_address",
    "response",
    "startTime",
    "status",
    "team_id",
    "user",
    "mcp_namespaced_tool_name",
];

/// A row as a Record.
pub(super) fn map(row: &Map<String, Value>, rest: &mut Rest) -> Result<Mapped, &'static str> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let metadata = object(row.get("metadata"));
    let within = |name: &str| metadata.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut line = Line::default();
    for (column, field, unit) in COLUMNS {
        let value = row.get(column).filter(|value| !value.is_null() && value.as_str() != Some(""));
        let Some(value) = value.filter(|value| column != "cache_hit" || value.as_str() != Some("None")) else {
            continue;
        };
        match owned(unit, value, column, rest) {
            Some(value) => line.set(field, value),
            None => rest.member(column),
        }
    }
    let names = [
        ("model", text("model_group").or(text("model"))),
        ("response_model", text("model")),
        ("user_id", text("user").or(text("end_user"))),
        ("organization", within("user_api_key_team_alias").or(text("organization_id")).or(text("team_id"))),
        ("key", within("user_api_key_alias")),
        ("api", text("call_type").and_then(api)),
    ];
    for (field, value) in names {
        if let Some(value) = value {
            line.set(field, Owned::Text(value.to_owned()));
        }
    }
    times(&mut line, text("startTime"), text("completionStartTime"));
    cached(&mut line, &metadata);
    let status = if text("status").is_some_and(|status| status == "failure") { "error" } else { "success" };
    let event = if status == "error" { "llm_request_failed" } else { "llm_request_completed" };
    for (field, value) in
        [("status", status), ("event", event), ("level", level(status)), ("logger_name", "llm-metrics")]
    {
        line.set(field, Owned::Text(value.to_owned()));
    }
    if line.get("cost_usd").is_some() {
        line.set("cost_status", Owned::Text("reported".to_owned()));
    }
    if line.get("input_tokens").is_some() {
        line.set("usage_source", Owned::Text("provider".to_owned()));
    }
    total(&mut line);
    let known = |name: &str| COLUMNS.iter().any(|(column, ..)| *column == name) || READ.contains(&name);
    row.iter().filter(|(name, value)| !known(name) && !value.is_null()).for_each(|(name, _)| rest.member(name));
    let Some(name) = text("request_id") else { return Err("it has no request_id, so it could be imported twice") };
    Mapped::new(line, Origin::Litellm, name)
}

/// A column that is an object, or the text of one.
fn object(value: Option<&Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(object)) => object.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    }
}

fn api(call_type: &str) -> Option<&'static str> {
    Some(match call_type.trim_start_matches('a') {
        "completion" => "chat",
        "text_completion" => "completions",
        "embedding" => "embeddings",
        _ => return None,
    })
}

fn times(line: &mut Line, start: Option<&str>, first: Option<&str>) {
    let Some(start) = start.and_then(time) else { return };
    line.set("started_at", Owned::Time(start));
    let seconds = |at: u64| Owned::Fixed((at - start) / 1000, 6);
    let end = match line.get("timestamp") {
        Some(Owned::Time(end)) if *end >= start => *end,
        _ => return,
    };
    line.set("processing_time_seconds", seconds(end));
    // For an answer that is no stream LiteLLM has the end there.
    if let Some(first) = first.and_then(time).filter(|first| (start..end).contains(first)) {
        line.set("time_to_first_token_seconds", seconds(first));
    }
}

/// What of the input was found in a cache, where the provider's usage is kept.
fn cached(line: &mut Line, metadata: &Map<String, Value>) {
    let usage = metadata.get("usage_object").or_else(|| metadata.get("additional_usage_values"));
    let tokens = |path: &[&str]| path.iter().try_fold(usage?, |value, name| value.get(name)).and_then(Value::as_u64);
    if let Some(cached) =
        tokens(&["prompt_tokens_details", "cached_tokens"]).or_else(|| tokens(&["cache_read_input_tokens"]))
    {
        line.set("cached_input_tokens", Owned::Integer(cached));
    }
    if let Some(written) = tokens(&["cache_creation_input_tokens"]) {
        line.set("cache_write_tokens", Owned::Integer(written));
    }
}
