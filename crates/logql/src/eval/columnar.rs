//! Samples of a whole batch, by columns: what filters ask is asked of each text of a dictionary once, numbers are compared as
//! numbers, and no entry gets a set of labels of its own.
//!
//! What columns cannot tell (an entry whose label cannot be read, a stage that needs the line) is left to the pipeline.

mod bound;
mod field;
mod group;
mod numbers;
mod preselect;
mod words;

use super::aggregate::Samples;
use super::error::EvalError;
use super::filter::{LabelTest, LineTest};
use super::pipeline::{Named, Pipeline, Run};
use super::range::{Extractor, Found, Value, length};
use super::row::{DETAILS, ERROR};
use super::series::Shape;
use super::window::Cursor;
use crate::source::{Batch, Origin, Tested};
use bound::Bound;
use field::find;
use group::Keys;
use numbers::Numbers;
pub(super) use preselect::Preselection;
use words::Settled;

/// So many rows are looked at together: what is known of them stays in the processor's cache.
const CHUNK: usize = 2048;

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
    Words(Settled<'a>),
    /// A line filter that needs the lines.
    Lines(&'a LineTest),
    /// A label filter.
    Labels(Bound<'a>),
}

impl<'a> Check<'a> {
    /// What the stages check, and what parsers among them find; `None` if there is one that columns do not tell of.
    fn all(pipeline: &'a Pipeline, batch: &'a Batch<'a>) -> Option<(Vec<Self>, Parsed<'a>)> {
        if has_errors(batch) {
            return None;
        }
        let (mut checks, mut parsed) = (Vec::new(), Parsed::Nothing);
        for step in &pipeline.stages {
            if step.test.is_some_and(|test| batch.tested(test) == Tested::Exact) {
                continue;
            }
            match &step.run {
                Run::Line { filter, test } => checks.push(match words::settle(filter, batch) {
                    Some(settled) => Self::Words(settled),
                    None => Self::Lines(test),
                }),
                Run::Json | Run::Paths { .. } if pipeline.hint.nothing => {}
                Run::Json if batch.promise.json => parsed = parsed.everything()?,
                Run::Paths { paths, labels } if batch.promise.json && paths.are_members() => {
                    parsed = parsed.members(labels, batch)?;
                }
                Run::Labels(test) => checks.push(Self::Labels(Bound::new(test, batch, &parsed)?)),
                Run::Drop(names) if names.iter().all(is_about_errors) => {}
                _ => return None,
            }
        }
        Some((checks, parsed))
    }

    /// Keeps the rows that pass, and puts those that nobody can tell of to the others.
    fn retain(&self, batch: &Batch, rows: &mut Vec<u32>, left: &mut Vec<usize>) -> Result<(), EvalError> {
        match self {
            Check::Words(settled) => settled.retain(rows),
            Check::Labels(bound) => bound.retain(rows, left),
            Check::Lines(test) => {
                let mut failed = None;
                keep(rows, |row| match batch.lines.line(row) {
                    Ok(line) => test.passes(&line),
                    Err(error) => {
                        failed.get_or_insert(error);
                        false
                    }
                });
                if let Some(error) = failed {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

/// What parsers have found so far.
pub(super) enum Parsed<'a> {
    Nothing,
    /// All that `| json` finds.
    Everything,
    /// Members of the line's object under their own names. A line without one has it empty.
    Members(&'a [String]),
}

impl<'a> Parsed<'a> {
    /// With what `| json` finds; `None` if columns do not tell of both.
    fn everything(self) -> Option<Self> {
        if matches!(self, Self::Members(_)) { None } else { Some(Self::Everything) }
    }

    /// With members that neither streams nor metadata have; `None` if columns do not tell.
    fn members(self, labels: &'a [String], batch: &'a Batch<'a>) -> Option<Self> {
        let alone = |name: &String| find(name, batch, &Self::Nothing).is_some_and(|field| field.is_nowhere());
        (matches!(self, Self::Nothing) && labels.iter().all(alone)).then_some(Self::Members(labels))
    }

    fn finds(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Members(names) => names.iter().any(|known| known == name),
        }
    }

    /// Whether a label is empty where it is missing.
    fn fills(&self, name: &str) -> bool {
        matches!(self, Self::Members(_)) && self.finds(name)
    }
}

/// Whether errors come with the entries: those are for the pipeline to see.
fn has_errors(batch: &Batch) -> bool {
    batch.columns.iter().any(|column| column.name.starts_with("__"))
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
                numbers: Numbers::new(find(label, batch, &parsed)?, *conversion),
                filters: bind_all(filters, batch, &parsed)?,
            },
        };
        let keys = match &extractor.shape {
            Shape::By(names) => Keys::new(names, batch, &parsed)?,
            Shape::Without(_) => {
                // Every label counts: this is for entries that have none beside their stream's.
                let parses = matches!(parsed, Parsed::Everything)
                    && batch.columns.iter().any(|column| column.origin == Origin::Parsed);
                if parses
                    || matches!(parsed, Parsed::Members(_))
                    || batch.columns.iter().any(|column| column.origin == Origin::Metadata)
                {
                    return None;
                }
                Keys::of_streams(batch, &extractor.shape)
            }
        };
        Some(Self { extractor, batch, checks, value, keys })
    }

    /// Adds the batch's samples to what was found. Gives the rows that are left to the pipeline.
    pub(super) fn take(mut self, found: &mut Found) -> Result<Vec<usize>, EvalError> {
        let (mut rows, mut left) = (Vec::with_capacity(CHUNK), Vec::new());
        let mut windows = self.extractor.windows.cursor();
        let entries = self.batch.len();
        for from in (0..entries).step_by(CHUNK) {
            self.batch.part(from..entries.min(from + CHUNK), &mut rows);
            self.keep_in_windows(&mut windows, &mut rows);
            for check in &self.checks {
                check.retain(self.batch, &mut rows, &mut left)?;
            }
            let samples = &mut found.samples;
            self.values(&mut rows, &mut left, samples)?;
            let timestamps = rows.iter().map(|row| self.batch.timestamps[*row as usize]);
            samples.extend_times(&mut windows, timestamps);
            self.keys.series(&rows, &mut found.table, &mut samples.series);
            found.flush();
        }
        Ok(left)
    }

    fn keep_in_windows(&self, windows: &mut Cursor, rows: &mut Vec<u32>) {
        let timestamps = &self.batch.timestamps;
        let (start, end) = self.extractor.windows.reach();
        let is_inside = |row: &u32| (start..end).contains(&timestamps[*row as usize]);
        if !self.extractor.windows.are_gapless() || !rows.iter().all(is_inside) {
            keep(rows, |row| windows.segment(timestamps[row]).is_some());
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "lines are short")]
    fn values(&self, rows: &mut Vec<u32>, left: &mut Vec<usize>, samples: &mut Samples) -> Result<(), EvalError> {
        match &self.value {
            Bits::One => samples.values.resize(samples.values.len() + rows.len(), 1.0),
            Bits::Length => {
                for row in rows {
                    samples.values.push(length(self.batch, *row as usize)? as f64);
                }
            }
            Bits::Numbers { numbers, filters } => {
                numbers.retain(rows, left);
                filters.iter().for_each(|filter| filter.retain(rows, left));
                numbers.extend(rows, &mut samples.values);
            }
        }
        Ok(())
    }
}

fn bind_all<'a>(tests: &'a [LabelTest], batch: &'a Batch<'a>, parsed: &Parsed) -> Option<Vec<Bound<'a>>> {
    tests.iter().map(|test| Bound::new(test, batch, parsed)).collect()
}

fn is_about_errors(named: &Named) -> bool {
    let name = match named {
        Named::Name(name) => name,
        Named::Matcher(matcher) => matcher.name(),
    };
    [ERROR, DETAILS].contains(&name)
}

/// Keeps the rows that pass: without a branch for each, since nobody can foretell them.
fn keep(rows: &mut Vec<u32>, mut passes: impl FnMut(usize) -> bool) {
    let mut kept = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        rows[kept] = row;
        kept += usize::from(passes(row as usize));
    }
    rows.truncate(kept);
}

/// What is made of each of so many values that `codes` speak of. Where there are more values than codes, only of those that are
/// spoken of, and `unused` for the others.
fn by_code<T: Clone>(codes: &[u32], values: usize, unused: T, mut of: impl FnMut(usize) -> T) -> Vec<T> {
    if values <= codes.len() {
        return (0..values).map(of).collect();
    }
    let (mut all, mut met) = (vec![unused; values], vec![false; values]);
    for code in codes.iter().map(|code| *code as usize) {
        // Where there is no value, a code may be anything.
        if met.get(code) == Some(&false) {
            met[code] = true;
            all[code] = of(code);
        }
    }
    all
}
