//! What a metric query wants of parsers. They stop when they have it: what is wrong with a line thereafter goes unnoticed, in
//! Loki as here.

use super::row::{ERROR, Row};
use crate::syntax::ast::{Grouping, LabelFilter, LabelSource, Stage, StageKind, Unwrap};
use crate::template::Template;

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hint {
    /// These labels, or all if there are none.
    pub(super) required: Vec<String>,
    /// Nothing at all.
    pub(super) nothing: bool,
    /// Whether the query asks for `__error__`, so that samples with one do not make it fail.
    pub(super) preserves_errors: bool,
}

impl Hint {
    /// For a range aggregation whose samples have the value of a label, if `value` names one, and are grouped so.
    pub(super) fn new(
        stages: &[Stage],
        unwrap: Option<&Unwrap>,
        value: Option<&str>,
        grouping: Option<&Grouping>,
        absent: bool,
    ) -> Self {
        let mut names = Vec::new();
        stages.iter().for_each(|stage| stage_names(stage, &mut names));
        if let Some(unwrap) = unwrap {
            unwrap.filters.iter().for_each(|filter| filter_names(filter, &mut names));
        }
        let preserves_errors = names.iter().any(|name| name == ERROR);
        let no_labels = absent || grouping.is_some_and(Grouping::is_singleton);
        let groups = grouping.filter(|grouping| !grouping.without).map_or(&[][..], |grouping| &grouping.labels);
        if !no_labels && groups.is_empty() {
            return Self { preserves_errors, ..Self::default() };
        }
        names.extend(groups.iter().cloned());
        names.extend(value.map(str::to_owned));
        let plain: Vec<_> =
            names.iter().filter_map(|name| name.strip_suffix("_extracted").map(str::to_owned)).collect();
        names.extend(plain);
        names.sort();
        names.dedup();
        Self { nothing: names.is_empty(), required: names, preserves_errors }
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|required| required == name)
    }

    pub(super) fn wants_prefix(&self, prefix: &str) -> bool {
        self.required.is_empty() || self.required.iter().any(|required| required.starts_with(prefix))
    }

    /// Whether parsers have found everything.
    pub(super) fn is_satisfied(&self, row: &Row) -> bool {
        !self.required.is_empty() && self.required.iter().all(|name| row.was_parsed(name))
    }
}

/// The labels that a stage looks at.
pub(super) fn stage_names(stage: &Stage, names: &mut Vec<String>) {
    match &stage.kind {
        StageKind::LabelFilter(filter) => filter_names(filter, names),
        StageKind::LineFormat(text) => names.extend(template_names(text)),
        StageKind::LabelFormat(formats) => {
            for format in formats {
                match &format.source {
                    LabelSource::Rename(from) => names.push(from.clone()),
                    LabelSource::Template(text) => names.extend(template_names(text)),
                }
            }
        }
        _ => {}
    }
}

fn template_names(text: &str) -> Vec<String> {
    Template::parse("line", text).map_or_else(|_| Vec::new(), |template| template.fields())
}

pub(super) fn filter_names(filter: &LabelFilter, names: &mut Vec<String>) {
    match filter {
        LabelFilter::Text(matcher) => names.push(matcher.name.clone()),
        LabelFilter::Ip { name, .. }
        | LabelFilter::Number { name, .. }
        | LabelFilter::Duration { name, .. }
        | LabelFilter::Bytes { name, .. } => names.push(name.clone()),
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => {
            filter_names(left, names);
            filter_names(right, names);
        }
    }
}
