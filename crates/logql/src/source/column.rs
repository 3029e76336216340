//! Columns of values.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use crate::stage::units::format_float;

/// One label over the rows of a batch.
#[derive(Clone, Debug)]
pub struct Column<'s> {
    /// The label, as `| json` or the metadata name it.
    pub name: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its values.
    pub data: Data<'s>,
    /// In which rows it has one.
    pub valid: Validity<'s>,
}

/// Where a column comes from. What belongs to streams is in [`crate::source::Batch::labels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Structured metadata.
    Metadata,
    /// What `| json` finds in the line.
    Parsed,
}

/// Values. As labels they are texts: numbers in their shortest decimal form without an exponent, booleans `true` and `false`.
/// A source whose lines have it otherwise, `1.0` or `1e3`, gives texts.
#[derive(Clone, Debug)]
pub enum Data<'s> {
    /// Whole numbers.
    I64(Cow<'s, [i64]>),
    /// Numbers.
    F64(Cow<'s, [f64]>),
    /// True or false.
    Bool(Cow<'s, [bool]>),
    /// Texts of which there are few.
    Dictionary {
        /// Indices into `values`; of invalid rows anything.
        codes: Cow<'s, [u32]>,
        /// Each text once.
        values: Arc<[Box<str>]>,
    },
    /// Texts of which there are many, one behind the other.
    Text {
        /// Where each begins, and where the last ends: one more than rows.
        offsets: Cow<'s, [u32]>,
        /// All of them.
        text: Cow<'s, str>,
    },
}

impl Column<'_> {
    /// Whether `row` has a value.
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row)
    }

    /// The value of `row` as a label has it.
    pub fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        if !self.valid.get(row) {
            return None;
        }
        Some(match &self.data {
            Data::I64(values) => Cow::Owned(values[row].to_string()),
            Data::F64(values) => Cow::Owned(format_float(values[row])),
            Data::Bool(values) => Cow::Borrowed(if values[row] { "true" } else { "false" }),
            Data::Dictionary { codes, values } => Cow::Borrowed(&values[codes[row] as usize]),
            Data::Text { offsets, text } => Cow::Borrowed(&text[offsets[row] as usize..offsets[row + 1] as usize]),
        })
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let valid = match &self.valid {
            Validity::All => 0,
            Validity::Bits(words) => size_of_val(&**words),
        };
        valid
            + match &self.data {
                Data::I64(values) => size_of_val(&**values),
                Data::F64(values) => size_of_val(&**values),
                Data::Bool(values) => size_of_val(&**values),
                Data::Dictionary { codes, values } => {
                    size_of_val(&**codes) + values.iter().map(|text| size_of::<Box<str>>() + text.len()).sum::<usize>()
                }
                Data::Text { offsets, text } => size_of_val(&**offsets) + text.len(),
            }
    }

    /// Appends the value of `row`, which has one, as a label has it.
    pub(crate) fn append(&self, row: usize, text: &mut String) {
        match &self.data {
            // A string takes whatever is written.
            Data::I64(values) => drop(write!(text, "{}", values[row])),
            Data::F64(_) | Data::Bool(_) | Data::Dictionary { .. } | Data::Text { .. } => {
                text.push_str(self.text(row).as_deref().unwrap_or_default());
            }
        }
    }

    /// The value of `row`, if the column's are numbers.
    pub fn number(&self, row: usize) -> Option<f64> {
        match &self.data {
            #[allow(clippy::cast_precision_loss, reason = "as precise as reading the text would be")]
            Data::I64(values) => self.valid.get(row).then(|| values[row] as f64),
            Data::F64(values) => self.valid.get(row).then(|| values[row]),
            Data::Bool(_) | Data::Dictionary { .. } | Data::Text { .. } => None,
        }
    }
}

/// In which rows there is a value.
#[derive(Clone, Debug)]
pub enum Validity<'s> {
    /// In all.
    All,
    /// Where a bit is set; the first row has the lowest bit of the first word.
    Bits(Cow<'s, [u64]>),
}

impl Validity<'_> {
    /// Whether `row` has a value.
    pub fn get(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::Bits(words) => words[row / 64] >> (row % 64) & 1 == 1,
        }
    }
}

impl FromIterator<bool> for Validity<'_> {
    fn from_iter<I: IntoIterator<Item = bool>>(rows: I) -> Self {
        let (mut words, mut all) = (Vec::new(), true);
        for (row, valid) in rows.into_iter().enumerate() {
            if row % 64 == 0 {
                words.push(0);
            }
            if let Some(word) = words.last_mut() {
                *word |= u64::from(valid) << (row % 64);
            }
            all &= valid;
        }
        if all { Self::All } else { Self::Bits(Cow::Owned(words)) }
    }
}
