//! Series of rows, by the columns that they are grouped by.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::super::series::{SeriesTable, Shape};
use super::Parsed;
use super::field::{Field, find};
use crate::source::{Batch, Column, Data, Validity};

/// What rows are grouped by.
pub(super) enum Keys<'a> {
    /// Labels.
    Labels(ByLabels<'a>),
    /// All labels of the stream that a shape keeps: the series of each stream, if it is known.
    Streams { batch: &'a Batch<'a>, shape: &'a Shape, known: Vec<Option<u32>> },
}

impl<'a> Keys<'a> {
    pub(super) fn new(names: &'a [String], batch: &'a Batch<'a>, parsed: &Parsed) -> Option<Self> {
        let keys = names.iter().map(|name| Some(Key::new(find(name, batch, parsed)?, batch, parsed.fills(name))));
        Some(Self::Labels(ByLabels::new(keys.collect::<Option<_>>()?, batch.len())))
    }

    pub(super) fn of_streams(batch: &'a Batch<'a>, shape: &'a Shape) -> Self {
        Self::Streams { batch, shape, known: vec![None; batch.labels.len()] }
    }

    /// Appends the series of each row.
    pub(super) fn series(&mut self, rows: &[u32], table: &mut SeriesTable, series: &mut Vec<u32>) {
        match self {
            Self::Streams { batch, shape, known } => series.extend(rows.iter().map(|row| {
                let stream = batch.streams[*row as usize] as usize;
                *known[stream].get_or_insert_with(|| {
                    let labels: Vec<_> = batch.labels[stream].iter().filter(|(name, _)| shape.keeps(name)).collect();
                    table.series(labels.into_iter())
                })
            })),
            Self::Labels(labels) => labels.series(rows, table, series),
        }
    }
}

/// Labels, in the order of their names. Their texts have numbers, and those of a row are put together to one.
pub(super) struct ByLabels<'a> {
    keys: Vec<Key<'a>>,
    combined: Combined,
    /// By the combined number: the number of the series and one more, or 0 if it is not known.
    known: Vec<u32>,
    /// Of the rows that are looked at.
    numbers: Vec<u32>,
}

/// How the numbers of a row's texts are put together.
enum Combined {
    /// As the digits of one number, where there can be few: how many each digit can be.
    Digits(Vec<u32>),
    /// One after the other, by the pairs that are met.
    Pairs(Vec<Pairs>),
}

/// Up to this many combinations have a place each, or this many for each row.
const MOST_PLACES: usize = 1 << 16;
const PLACES_PER_ROW: usize = 8;

impl<'a> ByLabels<'a> {
    fn new(keys: Vec<Key<'a>>, rows: usize) -> Self {
        let widths: Option<Vec<u32>> = keys.iter().map(|key| u32::try_from(key.most()?).ok()?.checked_add(1)).collect();
        let places = |widths: &Vec<u32>| widths.iter().fold(1_usize, |all, width| all.saturating_mul(*width as usize));
        let most = MOST_PLACES.max(rows.saturating_mul(PLACES_PER_ROW)).min(u32::MAX as usize);
        let (combined, known) = match widths.map(|widths| (places(&widths), widths)) {
            Some((places, widths)) if places <= most => (Combined::Digits(widths), vec![0; places]),
            _ => (Combined::Pairs(keys.iter().map(|_| Pairs::default()).collect()), Vec::new()),
        };
        Self { keys, combined, known, numbers: Vec::new() }
    }

    fn series(&mut self, rows: &[u32], table: &mut SeriesTable, series: &mut Vec<u32>) {
        let numbers = &mut self.numbers;
        numbers.clear();
        numbers.resize(rows.len(), 0);
        match &mut self.combined {
            Combined::Digits(widths) => {
                for (key, width) in self.keys.iter_mut().zip(widths) {
                    key.each(rows, numbers, |before, text| before * *width + text);
                }
            }
            Combined::Pairs(pairs) => {
                for (key, pairs) in self.keys.iter_mut().zip(pairs.iter_mut()) {
                    key.each(rows, numbers, |before, text| pairs.number(before, text));
                }
                self.known.resize(pairs.last().map_or(1, |pairs| pairs.met.len()), 0);
            }
        }
        for number in &self.numbers {
            let known = self.known[*number as usize];
            if known > 0 {
                series.push(known - 1);
            } else {
                let new = table.series(labels(&self.keys, &self.combined, *number).iter().copied());
                self.known[*number as usize] = new + 1;
                series.push(new);
            }
        }
    }
}

/// The labels that a combined number stands for.
fn labels<'k>(keys: &'k [Key], combined: &Combined, mut number: u32) -> Vec<(&'k str, &'k str)> {
    let mut labels = Vec::with_capacity(keys.len());
    for (at, key) in keys.iter().enumerate().rev() {
        let text;
        (number, text) = match combined {
            Combined::Digits(widths) => (number / widths[at], number % widths[at]),
            Combined::Pairs(pairs) => pairs[at].met[number as usize],
        };
        labels.extend(key.text(text).map(|text| (key.name, text)));
    }
    labels.reverse();
    labels
}

/// Numbers for pairs of numbers, as they are met.
#[derive(Default)]
struct Pairs {
    met: Vec<(u32, u32)>,
    known: HashMap<u64, u32, BuildHasherDefault<Spread>>,
}

