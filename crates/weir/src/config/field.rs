//! Fields that an operator declares: where their values come from, and what becomes of them on the way to the Record.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderName;
use meter::path::{Found, Paths};
use meter::record::{CustomValue, Declared, MAX_FIELDS, check_name};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Callers, ConfigError, HashKey, invalid};

/// A field of one's own on each Record.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenField {
    /// Its name on the line.
    pub name: String,
    /// Where its value comes from: "header:NAME", "json:PATH", "response_header:NAME", "response_json:PATH",
    /// "key:ATTRIBUTE" or "const:VALUE"; of several the first that has one.
    pub from: OneOrMany,
    /// What its value is; one that is something else is left out and counted.
    #[serde(default, rename = "type")]
    pub kind: Kind,
    /// Whether its values become a label on /metrics.
    #[serde(default)]
    pub label: bool,
    /// Whether a hash takes the place of its value.
    #[serde(default)]
    pub hash: bool,
}

/// A text or a list of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(&self) -> &[String] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text, of which 256 bytes are kept.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// true or false.
    Bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A header of the request.
    Header(HeaderName),
    /// A path of the request's body, by its number in [`Fields::request`].
    Json(usize),
    /// A header of the answer.
    ResponseHeader(HeaderName),
    /// A path of the answer's body, by its number in [`Fields::response`].
    ResponseJson(usize),
    /// An attribute of the caller's key.
    Key(String),
    /// Always the same.
    Const(String),
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// A field of its own.
    Own,
    /// In place of what the Record has there otherwise.
    UserId,
    /// Likewise.
    Organization,
    /// Likewise.
    SessionId,
    /// Likewise.
    PromptCategory,
}

/// Fields of the table that a declaration may fill.
const FILLED: [(&str, Destination); 4] = [
    ("user_id", Destination::UserId),
    ("organization", Destination::Organization),
    ("session_id", Destination::SessionId),
    ("prompt_category", Destination::PromptCategory),
];

/// Headers that carry keys, of which nothing is written down.
const SECRET: [&str; 6] = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization", "cookie"];

/// A value as it was found.
#[derive(Debug)]
pub enum Raw<'a> {
    /// In a header, an attribute or the file.
    Text(Cow<'a, str>),
    /// In a body.
    Found(&'a Found),
}

/// What is to be done for one field.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In the order in which they are asked.
    pub sources: Vec<Source>,
    /// Where its value goes.
    pub destination: Destination,
    /// What its value is.
    pub kind: Kind,
    hash: bool,
    /// How often there was a value that is something else.
    pub wrong: Arc<AtomicU64>,
}

impl Plan {
    /// Makes of what was found the field's value; what is something else is counted and is none.
    #[must_use]
    pub fn take(&self, raw: &Raw<'_>, key: Option<&HashKey>) -> Option<CustomValue> {
        let Some(value) = convert(self.kind, raw) else {
            self.wrong.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        match value {
            // Without a key there is no hash, and no value without its hash.
            CustomValue::Text(text) if self.hash => key.map(|key| CustomValue::Text(key.hash(&text))),
            value => Some(value),
        }
    }
}

fn convert(kind: Kind, raw: &Raw<'_>) -> Option<CustomValue> {
    let text: Cow<'_, str> = match raw {
        Raw::Text(text) => Cow::Borrowed(text),
        Raw::Found(Found::Text(text) | Found::Number(text)) => Cow::Borrowed(text),
        Raw::Found(Found::Bool(flag)) => Cow::Borrowed(if *flag { "true" } else { "false" }),
        Raw::Found(Found::Container) => return None,
    };
    match kind {
        Kind::String => Some(CustomValue::Text(text.into_owned())),
        Kind::Integer => text.trim().parse().ok().map(CustomValue::Integer),
        Kind::Float => CustomValue::float(text.trim().parse().ok()?),
        Kind::Bool => match text.trim() {
            "true" | "1" => Some(CustomValue::Bool(true)),
            "false" | "0" => Some(CustomValue::Bool(false)),
            _ => None,
        },
    }
}

/// All that was declared, prepared for requests.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// As the Record needs them.
    pub declared: Arc<[Declared]>,
    /// What is to be done for each, in the same order.
    pub plans: Vec<Plan>,
    /// Paths to look for in requests.
    pub request: Paths,
    /// Paths to look for in answers.
    pub response: Arc<Paths>,
    /// Whether something is to be looked for in the heads of answers.
    pub response_headers: bool,
}

impl Fields {
    /// Whether none was declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Whether a key for hashes is needed.
    #[must_use]
    pub fn hashes(&self) -> bool {
        self.plans.iter().any(|plan| plan.hash)
    }

