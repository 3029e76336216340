//! Labels as columns have them.

use std::borrow::Cow;

use super::Parsed;
use crate::source::{Batch, Column, Origin};

/// A label: of the stream, else of the metadata, else what `| json` finds.
pub(super) struct Field<'a> {
    batch: &'a Batch<'a>,
    name: &'a str,
    /// Whether any stream has it.
    in_streams: bool,
    metadata: Option<&'a Column<'a>>,
    parsed: Option<&'a Column<'a>>,
}

/// Where `name` is; `None` if columns do not tell.
pub(super) fn find<'a>(name: &'a str, batch: &'a Batch<'a>, parsed: &Parsed) -> Option<Field<'a>> {
    // Such a name may stand for another one, depending on what else an entry has.
    if name.ends_with("_extracted") || name.starts_with("__") {
        return None;
    }
    let in_all_streams = !batch.labels.is_empty() && batch.labels.iter().all(|labels| labels.has(name));
    let column = |origin: Origin| {
        let mut columns = batch.columns.iter().filter(move |column| column.origin == origin && *column.name == *name);
        // The stream's counts first.
        columns.next().filter(|_| !in_all_streams)
    };
    Some(Field {
        batch,
        name,
        in_streams: batch.labels.iter().any(|labels| labels.has(name)),
        metadata: column(Origin::Metadata),
        parsed: column(Origin::Parsed).filter(|_| parsed.finds(name)),
    })
}

impl<'a> Field<'a> {
    /// The one column that has all its values.
    pub(super) fn column(&self) -> Option<&'a Column<'a>> {
        match (self.in_streams, self.metadata, self.parsed) {
            (false, Some(column), None) | (false, None, Some(column)) => Some(column),
            _ => None,
        }
    }

    /// Whether only streams have it.
    pub(super) fn is_of_streams(&self) -> bool {
        self.metadata.is_none() && self.parsed.is_none()
    }

    /// Whether nothing has it.
    pub(super) fn is_nowhere(&self) -> bool {
        !self.in_streams && self.is_of_streams()
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn text(&self, row: usize) -> Option<Cow<'a, str>> {
        if self.in_streams
            && let Some(value) = self.batch.stream(row).get(self.name)
        {
            return Some(Cow::Borrowed(value));
        }
        let metadata = self.metadata.and_then(|column| column.text(row));
        metadata.or_else(|| self.parsed.and_then(|column| column.text(row)))
    }
}
