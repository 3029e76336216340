//! The labels and the structured metadata that a Record's line has for whoever asks: the same as the Loki follower sends
//! ([`crate::push::label`]), and what Loki adds by itself, `service_name` and `detected_level`.

use std::borrow::Cow;

use meter::record::{FIELDS, Role, field};
use meter::time;

use crate::config::{Config, SERVICE_LABELS, USUAL_LABELS};

pub(crate) use crate::push::label::{Place, Told, read as tell};

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
        match field(name) {
            Some(field) => Place::of(field),
            None if self.declared.iter().any(|declared| declared == name) => Place::Label,
            None => Place::Line,
        }
    }

    /// What is on a line; `None` where it is no Record's.
    pub(crate) fn read<'a>(&'a self, line: &'a [u8]) -> Option<Labelled<'a>> {
        let told = tell(line, &self.declared).ok()?;
        let timestamp = time::parse(told.timestamp.as_ref()?.as_bytes())?;
        let level = told.level().map_or(Cow::Borrowed("unknown"), |level| Cow::Owned(level.to_owned()));
        let metadata = told.metadata.into_iter().map(|(at, value)| (metadata_place(at), value));
        Some(Labelled {
            timestamp: i64::try_from(timestamp).ok()?,
            metadata: metadata.chain([(metadata_place(FIELDS.len()), level)]).collect(),
            labels: told.labels.into_iter().chain(told.declared).collect(),
        })
    }
}

/// How many fields before this one are metadata.
fn metadata_place(at: usize) -> usize {
    FIELDS[..at].iter().filter(|field| field.role == Role::Metadata).count()
}
