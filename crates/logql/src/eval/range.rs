//! Range aggregations: entries into samples, samples into windows.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::aggregate::{Accumulator, Samples, accumulator};
use super::columnar::Columnar;
use super::error::EvalError;
use super::filter::LabelTest;
use super::hint::Hint;
use super::memory::Held;
use super::pipeline::Pipeline;
use super::row::{PRESERVED, Row};
use super::series::{SeriesTable, Shape};
use super::vector::Vectors;
use super::window::Windows;
use super::{Run, Statistics, Steps};
use crate::labels::Labels;
use crate::source::{Batch, Direction, LabelMatcher, Scan, Share, Test};
use crate::stage::units;
use crate::syntax::ast::{Conversion, Grouping, LabelFilter, LogRange, MatchOp, Matcher, RangeAggregation, RangeOp};

const EXTRACTION_ERROR: &str = "SampleExtractionErr";

/// What an entry's sample is.
pub(super) enum Value {
    /// That it is there.
    One,
    /// How many bytes its line has.
    Length,
    /// Which text a label has, as a number that stands for it.
    Counted(String),
    /// What a label says.
    Unwrapped { label: String, conversion: Conversion, filters: Vec<LabelTest> },
}

/// How entries become samples.
pub(super) struct Extractor {
    pub(super) pipeline: Pipeline,
    pub(super) value: Value,
    pub(super) shape: Shape,
    pub(super) windows: Windows,
}

impl Extractor {
    fn new(aggregation: &RangeAggregation, grouping: Option<&Grouping>, steps: &Steps) -> Result<Self, EvalError> {
        let RangeAggregation { op, range, .. } = aggregation;
        let LogRange { log, interval, offset, unwrap } = range;
        let absent = *op == RangeOp::Absent;
        let label = unwrap.as_ref().map(|unwrap| &unwrap.label).or(aggregation.counted.as_ref()).map(String::as_str);
        let hint = Hint::new(&log.stages, unwrap.as_ref(), label, grouping, absent);
        let value = match (unwrap, op) {
            (None, RangeOp::ApproxCountDistinct) => Value::Counted(label.unwrap_or_default().to_owned()),
            (Some(unwrap), _) => Value::Unwrapped {
                label: unwrap.label.clone(),
                conversion: unwrap.conversion,
                filters: unwrap.filters.iter().map(LabelTest::new).collect::<Result<_, _>>()?,
            },
            (None, RangeOp::Bytes | RangeOp::BytesRate) => Value::Length,
            (None, _) => Value::One,
        };
        Ok(Self {
            pipeline: Pipeline::new(&log.stages, hint)?,
            value,
            shape: Shape::new(grouping, label, absent),
            windows: Windows::new(steps.start, steps.end, steps.step, *interval, *offset),
        })
    }

    fn scan(&self, range: &LogRange, share: Share) -> Result<Scan, EvalError> {
        let (start, end) = self.windows.reach();
        Ok(Scan {
            matchers: range.log.matchers.iter().map(LabelMatcher::new).collect::<Result<_, _>>()?,
            start,
            end,
            direction: Direction::Forward,
            fields: self.pipeline.fields(),
            lines: self.pipeline.reads_lines() || matches!(self.value, Value::Length),
            tests: self.pipeline.tests.iter().cloned().chain(self.unwraps()).collect(),
            share,
        })
    }

    /// That there is something to unwrap: without it an entry has no sample, whatever else becomes of it.
    fn unwraps(&self) -> Option<Test> {
        let Value::Unwrapped { label, .. } = &self.value else { return None };
        let there = Matcher { name: label.clone(), op: MatchOp::NotEqual, value: String::new() };
        self.pipeline.test_behind(LabelFilter::Text(there))
    }

    /// The sample of one entry: its series and its value; `None` if it has none.
    pub(super) fn row(
        &self,
        batch: &Batch,
        at: usize,
        row: &mut Row,
        table: &mut SeriesTable,
    ) -> Result<Option<(u32, f64)>, EvalError> {
        if !self.pipeline.process(batch, at, row)? {
            return Ok(None);
        }
        let value = match &self.value {
            Value::One => 1.0,
            #[allow(clippy::cast_precision_loss, reason = "lines are short")]
            Value::Length if !row.has_line => length(batch, at)? as f64,
            #[allow(clippy::cast_precision_loss, reason = "lines are short")]
            Value::Length => row.line.len() as f64,
            Value::Counted(label) => match row.get(label) {
                Some(text) if !text.is_empty() => stand_for(text),
                _ => return Ok(None),
            },
            Value::Unwrapped { label, conversion, filters } => {
                let text = row.get(label).unwrap_or_default();
                if text.is_empty() {
                    return Ok(None);
                }
                let value = convert(text, *conversion).unwrap_or_else(|details| {
                    row.fail(EXTRACTION_ERROR, &details);
                    0.0
                });
                if !filters.iter().all(|filter| filter.passes(row)) {
                    return Ok(None);
                }
                value
            }
        };
        if row.has_error() && row.get(PRESERVED) != Some("true") {
            return Err(EvalError::pipeline(row));
        }
        Ok(Some((table.of_row(row, &self.shape), value)))
    }
}

/// How long a line is.
pub(super) fn length(batch: &Batch, at: usize) -> Result<usize, EvalError> {
    match batch.lines.length(at) {
        Some(length) => Ok(length),
        None => Ok(batch.lines.line(at)?.len()),
    }
}

/// A number that stands for a text: only its bits count.
fn stand_for(text: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    f64::from_bits(hasher.finish())
}

