//! What of a Record's line is label and what is structured metadata: one rule for what a Loki is sent and for what whoever takes
//! Weir for a Loki is answered.

use std::borrow::Cow;

use meter::json::{self, Malformed, Member};
use meter::record::{FIELDS, Field, Role};

/// The field that says how bad it is.
pub(crate) const LEVEL: &str = "level";

/// What becomes of a field beyond its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A label of the line's stream.
    Label,
    /// The level: a label in small letters.
    Level,
    /// Structured metadata.
    Metadata,
    /// Nothing.
    Line,
}

impl Place {
    /// Of a field of the table.
    pub(crate) fn of(field: &Field) -> Place {
        match field.role {
            Role::Label if field.name == LEVEL => Place::Level,
            Role::Label => Place::Label,
            Role::Metadata => Place::Metadata,
            Role::Line => Place::Line,
        }
    }
}

/// What a line tells.
#[derive(Debug, Default)]
pub(crate) struct Told<'a> {
    /// When, as it stands there.
    pub(crate) timestamp: Option<Cow<'a, str>>,
    /// Fields of the table that are labels, and their values.
    pub(crate) labels: Vec<(&'a str, Cow<'a, str>)>,
    /// The same of fields that were declared to be labels.
    pub(crate) declared: Vec<(&'a str, Cow<'a, str>)>,
    /// Structured metadata: places in the table, and values.
    pub(crate) metadata: Vec<(usize, Cow<'a, str>)>,
}

impl Told<'_> {
    /// How bad it is, in small letters.
    pub(crate) fn level(&self) -> Option<&str> {
        self.labels.iter().find(|(name, _)| *name == LEVEL).map(|(_, level)| level.as_ref())
    }
}

/// Reads a line; `declared` are fields beside the table's that are labels. A value that is null, empty or nested is none.
///
/// # Errors
/// It is no JSON object.
pub(crate) fn read<'a>(line: &'a [u8], declared: &'a [String]) -> Result<Told<'a>, Malformed> {
    let (mut told, mut next) = (Told::default(), 0);
    for member in json::members(line) {
        let member = member?;
        if member.key == b"timestamp" {
            told.timestamp = value(&member).filter(|_| member.value.first() == Some(&b'"'));
        } else if let Some(at) = after(next, member.key) {
            next = at + 1;
            let place = Place::of(&FIELDS[at]);
            let Some(value) = value(&member).filter(|_| place != Place::Line) else { continue };
            match place {
                Place::Level => told.labels.push((LEVEL, Cow::Owned(value.to_lowercase()))),
                Place::Label => told.labels.push((FIELDS[at].name, value)),
                Place::Metadata => told.metadata.push((at, value)),
                Place::Line => {}
            }
        } else if let Some(name) = declared.iter().find(|name| name.as_bytes() == member.key)
            && let Some(value) = value(&member)
        {
            told.declared.push((name, value));
        }
    }
    Ok(told)
}

/// The field with this name. Members come in the table's order, so it is looked for from `next` on first.
fn after(next: usize, key: &[u8]) -> Option<usize> {
    let find = |fields: std::ops::Range<usize>| fields.into_iter().find(|at| FIELDS[*at].name.as_bytes() == key);
    find(next..FIELDS.len()).or_else(|| find(0..next.min(FIELDS.len())))
}

/// A member's value as text.
fn value<'a>(member: &Member<'a>) -> Option<Cow<'a, str>> {
    match member.value {
        [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => std::str::from_utf8(plain).ok().map(Cow::Borrowed),
        [b'"', ..] => member.text().map(Cow::Owned),
        b"null" | [b'{' | b'[', ..] => None,
        plain => std::str::from_utf8(plain).ok().map(Cow::Borrowed),
    }
    .filter(|value| !value.is_empty())
}
