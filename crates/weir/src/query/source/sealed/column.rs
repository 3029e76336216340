//! Columns as the store has them, as LogQL takes them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use logql::source::{Column, Data, Origin, Validity};
use store::schema::{Field, Type};
use store::segment::{self, Values};

/// Whole numbers below this have at most fifteen digits: as numbers of 10^-scale they come back from a float as they are.
const FIFTEEN_DIGITS: u64 = 1_000_000_000_000_000;
/// Stands in texts for what could not be read; `| json` leaves a space there, as Loki's does.
const REPLACEMENT: char = '\u{fffd}';

/// What `| json` finds in the lines of a column.
pub(super) fn parsed(name: &Arc<str>, field: &Field, column: &segment::Column) -> Column<'static> {
    let data = match data(field, column) {
        Data::Dictionary { codes, values } if values.iter().any(|text| text.contains(REPLACEMENT)) => {
            mapped(&codes, &values, |text| text.replace(REPLACEMENT, " "))
        }
        Data::Text { offsets, text } if text.contains(REPLACEMENT) => {
            let texts = offsets.windows(2).map(|pair| &text[pair[0] as usize..pair[1] as usize]);
            joined(texts.map(|text| Cow::Owned(text.replace(REPLACEMENT, " "))))
        }
        data => data,
    };
    Column { name: name.clone(), origin: Origin::Parsed, data, valid: validity(column) }
}

/// A column as structured metadata: without texts that are empty.
pub(super) fn metadata(name: &Arc<str>, field: &Field, column: &segment::Column) -> Column<'static> {
    let valid = match has_empty(column) {
        true => (0..column.len()).map(|row| column.text(row).is_some_and(|text| !text.is_empty())).collect(),
        false => validity(column),
    };
    Column { name: name.clone(), origin: Origin::Metadata, data: data(field, column), valid }
}

/// The level that Loki would detect: what the line says, in small letters, or `unknown`.
pub(super) fn detected_level(name: &str, level: Option<&segment::Column>, rows: usize) -> Column<'static> {
    const UNKNOWN: &str = "unknown";
    let data = match level.map(|column| (column, &column.values)) {
        None => Data::Dictionary { codes: vec![0; rows].into(), values: Arc::new([UNKNOWN.into()]) },
        Some((column, Values::Codes { codes, texts })) => {
            let texts: Arc<[Box<str>]> = texts.iter().cloned().chain([Box::from("")]).collect();
            let none = u32::try_from(texts.len() - 1).unwrap_or(u32::MAX);
            let codes: Vec<u32> =
                codes.iter().enumerate().map(|(row, code)| if column.is_valid(row) { *code } else { none }).collect();
            let lower = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_lowercase() };
            mapped(&codes, &texts, lower)
        }
        Some((column, _)) => joined((0..rows).map(|row| match column.text(row).filter(|text| !text.is_empty()) {
            Some(text) => Cow::Owned(text.to_lowercase()),
            None => Cow::Borrowed(UNKNOWN),
        })),
    };
    Column { name: name.into(), origin: Origin::Metadata, data, valid: Validity::All }
}

/// Whether a row has a text without any characters.
pub(super) fn has_empty(column: &segment::Column) -> bool {
    match &column.values {
        Values::Codes { texts, .. } => texts.iter().any(|text| text.is_empty()),
        Values::Texts { offsets, .. } => {
            offsets.windows(2).enumerate().any(|(row, pair)| pair[0] == pair[1] && column.is_valid(row))
        }
        _ => false,
    }
}

fn validity(column: &segment::Column) -> Validity<'static> {
    match &column.valid {
        None => Validity::All,
        Some(words) => Validity::Bits(Cow::Owned(words.clone())),
    }
}

/// The values as floats, as precise as reading them from the line would be; `None` if they are no numbers, or have more digits.
#[allow(clippy::cast_precision_loss, reason = "as precise as reading the text would be")]
pub(super) fn numbers<'c>(field: &Field, column: &'c segment::Column) -> Option<Cow<'c, [f64]>> {
    match (&column.values, field.kind) {
        (Values::Integers(values), Type::Integer) => Some(values.iter().map(|value| *value as f64).collect()),
        (Values::Integers(values), Type::Decimal(scale))
            if values.iter().all(|value| value.unsigned_abs() < FIFTEEN_DIGITS) =>
        {
            // Both are exact, so the quotient is the number that is nearest to the decimal.
            let one = 10_f64.powi(i32::from(scale));
            Some(values.iter().map(|value| *value as f64 / one).collect())
        }
        (Values::Numbers(values), _) => Some(Cow::Borrowed(values)),
        _ => None,
    }
}

fn data(field: &Field, column: &segment::Column) -> Data<'static> {
    if field.kind != Type::Integer
        && let Some(numbers) = numbers(field, column)
    {
        return Data::F64(Cow::Owned(numbers.into_owned()));
    }
    match (&column.values, field.kind) {
        (Values::Integers(values), Type::Integer) => Data::I64(Cow::Owned(values.clone())),
        (Values::Numbers(values), _) => Data::F64(Cow::Owned(values.clone())),
        (Values::Flags(values), _) => Data::Bool(Cow::Owned(values.clone())),
        (Values::Codes { codes, texts }, _) => {
            Data::Dictionary { codes: Cow::Owned(codes.clone()), values: texts.clone() }
        }
        (Values::Texts { offsets, text }, _) => {
            Data::Text { offsets: Cow::Owned(offsets.clone()), text: Cow::Owned(text.clone()) }
        }
        (Values::Integers(_) | Values::Bytes { .. }, _) => {
            let mut text = String::new();
            joined((0..column.len()).map(|row| {
                text.clear();
                column.append(row, field, &mut text);
                Cow::Owned(text.clone())
            }))
        }
    }
}

/// Texts, one behind the other.
fn joined<'t>(texts: impl Iterator<Item = Cow<'t, str>>) -> Data<'static> {
    let (mut offsets, mut all) = (vec![0], String::new());
    for text in texts {
        all.push_str(&text);
        offsets.push(u32::try_from(all.len()).unwrap_or(u32::MAX));
    }
    Data::Text { offsets: offsets.into(), text: all.into() }
}

/// A dictionary whose texts are changed; those that become the same are one.
fn mapped(codes: &[u32], texts: &[Box<str>], change: impl Fn(&str) -> String) -> Data<'static> {
    let (mut known, mut values): (HashMap<Box<str>, u32>, Vec<Box<str>>) = Default::default();
    let changed: Vec<u32> = texts
        .iter()
        .map(|text| {
            *known.entry(change(text).into()).or_insert_with_key(|text| {
                values.push(text.clone());
                u32::try_from(values.len() - 1).unwrap_or(u32::MAX)
            })
        })
        .collect();
    let codes = codes.iter().map(|code| changed[*code as usize]).collect();
    Data::Dictionary { codes, values: values.into() }
}