    /// How often each field, by its name, was something else than declared.
    pub fn wrong(&self) -> impl Iterator<Item = (&str, u64)> {
        let names = self.declared.iter().map(|field| field.name.as_str());
        names.zip(&self.plans).map(|(name, plan)| (name, plan.wrong.load(Ordering::Relaxed)))
    }

    /// Counts on where `before` was.
    pub(super) fn inherit(&mut self, before: &Fields) {
        for (field, plan) in self.declared.iter().zip(&mut self.plans) {
            let same = before.declared.iter().position(|other| other.name == field.name);
            if let Some(other) = same.and_then(|place| before.plans.get(place)) {
                plan.wrong = other.wrong.clone();
            }
        }
    }
}

pub(super) fn fields(written: &[WrittenField], callers: &Callers) -> Result<Fields, ConfigError> {
    if written.len() > MAX_FIELDS {
        return Err(invalid("fields", format_args!("there are {}; a Record has room for {MAX_FIELDS}", written.len())));
    }
    let (mut fields, mut response, mut declared) = (Fields::default(), Paths::default(), Vec::new());
    for one in written {
        let place = |key: &str| format!("fields.\"{}\"{key}", one.name);
        let filled = FILLED.iter().find(|(name, _)| *name == one.name).map(|(_, destination)| *destination);
        if filled.is_none() {
            check_name(&one.name).map_err(|error| invalid(place(""), error))?;
        }
        if declared.iter().any(|other: &Declared| other.name == one.name) {
            return Err(invalid(place(""), "this name is taken twice"));
        }
        if one.kind != Kind::String && (one.hash || filled.is_some()) {
            let why = if one.hash { "hash = true makes a text of it" } else { "this field of Weir's is a text" };
            return Err(invalid(place(".type"), format_args!("{why}; leave the type out")));
        }
        let sources =
            one.from.all().iter().map(|text| source(text, one.kind, &mut fields.request, &mut response, callers));
        let sources = sources.collect::<Result<Vec<_>, _>>().map_err(|reason| invalid(place(".from"), reason))?;
        if sources.is_empty() {
            return Err(invalid(place(".from"), "names no source; write \"header:NAME\", for example"));
        }
        fields.response_headers |= sources.iter().any(|source| matches!(source, Source::ResponseHeader(_)));
        declared.push(Declared::new(&one.name, filled.is_none(), one.label));
        let destination = filled.unwrap_or(Destination::Own);
        fields.plans.push(Plan { sources, destination, kind: one.kind, hash: one.hash, wrong: Arc::default() });
    }
    fields.declared = declared.into();
    fields.response = Arc::new(response);
    Ok(fields)
}

fn source(
    text: &str,
    kind: Kind,
    request: &mut Paths,
    response: &mut Paths,
    callers: &Callers,
) -> Result<Source, String> {
    let path = |paths: &mut Paths, path: &str| paths.add(path).map_err(|error| format!("{text:?}: {error}"));
    match text.split_once(':') {
        Some(("header", name)) => header(name).map(Source::Header),
        Some(("response_header", name)) => header(name).map(Source::ResponseHeader),
        Some(("json", keys)) => path(request, keys).map(Source::Json),
        Some(("response_json", keys)) => path(response, keys).map(Source::ResponseJson),
        Some(("key", name)) => attribute(name, callers).map(Source::Key),
        Some(("const", value)) => match convert(kind, &Raw::Text(value.into())) {
            Some(_) => Ok(Source::Const(value.to_owned())),
            None => Err(format!("{value:?} is not what `type` says")),
        },
        _ => Err(format!(
            "{text:?} is no source; write \"header:NAME\", \"json:PATH\", \"response_header:NAME\", \
             \"response_json:PATH\", \"key:ATTRIBUTE\" or \"const:VALUE\""
        )),
    }
}

fn header(name: &str) -> Result<HeaderName, String> {
    let header: HeaderName = name.parse().map_err(|_| format!("{name:?} is not a header's name"))?;
    if SECRET.contains(&header.as_str()) {
        return Err(format!("{header} carries keys, of which nothing is written down; callers are named by [[keys]]"));
    }
    Ok(header)
}

fn attribute(name: &str, callers: &Callers) -> Result<String, String> {
    if callers.attributes().any(|other| other == name) {
        return Ok(name.to_owned());
    }
    let mut known: Vec<&str> = callers.attributes().collect();
    known.sort_unstable();
    known.dedup();
    Err(match known.as_slice() {
        [] => "there are no [[keys]] that could have attributes".to_owned(),
        known => format!("no key has the attribute {name:?}; there are {}", known.join(", ")),
    })
}

#[cfg(test)]
mod tests;
