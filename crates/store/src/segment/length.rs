//! How long lines are, from columns, without making lines of them.

use std::fmt::{self, Write};
use std::ops::Range;

use super::column::{Column, Values};
use super::value::{self, is_special};
use super::{Segment, SegmentError};
use crate::schema::{Encoding, Field, Type};

const NULL: u32 = "null".len() as u32;
/// A time on the line, with its quotes.
const TIME: u32 = "\"2026-11-23T19:33:43.123456789Z\"".len() as u32;
/// The quotes of a text.
const QUOTES: u32 = 2;
/// The hyphens of a UUID.
const HYPHENS: u32 = 4;

/// How long the lines of some rows of a group are, in bytes, without line feeds.
pub(super) fn lengths(segment: &Segment, group: usize, rows: Range<usize>) -> Result<Vec<u32>, SegmentError> {
    let Some(of) = segment.groups().get(group) else { return Err(segment.damaged("it has no such group")) };
    let rows = rows.start.min(of.rows)..rows.end.min(of.rows);
    // A brace at the end; the one at the beginning stands in place of the first comma.
    let mut lengths = vec![1; rows.len()];
    let mut has_fields = false;
    for (at, field) in segment.schema().fields().iter().enumerate() {
        let missing = segment.bounds(group, at).missing;
        let key = narrow(field.name.len() + ",\"\":".len());
        has_fields |= field.always;
        if missing == Some(of.rows) {
            if field.always {
                lengths.iter_mut().for_each(|length| *length += key + NULL);
            }
        } else if let (Some(width), Some(0)) = (width(field), missing) {
            lengths.iter_mut().for_each(|length| *length += key + width);
        } else {
            add(field, key, &segment.read_rows(group, at, rows.clone())?, &mut lengths);
        }
    }
    if !has_fields {
        lengths.iter_mut().filter(|length| **length == 1).for_each(|length| *length = 2);
    }
    if of.spills {
        let spilled = segment.spilled(group, rows)?;
        for (row, length) in lengths.iter_mut().enumerate() {
            *length = spilled.text(row).map_or(*length, |line| narrow(line.len()));
        }
    }
    Ok(lengths)
}

/// How long the value of a field is, if all have one length.
fn width(field: &Field) -> Option<u32> {
    match (field.kind, field.encoding) {
        (Type::Text, Encoding::Uuid) => Some(32 + HYPHENS + QUOTES),
        (Type::Text, Encoding::Hex(bytes)) => Some(2 * u32::from(bytes) + QUOTES),
        (Type::Time, _) => Some(TIME),
        _ => None,
    }
}

/// Adds the lengths of a field, with its key where a line has it.
fn add(field: &Field, key: u32, column: &Column, lengths: &mut [u32]) {
    let missing = if field.always { key + NULL } else { 0 };
    if let Some(width) = width(field) {
        return each(key, missing, column, lengths, |_| width);
    }
    match (&column.values, field.kind) {
        (Values::Integers(values), Type::Decimal(scale)) => {
            each(key, missing, column, lengths, |row| decimal(values[row], scale));
        }
        (Values::Integers(values), _) => each(key, missing, column, lengths, |row| decimal(values[row], 0)),
        (Values::Numbers(values), _) => each(key, missing, column, lengths, |row| number(values[row])),
        (Values::Flags(values), _) => each(key, missing, column, lengths, |row| if values[row] { 4 } else { 5 }),
        (Values::Codes { codes, texts }, _) if texts.len() <= codes.len() => {
            let known: Vec<u32> = texts.iter().map(|known| text(known.as_bytes())).collect();
            each(key, missing, column, lengths, |row| known[codes[row] as usize]);
        }
        (Values::Texts { offsets, text }, _) if !has_special(text.as_bytes()) => {
            each(key, missing, column, lengths, |row| offsets[row + 1] - offsets[row] + QUOTES);
        }
        _ => each(key, missing, column, lengths, |row| text(column.text(row).unwrap_or_default().as_bytes())),
    }
}

/// Adds to each row's length: what a value takes with its key, or what it takes that there is none.
fn each(key: u32, missing: u32, column: &Column, lengths: &mut [u32], length: impl Fn(usize) -> u32) {
    match &column.valid {
        None => lengths.iter_mut().enumerate().for_each(|(row, all)| *all += key + length(row)),
        Some(_) => lengths.iter_mut().enumerate().for_each(|(row, all)| {
            *all += if column.is_valid(row) { key + length(row) } else { missing };
        }),
    }
}

/// Whether a byte does not stand for itself: without a branch for each, piece by piece.
fn has_special(text: &[u8]) -> bool {
    text.chunks(4096).any(|piece| piece.iter().fold(false, |found, byte| found | is_special(*byte)))
}

/// Of a text as it stands on a line.
fn text(text: &[u8]) -> u32 {
    if !has_special(text) {
        return narrow(text.len()) + QUOTES;
    }
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        byte if is_special(*byte) => "\\u0000".len() - 1,
        _ => 0,
    };
    narrow(text.len() + text.iter().map(escaped).sum::<usize>()) + QUOTES
}

/// Of `units` of 10^-`scale` as the shortest decimal.
fn decimal(units: i64, scale: u8) -> u32 {
    if units == 0 {
        return 1;
    }
    let (mut rest, mut places) = (units.unsigned_abs(), u32::from(scale));
    // Zeros at the end, many at once.
    while places >= 4 && rest.is_multiple_of(10_000) {
        (rest, places) = (rest / 10_000, places - 4);
    }
    while places > 0 && rest.is_multiple_of(10) {
        (rest, places) = (rest / 10, places - 1);
    }
    let digits = rest.checked_ilog10().map_or(1, |most| most + 1);
    let whole = digits.saturating_sub(places).max(1);
    u32::from(units < 0) + whole + if places > 0 { places + 1 } else { 0 }
}

/// Of a number in its shortest form without exponent.
fn number(number: f64) -> u32 {
    match value::millionths(number) {
        Some(millionths) => decimal(millionths, 6),
        None => {
            let mut counted = Counted(0);
            // Counting cannot fail.
            let _ = write!(counted, "{number}");
            counted.0
        }
    }
}

/// Takes texts for their length.
struct Counted(u32);

impl Write for Counted {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += narrow(text.len());
        Ok(())
    }
}

/// A length; no line is that long.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_as_long_as_they_are_written(
            units in any::<i64>(), small in -2000_i64..2000, scale in 0_u8..19, float in any::<f64>(), words in ".{0,9}|[\\x00-\\x20\"\\\\]{0,9}"
        ) {
            for units in [units, small, small * 1_000_000] {
                let mut written = Vec::new();
                value::write_decimal(units, scale, &mut written);
                prop_assert_eq!(decimal(units, scale) as usize, written.len(), "{} {}", units, scale);
            }
            for float in [float, small as f64 / 1000.0] {
                let mut written = Vec::new();
                value::write_number(float, &mut written);
                prop_assert_eq!(number(float) as usize, written.len());
            }
            let mut written = Vec::new();
            value::write_text(words.as_bytes(), &mut written);
            prop_assert_eq!(text(words.as_bytes()) as usize, written.len());
        }
    }
}
