//! Where entries come from: batches of rows with columns.
//!
//! A [`Source`] is asked once for each range of a query. It selects by labels and time, exactly; whatever else a query asks of
//! entries it may take into account, and says of each test how far it did. Lines are read only where they are needed.

mod column;
mod rows;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

pub use column::{Column, Data, Origin, Validity};
pub use rows::{Entry, RowSource};

use crate::labels::Labels;
use crate::stage::ParamError;
use crate::stage::regex::{self, Regex};
use crate::syntax::ast::{LabelFilter, LineFilter, MatchOp, Matcher};

/// Something that holds entries.
///
/// It selects by matchers and by time, and may leave the rest to whoever asks. One stream whose lines come every second:
///
/// ```
/// use std::borrow::Cow;
/// use std::sync::Arc;
///
/// use logql::Labels;
/// use logql::eval::{Answer, Context, Request, evaluate};
/// use logql::source::{Batch, Batches, LabelMatcher, Lines, Promise, Rows, Scan, Source, SourceError};
///
/// const SECOND: i64 = 1_000_000_000;
///
/// struct EverySecond(Vec<String>);
///
/// struct Held<'s>(&'s [String]);
///
/// impl Lines for Held<'_> {
///     fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
///         Ok(Cow::Borrowed(self.0[row].as_bytes()))
///     }
/// }
///
/// impl Source for EverySecond {
///     fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
///         let stream = Labels::new([("app", "llm-proxy")]);
///         if !LabelMatcher::all_match(&scan.matchers, &stream) {
///             return Ok(Box::new(std::iter::empty()));
///         }
///         let timestamps: Vec<i64> = (0..).map(|row| row * SECOND).take(self.0.len()).collect();
///         let wanted = (0..).zip(&timestamps).filter(|(_, at)| (scan.start..scan.end).contains(*at));
///         let rows: Vec<u32> = wanted.map(|(row, _)| row).collect();
///         let batch = Batch {
///             streams: vec![0; timestamps.len()].into(),
///             timestamps: timestamps.into(),
///             rows: Rows::Some(rows.into()),
///             labels: Arc::new([stream]),
///             columns: Vec::new(),
///             lines: Box::new(Held(&self.0)),
///             promise: Promise::default(),
///             tested: Vec::new(),
///             beyond: None,
///         };
///         Ok(Box::new(std::iter::once(Ok(batch))))
///     }
/// }
///
/// let source = EverySecond(["begin", "work", "work", "end"].map(str::to_owned).into());
/// let query = logql::syntax::parse(r#"count_over_time({app="llm-proxy"} |= "work" [2s])"#)?;
/// let outcome = evaluate(&source, &query, &Request::instant(3 * SECOND), &Context::default())?;
/// // The window is after 1 s, up to 3 s.
/// let Answer::Vector(samples) = outcome.answer else { unreachable!() };
/// assert_eq!(samples[0].value, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Source: Sync {
    /// Into how many shares a scan can be divided, to be read by as many threads: see [`Scan::share`].
    fn shares(&self, _scan: &Scan) -> usize {
        1
    }

    /// The entries that `scan` selects, in batches.
    ///
    /// # Errors
    ///
    /// The source cannot be read. The query fails with what it says.
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError>;
}

/// Batches, each read when it is asked for.
pub type Batches<'s> = Box<dyn Iterator<Item = Result<Batch<'s>, SourceError>> + 's>;

/// A source could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// What a query wants of a source.
#[derive(Debug)]
pub struct Scan {
    /// All of them must match an entry's stream.
    pub matchers: Vec<LabelMatcher>,
    /// From this instant on, in nanoseconds since 1970.
    pub start: i64,
    /// Before this instant.
    pub end: i64,
    /// The order that helps: a limit is reached sooner. No order is demanded, see [`Batch::beyond`].
    pub direction: Direction,
    /// What of the columns is looked at. A source may give more, and leave others out.
    pub fields: FieldSet,
    /// Whether lines will be looked at in any case.
    pub lines: bool,
    /// What the query will ask of entries first.
    pub tests: Vec<Test>,
    /// Which of the entries are wanted now: all shares together are all entries, each once.
    pub share: Share,
}

/// A part of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which one, counted from 0.
    pub number: usize,
    /// How many there are; never more than [`Source::shares`] says.
    pub of: usize,
}

impl Share {
    /// The whole.
    pub const ALL: Self = Self { number: 0, of: 1 };
}

/// Which labels a query looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldSet {
    /// Any.
    All,
    /// These, and those whose name with `_extracted` behind it is among them.
    Some(Vec<String>),
}

impl FieldSet {
    /// Whether the label `name` is looked at.
    pub fn wants(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => {
                names.iter().any(|wanted| wanted == name || wanted.strip_suffix("_extracted") == Some(name))
            }
        }
    }
}

/// From old to new, or from new to old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Old entries first.
    Forward,
    /// New entries first.
    #[default]
    Backward,
}

/// A matcher whose regular expression, if it has one, is compiled.
#[derive(Debug)]
pub struct LabelMatcher {
    matcher: Matcher,
    regex: Option<Regex>,
}

