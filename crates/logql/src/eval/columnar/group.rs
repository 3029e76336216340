//! Series of rows, by the columns that they are grouped by.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::series::{SeriesTable, Shape};
use super::field::{Field, find};
use crate::source::{Batch, Column, Data};

/// What rows are grouped by.
pub(super) enum Keys<'a> {
    /// Labels, in the order of their names.
    Labels(Vec<Key<'a>>),
    /// All labels of the stream that a shape keeps.
    Streams { batch: &'a Batch<'a>, shape: &'a Shape },
}

/// One label: a number for each of its texts, 0 where there is none.
pub(super) struct Key<'a> {
    name: &'a str,
    from: From<'a>,
    texts: Vec<Cow<'a, str>>,
}

enum From<'a> {
    Codes { column: &'a Column<'a>, codes: &'a [u32] },
    Streams { batch: &'a Batch<'a>, numbers: Vec<u32> },
    Field { field: Field<'a>, known: HashMap<String, u32> },
}

impl<'a> Keys<'a> {
    pub(super) fn new(names: &'a [String], batch: &'a Batch<'a>, parsed: bool) -> Option<Self> {
        let keys = names.iter().map(|name| Some(Key::new(find(name, batch, parsed)?, batch)));
        Some(Self::Labels(keys.collect::<Option<_>>()?))
    }

    pub(super) fn of_streams(batch: &'a Batch<'a>, shape: &'a Shape) -> Self {
        Self::Streams { batch, shape }
    }

    /// Appends the series of each row.
    pub(super) fn series(&mut self, rows: &[(u32, u32)], table: &mut SeriesTable, series: &mut Vec<u32>) {
        match self {
            Self::Streams { batch, shape } => {
                let mut known = vec![None; batch.labels.len()];
                series.extend(rows.iter().map(|(row, _)| {
                    let stream = batch.streams[*row as usize] as usize;
                    *known[stream].get_or_insert_with(|| {
                        let labels: Vec<_> =
                            batch.labels[stream].iter().filter(|(name, _)| shape.keeps(name)).collect();
                        table.series(labels.into_iter())
                    })
                }));
            }
            Self::Labels(keys) if keys.is_empty() => {
                if !rows.is_empty() {
                    let all = table.series(std::iter::empty());
                    series.resize(series.len() + rows.len(), all);
                }
            }
            Self::Labels(keys) => by_labels(keys, rows, table, series),
        }
    }
}

/// Numbers of texts are put together label by label, so that each row ends with one number for all of them.
fn by_labels(keys: &mut [Key], rows: &[(u32, u32)], table: &mut SeriesTable, series: &mut Vec<u32>) {
    let mut combined: Vec<u32> = vec![0; rows.len()];
    // What each combined number stands for: one text of each key so far.
    let mut meanings: Vec<Vec<u32>> = vec![Vec::new()];
    for key in keys.iter_mut() {
        let mut pairs = Pairs::new(meanings.len(), key.most());
        for ((row, _), number) in rows.iter().zip(&mut combined) {
            *number = pairs.number(*number, key.number(*row as usize));
        }
        let meaning = |(before, text): (u32, u32)| {
            let mut meaning = meanings[before as usize].clone();
            meaning.push(text);
            meaning
        };
        meanings = pairs.met.into_iter().map(meaning).collect();
    }
    let mut known = vec![None; meanings.len()];
    series.extend(combined.iter().map(|number| {
        let number = *number as usize;
        *known[number].get_or_insert_with(|| {
            let texts = keys.iter().zip(&meanings[number]);
            let labels = texts.filter_map(|(key, text)| Some((key.name, key.text(*text)?)));
            table.series(labels.collect::<Vec<_>>().into_iter())
        })
    }));
}

/// Numbers for pairs of numbers, as they are met.
struct Pairs {
    met: Vec<(u32, u32)>,
    known: Known,
}

enum Known {
    /// Where there can be few: a place for each, and 0 for those not met.
    Places {
        width: usize,
        numbers: Vec<u32>,
    },
    Map(HashMap<(u32, u32), u32>),
}

/// Up to this many pairs have a place each.
const MOST_PLACES: usize = 1 << 16;

impl Pairs {
    /// `second` is the most that the second of a pair can be, if that is known.
    fn new(first: usize, second: Option<usize>) -> Self {
        let places = second.map(|second| (second + 1, first.saturating_mul(second + 1)));
        let known = match places.filter(|(_, places)| *places <= MOST_PLACES) {
            Some((width, places)) => Known::Places { width, numbers: vec![0; places] },
            None => Known::Map(HashMap::new()),
        };
        Self { met: Vec::new(), known }
    }

    fn number(&mut self, first: u32, second: u32) -> u32 {
        let next = u32::try_from(self.met.len()).unwrap_or(u32::MAX);
        match &mut self.known {
            Known::Places { width, numbers } => {
                let place = &mut numbers[first as usize * *width + second as usize];
                if *place == 0 {
                    *place = next + 1;
                    self.met.push((first, second));
                }
                *place - 1
            }
            Known::Map(map) => *map.entry((first, second)).or_insert_with(|| {
                self.met.push((first, second));
                next
            }),
        }
    }
}

impl<'a> Key<'a> {
    fn new(field: Field<'a>, batch: &'a Batch<'a>) -> Self {
        let name = field.name();
        let mut texts: Vec<Cow<'a, str>> = Vec::new();
        let from = match field.column() {
            _ if field.is_of_streams() => {
                let numbers = batch.labels.iter().map(|labels| match labels.get(name) {
                    Some(value) => {
                        texts.push(Cow::Borrowed(value));
                        u32::try_from(texts.len()).unwrap_or(u32::MAX)
                    }
                    None => 0,
                });
                From::Streams { batch, numbers: numbers.collect() }
            }
            Some(column) => match &column.data {
                Data::Dictionary { codes, values } => {
                    texts.extend(values.iter().map(|value| Cow::Borrowed(&**value)));
                    From::Codes { column, codes }
                }
                _ => From::Field { field, known: HashMap::new() },
            },
            None => From::Field { field, known: HashMap::new() },
        };
        Self { name, from, texts }
    }

    /// The most that a number of a row can be, if that is known.
    fn most(&self) -> Option<usize> {
        match &self.from {
            From::Codes { .. } | From::Streams { .. } => Some(self.texts.len()),
            From::Field { .. } => None,
        }
    }

    fn number(&mut self, row: usize) -> u32 {
        match &mut self.from {
            From::Codes { column, codes } => {
                if column.is_valid(row) {
                    codes[row] + 1
                } else {
                    0
                }
            }
            From::Streams { batch, numbers } => numbers[batch.streams[row] as usize],
            From::Field { field, known } => {
                let Some(text) = field.text(row) else { return 0 };
                if let Some(number) = known.get(&*text) {
                    return *number;
                }
                let text = text.into_owned();
                self.texts.push(Cow::Owned(text.clone()));
                let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
                known.insert(text, number);
                number
            }
        }
    }

    fn text(&self, number: u32) -> Option<&str> {
        let at = (number as usize).checked_sub(1)?;
        self.texts.get(at).map(|text| &**text)
    }
}
