//! What a question asks of entries first, asked of columns: of a whole group at once, and before its other fields are read.

use std::sync::Arc;

use logql::source::{Test, Tested};
use logql::syntax::ast::{Compare, LabelFilter, LineOp, MatchOp};
use store::schema::{Encoding, Field, Type};
use store::segment::{Column, Values};
use store::{Segment, SegmentError};

use super::needle::{self, Needle};
use super::pairs::Pairs;
use super::plan::Plan;
use super::{Sealed, column};
use crate::query::label::{DETECTED_LEVEL, Place};

/// A group that is asked.
pub(super) struct Sieve<'s> {
    pub(super) sealed: &'s Sealed,
    pub(super) segment: &'s Segment,
    pub(super) group: usize,
    pub(super) plan: &'s Plan,
    /// What was read, by the number of the field.
    pub(super) read: Vec<(usize, Column)>,
}

/// What a test asks of columns.
enum Asked<'t> {
    /// That one of these stands in the line, or none.
    Line(Vec<Needle>, bool),
    /// That a field has this text.
    Text(usize, &'t str),
    /// That a field holds against a number.
    Number(usize, Compare, f64),
    /// Whether a field has a value that is no empty text.
    Present(usize, bool),
    /// What every line of the segment passes.
    Anything,
    /// What no line of the segment passes.
    Nothing,
}

