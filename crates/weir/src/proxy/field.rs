//! Declared fields gather their values as the request goes along: from its head, its body, the answer's head and its body.
//! Of a field's sources the first counts that has a value, whichever is known first.

use http::HeaderName;
use http::header::HeaderMap;
use meter::path::{Findings, Found};
use meter::record::{Custom, CustomValue, Record, Who};

use super::Snapshot;
use super::key::Shown;
use crate::config::{Caller, Destination, Raw, Source, redact_prefixed};

/// Bytes of a header that are looked at; more than are written, so that the line can say that something was cut.
const MAX_HEADER: usize = 1024;

/// By field, which of its sources the value comes from; that many have none if there is none.
#[derive(Debug, Default)]
pub(super) struct Gathering(Vec<usize>);

impl Gathering {
    /// Begins with what the request's head and the caller's key say.
    pub(super) fn begin(
        snapshot: &Snapshot,
        record: &mut Record,
        headers: &HeaderMap,
        caller: Option<&Caller>,
    ) -> Gathering {
        let fields = &snapshot.config.fields;
        if fields.is_empty() {
            return Gathering::default();
        }
        let values = vec![None; fields.plans.len()];
        record.custom = Some(Box::new(Custom { fields: fields.declared.clone(), values }));
        // What a declaration fills is filled by nothing else.
        for plan in &fields.plans {
            if let Some(place) = slot(plan.destination, &mut record.who) {
                *place = None;
            }
        }
        let mut gathering = Gathering(fields.plans.iter().map(|plan| plan.sources.len()).collect());
        gathering.look(snapshot, record, |source| match source {
            Source::Header(name) => text_of(headers, name),
            Source::Key(name) => Some(Raw::Text(caller?.attributes.get(name)?.into())),
            Source::Const(value) => Some(Raw::Text(value.into())),
            _ => None,
        });
        gathering
    }

    /// The request's body was read.
    pub(super) fn body(&mut self, snapshot: &Snapshot, record: &mut Record, found: &Findings) {
        if !snapshot.config.fields.request.is_empty() {
            self.look(snapshot, record, |source| match source {
                Source::Json(path) => found.get(*path).map(Raw::Found),
                _ => None,
            });
        }
    }

    /// The answer's head has come.
    pub(super) fn head(&mut self, snapshot: &Snapshot, record: &mut Record, headers: &HeaderMap, shown: &Shown) {
        if snapshot.config.fields.response_headers {
            self.look(snapshot, record, |source| match source {
                Source::ResponseHeader(name) => Some(cleaned(text_of(headers, name)?, snapshot, shown)),
                _ => None,
            });
        }
    }

    /// The answer is over.
    pub(super) fn answer(&mut self, snapshot: &Snapshot, record: &mut Record, found: &Findings, shown: &Shown) {
        if !snapshot.config.fields.response.is_empty() {
            self.look(snapshot, record, |source| match source {
                Source::ResponseJson(path) => Some(cleaned(Raw::Found(found.get(*path)?), snapshot, shown)),
                _ => None,
            });
        }
    }

    /// Asks the sources that may be known by now and stand before the one that a value has come from.
    fn look<'a>(&mut self, snapshot: &'a Snapshot, record: &mut Record, find: impl Fn(&'a Source) -> Option<Raw<'a>>) {
        let (config, Some(custom)) = (&snapshot.config, &mut record.custom) else { return };
        for ((plan, rank), value) in config.fields.plans.iter().zip(&mut self.0).zip(&mut custom.values) {
            let known = plan.sources[..*rank]
                .iter()
                .enumerate()
                .find_map(|(place, source)| Some((place, plan.take(&find(source)?, config.hash_key.as_ref())?)));
            let Some((place, found)) = known else { continue };
            *rank = place;
            if let (Some(slot), CustomValue::Text(text)) = (slot(plan.destination, &mut record.who), &found) {
                *slot = Some(text.clone());
            }
            *value = Some(found);
        }
    }
}

/// Whether a declaration fills what Weir would fill by itself.
pub(super) fn is_declared(snapshot: &Snapshot, destination: Destination) -> bool {
    snapshot.config.fields.plans.iter().any(|plan| plan.destination == destination)
}

/// Where a Record has what a declaration may fill.
pub(super) fn slot(destination: Destination, who: &mut Who) -> Option<&mut Option<String>> {
    match destination {
        Destination::Own => None,
        Destination::UserId => Some(&mut who.user_id),
        Destination::Organization => Some(&mut who.organization),
        Destination::SessionId => Some(&mut who.session_id),
        Destination::PromptCategory => Some(&mut who.prompt_category),
    }
}

/// Without the keys that a provider may have repeated in it.
fn cleaned<'a>(raw: Raw<'a>, snapshot: &Snapshot, shown: &Shown) -> Raw<'a> {
    let mut text = match raw {
        Raw::Text(text) => text.into_owned(),
        Raw::Found(Found::Text(text)) => text.to_string(),
        Raw::Found(_) => return raw,
    };
    shown.take_out(&snapshot.config.providers, &mut text);
    Raw::Text(redact_prefixed(&text).into())
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Raw<'a>> {
    let bytes = headers.get(name)?.as_bytes();
    Some(Raw::Text(String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_HEADER)])))
}
