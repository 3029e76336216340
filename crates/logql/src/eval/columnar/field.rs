//! Labels as columns have them, and what is asked of them.

use std::borrow::Cow;

use super::super::filter::LabelTest;
use super::super::range::convert;
use super::retain;
use crate::source::{Batch, Column, Data, Origin};
use crate::syntax::ast::{Compare, Conversion};

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
pub(super) fn find<'a>(name: &'a str, batch: &'a Batch<'a>, parsed: bool) -> Option<Field<'a>> {
    // Such a name may stand for another one, depending on what else an entry has.
    if name.ends_with("_extracted") || name.starts_with("__") {
        return None;
    }
    let column = |origin: Origin| {
        let mut columns = batch.columns.iter().filter(move |column| column.origin == origin && *column.name == *name);
        columns.next()
    };
    Some(Field {
        batch,
        name,
        in_streams: batch.labels.iter().any(|labels| labels.has(name)),
        metadata: column(Origin::Metadata),
        parsed: column(Origin::Parsed).filter(|_| parsed),
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

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn text(&self, row: usize) -> Option<Cow<'a, str>> {
        if self.in_streams
            && let Some(value) = self.batch.stream(row).get(self.name)
        {
            return Some(Cow::Owned(value.to_owned()));
        }
        let metadata = self.metadata.and_then(|column| column.text(row));
        metadata.or_else(|| self.parsed.and_then(|column| column.text(row)))
    }
}

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
    /// By text.
    Text {
        field: Field<'a>,
        test: &'a LabelTest,
    },
    And(Box<Bound<'a>>, Box<Bound<'a>>),
    Or(Box<Bound<'a>>, Box<Bound<'a>>),
}

impl<'a> Bound<'a> {
    pub(super) fn new(test: &'a LabelTest, batch: &'a Batch<'a>, parsed: bool) -> Option<Self> {
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
        let field = find(name, batch, parsed)?;
        let column = field.column();
        Some(match (test, column.map(|column| (column, &column.data))) {
            (LabelTest::Number { op, value, .. }, Some((column, Data::I64(_) | Data::F64(_)))) => {
                Self::Number { column, op: *op, value: *value }
            }
            (_, Some((column, Data::Dictionary { codes, values }))) => Self::Codes {
                column,
                codes,
                judged: values.iter().map(|value| judge(test, Some(value))).collect(),
                missing: judge(test, None),
            },
            _ => Self::Text { field, test },
        })
    }

    fn judge(&self, row: usize) -> Judged {
        match self {
            Self::All(judged) => *judged,
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

    /// Keeps the rows that pass.
    pub(super) fn retain(&self, rows: &mut Vec<(u32, u32)>, left: &mut Vec<usize>) {
        match self {
            Self::All(Judged::Pass) => {}
            // The kinds that are met most have loops of their own.
            Self::Codes { column, codes, judged, missing } => {
                retain(rows, left, |row| if column.is_valid(row) { judged[codes[row] as usize] } else { *missing })
            }
            Self::Number { column, op, value } => retain(rows, left, |row| {
                column.number(row).map_or(Judged::Fail, |number| op.holds(&number, value).into())
            }),
            bound => retain(rows, left, |row| bound.judge(row)),
        }
    }
}

fn judge(test: &LabelTest, text: Option<&str>) -> Judged {
    match (test, text) {
        (LabelTest::Text(matcher), text) => matcher.matches(text.unwrap_or_default()).into(),
        (_, None) => Judged::Fail,
        (test, Some(text)) => test.judge(text).map_or(Judged::Unknown, Judged::from),
    }
}

/// What `unwrap` makes of a label.
pub(super) struct Numbers<'a> {
    field: Field<'a>,
    column: Option<&'a Column<'a>>,
    conversion: Conversion,
    /// Of the texts of a dictionary.
    converted: Option<Vec<Result<f64, Judged>>>,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(field: Field<'a>, conversion: Conversion) -> Self {
        let column = field.column();
        let converted = match column.map(|column| &column.data) {
            Some(Data::Dictionary { values, .. }) => Some(values.iter().map(|value| read(value, conversion)).collect()),
            _ => None,
        };
        Self { field, column, conversion, converted }
    }

    fn read(&self, row: usize) -> Result<f64, Judged> {
        match (self.column, &self.converted) {
            (Some(column), Some(converted)) => {
                let Data::Dictionary { codes, .. } = &column.data else { return Err(Judged::Unknown) };
                if column.is_valid(row) { converted[codes[row] as usize] } else { Err(Judged::Fail) }
            }
            (Some(column), None)
                if self.conversion == Conversion::Number && matches!(column.data, Data::I64(_) | Data::F64(_)) =>
            {
                column.number(row).ok_or(Judged::Fail)
            }
            _ => self.field.text(row).map_or(Err(Judged::Fail), |text| read(&text, self.conversion)),
        }
    }

    /// Keeps the rows that have a number.
    pub(super) fn retain(&self, rows: &mut Vec<(u32, u32)>, left: &mut Vec<usize>) {
        retain(rows, left, |row| self.read(row).map_or_else(|judged| judged, |_| Judged::Pass));
    }

    /// The number of a row that was kept.
    pub(super) fn value(&self, row: usize) -> f64 {
        self.read(row).unwrap_or(f64::NAN)
    }
}

/// An entry whose label is empty has no sample.
fn read(text: &str, conversion: Conversion) -> Result<f64, Judged> {
    if text.is_empty() {
        return Err(Judged::Fail);
    }
    convert(text, conversion).map_err(|_| Judged::Unknown)
}