impl Sieve<'_> {
    /// Whether no row can pass all tests, as far as that is known without reading any.
    ///
    /// # Errors
    /// What is known of a column cannot be read.
    pub(super) fn rules_out(&self, tests: &[Test]) -> Result<bool, SegmentError> {
        for asked in tests.iter().filter_map(|test| self.ask(test)) {
            if !self.may_pass(&asked)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keeps the rows that pass of so many, and says of each test whether it was asked. `None` stands for all of them.
    ///
    /// # Errors
    /// A column cannot be read.
    pub(super) fn retain(
        &mut self,
        tests: &[Test],
        rows: &mut Option<Vec<bool>>,
        of: usize,
    ) -> Result<Vec<Tested>, SegmentError> {
        let asked: Vec<Option<Asked>> = tests.iter().map(|test| self.ask(test)).collect();
        let mut tested = vec![Tested::Unsupported; tests.len()];
        // What is cheap comes first: lines are looked at only for what is left.
        let is_line = |at: &usize| matches!(asked[*at], Some(Asked::Line(..)));
        let (lines, others): (Vec<usize>, Vec<usize>) = (0..tests.len()).partition(is_line);
        for at in others.into_iter().chain(lines) {
            let Some(asked) = &asked[at] else { continue };
            if self.must_pass(asked) {
                tested[at] = Tested::Exact;
                continue;
            }
            let rows = rows.get_or_insert_with(|| vec![true; of]);
            if !rows.contains(&true) {
                break;
            }
            if self.keep(asked, rows)? {
                tested[at] = Tested::Exact;
            }
        }
        if rows.as_ref().is_some_and(|rows| !rows.contains(&true)) {
            tested.fill(Tested::Exact);
        }
        Ok(tested)
    }

    fn ask<'t>(&self, test: &'t Test) -> Option<Asked<'t>> {
        match test {
            Test::Line(filter) if matches!(filter.op, LineOp::Contains | LineOp::NotContains) => {
                let needle = |text: &str| Needle::new(text).filter(|needle| self.tells_of(needle));
                let needles = filter.tests.iter().map(|test| if test.ip { None } else { needle(&test.text) });
                Some(Asked::Line(needles.collect::<Option<_>>()?, filter.op.is_positive()))
            }
            Test::Label { filter: LabelFilter::Text(matcher), parsed } if matcher.asks_presence().is_some() => {
                let wanted = matcher.asks_presence()?;
                Some(match (self.field(&matcher.name, *parsed)?, wanted) {
                    (Some(at), wanted) => Asked::Present(at, wanted),
                    (None, true) => Asked::Nothing,
                    (None, false) => Asked::Anything,
                })
            }
            Test::Label { filter: LabelFilter::Text(matcher), parsed } if matcher.op == MatchOp::Equal => {
                let Some(at) = self.field(&matcher.name, *parsed)? else { return Some(Asked::Nothing) };
                let is_text = self.segment.schema().fields()[at].kind == Type::Text;
                // What could not be read stands as a space in what is parsed.
                (is_text && !matcher.value.contains(' ')).then_some(Asked::Text(at, &matcher.value))
            }
            Test::Label { filter: LabelFilter::Number { name, op, value }, parsed } => {
                let Some(at) = self.field(name, *parsed)? else { return Some(Asked::Nothing) };
                let kind = self.segment.schema().fields()[at].kind;
                let is_number = matches!(kind, Type::Integer | Type::Decimal(_) | Type::Number);
                is_number.then_some(Asked::Number(at, *op, *value))
            }
            _ => None,
        }
    }

    /// Whether columns hold what the needle is compared with: times are kept as numbers.
    fn tells_of(&self, needle: &Needle) -> bool {
        let schema = self.segment.schema();
        let is_time = |name: &str| schema.position(name).is_some_and(|at| schema.fields()[at].kind == Type::Time);
        !matches!(needle, Needle::Member(name, _) if is_time(name))
    }

    /// The field that has the values of a label: `Some(None)` if none has, `None` if that is not known.
    fn field(&self, name: &str, parsed: bool) -> Option<Option<usize>> {
        let is_constant = self.sealed.labeller.constant().iter().any(|(known, _)| known == name);
        if is_constant || !self.plan.json || name.ends_with("_extracted") || name.starts_with("__") {
            return None;
        }
        let Some(at) = self.plan.fields.iter().position(|planned| *planned.name == *name) else {
            return if name == DETECTED_LEVEL { None } else { Some(None) };
        };
        match self.plan.fields[at].place {
            Place::Level => None,
            Place::Line if !parsed => Some(None),
            Place::Label | Place::Metadata | Place::Line => Some(Some(at)),
        }
    }

    /// Whether some row may pass, as far as that is known without reading any.
    fn may_pass(&self, asked: &Asked) -> Result<bool, SegmentError> {
        match asked {
            Asked::Nothing => Ok(false),
            Asked::Anything => Ok(true),
            Asked::Present(at, wanted) => Ok(if *wanted { !self.is_empty(*at) } else { !self.is_full(*at) }),
            Asked::Text(at, text) => match encoded(text, &self.segment.schema().fields()[*at]) {
                Some(value) => Ok(!self.is_empty(*at) && self.segment.may_hold(self.group, *at, &value)?),
                None => Ok(false),
            },
            Asked::Number(at, op, value) => {
                let scale = match self.segment.schema().fields()[*at].kind {
                    Type::Integer => 1.0,
                    Type::Decimal(scale) => 10_f64.powi(i32::from(scale)),
                    _ => return Ok(!self.is_empty(*at)),
                };
                #[allow(clippy::cast_precision_loss, reason = "what is near is not left out")]
                let near = |units: i64| units as f64 / scale;
                let Some((least, most)) = self.segment.bounds(self.group, *at).integers else { return Ok(true) };
                let (least, most) = (near(least), near(most));
                Ok(match op {
                    Compare::Greater | Compare::GreaterEqual => most >= *value,
                    Compare::Less | Compare::LessEqual => least <= *value,
                    Compare::Equal => least <= *value && *value <= most,
                    Compare::NotEqual => true,
                })
            }
            Asked::Line(needles, positive) => Ok(!positive || needles.iter().any(|needle| self.may_find(needle))),
        }
    }

    /// Whether all rows pass, as far as that is known without reading any.
    fn must_pass(&self, asked: &Asked) -> bool {
        match asked {
            Asked::Anything => true,
            Asked::Present(at, wanted) => {
                if *wanted {
                    self.is_full(*at)
                } else {
                    self.is_empty(*at)
                }
            }
            _ => false,
        }
    }

    /// Whether a needle may be in some line, as far as that is known without reading any.
    fn may_find(&self, needle: &Needle) -> bool {
        let (Needle::Key(name) | Needle::Member(name, _)) = needle else { return true };
        let schema = self.segment.schema();
        let has = |at: usize| schema.fields()[at].always || !self.is_empty(at);
        schema.position(name).is_some_and(has)
    }

    fn is_empty(&self, field: usize) -> bool {
        let rows = self.segment.groups().get(self.group).map(|of| of.rows);
        self.segment.bounds(self.group, field).missing == rows
    }

    /// Whether all rows have a value, and none of them is an empty text.
    fn is_full(&self, field: usize) -> bool {
        let bounds = self.segment.bounds(self.group, field);
        let may_be_empty = self.segment.schema().fields()[field].kind == Type::Text
            && bounds.bytes.is_none_or(|(least, _)| least.is_empty());
        bounds.missing == Some(0) && !may_be_empty
    }

    /// Keeps the rows that pass; `false` if that cannot be told.
    fn keep(&mut self, asked: &Asked, rows: &mut [bool]) -> Result<bool, SegmentError> {
        let segment = self.segment;
        match asked {
            Asked::Nothing => rows.fill(false),
            Asked::Anything => {}
            Asked::Present(at, wanted) => keep_present(self.column(*at)?, *wanted, rows),
            Asked::Text(at, text) => {
                let Some(value) = encoded(text, &segment.schema().fields()[*at]) else { return Ok(false) };
                keep_text(self.column(*at)?, text, &value, rows);
            }
            Asked::Number(at, op, value) => {
                let field = &segment.schema().fields()[*at];
                let found = self.column(*at)?;
                let Some(numbers) = column::numbers(field, found) else { return Ok(false) };
                for (row, kept) in rows.iter_mut().enumerate() {
                    *kept = *kept && found.is_valid(row) && holds(*op, numbers[row], *value);
                }
            }
            Asked::Line(needles, positive) => {
                let mut found: Vec<bool> = rows.iter().map(|kept| !kept).collect();
                for needle in needles {
                    self.find(needle, &mut found)?;
                }
                // What was not asked for is as if it were found.
                rows.iter_mut().zip(found).for_each(|(kept, found)| *kept &= found == *positive);
            }
        }
        Ok(true)
    }

    /// Marks the rows in whose lines the needle is.
    fn find(&mut self, needle: &Needle, found: &mut [bool]) -> Result<(), SegmentError> {
        let segment = self.segment;
        match needle {
            Needle::Key(name) => match segment.schema().position(name) {
                Some(at) => self.find_name(at, found),
                None => Ok(()),
            },
            Needle::Member(name, value) => {
                let Some(at) = segment.schema().position(name).filter(|at| !self.is_empty(*at)) else {
                    return Ok(());
                };
                let field = &segment.schema().fields()[at];
                let Some(encoded) = encoded(value, field).filter(|_| field.kind == Type::Text) else { return Ok(()) };
                let mut has = vec![true; found.len()];
                keep_text(self.column(at)?, value, &encoded, &mut has);
                found.iter_mut().zip(has).for_each(|(found, has)| *found |= has);
                Ok(())
            }
            Needle::Part(part) => self.find_part(part, found),
        }
    }

    /// Marks the rows that have a field, be it as `null`.
    fn find_name(&mut self, at: usize, found: &mut [bool]) -> Result<(), SegmentError> {
        if self.segment.schema().fields()[at].always {
            found.fill(true);
        } else if !self.is_empty(at) {
            let column = self.column(at)?;
            found.iter_mut().enumerate().for_each(|(row, found)| *found |= column.is_valid(row));
        }
        Ok(())
    }

    fn find_part(&mut self, part: &str, found: &mut [bool]) -> Result<(), SegmentError> {
        let segment = self.segment;
        for (at, field) in segment.schema().fields().iter().enumerate() {
            if field.name.contains(part) {
                self.find_name(at, found)?;
            }
            if field.always && "null".contains(part) {
                let column = self.column(at)?;
                found.iter_mut().enumerate().for_each(|(row, found)| *found |= !column.is_valid(row));
            }
        }
        for (at, field) in segment.schema().fields().iter().enumerate() {
            if !found.contains(&false) {
                break;
            }
            if !self.is_empty(at) && needle::can_stand_in(part, field) && self.may_have(at, part)? {
                needle::mark(part, field, self.column(at)?, found);
            }
        }
        Ok(())
    }

    /// Whether texts of a column may have `part` in them. What there is in a column is looked at once and then known.
    fn may_have(&mut self, at: usize, part: &str) -> Result<bool, SegmentError> {
        let field = &self.segment.schema().fields()[at];
        if field.kind != Type::Text || field.encoding != Encoding::Plain {
            return Ok(true);
        }
        let Some(of) = self.segment.groups().get(self.group) else { return Ok(true) };
        let key = (of.first, of.rows, at);
        if let Some(pairs) = self.sealed.pairs(&key) {
            return Ok(pairs.may_hold(part));
        }
        let mut pairs = Pairs::new();
        let mut plain = true;
        let mut take = |text: &str| {
            plain &= !needle::has_control(text);
            pairs.add(text);
        };
        match &self.column(at)?.values {
            Values::Codes { texts, .. } => texts.iter().for_each(|text| take(text)),
            Values::Texts { text, .. } => take(text),
            _ => plain = false,
        }
        // On the line they have others in place of control characters.
        if !plain {
            return Ok(true);
        }
        let may = pairs.may_hold(part);
        self.sealed.know_pairs(key, Arc::new(pairs));
        Ok(may)
    }

    /// The whole of a field in the group.
    fn column(&mut self, field: usize) -> Result<&Column, SegmentError> {
        let at = match self.read.iter().position(|(known, _)| *known == field) {
            Some(at) => at,
            None => {
                self.read.push((field, self.segment.read(self.group, field)?));
                self.read.len() - 1
            }
        };
        Ok(&self.read[at].1)
    }
}

