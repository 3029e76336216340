//! What fields entries have: `detected_fields` and the values of one.
//!
//! Of metadata it is said that no parser is needed, so that Logs Drilldown asks for it as it stands. Figures of Records are told as
//! `float`: of an `int` Drilldown would draw one series for each value.

use std::collections::{BTreeMap, BTreeSet};

use logql::eval::{Answer, Context, LogEntry, Request, evaluate};
use logql::stage::{json, logfmt, units};
use logql::syntax::ast::Expr;
use logql::syntax::parse;
use meter::record::{Unit, field};
use serde_json::{Value, json};

use super::{Asked, Failure};

/// Entries that are looked at, and fields that are told of, unless others are asked for.
const USUAL_LINES: usize = 100;
const USUAL_FIELDS: usize = 1000;
/// Values of a field that are counted.
const MOST_VALUES: usize = 10_000;

/// What is known of a field.
#[derive(Debug, Default)]
struct Found {
    values: BTreeSet<String>,
    parsers: BTreeSet<&'static str>,
    kind: Option<&'static str>,
    path: Option<Vec<String>>,
}

/// The fields of entries.
pub(super) fn fields(asked: &Asked) -> Result<String, Failure> {
    let limit = match asked.parameters.get("limit") {
        "" => asked.parameters.number("field_limit", USUAL_FIELDS)?,
        _ => asked.parameters.number("limit", USUAL_FIELDS)?,
    };
    let found = look(asked)?;
    let fields = found.into_iter().take(limit).map(|(label, found)| {
        let parsers: Value = if found.parsers.is_empty() { Value::Null } else { json!(found.parsers) };
        let mut field = json!({
            "label": label, "type": found.kind.unwrap_or("string"), "cardinality": found.values.len(), "parsers": parsers,
        });
        if let Some(path) = found.path {
            field["jsonPath"] = json!(path);
        }
        field
    });
    Ok(json!({"fields": fields.collect::<Vec<_>>(), "limit": limit}).to_string())
}

/// The values of one field.
pub(super) fn values(asked: &Asked, name: &str) -> Result<String, Failure> {
    let limit = asked.parameters.number("limit", USUAL_FIELDS)?;
    let found = look(asked)?.remove(name).unwrap_or_default();
    Ok(json!({"values": found.values.into_iter().take(limit).collect::<Vec<_>>(), "limit": limit}).to_string())
}

fn look(asked: &Asked) -> Result<BTreeMap<String, Found>, Failure> {
    let (start, end) = asked.parameters.bounds(asked.now)?;
    asked.settings.allows(start, end)?;
    let query = parse(asked.parameters.get("query"))?;
    if !matches!(query, Expr::Log(_)) {
        return Err(Failure::bad("only log selector is supported"));
    }
    let lines = asked.parameters.number("line_limit", USUAL_LINES)?.clamp(1, asked.settings.max_entries);
    let request = Request { limit: lines, ..Request::range(start, end, 1) };
    let context = Context { limits: asked.settings.limits(), watch: asked.patience, now: asked.now, threads: 1 };
    let Answer::Entries(entries) = evaluate(asked.source, &query, &request, &context)?.answer else {
        return Err(Failure::bad("only log selector is supported"));
    };
    let mut found = BTreeMap::new();
    for entry in &entries {
        of_entry(entry, &mut found);
    }
    Ok(found)
}

fn of_entry(entry: &LogEntry, found: &mut BTreeMap<String, Found>) {
    // What Weir wrote itself has the fields of its table.
    let is_record = entry.labels.get("event").is_some_and(|event| event.starts_with("llm_"));
    for (name, value) in entry.metadata.iter() {
        put(found, name, value, is_record, None);
    }
    let mut parsed: BTreeSet<String> = BTreeSet::new();
    let mut from_line = |name: &str, value: &[u8], parser: &'static str, path: Option<Vec<String>>| {
        // The labels and the metadata of an entry go before what its line says.
        if entry.labels.has(name) || entry.metadata.has(name) || !parsed.insert(name.to_owned()) {
            return;
        }
        put(found, name, &String::from_utf8_lossy(value), is_record, Some(parser));
        if let (Some(path), Some(found)) = (path, found.get_mut(name)) {
            found.path.get_or_insert(path);
        }
    };
    let is_object = serde_json::from_slice::<Value>(&entry.line).ok().filter(Value::is_object);
    if let Some(object) = is_object {
        let mut paths = BTreeMap::new();
        leaves(&object, &mut Vec::new(), &mut paths);
        let _ = json::extract(&entry.line, &mut |_| true, &mut |name, value| {
            from_line(name, value, "json", paths.get(name).cloned());
            true
        });
    } else if let Ok(logfmt) = logfmt::Logfmt::new(&[], false, false) {
        let _ = logfmt.extract(&entry.line, &mut |name, value| {
            if let Some(value) = value {
                from_line(name, value, "logfmt", None);
            }
            true
        });
    }
    for (name, value) in entry.parsed.iter().filter(|(name, _)| !name.starts_with("__")) {
        if !entry.metadata.has(name) && !found.contains_key(name) {
            put(found, name, value, is_record, None);
        }
    }
}

fn put(found: &mut BTreeMap<String, Found>, name: &str, value: &str, is_record: bool, parser: Option<&'static str>) {
    let found = found.entry(name.to_owned()).or_default();
    found.parsers.extend(parser);
    if found.kind.is_none() {
        let figure = is_record && field(name).is_some_and(|field| is_figure(field.unit));
        found.kind = Some(if figure { "float" } else { kind(value) });
    }
    if found.values.len() < MOST_VALUES {
        found.values.insert(value.to_owned());
    }
}

const fn is_figure(unit: Unit) -> bool {
    matches!(unit, Unit::Count | Unit::Usd | Unit::Kwh | Unit::Seconds | Unit::Number)
}

/// What a value looks like, in Loki's words and order.
fn kind(value: &str) -> &'static str {
    if value.parse::<i64>().is_ok() {
        "int"
    } else if value.parse::<f64>().is_ok() {
        "float"
    } else if matches!(value, "true" | "false" | "True" | "False" | "TRUE" | "FALSE") {
        "boolean"
    } else if units::parse_duration(value).is_some() {
        "duration"
    } else if units::parse_bytes(value).is_ok() {
        "bytes"
    } else {
        "string"
    }
}

/// The path of each leaf, by the name that `| json` gives it.
fn leaves(value: &Value, path: &mut Vec<String>, found: &mut BTreeMap<String, Vec<String>>) {
    let Value::Object(members) = value else {
        let name: Vec<String> =
            path.iter().map(|part| logql::stage::names::sanitize(part.as_bytes()).into_owned()).collect();
        found.entry(name.join("_")).or_insert_with(|| path.clone());
        return;
    };
    for (name, value) in members {
        path.push(name.clone());
        leaves(value, path, found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_like_what_they_are() {
        for (value, wanted) in [
            ("7", "int"),
            ("-1.5", "float"),
            ("true", "boolean"),
            ("1m30s", "duration"),
            ("4KB", "bytes"),
            ("gpt-4", "string"),
            ("", "string"),
        ] {
            assert_eq!(kind(value), wanted, "{value}");
        }
    }
}
