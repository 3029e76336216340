//! What `unwrap` makes of a label.

use super::super::range::convert;
use super::bound::Judged;
use super::field::Field;
use super::{by_code, keep};
use crate::source::{Column, Data, Validity};
use crate::syntax::ast::Conversion;

/// The numbers of a label.
pub(super) struct Numbers<'a> {
    field: Field<'a>,
    conversion: Conversion,
    from: From<'a>,
}

enum From<'a> {
    Whole(&'a Column<'a>, &'a [i64]),
    Decimal(&'a Column<'a>, &'a [f64]),
    /// Texts of a dictionary, each converted.
    Codes(&'a Column<'a>, &'a [u32], Vec<Result<f64, Judged>>),
    Texts,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(field: Field<'a>, conversion: Conversion) -> Self {
        let from = match field.column().map(|column| (column, &column.data)) {
            Some((column, Data::I64(numbers))) if conversion == Conversion::Number => From::Whole(column, numbers),
            Some((column, Data::F64(numbers))) if conversion == Conversion::Number => From::Decimal(column, numbers),
            Some((column, Data::Dictionary { codes, values })) => {
                let converted = |code: usize| read(&values[code], conversion);
                From::Codes(column, codes, by_code(codes, values.len(), Err(Judged::Fail), converted))
            }
            _ => From::Texts,
        };
        Self { field, conversion, from }
    }

    /// The number of a row of texts.
    fn read(&self, row: usize) -> Result<f64, Judged> {
        match &self.from {
            From::Codes(column, codes, converted) if column.is_valid(row) => converted[codes[row] as usize],
            From::Codes(..) => Err(Judged::Fail),
            _ => self.field.text(row).map_or(Err(Judged::Fail), |text| read(&text, self.conversion)),
        }
    }

    /// Keeps the rows that have a number.
    pub(super) fn retain(&self, rows: &mut Vec<u32>, left: &mut Vec<usize>) {
        match &self.from {
            From::Whole(column, _) | From::Decimal(column, _) => {
                if !matches!(column.valid, Validity::All) {
                    keep(rows, |row| column.is_valid(row));
                }
            }
            From::Codes(..) | From::Texts => keep(rows, |row| {
                let number = self.read(row);
                if number == Err(Judged::Unknown) {
                    left.push(row);
                }
                number.is_ok()
            }),
        }
    }

    /// Appends the numbers of rows that were kept.
    pub(super) fn extend(&self, rows: &[u32], values: &mut Vec<f64>) {
        let rows = rows.iter().map(|row| *row as usize);
        match &self.from {
            #[allow(clippy::cast_precision_loss, reason = "as precise as reading the text would be")]
            From::Whole(_, numbers) => values.extend(rows.map(|row| numbers[row] as f64)),
            From::Decimal(_, numbers) => values.extend(rows.map(|row| numbers[row])),
            From::Codes(..) | From::Texts => values.extend(rows.map(|row| self.read(row).unwrap_or(f64::NAN))),
        }
    }
}

/// An entry whose label is empty has no sample.
fn read(text: &str, conversion: Conversion) -> Result<f64, Judged> {
    if text.is_empty() {
        return Err(Judged::Fail);
    }
    convert(text, conversion).map_err(|_| Judged::Unknown)
}
