//! Queries and their answers.
//!
//! [`evaluate`] answers a query over a [`Source`], within [`Limits`]. Metric queries look at columns where a source gives them,
//! and take entries one by one where it does not; the answer is the same.

mod aggregate;
mod binary;
mod columnar;
mod error;
mod filter;
mod hint;
mod logs;
mod memory;
mod pipeline;
mod range;
mod row;
mod series;
mod vector;
mod window;

pub use error::EvalError;

use crate::labels::Labels;
use crate::source::{Batch, Direction, Source};
use crate::syntax::Expr;
use crate::syntax::ast::{Binary, MetricExpr, RangeOp, VectorAggregation, VectorOp};
use memory::Memory;
use vector::Vectors;

/// What is asked, and of what time. Times are in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// From when on; the first step.
    pub start: i64,
    /// Until when: entries before it, steps up to it.
    pub end: i64,
    /// Between steps; 0 for an instant query.
    pub step: i64,
    /// The most entries that are given.
    pub limit: usize,
    /// Which entries come first.
    pub direction: Direction,
}

impl Request {
    /// At one instant.
    pub fn instant(at: i64) -> Self {
        Self { start: at, end: at, step: 0, limit: 100, direction: Direction::Backward }
    }

    /// Steps from `start` to `end`; for entries, those from `start` on that are before `end`, up to 100, the newest first.
    pub fn range(start: i64, end: i64, step: i64) -> Self {
        Self { start, end, step: step.max(1), limit: 100, direction: Direction::Backward }
    }

    /// Its steps moved to multiples of `step`, the first back and the last on, as Loki does with what comes over HTTP.
    pub fn aligned(self) -> Self {
        let step = self.step.max(1);
        let (start, past) = (self.start - self.start.rem_euclid(step), self.end.rem_euclid(step));
        Self { start, end: if past == 0 { self.end } else { self.end.saturating_add(step - past) }, ..self }
    }

    fn is_instant(&self) -> bool {
        self.step == 0 && self.start == self.end
    }
}

/// What a query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series in an answer.
    pub series: usize,
    /// Entries in an answer.
    pub entries: usize,
    /// Steps from `start` to `end`: as in Loki one less than there are points.
    pub points: usize,
    /// Bytes of lines in the batches that a thread looks at, as far as their lengths are known; 0 for any.
    pub bytes: u64,
    /// Bytes of memory that the query holds at a time, by its own account: what it has found, and what it looks at; 0 for any.
    pub memory: u64,
    /// Time that [`Watch::elapsed_ns`] tells, in nanoseconds; 0 for any.
    pub time_ns: i64,
}

impl Default for Limits {
    /// Loki's.
    fn default() -> Self {
        Self { series: 500, entries: 5_000, points: 11_000, bytes: 0, memory: 0, time_ns: 60_000_000_000 }
    }
}

/// Who looks on while a query is answered: once for each batch, from each thread that reads.
pub trait Watch: Sync {
    /// How long it has taken, in nanoseconds.
    fn elapsed_ns(&self) -> i64 {
        0
    }

    /// Whether the answer is wanted no longer.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// How far it has come; a thread tells of what it has done itself.
    fn progress(&self, _statistics: &Statistics) {}
}

struct Nobody;

impl Watch for Nobody {}

/// What surrounds a query.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What it may take.
    pub limits: Limits,
    /// Who looks on.
    pub watch: &'a dyn Watch,
    /// What templates call `now`, in nanoseconds since 1970.
    pub now: i64,
    /// How many threads a metric query may read with, if the source can be divided.
    pub threads: usize,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self { limits: Limits::default(), watch: &Nobody, now: 0, threads: 1 }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Batches.
    pub batches: usize,
    /// Entries in them.
    pub entries: usize,
    /// Bytes of their lines, as far as their lengths are known.
    pub bytes: u64,
    /// Entries of metric queries that could not be taken by columns.
    pub rows_one_by_one: usize,
    /// Samples that metric queries made of them.
    pub samples: usize,
}

impl Statistics {
    /// Counts a batch, and stops where a limit is reached.
    fn count(&mut self, batch: &Batch, context: &Context) -> Result<(), EvalError> {
        let Limits { bytes, time_ns, .. } = context.limits;
        self.batches += 1;
        self.entries += batch.len();
        self.bytes += batch.lines.lengths(&batch.rows, batch.timestamps.len());
        context.watch.progress(self);
        if bytes > 0 && self.bytes > bytes {
            return Err(EvalError::Bytes(bytes));
        }
        if time_ns > 0 && context.watch.elapsed_ns() > time_ns {
            return Err(EvalError::Time);
        }
        if context.watch.is_cancelled() { Err(EvalError::Cancelled) } else { Ok(()) }
    }

