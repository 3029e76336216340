//! Lines of the journal in memory: their times, streams and metadata as columns, the lines themselves as they stand.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Column, Data, Direction, LabelMatcher, Lines, Origin, Promise, Rows, Scan, SourceError, Validity,
};
use logql::stage::units::format_float;
use store::Seq;

use crate::query::label::{Labelled, Labeller, metadata_names};

/// A column has a dictionary if its values are at most a fourth as many as its rows.
const REPEATED: usize = 4;

/// Some lines that follow each other.
#[derive(Debug)]
pub(super) struct Block {
    /// The number of the first line.
    pub(super) first: Seq,
    /// The time of the first entry and of the last; nothing where no line is a Record's.
    pub(super) span: Option<(i64, i64)>,
    lines: Vec<u8>,
    /// Where lines end, line feeds not counted.
    ends: Vec<u32>,
    /// Of lines that are no Records', the least there is.
    timestamps: Vec<i64>,
    streams: Vec<u32>,
    labels: Arc<[Labels]>,
    columns: Vec<Column<'static>>,
}

impl Block {
    /// Of whole lines, each with its line feed.
    pub(super) fn new(first: Seq, lines: Vec<u8>, labeller: &Labeller) -> Block {
        let mut builder = Builder::new(labeller);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            builder.add(line.strip_suffix(b"\n").unwrap_or(line));
        }
        let Builder { ends, timestamps, streams, labels, columns, .. } = builder;
        let rows = timestamps.len();
        let columns: Vec<Column<'static>> =
            metadata_names().zip(columns).filter_map(|(name, texts)| texts.column(name, rows)).collect();
        let known = || timestamps.iter().copied().filter(|at| *at > i64::MIN);
        let span = known().min().zip(known().max());
        Block { first, span, lines, ends, timestamps, streams, labels: labels.into(), columns }
    }

    /// The number of the line behind the last.
    pub(super) fn next(&self) -> Seq {
        self.first + self.timestamps.len() as Seq
    }

    /// The entries that a scan selects, of lines from `from` on and before `until`.
    pub(super) fn batch(self: &Arc<Block>, scan: &Scan, (from, until): (Seq, Seq)) -> Option<Batch<'static>> {
        let (first, last) = self.span?;
        if first >= scan.end || last < scan.start || from >= self.next() || until <= self.first {
            return None;
        }
        let selected: Vec<bool> =
            self.labels.iter().map(|labels| LabelMatcher::all_match(&scan.matchers, labels)).collect();
        let whole = from <= self.first && until >= self.next() && first >= scan.start && last < scan.end;
        // Lines that are no Records' have no time, so the span alone does not say that all are meant.
        let whole = whole && selected.iter().all(|selected| *selected) && !self.timestamps.contains(&i64::MIN);
        let rows = if whole && scan.direction == Direction::Forward {
            Rows::All
        } else {
            let lines = row(self.first, from, self.timestamps.len())..row(self.first, until, self.timestamps.len());
            let wanted = |row: &u32| {
                let at = *row as usize;
                selected[self.streams[at] as usize] && (scan.start..scan.end).contains(&self.timestamps[at])
            };
            let mut rows: Vec<u32> = lines.filter(wanted).collect();
            if rows.is_empty() {
                return None;
            }
            if scan.direction == Direction::Backward {
                rows.reverse();
            }
            Rows::Some(Cow::Owned(rows))
        };
        Some(Batch {
            timestamps: Cow::Owned(self.timestamps.clone()),
            rows,
            streams: Cow::Owned(self.streams.clone()),
            labels: self.labels.clone(),
            columns: self.columns.iter().filter(|column| scan.fields.wants(&column.name)).cloned().collect(),
            lines: Box::new(Held(self.clone())),
            promise: Promise::default(),
            tested: Vec::new(),
            beyond: None,
        })
    }

    fn line(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize + 1 };
        &self.lines[start..self.ends[row] as usize]
    }
}

/// The row of a line, or the nearest one.
fn row(first: Seq, line: Seq, rows: usize) -> u32 {
    u32::try_from(line.saturating_sub(first).min(rows as Seq)).unwrap_or(u32::MAX)
}

struct Held(Arc<Block>);

