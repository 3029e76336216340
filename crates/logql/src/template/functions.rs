//! The functions of templates: Go's own, sprig's as far as Loki takes them, and Loki's.

mod builtin;
mod compute;
mod convert;
mod dates;
mod strings;
mod url;

use super::Lookup;
use super::value::Value;

/// Bytes that a function's result may have.
pub(super) const LONGEST: usize = 4 << 20;

/// What functions know beside their arguments.
pub(super) struct Scope<'a> {
    pub(super) entry: &'a dyn Lookup,
}

/// A type in a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    Any,
    String,
    Int,
    Float,
    Time,
}

impl Parameter {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Time => "time.Time",
        }
    }
}

type Run = for<'a, 'v> fn(&Scope<'a>, &'v [Value<'a>]) -> Result<Value<'a>, String>;

/// A function with its signature.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The type of further arguments, if there may be any.
    pub(super) more: Option<Parameter>,
    pub(super) run: Run,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    /// The type of an argument by its place.
    pub(super) fn parameter(&self, index: usize) -> Parameter {
        self.parameters.get(index).copied().or(self.more).unwrap_or(Parameter::Any)
    }
}

/// Shorthand for the tables.
const fn fixed(name: &'static str, parameters: &'static [Parameter], run: Run) -> Function {
    Function { name, parameters, more: None, run }
}

const fn open(name: &'static str, parameters: &'static [Parameter], more: Parameter, run: Run) -> Function {
    Function { name, parameters, more: Some(more), run }
}

static TABLES: &[&[Function]] =
    &[builtin::FUNCTIONS, strings::FUNCTIONS, url::FUNCTIONS, compute::FUNCTIONS, convert::FUNCTIONS, dates::FUNCTIONS];

/// A function by its name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLES.iter().flat_map(|table| table.iter()).find(|function| function.name == name)
}

/// A string argument; what a signature promises has been checked.
fn string<'v>(values: &'v [Value<'_>], index: usize) -> &'v [u8] {
    match values.get(index) {
        Some(Value::String(text)) => text,
        _ => b"",
    }
}

/// A string argument as text: Go's functions see U+FFFD for each byte that is none.
fn text<'v>(values: &'v [Value<'_>], index: usize) -> std::borrow::Cow<'v, str> {
    lossy(string(values, index))
}

fn int(values: &[Value<'_>], index: usize) -> i64 {
    match values.get(index) {
        Some(Value::Int(value) | Value::Int64(value)) => *value,
        _ => 0,
    }
}

/// Bytes as text, with U+FFFD for each byte that is none.
fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    text.into()
}
