//! Label filters over columns.

use super::super::filter::LabelTest;
use super::field::{Field, find};
use super::{Parsed, by_code, keep};
use crate::source::{Batch, Column, Data, Validity};
use crate::syntax::ast::Compare;

/// What a test says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Pass,
    Fail,
    /// The label cannot be read.
    Unknown,
}

impl From<bool> for Judged {
    fn from(passes: bool) -> Self {
        if passes { Self::Pass } else { Self::Fail }
    }
}

/// A test of labels over columns.
pub(super) enum Bound<'a> {
    /// The same for all rows.
    All(Judged),
    /// By stream.
    Streams {
        streams: &'a [u32],
        judged: Vec<Judged>,
    },
    /// By the code of a dictionary.
    Codes {
        column: &'a Column<'a>,
        codes: &'a [u32],
        judged: Vec<Judged>,
        missing: Judged,
    },
    /// By number.
    Number {
        column: &'a Column<'a>,
        op: Compare,
        value: f64,
    },
    /// By whether there is a text at all.
    Present {
        column: &'a Column<'a>,
        /// Whether it is to be there.
        wanted: bool,
    },
    /// By text.
    Text {
        field: Field<'a>,
        test: &'a LabelTest,
    },
    And(Box<Bound<'a>>, Box<Bound<'a>>),
    Or(Box<Bound<'a>>, Box<Bound<'a>>),
}

impl<'a> Bound<'a> {
    pub(super) fn new(test: &'a LabelTest, batch: &'a Batch<'a>, parsed: &Parsed) -> Option<Self> {
        let name = match test {
            LabelTest::And(left, right) => {
                let (left, right) = (Self::new(left, batch, parsed)?, Self::new(right, batch, parsed)?);
                return Some(Self::And(Box::new(left), Box::new(right)));
            }
            LabelTest::Or(left, right) => {
                let (left, right) = (Self::new(left, batch, parsed)?, Self::new(right, batch, parsed)?);
                return Some(Self::Or(Box::new(left), Box::new(right)));
            }
            // No entry that has come here has an error.
            LabelTest::Text(matcher) if matcher.name().starts_with("__error") => {
                return Some(Self::All(matcher.matches("").into()));
            }
            LabelTest::Text(matcher) => matcher.name(),
            LabelTest::Ip { name, .. }
            | LabelTest::Number { name, .. }
            | LabelTest::Duration { name, .. }
            | LabelTest::Bytes { name, .. } => name,
        };
        let field = find(name, batch, parsed).filter(|_| !parsed.fills(name))?;
        Some(Self::of_field(test, field, batch))
    }

    fn of_field(test: &'a LabelTest, field: Field<'a>, batch: &'a Batch<'a>) -> Self {
        if field.is_of_streams() {
            let judged = |stream: usize| judge(test, batch.labels[stream].get(field.name()));
            let judged = by_code(&batch.streams, batch.labels.len(), Judged::Fail, judged);
            return Self::Streams { streams: &batch.streams, judged };
        }
        match (test, field.column().map(|column| (column, &column.data))) {
            (LabelTest::Number { op, value, .. }, Some((column, Data::I64(_) | Data::F64(_)))) => {
                Self::Number { column, op: *op, value: *value }
            }
            (LabelTest::Text(matcher), Some((column, Data::I64(_) | Data::F64(_) | Data::Bool(_))))
                if matcher.asks_presence().is_some() =>
            {
                Self::Present { column, wanted: matcher.asks_presence() == Some(true) }
            }
            (_, Some((column, Data::Dictionary { codes, values }))) => Self::Codes {
                column,
                codes,
                judged: by_code(codes, values.len(), Judged::Fail, |code| judge(test, Some(&values[code]))),
                missing: judge(test, None),
            },
            _ => Self::Text { field, test },
        }
    }

