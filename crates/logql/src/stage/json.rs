//! `| json`: the members of an object become labels.
//!
//! Loki reads JSON leniently, value by value, and keeps what it found before an error; so does this, with the same errors at
//! the same places. Lines cut off in the middle are common.

pub(crate) mod expression;
mod paths;
pub(crate) mod scan;

use super::names;
use super::{Sink, StageError};
use scan::{Fault, Kind};

pub use paths::Paths;

/// What Loki calls a line that is not JSON.
pub(crate) const ERROR: &str = "JSONParserErr";

/// Objects within objects beyond this depth are passed over. Loki has no limit but its stack.
const DEPTH: usize = 128;

/// Gives every number, string and boolean of the line's object to `sink`, in the line's order; names of nested ones are joined
/// by `_`. Arrays and nulls are passed over; so are members whose name would be empty, and objects whose name `enter` refuses:
/// what is wrong inside them goes unnoticed.
///
/// # Errors
/// `JSONParserErr`; what came before the fault has been given.
pub fn extract(line: &[u8], enter: &mut dyn FnMut(&str) -> bool, sink: &mut Sink<'_>) -> Result<(), StageError> {
    match object(line, &mut String::new(), 0, enter, sink) {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Fault(fault)) => Err(failure(fault)),
    }
}

pub(crate) fn failure(fault: Fault) -> StageError {
    StageError { kind: ERROR, details: fault.words().to_owned() }
}

enum Stop {
    Enough,
    Fault(Fault),
}

fn object(
    text: &[u8],
    prefix: &mut String,
    depth: usize,
    enter: &mut dyn FnMut(&str) -> bool,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    for member in scan::members(text) {
        let (key, value) = member.map_err(Stop::Fault)?;
        match value.kind {
            Kind::Object if depth < DEPTH => {
                let length = prefix.len();
                extend(prefix, &key);
                let result = if enter(prefix) { object(value.raw, prefix, depth + 1, enter, sink) } else { Ok(()) };
                prefix.truncate(length);
                result?;
            }
            Kind::String | Kind::Number | Kind::Boolean => {
                if !leaf(&key, &value, prefix, sink) {
                    return Err(Stop::Enough);
                }
            }
            Kind::Object | Kind::Array | Kind::Null => {}
        }
    }
    Ok(())
}

fn extend(prefix: &mut String, key: &[u8]) {
    if !prefix.is_empty() {
        prefix.push('_');
    }
    names::append(prefix, key);
}

fn leaf(key: &[u8], value: &scan::Value<'_>, prefix: &mut String, sink: &mut Sink<'_>) -> bool {
    let text = value.text();
    if prefix.is_empty() {
        let name = names::sanitize(key);
        return name.is_empty() || sink(&name, &text);
    }
    let length = prefix.len();
    extend(prefix, key);
    let more = sink(prefix, &text);
    prefix.truncate(length);
    more
}

#[cfg(test)]
mod tests;
