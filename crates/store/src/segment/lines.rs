//! Lines, given back from columns.

use std::ops::Range;

use super::column::{Column, Values};
use super::{Segment, SegmentError, value};
use crate::schema::{Encoding, Field, Type};

/// The lines of some rows of a group.
pub struct Lines<'s> {
    rows: Range<usize>,
    fields: Vec<Part<'s>>,
    spilled: Option<Column>,
}

/// A field of these lines.
struct Part<'s> {
    field: &'s Field,
    /// As it stands on the line: `,"name":`.
    key: Vec<u8>,
    /// `None`: no line has it.
    column: Option<Column>,
    /// Of a dictionary: each text as it stands on the line, with the key, where that pays.
    rendered: Vec<Box<[u8]>>,
}

impl Part<'_> {
    fn new(field: &Field, column: Option<Column>) -> Part<'_> {
        let key = format!(",\"{}\":", field.name).into_bytes();
        let render = |text: &str| {
            let mut whole = key.clone();
            value::write_text(text.as_bytes(), &mut whole);
            whole.into_boxed_slice()
        };
        let rendered = match column.as_ref().map(|column| &column.values) {
            Some(Values::Codes { codes, texts }) if texts.len() <= codes.len() => {
                texts.iter().map(|text| render(text)).collect()
            }
            _ => Vec::new(),
        };
        Part { field, key, column, rendered }
    }

    /// Writes the field with its key, if the line has it or would have it.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let column = self.column.as_ref().filter(|column| column.is_valid(row));
        if let Some(Values::Codes { codes, .. }) = column.map(|column| &column.values)
            && let Some(rendered) = self.rendered.get(codes[row] as usize)
        {
            out.extend_from_slice(rendered);
        } else if let Some(column) = column {
            out.extend_from_slice(&self.key);
            write_value(self.field, column, row, out);
        } else if self.field.always {
            out.extend_from_slice(&self.key);
            out.extend_from_slice(b"null");
        }
    }
}

impl<'s> Lines<'s> {
    pub(super) fn read(
        segment: &'s Segment,
        group: usize,
        rows: Range<usize>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Lines<'s>, SegmentError> {
        let Some(of) = segment.groups().get(group) else { return Err(segment.damaged("it has no such group")) };
        let rows = rows.start.min(of.rows)..rows.end.min(of.rows);
        let mut fields = Vec::with_capacity(segment.schema().fields().len());
        for (at, field) in segment.schema().fields().iter().enumerate().filter(|(_, field)| wanted(&field.name)) {
            let empty = segment.bounds(group, at).missing == Some(of.rows);
            if empty && !field.always {
                continue;
            }
            let column = if empty { None } else { Some(segment.read_rows(group, at, rows.clone())?) };
            fields.push(Part::new(field, column));
        }
        let spilled = if of.spills { Some(segment.spilled(group, rows.clone())?) } else { None };
        Ok(Lines { rows, fields, spilled })
    }

    /// Which rows of the group these are.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Writes the line of a row of the group, without a line feed. Nothing, if the row is none of these.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if !self.rows.contains(&row) {
            return;
        }
        let row = row - self.rows.start;
        if let Some(line) = self.spilled.as_ref().and_then(|spilled| spilled.text(row)) {
            out.extend_from_slice(line.as_bytes());
            return;
        }
        let start = out.len();
        self.fields.iter().for_each(|part| part.write(row, out));
        // Every key has a comma in front of it; the first one gets a brace instead.
        match out.get_mut(start) {
            Some(first) => *first = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
    }
}

pub(super) fn write_value(field: &Field, column: &Column, row: usize, out: &mut Vec<u8>) {
    match (&column.values, field.kind) {
        (Values::Integers(values), Type::Integer) => value::write_decimal(values[row], 0, out),
        (Values::Integers(values), Type::Decimal(scale)) => value::write_decimal(values[row], scale, out),
        (Values::Integers(values), _) => {
            out.push(b'"');
            value::write_time(values[row], out);
            out.push(b'"');
        }
        (Values::Numbers(values), _) => value::write_number(values[row], out),
        (Values::Flags(values), _) => out.extend_from_slice(if values[row] { b"true" } else { b"false" }),
        (Values::Codes { .. } | Values::Texts { .. }, _) => {
            value::write_text(column.text(row).unwrap_or_default().as_bytes(), out);
        }
        (Values::Bytes { width, bytes }, _) => {
            out.push(b'"');
            value::write_hex(&bytes[row * width..(row + 1) * width], field.encoding == Encoding::Uuid, out);
            out.push(b'"');
        }
    }
}
