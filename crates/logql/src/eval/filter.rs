//! Filters, compiled.

use super::row::Row;
use crate::source::LabelMatcher;
use crate::stage::ParamError;
use crate::stage::contains::Contains;
use crate::stage::ip::IpFilter;
use crate::stage::pattern::LinePattern;
use crate::stage::regex::{self, Regex};
use crate::stage::units;
use crate::syntax::ast::{Compare, LabelFilter, LineFilter, LineOp};

const LABEL_FILTER_ERROR: &str = "LabelFilterErr";

/// A test of a line.
pub(super) struct LineTest {
    any: Vec<Text>,
    positive: bool,
}

enum Text {
    Literal(Box<Contains>),
    Regex(Regex),
    Pattern(LinePattern),
    Ip(IpFilter),
}

impl LineTest {
    pub(super) fn new(filter: &LineFilter) -> Result<Self, ParamError> {
        let compile = |test: &crate::syntax::ast::LineTest| {
            Ok(match filter.op {
                _ if test.ip => Text::Ip(IpFilter::parse(&test.text)?),
                LineOp::Contains | LineOp::NotContains => Text::Literal(Box::new(Contains::new(&test.text))),
                LineOp::Match | LineOp::NotMatch => Text::Regex(regex::compile(&test.text)?),
                LineOp::Pattern | LineOp::NotPattern => Text::Pattern(LinePattern::parse(&test.text)?),
            })
        };
        let any = filter.tests.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { any, positive: filter.op.is_positive() })
    }

    pub(super) fn passes(&self, line: &[u8]) -> bool {
        let found = self.any.iter().any(|text| match text {
            Text::Literal(literal) => literal.matches(line),
            Text::Regex(regex) => regex.is_match(line),
            Text::Pattern(pattern) => pattern.matches(line),
            Text::Ip(ip) => ip.in_line(line),
        });
        found == self.positive
    }
}

/// A test of labels.
pub(super) enum LabelTest {
    Text(LabelMatcher),
    Ip { name: String, equal: bool, ip: IpFilter },
    Number { name: String, op: Compare, value: f64 },
    Duration { name: String, op: Compare, value: i64 },
    Bytes { name: String, op: Compare, value: u64 },
    And(Box<LabelTest>, Box<LabelTest>),
    Or(Box<LabelTest>, Box<LabelTest>),
}

impl LabelTest {
    pub(super) fn new(filter: &LabelFilter) -> Result<Self, ParamError> {
        Ok(match filter {
            LabelFilter::Text(matcher) => Self::Text(LabelMatcher::new(matcher)?),
            LabelFilter::Ip { name, equal, pattern } => {
                Self::Ip { name: name.clone(), equal: *equal, ip: IpFilter::parse(pattern)? }
            }
            LabelFilter::Number { name, op, value } => Self::Number { name: name.clone(), op: *op, value: *value },
            LabelFilter::Duration { name, op, value } => Self::Duration { name: name.clone(), op: *op, value: *value },
            LabelFilter::Bytes { name, op, value } => Self::Bytes { name: name.clone(), op: *op, value: *value },
            LabelFilter::And(left, right) => Self::And(Box::new(Self::new(left)?), Box::new(Self::new(right)?)),
            LabelFilter::Or(left, right) => Self::Or(Box::new(Self::new(left)?), Box::new(Self::new(right)?)),
        })
    }

    /// Whether the entry stays. One whose label cannot be read as what it is compared with stays, with an error.
    pub(super) fn passes(&self, row: &mut Row) -> bool {
        let outcome = match self {
            Self::Text(matcher) => return matcher.matches(row.get_text(matcher.name())),
            // Both sides are asked, so that an error on the right is seen.
            Self::And(left, right) => return left.passes(row) & right.passes(row),
            Self::Or(left, right) => return left.passes(row) || right.passes(row),
            Self::Ip { .. } if row.has_error() => return true,
            Self::Ip { name, .. }
            | Self::Number { name, .. }
            | Self::Duration { name, .. }
            | Self::Bytes { name, .. } => row.get(name).map(|value| self.judge(value)),
        };
        match outcome {
            // A label that is missing is nothing that could be compared.
            None => false,
            Some(Ok(passes)) => passes,
            Some(Err(details)) => {
                if !row.has_error() {
                    row.fail(LABEL_FILTER_ERROR, &details);
                }
                true
            }
        }
    }

    /// What one test says of a value, or why the value cannot be read. Two tests in one say nothing of a value.
    pub(super) fn judge(&self, text: &str) -> Result<bool, String> {
        match self {
            Self::Text(matcher) => Ok(matcher.matches(text)),
            Self::Ip { equal, ip, .. } => Ok(ip.in_value(text) == *equal),
            Self::Number { op, value, .. } => units::parse_number(text).map(|number| op.holds(&number, value)),
            Self::Duration { op, value, .. } => match units::parse_duration(text) {
                Some(ns) => Ok(op.holds(&ns, value)),
                None => Err(units::duration_error(text)),
            },
            Self::Bytes { op, value, .. } => units::parse_bytes(text).map(|bytes| op.holds(&bytes, value)),
            Self::And(..) | Self::Or(..) => Err(String::new()),
        }
    }
}
