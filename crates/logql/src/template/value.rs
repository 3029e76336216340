//! What a template computes with: the few types of Go that LogQL's functions have.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::Lookup;
use super::time::Time;

/// A value of Go.
#[derive(Clone)]
pub(super) enum Value<'a> {
    /// No value at all: prints `<no value>`.
    None,
    /// A nil in an interface: what JSON's null is.
    Nil,
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `int64`.
    Int64(i64),
    Float(f64),
    String(Cow<'a, [u8]>),
    Time(Rc<Time>),
    /// The entry's labels, `map[string]string`: what `.` is at first.
    Labels(&'a dyn Lookup),
    /// `map[string]interface {}`.
    Map(Rc<BTreeMap<String, Value<'a>>>),
    /// `[]interface {}`.
    List(Rc<Vec<Value<'a>>>),
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::String(Cow::Owned(text.into().into_bytes()))
    }

    pub(super) fn bytes(bytes: Vec<u8>) -> Self {
        Self::String(Cow::Owned(bytes))
    }

    /// The type's name, as Go prints it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "<nil>",
            Self::Nil => "interface {}",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::Time(_) => "time.Time",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::List(_) => "[]interface {}",
        }
    }

    /// Whether `if` takes it for true: what is not empty and not zero.
    pub(super) fn truth(&self) -> bool {
        match self {
            Self::None | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Time(_) => true,
            Self::Labels(labels) => !labels.labels().is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::List(list) => !list.is_empty(),
        }
    }

    /// As sprig's `empty`: like `truth`, but a time is empty if it is Go's zero time.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Time(time) => time.is_zero(),
            other => !other.truth(),
        }
    }

    /// What an interface holds: a nil in it is no value.
    pub(super) fn unwrapped(self) -> Self {
        if matches!(self, Self::Nil) { Self::None } else { self }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Basic {
    Bool,
    Int,
    Float,
    String,
}

fn basic(value: &Value<'_>) -> Option<Basic> {
    match value {
        Value::Bool(_) => Some(Basic::Bool),
        Value::Int(_) | Value::Int64(_) => Some(Basic::Int),
        Value::Float(_) => Some(Basic::Float),
        Value::String(_) => Some(Basic::String),
        _ => None,
    }
}

const UNCOMPARABLE: &str = "invalid type for comparison";
const INCOMPATIBLE: &str = "incompatible types for comparison";

/// `eq` for two.
pub(super) fn equal(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    if let (Value::Time(a), Value::Time(b)) = (a, b) {
        return Ok(a == b);
    }
    let nothing = |value: &Value<'_>| matches!(value, Value::None | Value::Nil);
    if nothing(a) || nothing(b) {
        return Ok(nothing(a) && nothing(b));
    }
    for value in [a, b] {
        if matches!(value, Value::Labels(_) | Value::Map(_) | Value::List(_)) {
            return Err(format!("non-comparable type {}: {}", super::format::show(value), value.type_name()));
        }
    }
    match compare(a, b) {
        // NaN equals nothing.
        Ok(order) => Ok(order == Some(Ordering::Equal)),
        Err(_) if basic(a).is_some() && basic(b).is_some() => Err(INCOMPATIBLE.to_owned()),
        Err(_) => Ok(false),
    }
}

/// The order of two of one kind; `None` where NaN is one of them.
pub(super) fn compare(a: &Value<'_>, b: &Value<'_>) -> Result<Option<Ordering>, String> {
    let (Some(kind), Some(other)) = (basic(a), basic(b)) else { return Err(UNCOMPARABLE.to_owned()) };
    if kind != other {
        return Err(INCOMPATIBLE.to_owned());
    }
    Ok(match (a, b) {
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    })
}

/// `lt` and its like: booleans have no order.
pub(super) fn less(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    if matches!((a, b), (Value::Bool(_), Value::Bool(_))) {
        return Err(UNCOMPARABLE.to_owned());
    }
    Ok(compare(a, b)? == Some(Ordering::Less))
}
