//! Which entries of a batch may pass a pipeline, and those of which columns tell all.

use std::borrow::Cow;
use std::collections::HashSet;

use super::bound::Bound;
use super::{Check, Parsed, has_errors, is_about_errors, keep, words};
use crate::eval::LogEntry;
use crate::eval::pipeline::{Pipeline, Run};
use crate::labels::{Labels, Sorted};
use crate::source::{Batch, Column, Origin, SourceError};

/// The first stages of a pipeline, as far as columns tell of them.
pub(in crate::eval) struct Preselection<'a> {
    batch: &'a Batch<'a>,
    checks: Vec<Check<'a>>,
    /// If columns tell of all stages: what entries have, by stream, as far as it was asked for.
    whole: Option<Vec<Option<Named<'a>>>>,
    parsed: bool,
}

/// The columns of metadata and those that were parsed, with their names in entries of one stream, sorted. `None` if a name may
/// stand for another one, depending on the entry.
type Named<'a> = Option<[Vec<(Cow<'a, str>, &'a Column<'a>)>; 2]>;

impl<'a> Preselection<'a> {
    pub(in crate::eval) fn new(pipeline: &'a Pipeline, batch: &'a Batch<'a>) -> Self {
        let (mut checks, mut parsed) = (Vec::new(), Parsed::Nothing);
        let mut whole = !has_errors(batch);
        let stages = if whole { pipeline.stages.as_slice() } else { &[] };
        for step in stages {
            match &step.run {
                Run::Line { filter, .. } => match words::settle(filter, batch) {
                    Some(settled) => checks.push(Check::Words(settled)),
                    None => whole = false,
                },
                Run::Json if batch.promise.json => parsed = Parsed::Everything,
                Run::Labels(test) => match Bound::new(test, batch, &parsed) {
                    Some(bound) => {
                        whole &= bound.is_certain();
                        checks.push(Check::Labels(bound));
                    }
                    // It may leave an error, which later filters may ask for.
                    None => {
                        whole = false;
                        break;
                    }
                },
                Run::Drop(names) if names.iter().all(is_about_errors) => {}
                _ => {
                    whole = false;
                    break;
                }
            }
        }
        let whole = whole.then(|| batch.labels.iter().map(|_| None).collect());
        Self { batch, checks, whole, parsed: matches!(parsed, Parsed::Everything) }
    }

    /// Keeps the rows that may pass: the others will not.
    pub(in crate::eval) fn retain(&self, rows: &mut Vec<u32>) {
        // What nobody can tell of has an error from there on, which later filters may ask for: it is put aside.
        let (all, mut unknown) = (rows.clone(), Vec::new());
        for check in &self.checks {
            match check {
                Check::Words(settled) => settled.retain(rows),
                Check::Labels(bound) => bound.retain(rows, &mut unknown),
                Check::Lines(_) => {}
            }
        }
        if !unknown.is_empty() {
            let chosen: HashSet<usize> = rows.iter().map(|row| *row as usize).chain(unknown).collect();
            *rows = all;
            keep(rows, |row| chosen.contains(&row));
        }
    }

    /// The entry of a row that was kept, as the pipeline would leave it; `None` if the pipeline must be asked.
    pub(in crate::eval) fn entry(&mut self, row: usize) -> Result<Option<LogEntry>, SourceError> {
        let Some(whole) = &mut self.whole else { return Ok(None) };
        let stream = &self.batch.labels[self.batch.streams[row] as usize];
        let named =
            whole[self.batch.streams[row] as usize].get_or_insert_with(|| named(self.batch, stream, self.parsed));
        let Some([metadata, parsed]) = named else { return Ok(None) };
        Ok(Some(LogEntry {
            labels: stream.clone(),
            metadata: labels(metadata, row),
            parsed: labels(parsed, row),
            timestamp: self.batch.timestamps[row],
            line: self.batch.lines.line(row)?.into_owned(),
        }))
    }
}

fn named<'a>(batch: &'a Batch<'a>, stream: &Labels, parsed: bool) -> Named<'a> {
    let mut met = HashSet::new();
    let named = [Origin::Metadata, Origin::Parsed].map(|origin| {
        let columns =
            batch.columns.iter().filter(|column| column.origin == origin && (parsed || origin == Origin::Metadata));
        let mut named: Vec<_> = columns
            .map(|column| match stream.has(&column.name) {
                true => (Cow::Owned(format!("{}_extracted", column.name)), column),
                false => (Cow::Borrowed(&*column.name), column),
            })
            .collect();
        named.sort_by(|left, right| left.0.cmp(&right.0));
        named
    });
    let once = named.iter().flatten().all(|(name, _)| !stream.has(name) && met.insert(name.clone()));
    once.then_some(named)
}

fn labels(columns: &[(Cow<str>, &Column)], row: usize) -> Labels {
    let mut labels = Sorted::default();
    for (name, column) in columns.iter().filter(|(_, column)| column.is_valid(row)) {
        labels.push(name, |text| column.append(row, text));
    }
    labels.finish()
}
