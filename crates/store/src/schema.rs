//! What the lines of a segment hold: the fields, in the order of the line.
//!
//! The store knows no field by itself. Whoever opens it says which there are, and each segment carries the schema by which it
//! was written, so that it can be read without anything else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The version of the schema's own form. A segment with a newer one is refused.
pub const VERSION: u32 = 1;

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Type {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A whole number of 10^-scale, such as nano-dollars: `0.00975` at scale 9 is 9,750,000.
    Decimal(u8),
    /// A number in its shortest decimal form.
    Number,
    /// Yes or no.
    Flag,
    /// A point in time, RFC 3339 in UTC with nine digits on the line; nanoseconds since 1970.
    Time,
}

/// How a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Encoding {
    /// As it is; of texts of which there are few, each once.
    #[default]
    Plain,
    /// A UUID in small letters, as its 16 bytes.
    Uuid,
    /// Small hexadecimal digits, as so many bytes.
    Hex(u8),
}

/// What becomes of a field beyond the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A label of the line's stream: few values.
    Label,
    /// Structured metadata.
    Metadata,
    /// On the line only.
    #[default]
    Line,
}

/// A field of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name on the line, and its column's.
    pub name: String,
    /// What its value is.
    #[serde(rename = "type")]
    pub kind: Type,
    /// How it is kept.
    #[serde(default)]
    pub encoding: Encoding,
    /// What becomes of it.
    #[serde(default)]
    pub role: Role,
    /// Whether it stands on the line as `null` where unknown; the others are left out.
    #[serde(default)]
    pub always: bool,
    /// Whether an operator declared it: it was found on lines, and no table says what it is.
    #[serde(default)]
    pub declared: bool,
}

impl Field {
    /// A field that is left out where unknown.
    #[must_use]
    pub fn new(name: &str, kind: Type, role: Role) -> Field {
        Field { name: name.to_owned(), kind, encoding: Encoding::Plain, role, always: false, declared: false }
    }
}

/// The fields of a line, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    version: u32,
    fields: Vec<Field>,
    /// Before which field those stand that are not in the table.
    declared_at: usize,
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is from a newer Weir.
    #[error("it has schema version {0}, this Weir reads up to {VERSION}; use the newer Weir that wrote it")]
    Newer(u32),
    /// It is none.
    #[error("its schema cannot be read: {0}")]
    Unreadable(String),
    /// Two fields have one name, or a name is no column's.
    #[error("its schema has the field {0:?} twice, or cannot have it")]
    Name(String),
    /// The field by which time is told is missing.
    #[error("its schema has no field {TIMESTAMP:?} that is a time")]
    NoTime,
}

/// The field that says when.
pub const TIMESTAMP: &str = "timestamp";
/// The column of lines that the others cannot give back.
pub const SPILL: &str = "weir_line";
/// Decimal places and bytes that can be kept.
const MAX_SCALE: u8 = 18;
const MAX_HEX: u8 = 64;

impl Schema {
    /// Of fields in the order of the line. Fields that are found on lines and are none of these stand before number
    /// `declared_at`.
    ///
    /// # Errors
    /// Names are not unique, or nothing says when.
    pub fn new(fields: Vec<Field>, declared_at: usize) -> Result<Schema, SchemaError> {
        let declared_at = declared_at.min(fields.len());
        Schema { version: VERSION, fields, declared_at }.checked()
    }

    /// Reads what [`Schema::to_json`] wrote.
    ///
    /// # Errors
    /// It is none, or from a newer Weir.
    pub fn from_json(text: &str) -> Result<Schema, SchemaError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| SchemaError::Unreadable(error.to_string());
        let Versioned { version } = serde_json::from_str(text).map_err(unreadable)?;
        if version > VERSION {
            return Err(SchemaError::Newer(version));
        }
        serde_json::from_str::<Schema>(text).map_err(unreadable)?.checked()
    }

    /// As it stands in a segment.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain texts and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The fields, in the order of the line.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The number of the field `name`.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The number of the field that says when.
    #[must_use]
    pub fn time(&self) -> usize {
        self.position(TIMESTAMP).unwrap_or(0)
    }

    /// Before which field those stand that are not in the table.
    pub(crate) fn declared_at(&self) -> usize {
        self.declared_at
    }

    /// With `field`, which was found on lines, behind those that were found before. A field of that name stays, and becomes a
    /// number if it was an integer and is one now.
    pub(crate) fn declare(&mut self, field: Field) {
        match self.position(&field.name) {
            Some(at) if self.fields[at].declared && widens(self.fields[at].kind, field.kind) => {
                self.fields[at].kind = field.kind;
            }
            Some(_) => {}
            None => {
                self.fields.insert(self.declared_at, field);
                self.declared_at += 1;
            }
        }
    }

    fn checked(self) -> Result<Schema, SchemaError> {
        let mut names = std::collections::HashSet::new();
        let plain =
            |name: &str| !name.is_empty() && !name.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\');
        if let Some(field) =
            self.fields.iter().find(|field| !names.insert(&field.name) || !plain(&field.name) || field.name == SPILL)
        {
            return Err(SchemaError::Name(field.name.clone()));
        }
        if self.declared_at > self.fields.len() {
            return Err(SchemaError::Unreadable("declared_at lies beyond its fields".to_owned()));
        }
        match self.position(TIMESTAMP) {
            Some(at) if self.fields[at].kind == Type::Time => Ok(self),
            _ => Err(SchemaError::NoTime),
        }
    }
}

/// Whether what was thought to be integers turns out to be numbers.
pub(crate) fn widens(known: Type, found: Type) -> bool {
    known == Type::Integer && found == Type::Number
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Text => f.write_str("text"),
            Type::Integer => f.write_str("integer"),
            Type::Decimal(scale) => write!(f, "decimal{scale}"),
            Type::Number => f.write_str("number"),
            Type::Flag => f.write_str("flag"),
            Type::Time => f.write_str("time"),
        }
    }
}

impl FromStr for Type {
    type Err = String;

    fn from_str(text: &str) -> Result<Type, String> {
        Ok(match text {
            "text" => Type::Text,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "flag" => Type::Flag,
            "time" => Type::Time,
            other => Type::Decimal(
                suffix(other, "decimal").filter(|scale| *scale <= MAX_SCALE).ok_or(format!("no type {other:?}"))?,
            ),
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Encoding::Plain => f.write_str("plain"),
            Encoding::Uuid => f.write_str("uuid"),
            Encoding::Hex(bytes) => write!(f, "hex{bytes}"),
        }
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Encoding, String> {
        Ok(match text {
            "plain" => Encoding::Plain,
            "uuid" => Encoding::Uuid,
            other => Encoding::Hex(
                suffix(other, "hex")
                    .filter(|bytes| (1..=MAX_HEX).contains(bytes))
                    .ok_or(format!("no encoding {other:?}"))?,
            ),
        })
    }
}

fn suffix(text: &str, prefix: &str) -> Option<u8> {
    text.strip_prefix(prefix)?.parse().ok()
}

impl From<Type> for String {
    fn from(kind: Type) -> String {
        kind.to_string()
    }
}

impl TryFrom<String> for Type {
    type Error = String;

    fn try_from(text: String) -> Result<Type, String> {
        text.parse()
    }
}

impl From<Encoding> for String {
    fn from(encoding: Encoding) -> String {
        encoding.to_string()
    }
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(text: String) -> Result<Encoding, String> {
        text.parse()
    }
}
