//! Samples of a whole batch, by columns: what filters ask is asked of each text of a dictionary once, numbers are compared as
//! numbers, and no entry gets a set of labels of its own.
//!
//! What columns cannot tell (an entry whose label cannot be read, a stage that needs the line) is left to the pipeline.

mod field;
mod group;
mod words;

use super::aggregate::Samples;
use super::error::EvalError;
use super::filter::LabelTest;
use super::pipeline::{Named, Pipeline, Run};
use super::range::{Extractor, Value, length};
use super::row::{DETAILS, ERROR};
use super::series::{SeriesTable, Shape};
use crate::source::{Batch, Origin, Tested};
use field::{Bound, Judged, Numbers, find};
use group::Keys;

/// A batch that can be taken by columns.
pub(super) struct Columnar<'a> {
    extractor: &'a Extractor,
    batch: &'a Batch<'a>,
    /// The stages that matter here.
    checks: Vec<Check<'a>>,
    value: Bits<'a>,
    keys: Keys<'a>,
}

enum Check<'a> {
    /// A line filter, answered by the words of the columns.
    Words(words::Settled<'a>),
    /// A line filter that needs the lines: the stage's number.
    Lines(usize),
    /// A label filter.
    Labels(Bound<'a>),
}

impl<'a> Check<'a> {
    /// What the stages check, and whether `| json` is among them; `None` if there is one that columns do not tell of.
    fn all(pipeline: &'a Pipeline, batch: &'a Batch<'a>) -> Option<(Vec<Self>, bool)> {
        if has_errors(batch) {
            return None;
        }
        let (mut checks, mut parsed) = (Vec::new(), false);
        for (number, step) in pipeline.stages.iter().enumerate() {
            if step.test.is_some_and(|test| batch.tested(test) == Tested::Exact) {
                continue;
            }
            match &step.run {
                Run::Line { filter, .. } => checks.push(match words::settle(filter, batch) {
                    Some(settled) => Self::Words(settled),
                    None => Self::Lines(number),
                }),
                Run::Json if pipeline.hint.nothing => {}
                Run::Json if batch.promise.json => parsed = true,
                Run::Labels(test) => checks.push(Self::Labels(Bound::new(test, batch, parsed)?)),
                Run::Drop(names) if names.iter().all(is_about_errors) => {}
                _ => return None,
            }
        }
        Some((checks, parsed))
    }
}

/// Whether errors come with the entries: those are for the pipeline to see.
fn has_errors(batch: &Batch) -> bool {
    batch.columns.iter().any(|column| column.name.starts_with("__"))
}

/// The rows that may pass the first stages of a pipeline, as far as columns tell: the others will not.
pub(super) fn preselect(pipeline: &Pipeline, batch: &Batch) -> Vec<usize> {
    let mut rows: Vec<(u32, u32)> = batch.rows().filter_map(|row| Some((u32::try_from(row).ok()?, 0))).collect();
    let (mut unknown, mut parsed) = (Vec::new(), false);
    if !has_errors(batch) {
        for step in &pipeline.stages {
            match &step.run {
                Run::Line { filter, .. } => {
                    if let Some(settled) = words::settle(filter, batch) {
                        rows.retain(|(row, _)| settled.passes(*row as usize));
                    }
                }
                Run::Json if batch.promise.json => parsed = true,
                Run::Labels(test) => {
                    if let Some(bound) = Bound::new(test, batch, parsed) {
                        bound.retain(&mut rows, &mut unknown);
                    }
                }
                _ => break,
            }
        }
    }
    let mut rows: Vec<usize> = rows.into_iter().map(|(row, _)| row as usize).collect();
    if !unknown.is_empty() {
        // In the order in which they came.
        rows.extend(unknown);
        let chosen: std::collections::HashSet<usize> = rows.into_iter().collect();
        rows = batch.rows().filter(|row| chosen.contains(row)).collect();
    }
    rows
}

enum Bits<'a> {
    One,
    Length,
    Numbers { numbers: Numbers<'a>, filters: Vec<Bound<'a>> },
}

