//! What the fields of a segment are to LogQL: by the same rule by which a line's are.

use std::sync::Arc;

use logql::stage::names::sanitize;
use store::Schema;

use crate::query::label::{Labeller, Place};

/// What becomes of each field.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of the schema.
    pub(super) fields: Vec<Planned>,
    /// Which of them says when.
    pub(super) time: usize,
    /// Whether `| json` finds exactly what the fields hold: under their own names, each once.
    pub(super) json: bool,
}

/// What becomes of a field.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
}

impl Plan {
    pub(super) fn new(schema: &Schema, labeller: &Labeller) -> Plan {
        let planned = |name: &str| Planned { name: name.into(), place: labeller.place(name) };
        Plan {
            fields: schema.fields().iter().map(|field| planned(&field.name)).collect(),
            time: schema.time(),
            // Names are unique; those that are their own sanitised form stay so.
            json: schema.fields().iter().all(|field| sanitize(field.name.as_bytes()) == field.name),
        }
    }

    /// The fields that are labels of streams.
    pub(super) fn labels(&self) -> impl Iterator<Item = (usize, &Planned)> {
        let all = self.fields.iter().enumerate();
        all.filter(|(_, planned)| matches!(planned.place, Place::Label | Place::Level))
    }

    /// The field that tells a line's level.
    pub(super) fn level(&self) -> Option<usize> {
        self.fields.iter().position(|planned| planned.place == Place::Level)
    }
}