/// What `unwrap` makes of a text, or why it cannot.
pub(super) fn convert(text: &str, conversion: Conversion) -> Result<f64, String> {
    match conversion {
        Conversion::Number => units::parse_number(text),
        #[allow(clippy::cast_precision_loss, reason = "as in Loki")]
        Conversion::Bytes => units::parse_bytes(text).map(|bytes| bytes as f64),
        #[allow(clippy::cast_precision_loss, reason = "as in Loki")]
        Conversion::Duration | Conversion::DurationSeconds => match units::parse_duration(text) {
            Some(ns) => Ok((ns / 1_000_000_000) as f64 + (ns % 1_000_000_000) as f64 / 1e9),
            None => Err(units::duration_error(text)),
        },
    }
}

/// What was found in a share of the entries.
pub(super) struct Found<'m> {
    pub(super) table: SeriesTable,
    /// What the accumulator has not yet taken.
    pub(super) samples: Samples,
    accumulator: Box<dyn Accumulator>,
    statistics: Statistics,
    memory: Held<'m>,
}

impl Found<'_> {
    /// Counts what it has come to, and the batch that is looked at.
    fn hold(&mut self, batch: usize) -> Result<(), EvalError> {
        self.memory.set(self.table.bytes() + self.accumulator.bytes() + batch)
    }

    /// Gives the samples to the accumulator.
    pub(super) fn flush(&mut self) {
        self.statistics.samples += self.samples.values.len();
        self.accumulator.take(&mut self.samples);
    }
}

/// Evaluates a range aggregation; `outer` is the grouping of a sum around it, which its samples may be put into at once.
pub(super) fn evaluate(
    run: &mut Run,
    aggregation: &RangeAggregation,
    outer: Option<&Grouping>,
) -> Result<Vectors, EvalError> {
    let grouping = outer.or(aggregation.grouping.as_ref());
    let extractor = Extractor::new(aggregation, grouping, &run.steps)?;
    let scan = extractor.scan(&aggregation.range, Share::ALL)?;
    let of = run.context.threads.min(run.source.shares(&scan)).max(1);
    let share = |number: usize| {
        let scan = extractor.scan(&aggregation.range, Share { number, of })?;
        collect(run, aggregation, &extractor, &scan)
    };
    let mut shares = share_out(of, &share)?.into_iter();
    let Some(mut found) = shares.next() else {
        return Ok(Vectors::default());
    };
    run.statistics = found.statistics;
    for other in shares {
        let series: Vec<u32> = other.table.labels.iter().map(|labels| found.table.series(labels.iter())).collect();
        found.accumulator.absorb(other.accumulator, &series);
        run.statistics.add_share(&other.statistics);
        found.hold(0)?;
    }
    let mut memory = run.memory.part();
    let points = found.accumulator.finish(&extractor.windows, &mut memory)?;
    let vectors = Vectors::new(found.table.labels, points, extractor.windows.count);
    // Other aggregations of the query may be still to come.
    memory.keep();
    Ok(if aggregation.op == RangeOp::Absent { absent(&aggregation.range, &vectors) } else { vectors })
}

/// Does each share in a thread of its own, the first in this one.
fn share_out<'m>(
    of: usize,
    share: &(impl Fn(usize) -> Result<Found<'m>, EvalError> + Sync),
) -> Result<Vec<Found<'m>>, EvalError> {
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..of).map(|number| scope.spawn(move || share(number))).collect();
        let mut found = vec![share(0)];
        found.extend(others.into_iter().map(|thread| {
            // What went wrong there goes on here.
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }));
        found.into_iter().collect()
    })
}

/// The samples of a share of the entries. Only the first counts what was there before.
fn collect<'m>(
    run: &Run<'m>,
    aggregation: &RangeAggregation,
    extractor: &Extractor,
    scan: &Scan,
) -> Result<Found<'m>, EvalError> {
    let unwrapped = matches!(extractor.value, Value::Unwrapped { .. });
    let parameter = aggregation.parameter.unwrap_or(f64::NAN);
    let mut found = Found {
        table: SeriesTable::default(),
        samples: Samples::default(),
        accumulator: accumulator(aggregation.op, unwrapped, parameter),
        statistics: if scan.share.number == 0 { run.statistics } else { Statistics::default() },
        memory: run.memory.part(),
    };
    let mut row = Row::default();
    row.now = run.context.now;
    for batch in run.source.scan(scan)? {
        let batch = batch?;
        found.statistics.count(&batch, &run.context)?;
        let taken = batch.bytes();
        found.hold(taken)?;
        let left = match Columnar::new(extractor, &batch) {
            Some(columnar) => columnar.take(&mut found)?,
            None => batch.rows().collect(),
        };
        found.statistics.rows_one_by_one += left.len();
        let mut windows = extractor.windows.cursor();
        for at in left {
            let timestamp = batch.timestamps[at];
            if let Some(segment) = windows.segment(timestamp)
                && let Some((series, value)) = extractor.row(&batch, at, &mut row, &mut found.table)?
            {
                found.samples.push(series, segment, timestamp, value);
            }
        }
        found.flush();
        found.hold(taken)?;
    }
    found.hold(0)?;
    Ok(found)
}

/// One where there is nothing, with the labels that the selector names.
fn absent(range: &LogRange, found: &Vectors) -> Vectors {
    let mut labels = Labels::default();
    let mut unknown = Vec::new();
    for matcher in &range.log.matchers {
        if matcher.op == MatchOp::Equal && !labels.has(&matcher.name) {
            labels = labels.with(&matcher.name, &matcher.value);
        } else {
            unknown.push(&matcher.name);
        }
    }
    let labels = labels.filtered(|name| unknown.iter().all(|unknown| *unknown != name));
    let steps = found.steps.iter().map(|step| if step.is_empty() { vec![(0, 1.0)] } else { Vec::new() });
    Vectors { labels: vec![labels], steps: steps.collect() }
}
