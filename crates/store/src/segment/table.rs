//! Lines on their way into columns: the rows of one group, in memory.

use std::collections::HashMap;

use super::line;
use crate::schema::{Field, Schema, Type, widens};

/// Most fields of an operator's own that get columns; the lines of others are kept as they are.
const MOST_DECLARED: usize = 64;
/// How far apart the fields of the table stand, with room for those that are found on lines.
const APART: u32 = 256;

/// Rows, by columns.
pub(super) struct Table {
    pub(super) columns: Vec<Builder>,
    /// Lines that the columns do not give back.
    pub(super) spill: Builder,
    rows: usize,
    /// Bytes of their lines.
    bytes: usize,
    names: HashMap<Box<str>, usize>,
    /// Which column came behind which on the last line, so that names need not be looked up.
    behind: Vec<usize>,
    always: usize,
    declared: usize,
    declared_at: u32,
    /// Whether new columns may still be made.
    open: bool,
}

/// A column in the making: as Parquet's writer takes it, a level for each row and a value for each row that has one.
pub(super) struct Builder {
    pub(super) field: Field,
    pub(super) levels: Vec<i16>,
    pub(super) values: Building,
    /// Its place on the line.
    place: u32,
}

/// Values, those that are there.
#[derive(Debug)]
pub(super) enum Building {
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Flags(Vec<bool>),
    /// Texts or identifiers: where each ends, and all of them.
    Bytes(Vec<u32>, Vec<u8>),
}

impl Builder {
    fn new(field: Field, place: u32) -> Builder {
        let values = match field.kind {
            Type::Integer | Type::Decimal(_) | Type::Time => Building::Integers(Vec::new()),
            Type::Number => Building::Numbers(Vec::new()),
            Type::Flag => Building::Flags(Vec::new()),
            Type::Text => Building::Bytes(Vec::new(), Vec::new()),
        };
        Builder { field, levels: Vec::new(), values, place }
    }

    /// Says that `row` has a value, which was just added. Rows before it that were not spoken of have none.
    fn mark(&mut self, row: usize) {
        self.levels.resize(row, 0);
        self.levels.push(1);
    }

    fn clear(&mut self, rows: usize) {
        self.levels.resize(rows, 0);
        self.levels.clear();
        match &mut self.values {
            Building::Integers(values) => values.clear(),
            Building::Numbers(values) => values.clear(),
            Building::Flags(values) => values.clear(),
            Building::Bytes(ends, bytes) => {
                ends.clear();
                bytes.clear();
            }
        }
    }

    /// Integers become numbers, since one of them is none.
    fn widen(&mut self) {
        self.field.kind = Type::Number;
        if let Building::Integers(values) = &self.values {
            self.values = Building::Numbers(values.iter().map(|value| *value as f64).collect());
        }
    }
}

