//! The streams of rows: from columns, the same labels as from lines.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use logql::Labels;
use store::schema::Field;
use store::segment::{Column, Values};

use super::kept::Weigh;
use super::plan::Planned;
use crate::query::label::{Labeller, Place};

/// So many combinations have a place each.
const MOST_PLACES: usize = 1 << 16;

/// Each row's stream, as an index into the labels of streams.
pub(super) struct Streams {
    pub(super) of_rows: Vec<u32>,
    pub(super) labels: Arc<[Labels]>,
}

/// A label over some rows: a number for each, 0 where it has none, else one more than the place of its text.
struct Numbered<'a> {
    planned: &'a Planned,
    numbers: Vec<u32>,
    texts: Vec<Box<str>>,
}

impl Streams {
    /// Of the columns of labels, over so many rows.
    pub(super) fn new(labeller: &Labeller, columns: &[(&Planned, &Field, &Column)], rows: usize) -> Streams {
        let numbered: Vec<Numbered> =
            columns.iter().map(|(planned, field, column)| Numbered::new(planned, field, column)).collect();
        let (mut of_rows, mut count) = (vec![0_u32; rows], 1);
        for label in numbered.iter().filter(|label| !label.is_constant()) {
            count = combine(&mut of_rows, count, &label.numbers, label.texts.len() + 1);
        }
        // A row of each stream tells its labels.
        let mut examples = vec![0; count];
        of_rows.iter().enumerate().rev().for_each(|(row, stream)| examples[*stream as usize] = row);
        let labels = examples.iter().map(|row| labels(labeller, &numbered, *row)).collect();
        Streams { of_rows, labels }
    }
}

/// The streams of a group's rows, in little room.
#[derive(Debug)]
pub(super) struct Kept {
    of_rows: Packed,
    pub(super) labels: Arc<[Labels]>,
}

#[derive(Debug)]
enum Packed {
    /// All rows are of one stream.
    One,
    Bytes(Box<[u8]>),
    Words(Box<[u16]>),
}

impl Kept {
    /// `None` where they take too much room.
    pub(super) fn new(streams: Streams) -> Option<Kept> {
        let Streams { of_rows, labels } = streams;
        let of_rows = match labels.len() {
            0 | 1 => Packed::One,
            2..=0x100 => Packed::Bytes(of_rows.iter().map(|stream| *stream as u8).collect()),
            0x101..=0x1_0000 => Packed::Words(of_rows.iter().map(|stream| *stream as u16).collect()),
            _ => return None,
        };
        Some(Kept { of_rows, labels })
    }

    /// Those of some rows.
    pub(super) fn streams(&self, rows: Range<usize>) -> Streams {
        let of_rows = match &self.of_rows {
            Packed::One => vec![0; rows.len()],
            Packed::Bytes(streams) => streams[rows].iter().map(|stream| u32::from(*stream)).collect(),
            Packed::Words(streams) => streams[rows].iter().map(|stream| u32::from(*stream)).collect(),
        };
        Streams { of_rows, labels: self.labels.clone() }
    }
}

impl Weigh for Kept {
    fn bytes(&self) -> usize {
        match &self.of_rows {
            Packed::One => 0,
            Packed::Bytes(streams) => streams.len(),
            Packed::Words(streams) => streams.len() * 2,
        }
    }
}

fn labels(labeller: &Labeller, numbered: &[Numbered], row: usize) -> Labels {
    let constant = labeller.constant().iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let own = numbered.iter().filter_map(|label| {
        let number = *label.numbers.get(row)? as usize;
        Some((&*label.planned.name, &**label.texts.get(number.checked_sub(1)?)?))
    });
    Labels::new(constant.chain(own))
}

/// Puts the numbers of another label to those of the ones before, and gives how many combinations were met.
fn combine(before: &mut [u32], count: usize, numbers: &[u32], width: usize) -> usize {
    let (mut met, together) = (0, |before: u32, number: u32| before as usize * width + number as usize);
    let mut next = || {
        met += 1;
        met - 1
    };
    if count.saturating_mul(width) <= MOST_PLACES {
        let mut places = vec![u32::MAX; count * width];
        for (before, number) in before.iter_mut().zip(numbers) {
            let place = &mut places[together(*before, *number)];
            if *place == u32::MAX {
                *place = next();
            }
            *before = *place;
        }
    } else {
        let mut places: HashMap<usize, u32> = HashMap::new();
        for (before, number) in before.iter_mut().zip(numbers) {
            *before = *places.entry(together(*before, *number)).or_insert_with(&mut next);
        }
    }
    met.max(1) as usize
}

impl<'a> Numbered<'a> {
    fn new(planned: &'a Planned, field: &Field, column: &Column) -> Numbered<'a> {
        let lower = planned.place == Place::Level;
        let written = |text: &str| if lower { text.to_lowercase() } else { text.to_owned() };
        let (mut known, mut texts): (HashMap<String, u32>, Vec<Box<str>>) = Default::default();
        let mut number = |text: &str| {
            if text.is_empty() {
                return 0;
            }
            *known.entry(written(text)).or_insert_with_key(|text| {
                texts.push(text.as_str().into());
                u32::try_from(texts.len()).unwrap_or(u32::MAX)
            })
        };
        let numbers = match &column.values {
            Values::Codes { codes, texts } => {
                let of_codes: Vec<u32> = texts.iter().map(|text| number(text)).collect();
                let of_row =
                    |(row, code): (usize, &u32)| if column.is_valid(row) { of_codes[*code as usize] } else { 0 };
                match &column.valid {
                    None => codes.iter().map(|code| of_codes[*code as usize]).collect(),
                    Some(_) => codes.iter().enumerate().map(of_row).collect(),
                }
            }
            _ => {
                let mut text = String::new();
                let of_row = |row: usize| {
                    text.clear();
                    if column.is_valid(row) {
                        column.append(row, field, &mut text);
                    }
                    number(&text)
                };
                (0..column.len()).map(of_row).collect()
            }
        };
        Numbered { planned, numbers, texts }
    }

    /// Whether all rows have the same: it tells no streams apart.
    fn is_constant(&self) -> bool {
        self.numbers.first().is_none_or(|first| self.numbers.iter().all(|number| number == first))
    }
}
