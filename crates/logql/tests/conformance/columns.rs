//! A source of columns over entries in memory, which promises what is true of each batch.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Batches, Column, Data, Direction, Entry, LabelMatcher, Lines, Origin, Promise, Scan, Source, SourceError,
    Tested, Validity,
};
use logql::stage::{json, units};

/// Batches that were made ahead.
pub struct ColumnSource {
    batches: Vec<Made>,
}

struct Made {
    timestamps: Vec<i64>,
    streams: Vec<u32>,
    labels: Arc<[Labels]>,
    columns: Vec<Column>,
    lines: Vec<Vec<u8>>,
    promise: Promise,
}

type Fields = Vec<(String, String)>;

impl ColumnSource {
    /// Batches of up to `size` entries each, those of one kind together.
    pub fn new(entries: &[Entry], size: usize) -> Self {
        let mut kinds: BTreeMap<(bool, bool), Vec<(&Entry, Fields)>> = BTreeMap::new();
        for entry in entries {
            let (promise, fields) = inspect(&entry.line);
            kinds.entry((promise.json, promise.words)).or_default().push((entry, fields));
        }
        let mut batches = Vec::new();
        for ((json, words), entries) in kinds {
            let promise = Promise { json, words };
            batches.extend(entries.chunks(size).map(|entries| make(entries, promise)));
        }
        Self { batches }
    }
}

/// What is true of a line, and what `| json` finds in it.
fn inspect(line: &[u8]) -> (Promise, Fields) {
    let mut fields = Fields::new();
    let result = json::extract(line, &mut |_| true, &mut |name, value| {
        if !fields.iter().any(|(known, _)| known == name) {
            fields.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        }
        true
    });
    if result.is_err() {
        return (Promise::default(), Vec::new());
    }
    let text = std::str::from_utf8(line).unwrap_or("\\");
    let braces = text.matches(['{', '}', '[', ']']).count();
    let plain = !text.contains('\\') && !text.contains("null") && braces == 2;
    (Promise { json: true, words: plain && names_are_keys(text, &fields) }, fields)
}

fn names_are_keys(text: &str, fields: &Fields) -> bool {
    let keys: HashMap<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    keys.len() == fields.len() && fields.iter().all(|(name, _)| keys.contains_key(name))
}

fn make(entries: &[(&Entry, Fields)], promise: Promise) -> Made {
    let mut known: HashMap<&Labels, u32> = HashMap::new();
    let mut labels = Vec::new();
    let streams = entries.iter().map(|(entry, _)| {
        *known.entry(&entry.labels).or_insert_with(|| {
            labels.push(entry.labels.clone());
            labels.len() as u32 - 1
        })
    });
    let streams = streams.collect();
    let mut texts: BTreeMap<(bool, &str), Vec<Option<&str>>> = BTreeMap::new();
    for (row, (entry, fields)) in entries.iter().enumerate() {
        let parsed = fields.iter().map(|(name, value)| ((true, name.as_str()), value.as_str()));
        let metadata = entry.metadata.iter().map(|(name, value)| ((false, name), value));
        for (name, value) in parsed.chain(metadata) {
            texts.entry(name).or_insert_with(|| vec![None; entries.len()])[row] = Some(value);
        }
    }
    let columns = texts.into_iter().map(|((parsed, name), values)| Column {
        name: name.into(),
        origin: if parsed { Origin::Parsed } else { Origin::Metadata },
        valid: values.iter().map(Option::is_some).collect::<Validity>(),
        data: data(&values),
    });
    Made {
        timestamps: entries.iter().map(|(entry, _)| entry.timestamp).collect(),
        streams,
        labels: labels.into(),
        columns: columns.collect(),
        lines: entries.iter().map(|(entry, _)| entry.line.clone()).collect(),
        promise,
    }
}

/// The narrowest data that gives the same texts back.
fn data(values: &[Option<&str>]) -> Data {
    let all = |is: &dyn Fn(&str) -> bool| values.iter().flatten().all(|value| is(value));
    if all(&|value| value.parse::<i64>().is_ok_and(|number| number.to_string() == value)) {
        return Data::I64(values.iter().map(|value| value.map_or(0, |value| value.parse().unwrap_or(0))).collect());
    }
    if all(&|value| value.parse::<f64>().is_ok_and(|number| number.is_finite() && units::format_float(number) == value))
    {
        return Data::F64(values.iter().map(|value| value.map_or(0.0, |value| value.parse().unwrap_or(0.0))).collect());
    }
    if all(&|value| value == "true" || value == "false") {
        return Data::Bool(values.iter().map(|value| *value == Some("true")).collect());
    }
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut distinct: Vec<Box<str>> = Vec::new();
    let codes: Vec<u32> = values
        .iter()
        .map(|value| {
            *known.entry(value.unwrap_or("no value")).or_insert_with_key(|value| {
                distinct.push((*value).into());
                distinct.len() as u32 - 1
            })
        })
        .collect();
    if distinct.len() * 2 < values.len() {
        return Data::Dictionary { codes, values: distinct.into() };
    }
    let (mut offsets, mut text) = (vec![0], String::new());
    for value in values {
        text += value.unwrap_or_default();
        offsets.push(text.len() as u32);
    }
    Data::Text { offsets, text }
}

impl Source for ColumnSource {
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let (start, end, direction) = (scan.start, scan.end, scan.direction);
        let chosen: Vec<Vec<usize>> = self
            .batches
            .iter()
            .map(|made| {
                let matches: Vec<bool> =
                    made.labels.iter().map(|labels| LabelMatcher::all_match(&scan.matchers, labels)).collect();
                (0..made.timestamps.len())
                    .filter(|row| (start..end).contains(&made.timestamps[*row]) && matches[made.streams[*row] as usize])
                    .collect()
            })
            .collect();
        Ok(Box::new(self.batches.iter().zip(chosen).map(move |(made, mut rows)| {
            if direction == Direction::Backward {
                rows.reverse();
            }
            Ok(Batch {
                timestamps: rows.iter().map(|row| made.timestamps[*row]).collect(),
                streams: rows.iter().map(|row| made.streams[*row]).collect(),
                labels: Arc::clone(&made.labels),
                columns: made.columns.iter().map(|column| select(column, &rows)).collect(),
                lines: Box::new(Selected { lines: &made.lines, rows }),
                promise: made.promise,
                tested: vec![Tested::Unsupported],
                beyond: None,
            })
        })))
    }
}

fn select(column: &Column, rows: &[usize]) -> Column {
    let data = match &column.data {
        Data::I64(values) => Data::I64(rows.iter().map(|row| values[*row]).collect()),
        Data::F64(values) => Data::F64(rows.iter().map(|row| values[*row]).collect()),
        Data::Bool(values) => Data::Bool(rows.iter().map(|row| values[*row]).collect()),
        Data::Dictionary { codes, values } => {
            Data::Dictionary { codes: rows.iter().map(|row| codes[*row]).collect(), values: Arc::clone(values) }
        }
        Data::Text { offsets, text } => {
            let (mut begins, mut chosen) = (vec![0], String::new());
            for row in rows {
                chosen += &text[offsets[*row] as usize..offsets[row + 1] as usize];
                begins.push(chosen.len() as u32);
            }
            Data::Text { offsets: begins, text: chosen }
        }
    };
    let valid = rows.iter().map(|row| column.is_valid(*row)).collect();
    Column { name: Arc::clone(&column.name), origin: column.origin, data, valid }
}

struct Selected<'s> {
    lines: &'s [Vec<u8>],
    rows: Vec<usize>,
}

impl Lines for Selected<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(&self.lines[self.rows[row]]))
    }
}