impl Table {
    /// For lines of `schema`. If `open`, fields that it does not know get columns when they are met.
    pub(super) fn new(schema: &Schema, open: bool) -> Table {
        let columns: Vec<Builder> =
            (1..).zip(schema.fields()).map(|(at, field)| Builder::new(field.clone(), at * APART)).collect();
        let names = columns.iter().enumerate().map(|(at, column)| (column.field.name.as_str().into(), at)).collect();
        Table {
            behind: (1..=columns.len()).collect(),
            always: columns.iter().filter(|column| column.field.always).count(),
            declared: 0,
            declared_at: schema.declared_at() as u32 * APART + 1,
            spill: Builder::new(Field::new(crate::schema::SPILL, Type::Text, crate::schema::Role::Line), u32::MAX),
            rows: 0,
            bytes: 0,
            columns,
            names,
            open,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The schema of what is there, in the order of the line; columns are put into the same order. No column is made any more.
    pub(super) fn settle(&mut self, schema: &Schema) -> Schema {
        let mut settled = schema.clone();
        for column in self.columns.iter().filter(|column| column.field.declared) {
            settled.declare(column.field.clone());
        }
        self.columns.sort_by_key(|column| column.place);
        self.names = (0..).zip(&self.columns).map(|(at, column)| (column.field.name.as_str().into(), at)).collect();
        self.behind = (1..=self.columns.len()).collect();
        self.open = false;
        settled
    }

    /// Makes all columns as long as there are rows.
    pub(super) fn fill(&mut self) {
        for column in self.columns.iter_mut().chain([&mut self.spill]) {
            column.levels.resize(self.rows, 0);
        }
    }

    /// Begins the next group.
    pub(super) fn clear(&mut self) {
        for column in self.columns.iter_mut().chain([&mut self.spill]) {
            column.clear(self.rows);
        }
        (self.rows, self.bytes) = (0, 0);
    }

    /// Adds a line. What its columns would not give back is also kept as it is, always so if `keep`.
    pub(super) fn add(&mut self, line: &[u8], keep: bool) {
        let regular = self.members(line).is_some();
        if (!regular || keep) && std::str::from_utf8(line).is_ok() {
            if let Building::Bytes(ends, bytes) = &mut self.spill.values {
                bytes.extend_from_slice(line);
                ends.push(bytes.len() as u32);
            }
            self.spill.mark(self.rows);
        }
        self.bytes += line.len();
        self.rows += 1;
    }

    /// Puts the line's values into their columns. `None` if the line is not what they would give back.
    fn members(&mut self, line: &[u8]) -> Option<()> {
        let (mut rest, mut last, mut always, mut place) = (line, usize::MAX, 0, 0);
        let mut regular = rest.first() == Some(&b'{');
        while let Some((name, value, behind)) = line::member(rest) {
            let column = self.column(name, value, last);
            rest = behind;
            let Some(at) = column else {
                regular = false;
                continue;
            };
            let builder = &mut self.columns[at];
            regular &= builder.place > place;
            place = place.max(builder.place);
            always += usize::from(builder.field.always);
            if value == b"null" {
                regular &= builder.field.always;
            } else if builder.levels.len() > self.rows || !builder.push(value) {
                regular = false;
            } else {
                builder.mark(self.rows);
            }
            if let Some(behind) = self.behind.get_mut(last) {
                *behind = at;
            }
            last = at;
        }
        (regular && rest == b"}" && always == self.always).then_some(())
    }

    /// The column of a name, which most likely is the one that came there on the last line.
    fn column(&mut self, name: &[u8], value: &[u8], last: usize) -> Option<usize> {
        let likely = if last == usize::MAX { 0 } else { self.behind[last] };
        if self.columns.get(likely).is_some_and(|column| column.field.name.as_bytes() == name) {
            return self.widened(likely, value);
        }
        let name = std::str::from_utf8(name).ok()?;
        match self.names.get(name) {
            Some(at) => self.widened(*at, value),
            None => self.declare(name, value),
        }
    }

    fn widened(&mut self, at: usize, value: &[u8]) -> Option<usize> {
        let column = &mut self.columns[at];
        if column.field.declared && self.open && column.field.kind == Type::Integer {
            let found = line::kind(value);
            if found.is_some_and(|found| widens(column.field.kind, found)) {
                column.widen();
            }
        }
        Some(at)
    }

    fn declare(&mut self, name: &str, value: &[u8]) -> Option<usize> {
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !self.open || self.declared == MOST_DECLARED || !plain || name.is_empty() || name == crate::schema::SPILL {
            return None;
        }
        let mut field = Field::new(name, line::kind(value)?, crate::schema::Role::Line);
        field.declared = true;
        let at = self.columns.len();
        self.columns.push(Builder::new(field, self.declared_at + self.declared as u32));
        self.names.insert(name.into(), at);
        self.behind.push(at + 1);
        self.declared += 1;
        Some(at)
    }
}

impl Builder {
    /// Adds a value as it stands on the line. `false` if it is not in the form in which it would be written.
    fn push(&mut self, value: &[u8]) -> bool {
        line::push(&self.field, value, &mut self.values).is_some()
    }
}