    fn judge(&self, row: usize) -> Judged {
        match self {
            Self::All(judged) => *judged,
            Self::Streams { streams, judged } => judged[streams[row] as usize],
            Self::Codes { column, codes, judged, missing } => {
                if column.is_valid(row) {
                    judged[codes[row] as usize]
                } else {
                    *missing
                }
            }
            Self::Number { column, op, value } => match column.number(row) {
                Some(number) => op.holds(&number, value).into(),
                None => Judged::Fail,
            },
            Self::Present { column, wanted } => (column.is_valid(row) == *wanted).into(),
            Self::Text { field, test } => judge(test, field.text(row).as_deref()),
            Self::And(left, right) => match (left.judge(row), right.judge(row)) {
                (Judged::Unknown, _) | (_, Judged::Unknown) => Judged::Unknown,
                (left, right) => (left == Judged::Pass && right == Judged::Pass).into(),
            },
            Self::Or(left, right) => match left.judge(row) {
                Judged::Fail => right.judge(row),
                judged => judged,
            },
        }
    }

    /// Whether it can tell of every row.
    pub(super) fn is_certain(&self) -> bool {
        match self {
            Self::All(judged) => *judged != Judged::Unknown,
            Self::Streams { judged, .. } => !judged.contains(&Judged::Unknown),
            Self::Codes { judged, missing, .. } => *missing != Judged::Unknown && !judged.contains(&Judged::Unknown),
            Self::Number { .. } | Self::Present { .. } => true,
            Self::Text { test, .. } => matches!(test, LabelTest::Text(_)),
            Self::And(left, right) | Self::Or(left, right) => left.is_certain() && right.is_certain(),
        }
    }

    /// Keeps the rows that pass, and puts those that nobody can tell of to the others.
    pub(super) fn retain(&self, rows: &mut Vec<u32>, left: &mut Vec<usize>) {
        if self.is_certain() {
            return self.retain_certain(rows);
        }
        keep(rows, |row| match self.judge(row) {
            Judged::Pass => true,
            Judged::Fail => false,
            Judged::Unknown => {
                left.push(row);
                false
            }
        });
    }

    /// The kinds that are met most have loops of their own.
    fn retain_certain(&self, rows: &mut Vec<u32>) {
        match self {
            Self::All(Judged::Pass) => {}
            Self::Streams { streams, judged } => keep(rows, |row| judged[streams[row] as usize] == Judged::Pass),
            Self::Codes { column: Column { valid: Validity::All, .. }, codes, judged, .. } => {
                keep(rows, |row| judged[codes[row] as usize] == Judged::Pass);
            }
            Self::Number { column, op, value } => {
                if !matches!(column.valid, Validity::All) {
                    keep(rows, |row| column.is_valid(row));
                }
                match &column.data {
                    #[allow(clippy::cast_precision_loss, reason = "as precise as reading the text would be")]
                    Data::I64(numbers) => compare(rows, *op, *value, |row| numbers[row] as f64),
                    Data::F64(numbers) => compare(rows, *op, *value, |row| numbers[row]),
                    _ => rows.clear(),
                }
            }
            Self::Present { column: Column { valid: Validity::All, .. }, wanted: true } => {}
            Self::And(left, right) => {
                left.retain_certain(rows);
                right.retain_certain(rows);
            }
            bound => keep(rows, |row| bound.judge(row) == Judged::Pass),
        }
    }
}

/// Keeps the rows whose number holds against `value`.
fn compare(rows: &mut Vec<u32>, op: Compare, value: f64, number: impl Fn(usize) -> f64) {
    #[allow(clippy::float_cmp, reason = "what is asked")]
    match op {
        Compare::Equal => keep(rows, |row| number(row) == value),
        Compare::NotEqual => keep(rows, |row| number(row) != value),
        Compare::Greater => keep(rows, |row| number(row) > value),
        Compare::GreaterEqual => keep(rows, |row| number(row) >= value),
        Compare::Less => keep(rows, |row| number(row) < value),
        Compare::LessEqual => keep(rows, |row| number(row) <= value),
    }
}

fn judge(test: &LabelTest, text: Option<&str>) -> Judged {
    match (test, text) {
        (LabelTest::Text(matcher), text) => matcher.matches(text.unwrap_or_default()).into(),
        (_, None) => Judged::Fail,
        (test, Some(text)) => test.judge(text).map_or(Judged::Unknown, Judged::from),
    }
}