impl<'a> Columnar<'a> {
    /// `None` if the pipeline must be asked.
    pub(super) fn new(extractor: &'a Extractor, batch: &'a Batch<'a>) -> Option<Self> {
        let (checks, parsed) = Check::all(&extractor.pipeline, batch)?;
        let value = match &extractor.value {
            Value::Counted(_) => return None,
            Value::One => Bits::One,
            Value::Length => Bits::Length,
            Value::Unwrapped { label, conversion, filters } => Bits::Numbers {
                numbers: Numbers::new(find(label, batch, parsed)?, *conversion),
                filters: bind_all(filters, batch, parsed)?,
            },
        };
        let keys = match &extractor.shape {
            Shape::By(names) => Keys::new(names, batch, parsed)?,
            Shape::Without(_) => {
                // Every label counts: this is for entries that have none beside their stream's.
                let parses = parsed && batch.columns.iter().any(|column| column.origin == Origin::Parsed);
                if parses || batch.columns.iter().any(|column| column.origin == Origin::Metadata) {
                    return None;
                }
                Keys::of_streams(batch, &extractor.shape)
            }
        };
        Some(Self { extractor, batch, checks, value, keys })
    }

    /// Adds the batch's samples. Gives the rows that are left to the pipeline.
    pub(super) fn samples(mut self, table: &mut SeriesTable, samples: &mut Samples) -> Result<Vec<usize>, EvalError> {
        let (mut rows, mut left) = (self.rows_in_windows(), Vec::new());
        for check in &self.checks {
            match check {
                Check::Words(settled) => rows.retain(|(row, _)| settled.passes(*row as usize)),
                Check::Labels(bound) => bound.retain(&mut rows, &mut left),
                Check::Lines(number) => {
                    let Run::Line { test, .. } = &self.extractor.pipeline.stages[*number].run else { continue };
                    let mut kept = Vec::with_capacity(rows.len());
                    for (row, segment) in rows {
                        if test.passes(&self.batch.lines.line(row as usize)?) {
                            kept.push((row, segment));
                        }
                    }
                    rows = kept;
                }
            }
        }
        let from = samples.values.len();
        self.values(&mut rows, &mut left, samples)?;
        self.keys.series(&rows, table, &mut samples.series);
        samples.segments.extend(rows.iter().map(|(_, segment)| *segment));
        samples.timestamps.extend(rows.iter().map(|(row, _)| self.batch.timestamps[*row as usize]));
        debug_assert_eq!(samples.values.len() - from, rows.len(), "each row has one value");
        Ok(left)
    }

    /// Rows and their segments.
    fn rows_in_windows(&self) -> Vec<(u32, u32)> {
        let mut windows = self.extractor.windows.cursor();
        let mut rows = Vec::with_capacity(self.batch.len());
        for row in self.batch.rows() {
            if let (Some(segment), Ok(row)) = (windows.segment(self.batch.timestamps[row]), u32::try_from(row)) {
                rows.push((row, segment));
            }
        }
        rows
    }

    #[allow(clippy::cast_precision_loss, reason = "lines are short")]
    fn values(
        &self,
        rows: &mut Vec<(u32, u32)>,
        left: &mut Vec<usize>,
        samples: &mut Samples,
    ) -> Result<(), EvalError> {
        match &self.value {
            Bits::One => samples.values.resize(samples.values.len() + rows.len(), 1.0),
            Bits::Length => {
                for (row, _) in rows {
                    samples.values.push(length(self.batch, *row as usize)? as f64);
                }
            }
            Bits::Numbers { numbers, filters } => {
                numbers.retain(rows, left);
                filters.iter().for_each(|filter| filter.retain(rows, left));
                samples.values.extend(rows.iter().map(|(row, _)| numbers.value(*row as usize)));
            }
        }
        Ok(())
    }
}

fn bind_all<'a>(tests: &'a [LabelTest], batch: &'a Batch<'a>, parsed: bool) -> Option<Vec<Bound<'a>>> {
    tests.iter().map(|test| Bound::new(test, batch, parsed)).collect()
}

fn is_about_errors(named: &Named) -> bool {
    let name = match named {
        Named::Name(name) => name,
        Named::Matcher(matcher) => matcher.name(),
    };
    [ERROR, DETAILS].contains(&name)
}

/// Keeps the rows that pass, and puts those that nobody can tell of to the others.
fn retain(rows: &mut Vec<(u32, u32)>, left: &mut Vec<usize>, judge: impl Fn(usize) -> Judged) {
    rows.retain(|(row, _)| match judge(*row as usize) {
        Judged::Pass => true,
        Judged::Fail => false,
        Judged::Unknown => {
            left.push(*row as usize);
            false
        }
    });
}