    /// Adds what another thread has looked at.
    fn add_share(&mut self, other: &Self) {
        self.batches += other.batches;
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.rows_one_by_one += other.rows_one_by_one;
        self.samples += other.samples;
    }
}

/// An answer, and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The answer.
    pub answer: Answer,
    /// What it took.
    pub statistics: Statistics,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Entries, in the order asked for.
    Entries(Vec<LogEntry>),
    /// Series over steps, by their labels.
    Matrix(Vec<Series>),
    /// Samples of one instant, by their labels unless the query sorts them.
    Vector(Vec<Sample>),
    /// A number of one instant.
    Scalar(f64),
}

/// An entry as a pipeline has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// What is left of the labels of its stream.
    pub labels: Labels,
    /// What is left of its structured metadata.
    pub metadata: Labels,
    /// What stages have added.
    pub parsed: Labels,
    /// In nanoseconds since 1970.
    pub timestamp: i64,
    /// The line.
    pub line: Vec<u8>,
}

impl LogEntry {
    /// All labels, wherever they come from, as Loki gives them to who does not ask for more.
    pub fn all_labels(&self) -> Labels {
        Labels::new(self.labels.iter().chain(self.metadata.iter()).chain(self.parsed.iter()))
    }
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Instants, in nanoseconds since 1970, and values.
    pub points: Vec<(i64, f64)>,
}

/// A sample of one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// Answers a query.
///
/// # Errors
///
/// The query cannot be answered, or not within the limits.
///
/// # Examples
///
/// Over time, at one instant, and within limits:
///
/// ```
/// use logql::Labels;
/// use logql::eval::{Answer, Context, EvalError, Limits, Request, evaluate};
/// use logql::source::{Entry, RowSource};
///
/// const MINUTE: i64 = 60_000_000_000;
/// let source = RowSource::new([(1, "gpt-4"), (2, "gpt-4"), (2, "gpt-4o")].map(|(minute, model)| Entry {
///     labels: Labels::new([("model", model)]),
///     timestamp: minute * MINUTE,
///     line: b"done".to_vec(),
///     metadata: Labels::default(),
/// }));
/// let query = logql::syntax::parse(r#"sum by (model) (count_over_time({model=~".+"}[1m]))"#)?;
///
/// let range = Request::range(MINUTE, 3 * MINUTE, MINUTE);
/// let Answer::Matrix(series) = evaluate(&source, &query, &range, &Context::default())?.answer else { unreachable!() };
/// assert_eq!(series[0].labels.get("model"), Some("gpt-4"));
/// assert_eq!(series[0].points, [(MINUTE, 1.0), (2 * MINUTE, 1.0)]);
/// assert_eq!(series[1].points, [(2 * MINUTE, 1.0)]);
///
/// let instant = Request::instant(2 * MINUTE);
/// let Answer::Vector(samples) = evaluate(&source, &query, &instant, &Context::default())?.answer else { unreachable!() };
/// assert_eq!(samples.len(), 2);
///
/// let limits = Limits { series: 1, ..Limits::default() };
/// let refused = evaluate(&source, &query, &instant, &Context { limits, ..Context::default() });
/// assert_eq!(refused, Err(EvalError::Series(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate(source: &dyn Source, query: &Expr, request: &Request, context: &Context) -> Result<Outcome, EvalError> {
    let steps =
        Steps { start: request.start, end: request.end, step: if request.is_instant() { 1 } else { request.step } };
    let memory = Memory::new(context.limits.memory);
    let mut run = Run { source, context: *context, steps, statistics: Statistics::default(), memory: &memory };
    let answer = match query {
        Expr::Log(_) if request.is_instant() => return Err(EvalError::InstantLogs),
        Expr::Log(_) if request.limit > context.limits.entries => {
            return Err(EvalError::Entries { asked: request.limit, limit: context.limits.entries });
        }
        Expr::Log(log) => Answer::Entries(logs::evaluate(&mut run, log, request)?),
        Expr::Metric(MetricExpr::Literal(value)) if request.is_instant() => Answer::Scalar(*value),
        Expr::Metric(metric) => {
            if steps.count() - 1 > context.limits.points {
                return Err(EvalError::Points(context.limits.points));
            }
            let vectors = run.metric(metric)?;
            let limit = context.limits.series;
            if request.is_instant() { vector(vectors, metric, limit)? } else { matrix(vectors, steps, limit)? }
        }
    };
    Ok(Outcome { answer, statistics: run.statistics })
}

