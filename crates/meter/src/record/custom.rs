//! Fields that an operator declares: they stand on the line behind those of the table, in the order in which they were
//! declared.

use std::sync::Arc;

use super::fields::{FIELDS, Field, Role, Unit};

/// Bytes of a declared field's name.
pub(super) const MAX_NAME: usize = 64;
/// Bytes of a declared field's text on the line.
pub const MAX_TEXT: usize = 256;
/// How many fields can be declared: with their shortest texts they fit on any line.
pub const MAX_FIELDS: usize = 32;

/// What declared fields have in common with those of the table: how their texts are written.
pub(super) const DECLARED: Field = Field {
    name: "",
    unit: Unit::Text(MAX_TEXT),
    role: Role::Line,
    always: false,
    early: true,
    doc: "A field that the operator declared.",
    get: |_| None,
};

/// What the table will need some day, or what would be mistaken for something else on `/metrics` or in Loki.
const KEPT: &[&str] = &[
    "app",
    "audio_seconds",
    "characters",
    "class",
    "cost_tools_usd",
    "follower",
    "image_count",
    "job",
    "le",
    "line",
    "namespace",
    "parent_id",
    "price_as_of",
    "quantile",
    "reason",
    "region",
    "search_calls",
];

/// Prefixes of Weir's own names and of OpenTelemetry's.
const KEPT_PREFIXES: &[&str] = &["llm_", "weir_", "gen_ai_"];

/// A declared field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Whether it stands on the line by itself; what fills a field of the table does not.
    pub on_line: bool,
    /// Whether its values become labels.
    pub label: bool,
    /// As it stands on the line: `,"name":`.
    pub(super) key: Box<[u8]>,
}

impl Declared {
    /// A field of that name.
    #[must_use]
    pub fn new(name: &str, on_line: bool, label: bool) -> Declared {
        let key = format!(",\"{name}\":").into_bytes().into();
        Declared { name: name.to_owned(), on_line, label, key }
    }
}

/// Why a name cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Not a name that every reader takes.
    #[error("a name has 1 to 64 small letters, digits and `_`, and begins with a letter; write `{0}`")]
    Shape(String),
    /// A field of Weir's.
    #[error("`{0}` is a name of Weir's own; write `my_{0}`")]
    Taken(String),
    /// A prefix of Weir's.
    #[error("names that begin with `{0}` are Weir's own; write `{1}`")]
    Prefix(&'static str, String),
}

/// Whether a field may have this name.
///
/// # Errors
/// See [`BadName`]; each says what to write.
pub fn check_name(name: &str) -> Result<(), BadName> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let letter = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !letter || name.len() > MAX_NAME || !name.chars().all(fits) {
        return Err(BadName::Shape(proper(name)));
    }
    if let Some(prefix) = KEPT_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        let rest = name.strip_prefix(prefix).filter(|rest| check_name(rest).is_ok());
        return Err(BadName::Prefix(prefix, rest.map_or_else(|| format!("my_{name}"), str::to_owned)));
    }
    if FIELDS.iter().any(|field| field.name == name) || KEPT.contains(&name) {
        return Err(BadName::Taken(name.to_owned()));
    }
    Ok(())
}

/// The nearest name that would do.
fn proper(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let fitting: String = name.chars().map(fit).skip_while(|c| !c.is_ascii_lowercase()).take(MAX_NAME).collect();
    if fitting.is_empty() { "team".to_owned() } else { fitting }
}

/// A declared field's value.
#[derive(Debug, Clone, PartialEq)]
pub enum CustomValue {
    /// Text; at most [`MAX_TEXT`] bytes are written.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any number that [`CustomValue::float`] takes.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

impl CustomValue {
    /// A number without an exponent in its shortest form. Infinities, and what would fill the line with zeros, are none.
    #[must_use]
    pub fn float(number: f64) -> Option<CustomValue> {
        let reasonable = number == 0.0 || (1e-9..=1e15).contains(&number.abs());
        reasonable.then_some(CustomValue::Float(number))
    }

    /// Reads what stands on a line.
    pub(super) fn read(json: &[u8]) -> Option<CustomValue> {
        Some(match json {
            [b'"', inner @ .., b'"'] => CustomValue::Text(crate::json::unescape(inner)),
            b"true" => CustomValue::Bool(true),
            b"false" => CustomValue::Bool(false),
            number => {
                let text = std::str::from_utf8(number).ok()?;
                let integer = text.parse().map(CustomValue::Integer).ok();
                integer.or_else(|| CustomValue::float(text.parse().ok()?))?
            }
        })
    }
}

/// The declared fields of a Record.
#[derive(Debug, Clone)]
pub struct Custom {
    /// What was declared when the request came.
    pub fields: Arc<[Declared]>,
    /// Their values, in the same order; `None` where there is none.
    pub values: Vec<Option<CustomValue>>,
}

impl Custom {
    /// The fields that have a value.
    pub fn known(&self) -> impl Iterator<Item = (&Declared, &CustomValue)> {
        self.fields.iter().zip(&self.values).filter_map(|(field, value)| Some((field, value.as_ref()?)))
    }
}