impl Lines for Held {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(self.0.line(row)))
    }

    fn length(&self, row: usize) -> Option<usize> {
        Some(self.0.line(row).len())
    }
}

/// A block that grows line by line.
struct Builder<'l> {
    labeller: &'l Labeller,
    at: u32,
    ends: Vec<u32>,
    timestamps: Vec<i64>,
    streams: Vec<u32>,
    labels: Vec<Labels>,
    known: HashMap<String, u32>,
    columns: Vec<Texts>,
}

impl<'l> Builder<'l> {
    fn new(labeller: &'l Labeller) -> Builder<'l> {
        let columns = metadata_names().map(|_| Texts::default()).collect();
        let (ends, timestamps, streams, labels) = Default::default();
        Builder { labeller, at: 0, ends, timestamps, streams, labels, known: HashMap::new(), columns }
    }

    fn add(&mut self, line: &[u8]) {
        let found = self.labeller.read(line);
        let rows = self.timestamps.len();
        self.timestamps.push(found.as_ref().map_or(i64::MIN, |found| found.timestamp));
        let found = found.unwrap_or_default();
        let stream = self.stream(&found);
        self.streams.push(stream);
        for (column, value) in &found.metadata {
            self.columns[*column].put(rows, value);
        }
        self.at = self.at.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
        self.ends.push(self.at);
        self.at = self.at.saturating_add(1);
    }

    fn stream(&mut self, found: &Labelled) -> u32 {
        let mut key = String::new();
        for (name, value) in &found.labels {
            key.extend([name, "\u{1f}", value, "\u{1e}"]);
        }
        *self.known.entry(key).or_insert_with(|| {
            let constant = self.labeller.constant().iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let own = found.labels.iter().map(|(name, value)| (*name, value.as_ref()));
            self.labels.push(Labels::new(constant.chain(own)));
            u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// A column's texts.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    ends: Vec<u32>,
    valid: Vec<bool>,
}

impl Texts {
    fn put(&mut self, row: usize, value: &str) {
        self.fill(row);
        if self.valid.len() == row {
            self.text.push_str(value);
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
            self.valid.push(true);
        }
    }

    /// Rows without a value up to this one.
    fn fill(&mut self, row: usize) {
        let end = self.ends.last().copied().unwrap_or(0);
        if self.valid.len() < row {
            self.ends.resize(row, end);
            self.valid.resize(row, false);
        }
    }

    fn values(&self) -> impl Iterator<Item = &str> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start as usize..*end as usize])
    }

    /// As numbers where each text is the one that the number has, else as a dictionary where they repeat.
    fn column(mut self, name: &str, rows: usize) -> Option<Column<'static>> {
        if self.valid.is_empty() {
            return None;
        }
        self.fill(rows);
        let data = self.numbers().or_else(|| self.dictionary());
        let valid: Validity<'static> = self.valid.iter().copied().collect();
        let data = data.unwrap_or_else(|| Data::Text {
            offsets: [0].into_iter().chain(self.ends).collect(),
            text: Cow::Owned(self.text),
        });
        Some(Column { name: name.into(), origin: Origin::Metadata, data, valid })
    }

    fn numbers(&self) -> Option<Data<'static>> {
        let whole = |text: &str| text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| format_float(*number) == text);
        let values = || self.values().zip(&self.valid);
        if let Some(numbers) = values().map(|(text, valid)| if *valid { whole(text) } else { Some(0) }).collect() {
            return Some(Data::I64(Cow::Owned(numbers)));
        }
        let numbers =
            values().map(|(text, valid)| if *valid { number(text) } else { Some(0.0) }).collect::<Option<_>>();
        numbers.map(|numbers| Data::F64(Cow::Owned(numbers)))
    }

    fn dictionary(&self) -> Option<Data<'static>> {
        let (mut known, mut values): (HashMap<&str, u32>, Vec<Box<str>>) = Default::default();
        let mut codes = Vec::with_capacity(self.valid.len());
        for text in self.values() {
            codes.push(*known.entry(text).or_insert_with(|| {
                values.push(text.into());
                u32::try_from(values.len() - 1).unwrap_or(u32::MAX)
            }));
            if values.len() > REPEATED && values.len() * REPEATED > self.valid.len() {
                return None;
            }
        }
        Some(Data::Dictionary { codes: Cow::Owned(codes), values: values.into() })
    }
}
