//! How Go prints values: by themselves, and by the verbs of `printf`.

mod directive;
mod float;
mod verb;

use super::value::Value;

pub(super) use directive::sprintf;

/// As an action prints its value.
pub(super) fn print(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::None => out.extend_from_slice(b"<no value>"),
        value => plain(value, out),
    }
}

/// `%v` as text, for errors.
pub(super) fn show(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    plain(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `%v`.
pub(super) fn plain(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::None | Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(value) | Value::Int64(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) => out.extend_from_slice(float::general(*value, None, false).as_bytes()),
        Value::String(text) => out.extend_from_slice(text),
        Value::Time(time) => out.extend_from_slice(time.to_string().as_bytes()),
        Value::List(list) => {
            out.push(b'[');
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                plain(element, out);
            }
            out.push(b']');
        }
        Value::Map(map) => {
            out.extend_from_slice(b"map[");
            for (index, (key, element)) in map.iter().enumerate() {
                member(index, key.as_bytes(), out);
                plain(element, out);
            }
            out.push(b']');
        }
        Value::Labels(labels) => {
            out.extend_from_slice(b"map[");
            for (index, (key, element)) in labels.labels().into_iter().enumerate() {
                member(index, key.as_bytes(), out);
                out.extend_from_slice(element.as_bytes());
            }
            out.push(b']');
        }
    }
}

fn member(index: usize, key: &[u8], out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b' ');
    }
    out.extend_from_slice(key);
    out.push(b':');
}

/// `fmt.Sprint`: spaces between operands of which neither is a string.
pub(super) fn sprint(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut text_before = true;
    for (index, value) in values.iter().enumerate() {
        let text = matches!(value, Value::String(_));
        if index > 0 && !text && !text_before {
            out.push(b' ');
        }
        plain(value, &mut out);
        text_before = text;
    }
    out
}

/// `fmt.Sprintln`: spaces between all operands, and a line break.
pub(super) fn sprintln(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        plain(value, &mut out);
    }
    out.push(b'\n');
    out
}
