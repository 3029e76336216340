//! Columns as they are read: plain vectors, one value a row.

use std::sync::Arc;

use super::lines;
use crate::schema::Field;

/// One field over some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its values; in rows that have none, anything.
    pub values: Values,
    /// In which rows it has one: a set bit each, the first row has the lowest bit of the first word. `None`: in all.
    pub valid: Option<Vec<u64>>,
}

/// Values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Whole numbers, decimals in their smallest unit, times in nanoseconds since 1970.
    Integers(Vec<i64>),
    /// Numbers.
    Numbers(Vec<f64>),
    /// Yes or no.
    Flags(Vec<bool>),
    /// Texts of which there are few.
    Codes {
        /// Which of the texts.
        codes: Vec<u32>,
        /// Each once, in any order; not all need to occur.
        texts: Arc<[Box<str>]>,
    },
    /// Texts of which there are many.
    Texts {
        /// Where each begins, and where the last ends: one more than rows. They lie between characters.
        offsets: Vec<u32>,
        /// One behind the other.
        text: String,
    },
    /// Identifiers.
    Bytes {
        /// How many bytes each has.
        width: usize,
        /// One behind the other.
        bytes: Vec<u8>,
    },
}

impl Column {
    /// Whether `row` has a value.
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        match &self.valid {
            None => true,
            Some(words) => words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1),
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of `row`, where it has one.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&str> {
        if !self.is_valid(row) {
            return None;
        }
        match &self.values {
            Values::Codes { codes, texts } => texts.get(*codes.get(row)? as usize).map(|text| &**text),
            Values::Texts { offsets, text } => text.get(*offsets.get(row)? as usize..*offsets.get(row + 1)? as usize),
            _ => None,
        }
    }

    /// The whole number of `row`, where it has one.
    #[must_use]
    pub fn integer(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Integers(values) if self.is_valid(row) => values.get(row).copied(),
            _ => None,
        }
    }

    /// The identifier of `row`, where it has one.
    #[must_use]
    pub fn bytes(&self, row: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Bytes { width, bytes } if self.is_valid(row) => bytes.get(row * width..(row + 1) * width),
            _ => None,
        }
    }

    /// Appends the value of `row`, which has one, as it stands on the line, a text as it is read from there.
    pub fn append(&self, row: usize, field: &Field, out: &mut String) {
        match self.text(row) {
            Some(text) => out.push_str(text),
            None => {
                let mut value = Vec::with_capacity(40);
                lines::write_value(field, self, row, &mut value);
                // Digits, letters and signs, in quotes or not.
                out.push_str(std::str::from_utf8(&value).unwrap_or_default().trim_matches('"'));
            }
        }
    }

    /// Only the rows in `range`, which must lie within.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Column {
        let valid = self.valid.as_ref().map(|words| {
            let bit = |row: usize| words.get(row / 64).map_or(0, |word| word >> (row % 64) & 1);
            let mut cut = vec![0_u64; range.len().div_ceil(64)];
            for (at, row) in range.clone().enumerate() {
                cut[at / 64] |= bit(row) << (at % 64);
            }
            cut
        });
        let values = match &self.values {
            Values::Integers(values) => Values::Integers(values[range].to_vec()),
            Values::Numbers(values) => Values::Numbers(values[range].to_vec()),
            Values::Flags(values) => Values::Flags(values[range].to_vec()),
            Values::Codes { codes, texts } => Values::Codes { codes: codes[range].to_vec(), texts: texts.clone() },
            Values::Bytes { width, bytes } => {
                Values::Bytes { width: *width, bytes: bytes[range.start * width..range.end * width].to_vec() }
            }
            Values::Texts { offsets, text } => {
                let (from, to) = (offsets[range.start], offsets[range.end]);
                let offsets = offsets[range.start..=range.end].iter().map(|offset| offset - from).collect();
                Values::Texts { offsets, text: text[from as usize..to as usize].to_owned() }
            }
        };
        Column { values, valid }
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Integers(values) => values.len(),
            Values::Numbers(values) => values.len(),
            Values::Flags(values) => values.len(),
            Values::Codes { codes, .. } => codes.len(),
            Values::Texts { offsets, .. } => offsets.len().saturating_sub(1),
            Values::Bytes { width, bytes } => bytes.len() / (*width).max(1),
        }
    }
}