/// A text as the column has it; `None` if it can have no such text.
fn encoded(text: &str, field: &Field) -> Option<Vec<u8>> {
    match field.encoding {
        Encoding::Plain => Some(text.as_bytes().to_vec()),
        Encoding::Uuid => store::segment::identifier(text, true).filter(|bytes| bytes.len() == 16),
        Encoding::Hex(width) => {
            store::segment::identifier(text, false).filter(|bytes| bytes.len() == usize::from(width))
        }
    }
}

fn keep_text(column: &Column, text: &str, encoded: &[u8], rows: &mut [bool]) {
    match &column.values {
        Values::Codes { codes, texts } => {
            let wanted: Vec<bool> = texts.iter().map(|known| **known == *text).collect();
            for (row, kept) in rows.iter_mut().enumerate() {
                *kept = *kept && wanted[codes[row] as usize] && column.is_valid(row);
            }
        }
        Values::Bytes { width, bytes } => {
            for (row, (kept, value)) in rows.iter_mut().zip(bytes.chunks_exact(*width)).enumerate() {
                *kept = *kept && value == encoded && column.is_valid(row);
            }
        }
        Values::Texts { .. } => {
            rows.iter_mut().enumerate().for_each(|(row, kept)| *kept = *kept && column.text(row) == Some(text));
        }
        // Numbers are no texts.
        _ => rows.fill(false),
    }
}

fn keep_present(column: &Column, wanted: bool, rows: &mut [bool]) {
    let rows = rows.iter_mut().enumerate();
    match column::has_empty(column) {
        true => rows.for_each(|(row, kept)| {
            *kept &= column.text(row).is_some_and(|text| !text.is_empty()) == wanted;
        }),
        false => rows.for_each(|(row, kept)| *kept &= column.is_valid(row) == wanted),
    }
}

fn holds(op: Compare, number: f64, value: f64) -> bool {
    #[allow(clippy::float_cmp, reason = "what is asked")]
    match op {
        Compare::Equal => number == value,
        Compare::NotEqual => number != value,
        Compare::Greater => number > value,
        Compare::GreaterEqual => number >= value,
        Compare::Less => number < value,
        Compare::LessEqual => number <= value,
    }
}
