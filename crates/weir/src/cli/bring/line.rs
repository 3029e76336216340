//! Lines of JSON with the Record's own names: Weir's, and those of a structured logger such as the one of the LLM proxy that logged
//! `llm_request_completed` before Weir did.

use jiff::Timestamp;
use meter::decimal;
use meter::record::{CustomValue, FIELDS, Field, Line, Owned, Unit, id_from_text};
use serde_json::{Map, Value};

use super::Origin;
use super::mapped::Mapped;
use super::rest::Rest;
use crate::config::{redact, redact_prefixed};

/// A line as a Record, with what it has beyond a Record's fields only where it is among `fields`: it may be prompts, answers and keys.
/// `text` is the line, of which an id is made where it has none.
pub(super) fn map(
    row: &Map<String, Value>,
    text: &str,
    origin: Origin,
    fields: &[String],
    rest: &mut Rest,
) -> Result<Mapped, &'static str> {
    let event = row.get("event").and_then(Value::as_str).unwrap_or_default();
    let Some(status) = status(event) else { return Err("its event is none of a request") };
    if origin == Origin::Weir
        && let Some(line) = Line::parse(text.trim().as_bytes())
    {
        return Mapped::new(line, origin, text.trim());
    }
    let mut line = Line::default();
    for (name, value) in row {
        match FIELDS.iter().find(|field| field.name == name) {
            Some(field) => member(&mut line, field, value, rest),
            None if fields.contains(name) => declared(&mut line, name, value, rest),
            None if value.is_null() => {}
            None => rest.offer(name),
        }
    }
    if line.get("logger_name").is_none() {
        line.set("logger_name", Owned::Text("llm-metrics".to_owned()));
    }
    // Both follow from the event; loggers spell levels in their own ways.
    line.set("level", Owned::Text(level(status).to_owned()));
    if line.get("status").is_some_and(|said| *said != Owned::Text(status.to_owned())) {
        rest.changed("status says otherwise than the event, which counts");
    }
    line.set("status", Owned::Text(status.to_owned()));
    total(&mut line);
    Mapped::new(line, origin, text.trim())
}

fn status(event: &str) -> Option<&'static str> {
    Some(match event {
        "llm_request_completed" => "success",
        "llm_request_failed" => "error",
        "llm_request_cancelled" => "cancelled",
        _ => return None,
    })
}

pub(super) fn level(status: &str) -> &'static str {
    match status {
        "success" => "INFO",
        "error" => "ERROR",
        _ => "WARN",
    }
}

/// All tokens, where a line has only its parts.
pub(super) fn total(line: &mut Line) {
    let tokens = |name: &str| match line.get(name) {
        Some(Owned::Integer(tokens)) => Some(*tokens),
        _ => None,
    };
    if let (None, Some(input), Some(output)) = (tokens("total_tokens"), tokens("input_tokens"), tokens("output_tokens"))
    {
        line.set("total_tokens", Owned::Integer(input.saturating_add(output)));
    }
}

fn member(line: &mut Line, field: &Field, value: &Value, rest: &mut Rest) {
    if value.is_null() {
        return;
    }
    match owned(field.unit, value, field.name, rest) {
        Some(Owned::Text(text)) if field.name == "error_message" => line.set(field.name, Owned::Text(redact(&text))),
        Some(value) => line.set(field.name, value),
        None => rest.value(field.name),
    }
}

/// A field that the Record does not have and that was asked for.
fn declared(line: &mut Line, name: &str, value: &Value, rest: &mut Rest) {
    if !value.is_null() && !custom(value).is_some_and(|value| line.declare(name, value)) {
        rest.value(name);
    }
}

fn custom(value: &Value) -> Option<CustomValue> {
    match value {
        Value::String(text) => Some(CustomValue::Text(redact_prefixed(text))),
        Value::Bool(flag) => Some(CustomValue::Bool(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(CustomValue::Integer(number)),
            None => CustomValue::float(number.as_f64()?),
        },
        _ => None,
    }
}

/// A value as a field has it.
pub(super) fn owned(unit: Unit, value: &Value, name: &str, rest: &mut Rest) -> Option<Owned> {
    let text = value.as_str();
    Some(match unit {
        Unit::Text(_) => Owned::Text(text.map_or_else(|| value.to_string(), str::to_owned)),
        Unit::Count => Owned::Integer(match text {
            Some(text) => text.trim().parse().ok()?,
            None => value.as_u64().or_else(|| whole(value.as_f64()?))?,
        }),
        Unit::Usd => fixed(value, meter::cost::NANO, name, rest)?,
        Unit::Kwh => fixed(value, meter::energy::PICO, name, rest)?,
        Unit::Grams => fixed(value, meter::carbon::NANO, name, rest)?,
        Unit::Millilitres => fixed(value, meter::carbon::MICRO, name, rest)?,
        Unit::Seconds => fixed(value, 6, name, rest)?,
        Unit::Number => Owned::Float(number(value).filter(|number| number.is_finite())?),
        Unit::Bool => Owned::Bool(match text {
            Some(text) => text.trim().to_ascii_lowercase().parse().ok()?,
            None => value.as_bool()?,
        }),
        Unit::Time => Owned::Time(text.map_or_else(|| since_1970(value.as_f64()?), time)?),
        Unit::Id => Owned::Id(id_from_text(text?.to_ascii_lowercase().as_bytes())?),
    })
}

fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A decimal with so many places: exact where it has no more, else rounded, which is said.
fn fixed(value: &Value, scale: u8, name: &str, rest: &mut Rest) -> Option<Owned> {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
    let units = decimal::parse(&text, scale).ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        let exact = decimal::from_float(number, scale).ok();
        exact.or_else(|| {
            let rounded = decimal::round_float(number, scale).ok()?;
            rest.changed(&format!("{name} has more than {scale} decimal places and is rounded"));
            Some(rounded)
        })
    });
    units.map(|units| Owned::Fixed(units, scale))
}

/// A time as a number, as loggers write it: seconds, milliseconds, microseconds or nanoseconds since 1970, by how large it is.
fn since_1970(number: f64) -> Option<u64> {
    let units = [(1e11, 9), (1e14, 6), (1e17, 3), (1.8e19, 0)];
    let (_, scale) = units.iter().find(|(below, _)| (0.0..*below).contains(&number))?;
    decimal::round_float(number, *scale).ok()
}

/// A time with any fraction, with an offset or in UTC, with a `T` or a space; in nanoseconds since 1970.
pub(super) fn time(text: &str) -> Option<u64> {
    let text = text.trim();
    let nanos = |at: Timestamp| u64::try_from(at.as_nanosecond()).ok();
    let spaced = text.replacen(' ', "T", 1);
    let at = [text.to_owned(), spaced.clone(), format!("{spaced}Z"), format!("{spaced}:00")]
        .iter()
        .find_map(|text| text.parse().ok());
    at.and_then(nanos)
}
