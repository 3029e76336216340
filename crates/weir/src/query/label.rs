//! What of a Record's line is label and what is structured metadata: the same as the Loki follower sends, and what Loki adds by
//! itself, `service_name` and `detected_level`.

use std::borrow::Cow;

use meter::json::{self, Member};
use meter::record::{FIELDS, Role, field};
use meter::time;

use crate::config::{Config, SERVICE_LABELS, USUAL_LABELS};

/// The field that says how bad it is.
const LEVEL: &str = "level";
/// The metadata that tells an entry's level.
pub(crate) const DETECTED_LEVEL: &str = "detected_level";

/// See the module.
#[derive(Debug, Clone)]
pub struct Labeller {
    /// Labels that are the same on every line.
    constant: Vec<(String, String)>,
    /// Declared fields that become labels.
    declared: Vec<String>,
}

/// A line's labels and metadata.
#[derive(Debug, Default)]
pub(crate) struct Labelled<'a> {
    /// In nanoseconds since 1970.
    pub(crate) timestamp: i64,
    /// Those that are not the same on every line.
    pub(crate) labels: Vec<(&'a str, Cow<'a, str>)>,
    /// Structured metadata: places in [`metadata_names`], and values.
    pub(crate) metadata: Vec<(usize, Cow<'a, str>)>,
}

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

/// The names of structured metadata.
pub(crate) fn metadata_names() -> impl Iterator<Item = &'static str> {
    let fields = FIELDS.iter().filter(|field| field.role == Role::Metadata).map(|field| field.name);
    fields.chain([DETECTED_LEVEL])
}

impl Labeller {
    /// With the labels of the first Loki that Records go to, or with the usual ones.
    #[must_use]
    pub fn new(config: &Config) -> Labeller {
        let declared = config.fields.declared.iter().filter(|field| field.label).map(|field| field.name.clone());
        let of_follower = config.followers.first().map(|follower| follower.labels.clone());
        let usual = || USUAL_LABELS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Labeller::of(of_follower.unwrap_or_else(usual), declared.collect())
    }

    /// With these labels on every line, and these declared fields as labels.
    pub(crate) fn of(constant: std::collections::BTreeMap<String, String>, declared: Vec<String>) -> Labeller {
        let service = ["service_name"].iter().chain(&SERVICE_LABELS).find_map(|name| constant.get(*name)).cloned();
        let service = ("service_name".to_owned(), service.unwrap_or_else(|| "unknown_service".to_owned()));
        let mut constant: Vec<_> = constant.into_iter().filter(|(name, _)| *name != service.0).collect();
        constant.push(service);
        Labeller { constant, declared }
    }

    /// Labels that are the same on every line.
    pub(crate) fn constant(&self) -> &[(String, String)] {
        &self.constant
    }

    /// What becomes of the field `name`: what [`Labeller::read`] makes of it.
    pub(crate) fn place(&self, name: &str) -> Place {
        match field(name).map(|field| field.role) {
            Some(Role::Label) if name == LEVEL => Place::Level,
            Some(Role::Label) => Place::Label,
            Some(Role::Metadata) => Place::Metadata,
            Some(Role::Line) => Place::Line,
            None if self.declared.iter().any(|declared| declared == name) => Place::Label,
            None => Place::Line,
        }
    }

    /// What is on a line; `None` where it is no Record's.
    pub(crate) fn read<'a>(&'a self, line: &'a [u8]) -> Option<Labelled<'a>> {
        let (mut found, mut timestamp) = (Labelled::default(), None);
        let (mut level, mut place) = (None, 0);
        for member in json::members(line) {
            let member = member.ok()?;
            if member.key == b"timestamp" {
                timestamp = member.text().and_then(|text| time::parse(text.as_bytes()));
                continue;
            }
            if let Some(at) = after(place, member.key) {
                place = at + 1;
                let Some(value) = value(&member) else { continue };
                match FIELDS[at].role {
                    Role::Label if FIELDS[at].name == LEVEL => {
                        let value = value.to_lowercase();
                        level = Some(value.clone());
                        found.labels.push((LEVEL, Cow::Owned(value)));
                    }
                    Role::Label => found.labels.push((FIELDS[at].name, value)),
                    Role::Metadata => found.metadata.push((metadata_place(at), value)),
                    Role::Line => {}
                }
            } else if let Some(name) = self.declared.iter().find(|name| name.as_bytes() == member.key)
                && let Some(value) = value(&member)
            {
                found.labels.push((name, value));
            }
        }
        let level = level.map_or(Cow::Borrowed("unknown"), Cow::Owned);
        found.metadata.push((metadata_place(FIELDS.len()), level));
        found.timestamp = i64::try_from(timestamp?).ok()?;
        Some(found)
    }
}

/// The field with this name. Members come in the table's order, so it is looked for from `place` on first.
fn after(place: usize, key: &[u8]) -> Option<usize> {
    let find = |fields: std::ops::Range<usize>| fields.into_iter().find(|at| FIELDS[*at].name.as_bytes() == key);
    find(place..FIELDS.len()).or_else(|| find(0..place.min(FIELDS.len())))
}

/// How many fields before this one are metadata.
fn metadata_place(at: usize) -> usize {
    FIELDS[..at].iter().filter(|field| field.role == Role::Metadata).count()
}

/// A member's value as text; none where it is null, empty or nested.
fn value<'a>(member: &Member<'a>) -> Option<Cow<'a, str>> {
    match member.value {
        [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => std::str::from_utf8(plain).ok().map(Cow::Borrowed),
        [b'"', ..] => member.text().map(Cow::Owned),
        b"null" | [b'{' | b'[', ..] => None,
        plain => std::str::from_utf8(plain).ok().map(Cow::Borrowed),
    }
    .filter(|value| !value.is_empty())
}
