//! Go's own functions.

use super::Parameter::{Any, String as Text};
use super::{Function, Scope, fixed, open, string, text};
use crate::template::format::{sprint, sprintf, sprintln};
use crate::template::value::{Value, equal, less};

pub(super) static FUNCTIONS: &[Function] = &[
    open("and", &[Any], Any, decided),
    open("or", &[Any], Any, decided),
    fixed("not", &[Any], |_, values| Ok(Value::Bool(!values.first().is_some_and(Value::truth)))),
    open("eq", &[Any], Any, eq),
    fixed("ne", &[Any, Any], |_, v| Ok(Value::Bool(!equal(&v[0], &v[1])?))),
    fixed("lt", &[Any, Any], |_, v| Ok(Value::Bool(less(&v[0], &v[1])?))),
    fixed("le", &[Any, Any], |_, v| Ok(Value::Bool(less(&v[0], &v[1])? || equal(&v[0], &v[1])?))),
    fixed("gt", &[Any, Any], |_, v| Ok(Value::Bool(!(less(&v[0], &v[1])? || equal(&v[0], &v[1])?)))),
    fixed("ge", &[Any, Any], |_, v| Ok(Value::Bool(!less(&v[0], &v[1])?))),
    open("print", &[], Any, |_, values| Ok(Value::bytes(sprint(values)))),
    open("println", &[], Any, |_, values| Ok(Value::bytes(sprintln(values)))),
    open("printf", &[Text], Any, |_, values| Ok(Value::bytes(sprintf(string(values, 0), &values[1..])?))),
    fixed("len", &[Any], len),
    open("index", &[Any], Any, index),
    open("slice", &[Any], Any, slice),
    open("html", &[], Any, |_, values| Ok(Value::bytes(html(&joined(values))))),
    open("js", &[], Any, |_, values| Ok(Value::text(js(&super::lossy(&joined(values)))))),
    open("urlquery", &[], Any, |_, values| Ok(Value::text(super::url::escape(&joined(values))))),
    open("call", &[Any], Any, |_, values| Err(format!("non-function of type {}", values[0].type_name()))),
    fixed("__line__", &[], |scope, _| Ok(Value::String(scope.entry.line().into()))),
    fixed("__timestamp__", &[], super::dates::timestamp),
];

/// The evaluator decides `and` and `or` itself, as it may not look at all arguments.
fn decided<'a>(_: &Scope<'a>, values: &[Value<'a>]) -> Result<Value<'a>, String> {
    Ok(values.last().cloned().unwrap_or(Value::None))
}

/// Whether the first equals any of the others.
fn eq<'a>(_: &Scope<'a>, values: &[Value<'a>]) -> Result<Value<'a>, String> {
    if values.len() < 2 {
        return Err("missing argument for comparison".to_owned());
    }
    for value in &values[1..] {
        if equal(&values[0], value)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn len<'a>(_: &Scope<'a>, values: &[Value<'a>]) -> Result<Value<'a>, String> {
    let length = match &values[0] {
        Value::None | Value::Nil => return Err("len of nil pointer".to_owned()),
        Value::String(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Labels(labels) => labels.labels().len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

/// `index x 1 "a"` is `x[1]["a"]`.
fn index<'a>(_: &Scope<'a>, values: &[Value<'a>]) -> Result<Value<'a>, String> {
    let mut item = values[0].clone();
    for key in &values[1..] {
        item = match &item {
            Value::None | Value::Nil => return Err("index of untyped nil".to_owned()),
            Value::List(list) => list[place(key, list.len(), false)?].clone(),
            Value::String(text) => Value::Int(i64::from(text[place(key, text.len(), false)?])),
            Value::Map(map) => map.get(&*name(key)?).cloned().unwrap_or(Value::Nil),
            Value::Labels(labels) => Value::text(labels.label(&name(key)?).unwrap_or_default()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn name(key: &Value<'_>) -> Result<String, String> {
    match key {
        Value::String(_) => Ok(text(std::slice::from_ref(key), 0).into_owned()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

/// An index within a length; for a slice's ends the length itself is one.
fn place(key: &Value<'_>, length: usize, end: bool) -> Result<usize, String> {
    let index = match key {
        Value::Int(index) | Value::Int64(index) => *index,
        Value::None | Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    let within = usize::try_from(index).ok().filter(|index| *index < length + usize::from(end));
    within.ok_or_else(|| format!("index out of range: {index}"))
}

fn slice<'a>(_: &Scope<'a>, values: &[Value<'a>]) -> Result<Value<'a>, String> {
    let length = match &values[0] {
        Value::None | Value::Nil => return Err("slice of untyped nil".to_owned()),
        Value::String(_) if values.len() == 4 => return Err("cannot 3-index slice a string".to_owned()),
        Value::String(text) => text.len(),
        Value::List(list) => list.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if values.len() > 4 {
        return Err(format!("too many slice indexes: {}", values.len() - 1));
    }
    let mut ends = [0, length, length];
    for (end, key) in ends.iter_mut().zip(&values[1..]) {
        *end = place(key, length, true)?;
    }
    for pair in [(ends[0], ends[1]), (ends[1], ends[2])] {
        if pair.0 > pair.1 {
            return Err(format!("invalid slice index: {} > {}", pair.0, pair.1));
        }
    }
    let range = ends[0]..ends[1];
    Ok(match &values[0] {
        Value::String(text) => Value::bytes(text[range].to_vec()),
        Value::List(list) => Value::List(list[range].to_vec().into()),
        _ => Value::None,
    })
}

/// One string as it is; anything else as `print` writes it.
fn joined(values: &[Value<'_>]) -> Vec<u8> {
    match values {
        [Value::String(text)] => text.to_vec(),
        _ => sprint(values),
    }
}

fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(*byte),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", c as u32)),
            ' '..='~' => out.push(c),
            _ if c.is_control() || (c.is_whitespace() && !c.is_ascii()) => {
                out.push_str(&format!("\\u{:04X}", c as u32));
            }
            _ => out.push(c),
        }
    }
    out
}