impl LabelMatcher {
    /// Compiles `matcher`.
    ///
    /// # Errors
    ///
    /// Its regular expression is none.
    pub fn new(matcher: &Matcher) -> Result<Self, ParamError> {
        let regex = match matcher.op {
            MatchOp::Match | MatchOp::NotMatch => Some(regex::compile_anchored(&matcher.value)?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { matcher: matcher.clone(), regex })
    }

    /// The label.
    pub fn name(&self) -> &str {
        &self.matcher.name
    }

    /// As it was written.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// Whether a label with this value matches; one that is missing has the value `""`.
    pub fn matches(&self, value: &str) -> bool {
        let found = match &self.regex {
            Some(regex) => regex.is_match(value.as_bytes()),
            None => value == self.matcher.value,
        };
        found == matches!(self.matcher.op, MatchOp::Equal | MatchOp::Match)
    }

    /// If it asks only whether the label has a text: whether it should.
    pub(crate) fn asks_presence(&self) -> Option<bool> {
        self.matcher.asks_presence()
    }

    /// Whether a stream matches all of `matchers`.
    pub fn all_match(matchers: &[Self], labels: &Labels) -> bool {
        matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
    }
}

/// Something that a query asks of each entry before anything changes its line or its labels.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Of the line.
    Line(LineFilter),
    /// Of the labels: the stream's, else the metadata's, else, if `parsed`, what `| json` finds in the line. One that is there but
    /// cannot be read as what it is compared with passes: the entry goes on with an error.
    Label {
        /// What is asked.
        filter: LabelFilter,
        /// Whether the test comes after `| json`.
        parsed: bool,
    },
}

/// How far a source took a [`Test`] into account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tested {
    /// Every entry passes it, and none that passes is missing.
    Exact,
    /// None that passes is missing; some may not pass.
    Superset,
    /// Not at all.
    #[default]
    Unsupported,
}

/// The lines of a batch, read when they are asked for.
pub trait Lines {
    /// The line of a row.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError>;

    /// How long the line of a row is, in bytes, where that is known without reading it.
    fn length(&self, _row: usize) -> Option<usize> {
        None
    }

    /// How long the lines of rows are together, in bytes, as far as that is known without reading them; `of` is how many rows
    /// there are in all.
    fn lengths(&self, rows: &Rows, of: usize) -> u64 {
        let length = |row: usize| self.length(row).unwrap_or(0) as u64;
        match rows {
            Rows::All => (0..of).map(length).sum(),
            Rows::Some(rows) => rows.iter().map(|row| length(*row as usize)).sum(),
        }
    }
}

/// Some entries, as columns of the same length. What is borrowed is the source's.
pub struct Batch<'s> {
    /// In nanoseconds since 1970, in any order.
    pub timestamps: Cow<'s, [i64]>,
    /// Which rows are meant; the others are as if they were not there.
    pub rows: Rows<'s>,
    /// Each entry's stream: an index into `labels`.
    pub streams: Cow<'s, [u32]>,
    /// The labels of streams.
    pub labels: Arc<[Labels]>,
    /// Structured metadata, and what `| json` would find.
    pub columns: Vec<Column<'s>>,
    /// Lines.
    pub lines: Box<dyn Lines + 's>,
    /// What is certain of the lines.
    pub promise: Promise,
    /// The answer to each of [`Scan::tests`]; those that are missing were not looked at.
    pub tested: Vec<Tested>,
    /// No later batch has an entry before (when scanning forward) or after (backward) this instant. `None`: nobody knows.
    pub beyond: Option<i64>,
}

/// What a source is certain of for all lines of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    /// `| json` yields exactly the columns of [`Origin::Parsed`] that [`Scan::fields`] wants, and no error. Where a column is
    /// invalid, the member is missing, null or an array.
    pub json: bool,
    /// A word of letters, digits and `_` that is no part of a number, `true`, `false` or `null` stands in a line if, and only if,
    /// it stands in a value of a column of [`Origin::Parsed`], or in the name of one that is valid. A source promises this only
    /// with all its columns given, whatever [`Scan::fields`] wants; it does so where [`Scan::tests`] asks for lines and it has
    /// no better way to answer.
    pub words: bool,
}

/// Rows of a batch.
#[derive(Clone, Debug)]
pub enum Rows<'s> {
    /// All.
    All,
    /// These, in the order in which they are to be looked at.
    Some(Cow<'s, [u32]>),
}

impl Batch<'_> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::All => self.timestamps.len(),
            Rows::Some(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes of memory it takes, without its lines.
    pub(crate) fn bytes(&self) -> usize {
        let rows = match &self.rows {
            Rows::All => 0,
            Rows::Some(rows) => size_of_val(&**rows),
        };
        let columns = self.columns.iter().map(Column::bytes).sum::<usize>();
        size_of_val(&*self.timestamps) + size_of_val(&*self.streams) + rows + columns
    }

    /// The rows of the entries.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|at| match &self.rows {
            Rows::All => at,
            Rows::Some(rows) => rows[at] as usize,
        })
    }

    /// The rows of the entries from one to before another, counted as [`Batch::rows`] gives them, in place of what `rows` holds.
    pub(crate) fn part(&self, entries: Range<usize>, rows: &mut Vec<u32>) {
        rows.clear();
        match &self.rows {
            Rows::All => rows.extend(narrow(entries.start)..narrow(entries.end)),
            Rows::Some(all) => rows.extend_from_slice(&all[entries]),
        }
    }

    /// The labels of a row's stream.
    pub fn stream(&self, row: usize) -> &Labels {
        &self.labels[self.streams[row] as usize]
    }

    /// How far a test was taken into account.
    pub fn tested(&self, test: usize) -> Tested {
        self.tested.get(test).copied().unwrap_or_default()
    }
}

/// A row; no batch has more of them.
fn narrow(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