impl Pairs {
    fn number(&mut self, first: u32, second: u32) -> u32 {
        *self.known.entry(u64::from(first) << 32 | u64::from(second)).or_insert_with(|| {
            self.met.push((first, second));
            count(&self.met) - 1
        })
    }
}

/// Hashes numbers that nobody outside chooses: by a multiplication (Knuth, "The Art of Computer Programming", volume 3, 6.4).
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ spread >> 32;
    }
}

/// One label: a number for each of its texts, 0 where there is none.
struct Key<'a> {
    name: &'a str,
    /// Whether it is empty where there is none.
    fills: bool,
    from: From<'a>,
}

enum From<'a> {
    Codes { column: &'a Column<'a>, codes: &'a [u32], values: &'a [Box<str>] },
    Flags { column: &'a Column<'a>, flags: &'a [bool] },
    Streams { streams: &'a [u32], numbers: Vec<u32>, texts: Vec<&'a str> },
    Whole { column: &'a Column<'a>, values: &'a [i64], known: HashMap<i64, u32>, texts: Vec<String> },
    Texts { field: Field<'a>, known: HashMap<Cow<'a, str>, u32>, texts: Vec<Cow<'a, str>> },
}

impl<'a> Key<'a> {
    fn new(field: Field<'a>, batch: &'a Batch<'a>, fills: bool) -> Self {
        let name = field.name();
        let from = match field.column().map(|column| (column, &column.data)) {
            _ if field.is_of_streams() => {
                let (mut numbers, mut texts) = (Vec::with_capacity(batch.labels.len()), Vec::new());
                for labels in batch.labels.iter() {
                    let text = labels.get(name);
                    texts.extend(text);
                    numbers.push(text.map_or(0, |_| count(&texts)));
                }
                From::Streams { streams: &batch.streams, numbers, texts }
            }
            Some((column, Data::Dictionary { codes, values })) => From::Codes { column, codes, values },
            Some((column, Data::Bool(flags))) => From::Flags { column, flags },
            Some((column, Data::I64(values))) => {
                From::Whole { column, values, known: HashMap::new(), texts: Vec::new() }
            }
            _ => From::Texts { field, known: HashMap::new(), texts: Vec::new() },
        };
        Self { name, fills, from }
    }

    /// The most that a number of a row can be, if that is known.
    fn most(&self) -> Option<usize> {
        match &self.from {
            From::Codes { values, .. } => Some(values.len()),
            From::Flags { .. } => Some(2),
            From::Streams { texts, .. } => Some(texts.len()),
            From::Whole { .. } | From::Texts { .. } => None,
        }
    }

    /// Puts the number of each row together with what is known of the row before.
    fn each(&mut self, rows: &[u32], numbers: &mut [u32], mut together: impl FnMut(u32, u32) -> u32) {
        let rows = numbers.iter_mut().zip(rows.iter().map(|row| *row as usize));
        match &mut self.from {
            From::Codes { column: Column { valid: Validity::All, .. }, codes, .. } => {
                rows.for_each(|(number, row)| *number = together(*number, codes[row] + 1));
            }
            From::Codes { column, codes, .. } => rows.for_each(|(number, row)| {
                *number = together(*number, if column.is_valid(row) { codes[row] + 1 } else { 0 });
            }),
            From::Flags { column, flags } => rows.for_each(|(number, row)| {
                *number = together(*number, if column.is_valid(row) { u32::from(flags[row]) + 1 } else { 0 });
            }),
            From::Streams { streams, numbers, .. } => {
                rows.for_each(|(number, row)| *number = together(*number, numbers[streams[row] as usize]));
            }
            From::Whole { column, values, known, texts } => rows.for_each(|(number, row)| {
                let mut text = || *known.entry(values[row]).or_insert_with_key(|value| note(texts, value.to_string()));
                *number = together(*number, if column.is_valid(row) { text() } else { 0 });
            }),
            From::Texts { field, known, texts } => rows.for_each(|(number, row)| {
                *number = together(*number, field.text(row).map_or(0, |text| text_number(text, known, texts)));
            }),
        }
    }

    fn text(&self, number: u32) -> Option<&str> {
        let Some(at) = (number as usize).checked_sub(1) else { return self.fills.then_some("") };
        match &self.from {
            From::Codes { values, .. } => values.get(at).map(|text| &**text),
            From::Flags { .. } => Some(["false", "true"][at]),
            From::Streams { texts, .. } => texts.get(at).copied(),
            From::Whole { texts, .. } => texts.get(at).map(String::as_str),
            From::Texts { texts, .. } => texts.get(at).map(|text| &**text),
        }
    }
}

fn text_number<'a>(text: Cow<'a, str>, known: &mut HashMap<Cow<'a, str>, u32>, texts: &mut Vec<Cow<'a, str>>) -> u32 {
    if let Some(number) = known.get(&*text) {
        return *number;
    }
    let number = note(texts, text.clone());
    known.insert(text, number);
    number
}

/// Adds a text, and gives its number.
fn note<T>(texts: &mut Vec<T>, text: T) -> u32 {
    texts.push(text);
    count(texts)
}

fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}