/// When the steps are.
#[derive(Clone, Copy)]
struct Steps {
    start: i64,
    end: i64,
    step: i64,
}

impl Steps {
    fn count(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.start) / self.step.max(1)).unwrap_or(0) + 1
    }
}

/// A query under way.
struct Run<'a> {
    source: &'a dyn Source,
    context: Context<'a>,
    steps: Steps,
    statistics: Statistics,
    memory: &'a Memory,
}

impl Run<'_> {
    fn metric(&mut self, metric: &MetricExpr) -> Result<Vectors, EvalError> {
        match metric {
            MetricExpr::Range(range) => range::evaluate(self, range, None),
            MetricExpr::Vector(aggregation) => {
                let inner = self.aggregated(aggregation)?;
                Ok(vector::aggregate(aggregation, inner))
            }
            MetricExpr::Binary(binary) => self.binary(binary),
            MetricExpr::Literal(value) | MetricExpr::Constant(value) => {
                Ok(Vectors::constant(*value, self.steps.count()))
            }
            MetricExpr::LabelReplace(replace) => {
                let inner = self.metric(&replace.inner)?;
                vector::label_replace(replace, inner)
            }
        }
    }

    /// What is aggregated. A sum of sums or counts puts samples into its own series from the first.
    fn aggregated(&mut self, aggregation: &VectorAggregation) -> Result<Vectors, EvalError> {
        if let (VectorOp::Sum, MetricExpr::Range(range)) = (aggregation.op, &aggregation.inner) {
            let adds = [RangeOp::Bytes, RangeOp::BytesRate, RangeOp::Sum, RangeOp::Rate, RangeOp::Count];
            if adds.contains(&range.op) && range.grouping.is_none() {
                return range::evaluate(self, range, Some(&aggregation.grouping));
            }
        }
        self.metric(&aggregation.inner)
    }

    fn binary(&mut self, binary: &Binary) -> Result<Vectors, EvalError> {
        match (&binary.left, &binary.right) {
            (MetricExpr::Literal(literal), right) => {
                Ok(binary::with_literal(binary, self.metric(right)?, *literal, true))
            }
            (left, MetricExpr::Literal(literal)) => {
                Ok(binary::with_literal(binary, self.metric(left)?, *literal, false))
            }
            (left, right) => {
                let (left, right) = (self.metric(left)?, self.metric(right)?);
                binary::between(binary, left, right)
            }
        }
    }
}

fn vector(vectors: Vectors, metric: &MetricExpr, limit: usize) -> Result<Answer, EvalError> {
    let Vectors { labels, steps } = vectors;
    let samples = steps.into_iter().next().unwrap_or_default();
    if samples.len() > limit {
        return Err(EvalError::Series(limit));
    }
    let sample = |(series, value): (u32, f64)| Sample { labels: labels[series as usize].clone(), value };
    let mut samples: Vec<Sample> = samples.into_iter().map(sample).collect();
    if !sorts(metric) {
        samples.sort_by(|left, right| left.labels.cmp(&right.labels));
    }
    Ok(Answer::Vector(samples))
}

/// Whether the query says in which order samples come.
fn sorts(metric: &MetricExpr) -> bool {
    match metric {
        MetricExpr::Vector(aggregation) => {
            matches!(aggregation.op, VectorOp::Sort | VectorOp::SortDesc) || sorts(&aggregation.inner)
        }
        MetricExpr::Binary(binary) => sorts(&binary.left) || sorts(&binary.right),
        MetricExpr::LabelReplace(replace) => sorts(&replace.inner),
        MetricExpr::Range(_) | MetricExpr::Literal(_) | MetricExpr::Constant(_) => false,
    }
}

fn matrix(vectors: Vectors, steps: Steps, limit: usize) -> Result<Answer, EvalError> {
    let relabelled = vector::Relabelled::new(&vectors.labels, Labels::clone);
    let mut series: Vec<Series> =
        relabelled.labels.into_iter().map(|labels| Series { labels, points: Vec::new() }).collect();
    for (step, samples) in (0_i64..).zip(vectors.steps) {
        let at = steps.start + step * steps.step;
        for (number, value) in samples {
            series[relabelled.of[number as usize] as usize].points.push((at, value));
        }
    }
    series.retain(|series| !series.points.is_empty());
    if series.len() > limit {
        return Err(EvalError::Series(limit));
    }
    series.sort_by(|left, right| left.labels.cmp(&right.labels));
    Ok(Answer::Matrix(series))
}
