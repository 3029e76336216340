//! `| json` and its expressions: the first line of the input is an expression, what follows is the line that it reads.
//!
//! What serde_json can read, both must read, and to the same values.

use logql::stage::json::{self, Paths};
use logql::stage::names::is_label_name;
use serde_json::Value;

/// Checks one expression on one line.
pub fn check(bytes: &[u8]) {
    let (expression, line) = super::parted(bytes);
    whole(line);
    let Ok(expression) = std::str::from_utf8(expression) else { return };
    let paths = match Paths::parse(&[("label".to_owned(), expression.to_owned())]) {
        Ok(paths) => paths,
        Err(error) => return assert!(error.to_string().starts_with("cannot parse expression ["), "{error}"),
    };
    let mut found: Vec<Option<Vec<u8>>> = Vec::new();
    let result = paths.extract(line, &mut |name, value| {
        assert_eq!(name, "label");
        found.push(value.map(<[u8]>::to_vec));
        true
    });
    assert!(found.len() <= 1);
    let steps = if plain(expression) { expression.split('.').collect() } else { Vec::new() };
    // Loki looks at the first byte: white space before an object is a fault.
    let document = readable(line).filter(|_| line.starts_with(b"{") && !steps.is_empty());
    let Some(document) = document else { return };
    assert_eq!(result, Ok(()));
    let target = steps.iter().try_fold(&document, |value, step| value.get(step));
    match (target, found.pop()) {
        (Some(Value::String(text)), Some(Some(value))) => assert_eq!(text.replace('\u{fffd}', " ").as_bytes(), value),
        (Some(Value::Null), Some(Some(value))) => assert!(value.is_empty()),
        (Some(Value::Bool(bool)), Some(Some(value))) => assert_eq!(bool.to_string().as_bytes(), value),
        (Some(Value::Object(_)), Some(Some(value))) => assert_eq!(readable(&value).as_ref(), target),
        (Some(Value::Array(_) | Value::Number(_)), Some(Some(_))) | (None, Some(None)) => {}
        (target, found) => panic!("{target:?} was read as {found:?}"),
    }
}

/// All of the line: names are names, values are text, and what serde_json can read is read without a fault.
fn whole(line: &[u8]) {
    let mut leaves = 0;
    let result = json::extract(line, &mut |_| true, &mut |name, value| {
        assert!(is_label_name(name), "{name:?}");
        assert!(std::str::from_utf8(value).is_ok());
        leaves += 1;
        true
    });
    if let Some(document) = readable(line).filter(Value::is_object) {
        assert_eq!(result, Ok(()));
        assert!(leaves <= count(&document));
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(count).sum(),
        _ => 1,
    }
}

/// What serde_json makes of it, where no member is there twice and no key has an escape: both may choose another one.
fn readable(line: &[u8]) -> Option<Value> {
    let document: Value = serde_json::from_slice(line).ok()?;
    let colons = line.iter().filter(|byte| **byte == b':').count();
    (!line.contains(&b'\\') && colons == members(&document)).then_some(document)
}

/// Members in all, arrays included: as many as there are colons, if no string has one and no key is there twice.
fn members(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
        Value::Array(list) => list.iter().map(members).sum(),
        _ => 0,
    }
}

fn plain(expression: &str) -> bool {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    expression.split('.').all(word)
}
