//! From one type to another, as sprig's `cast` converts: what cannot be converted is zero, without an error.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Parameter::{Any, String as Text};
use super::{Function, fixed, open, text};
use crate::stage::units::{duration_error, parse_bytes, parse_duration, parse_int, parse_number};
use crate::template::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("int", &[Any], |_, values| Ok(Value::Int(to_int(&values[0])))),
    fixed("float64", &[Any], |_, values| Ok(Value::Float(to_float(&values[0])))),
    fixed("bytes", &[Text], |_, values| Ok(Value::Float(parse_bytes(&text(values, 0))? as f64))),
    fixed("duration", &[Text], |_, values| seconds(&text(values, 0)).map(Value::Float)),
    fixed("duration_seconds", &[Text], |_, values| seconds(&text(values, 0)).map(Value::Float)),
    fixed("fromJson", &[Text], |_, values| Ok(from_json(&text(values, 0)))),
    open("default", &[Any], Any, |_, values| {
        let given = values.get(1).filter(|value| !value.is_empty());
        Ok(given.unwrap_or(&values[0]).clone())
    }),
];

fn seconds(text: &str) -> Result<f64, String> {
    let nanoseconds = parse_duration(text).ok_or_else(|| duration_error(text))?;
    let (whole, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    Ok(whole as f64 + rest as f64 / 1e9)
}

/// Text may have a point: what stands behind it is cut off. `0x10` and `010` are read as Go reads them.
pub(super) fn to_int(value: &Value<'_>) -> i64 {
    match value {
        Value::Int(value) | Value::Int64(value) => *value,
        Value::Float(value) if value.is_finite() && value.abs() < 9.3e18 => *value as i64,
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => {
            std::str::from_utf8(text).map_or(0, |text| parse_int(&without_decimals(text), 0).unwrap_or(0))
        }
        _ => 0,
    }
}

fn without_decimals(text: &str) -> Cow<'_, str> {
    let Some((whole, decimals)) = text.split_once('.') else { return Cow::Borrowed(text) };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    match (digits(unsigned) && digits(decimals), unsigned) {
        (false, _) => Cow::Borrowed(text),
        (true, "") => Cow::Borrowed("0"),
        (true, _) => Cow::Borrowed(whole),
    }
}

pub(super) fn to_float(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(value) | Value::Int64(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => std::str::from_utf8(text).ok().and_then(|text| parse_number(text).ok()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// What is not JSON is nil.
fn from_json<'a>(text: &str) -> Value<'a> {
    serde_json::from_str(text).map_or(Value::Nil, from_tree)
}

/// The depth is bounded: the reader refuses what nests deeper than 128.
fn from_tree<'a>(tree: serde_json::Value) -> Value<'a> {
    match tree {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or(0.0)),
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(list) => Value::List(Rc::new(list.into_iter().map(from_tree).collect())),
        serde_json::Value::Object(map) => {
            let map: BTreeMap<_, _> = map.into_iter().map(|(key, value)| (key, from_tree(value))).collect();
            Value::Map(Rc::new(map))
        }
    }
}
