//! A file's lines as Records: what the file is, and what each of its lines becomes.

use meter::record::{Line, Owned};
use serde_json::{Map, Value};

use super::rest::Rest;
use super::{Origin, Reading, fits, line, litellm};
use crate::cli::csv;
use crate::config::sha256;

/// A Record to be.
#[derive(Debug)]
pub(super) struct Mapped {
    /// By which it is known again.
    pub(super) id: [u8; 16],
    /// Its end, in nanoseconds since 1970.
    pub(super) at: u64,
    pub(super) line: Line,
}

impl Mapped {
    /// Of a line with a time, marked with its origin. Where it has no id of its own `name` makes one: the same name, the same id.
    pub(super) fn new(mut line: Line, origin: Origin, name: &str) -> Result<Mapped, &'static str> {
        let Some(Owned::Time(at)) = line.get("timestamp") else { return Err("it has no timestamp") };
        let at = *at;
        let id = match line.get("request_id") {
            Some(Owned::Id(id)) => *id,
            _ => id_of(origin, name),
        };
        line.set("request_id", Owned::Id(id));
        line.set("origin", Owned::Text(origin.name().to_owned()));
        line.set("v", Owned::Integer(meter::record::VERSION));
        if fits(&line) { Ok(Mapped { id, at, line }) } else { Err("it is longer than a Record may be") }
    }
}

/// A UUID of version 8, made of a name.
fn id_of(origin: Origin, name: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&sha256(format!("{}\n{name}", origin.name()).as_bytes())[..16]);
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

/// Maps what a file holds.
///
/// # Errors
/// It is none of the kinds that are known.
pub(super) fn all(
    text: &str,
    how: &Reading,
    path: &str,
    records: &mut Vec<Mapped>,
    rest: &mut Rest,
) -> Result<(), String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start();
    let is_json = start.starts_with(['{', '[']);
    if !is_json && how.from.is_none_or(|from| from == Origin::Litellm) && is_spend_table(start) {
        return table(text, path, records, rest);
    }
    // An array, or an object over many lines, is read as a whole; else each line is one object.
    if is_json && let Some(rows) = documents(text) {
        rows.into_iter()
            .enumerate()
            .for_each(|(at, row)| one(row, "", how, &format!("{path}, entry {}", at + 1), records, rest));
        return Ok(());
    }
    for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let place = format!("{path}:{}", at + 1);
        match serde_json::from_str(text) {
            Ok(Value::Object(row)) => one(row, text, how, &place, records, rest),
            _ => rest.line("it is not a JSON object", &place),
        }
    }
    Ok(())
}

/// The objects of an export that is one document: an array, or an object with an array in it. None where each line is an object.
fn documents(text: &str) -> Option<Vec<Map<String, Value>>> {
    let objects = |values: Vec<Value>| {
        let objects =
            values.into_iter().filter_map(|value| if let Value::Object(row) = value { Some(row) } else { None });
        objects.collect()
    };
    match serde_json::from_str(text).ok()? {
        Value::Array(values) => Some(objects(values)),
        Value::Object(mut whole) => {
            let list = ["data", "spend_logs", "logs"].into_iter().find_map(|name| match whole.remove(name) {
                Some(Value::Array(values)) => Some(objects(values)),
                _ => None,
            });
            Some(list.unwrap_or_else(|| vec![whole]))
        }
        _ => None,
    }
}

fn one(row: Map<String, Value>, text: &str, how: &Reading, place: &str, records: &mut Vec<Mapped>, rest: &mut Rest) {
    let mapped = match how.from.or_else(|| kind(&row)) {
        Some(Origin::Litellm) => litellm::map(&row, rest),
        Some(origin) => line::map(&row, text, origin, &how.fields, rest),
        None => Err("it is neither a Record, nor a line with an event llm_request_…, nor one of LiteLLM's spend logs"),
    };
    match mapped {
        Ok(mapped) => records.push(mapped),
        Err(why) => rest.line(why, place),
    }
}

fn kind(row: &Map<String, Value>) -> Option<Origin> {
    let event = row.get("event").and_then(Value::as_str);
    if event.is_some_and(|event| event.starts_with("llm_")) {
        return Some(if row.contains_key("v") { Origin::Weir } else { Origin::Log });
    }
    (row.contains_key("spend") && row.contains_key("startTime")).then_some(Origin::Litellm)
}

fn is_spend_table(text: &str) -> bool {
    let heading = text.lines().next().unwrap_or_default();
    ["spend", "startTime"]
        .iter()
        .all(|name| heading.split(',').any(|column| column.trim_matches([' ', '"', '\r']) == *name))
}

/// LiteLLM's spend logs as CSV.
fn table(text: &str, path: &str, records: &mut Vec<Mapped>, rest: &mut Rest) -> Result<(), String> {
    let mut rows = csv::rows(text)?.into_iter();
    let Some((_, heading)) = rows.next() else { return Ok(()) };
    for (line, cells) in rows {
        let place = format!("{path}:{line}");
        if cells.len() != heading.len() {
            rest.line("it has another number of values than there are columns", &place);
            continue;
        }
        let known = heading.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
        let row = known.map(|(name, cell)| (name.trim().to_owned(), Value::String(cell))).collect();
        one(row, "", &Reading { from: Some(Origin::Litellm), fields: Vec::new() }, &place, records, rest);
    }
    Ok(())
}
