//! A source of columns over entries in memory, which promises what is true of each batch.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Batches, Column, Data, Direction, Entry, FieldSet, LabelMatcher, Lines, Origin, Promise, Rows, Scan, Share,
    Source, SourceError, Test, Tested, Validity,
};
use logql::stage::{json, units};
use logql::syntax::ast::{LabelFilter, LineFilter, LineOp};

/// Batches that were made ahead.
pub struct ColumnSource {
    batches: Vec<Made>,
}

struct Made {
    timestamps: Vec<i64>,
    streams: Vec<u32>,
    labels: Arc<[Labels]>,
    columns: Vec<Column<'static>>,
    lines: Vec<Vec<u8>>,
    promise: Promise,
}

type Fields = Vec<(String, String)>;

impl ColumnSource {
    /// Batches of up to `size` entries each, those of one kind together.
    pub fn new(entries: &[Entry], size: usize) -> Self {
        let mut kinds: BTreeMap<(bool, bool), Vec<(&Entry, Fields)>> = BTreeMap::new();
        // What is the same in everything counts once.
        let mut met = HashSet::new();
        for entry in entries {
            if !met.insert((&entry.labels, entry.timestamp, &entry.line, &entry.metadata)) {
                continue;
            }
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
    let (mut fields, mut repeated) = (Fields::new(), false);
    let result = json::extract(line, &mut |_| true, &mut |name, value| {
        if fields.iter().any(|(known, _)| known == name) {
            repeated = true;
        } else {
            fields.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        }
        true
    });
    if result.is_err() {
        return (Promise::default(), Vec::new());
    }
    let text = std::str::from_utf8(line).unwrap_or("\\");
    let braces = text.matches(['{', '}', '[', ']']).count();
    let plain = !text.contains('\\') && !text.contains("null") && braces == 2 && !repeated;
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
fn data(values: &[Option<&str>]) -> Data<'static> {
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
        return Data::Dictionary { codes: codes.into(), values: distinct.into() };
    }
    let (mut offsets, mut text) = (vec![0], String::new());
    for value in values {
        text += value.unwrap_or_default();
        offsets.push(text.len() as u32);
    }
    Data::Text { offsets: offsets.into(), text: text.into() }
}

impl Source for ColumnSource {
    fn shares(&self, _scan: &Scan) -> usize {
        self.batches.len()
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let (start, end, direction) = (scan.start, scan.end, scan.direction);
        // Words can be looked for only in all columns.
        let asks_lines = scan.tests.iter().any(|test| matches!(test, Test::Line(_)));
        let wanted = if asks_lines { FieldSet::All } else { scan.fields.clone() };
        let chosen: Vec<Vec<u32>> = self
            .batches
            .iter()
            .map(|made| {
                let matches: Vec<bool> =
                    made.labels.iter().map(|labels| LabelMatcher::all_match(&scan.matchers, labels)).collect();
                (0..made.timestamps.len())
                    .filter(|row| (start..end).contains(&made.timestamps[*row]) && matches[made.streams[*row] as usize])
                    .map(|row| row as u32)
                    .collect()
            })
            .collect();
        let Share { number, of } = scan.share;
        let tests: Vec<Simple> = scan.tests.iter().map(Simple::new).collect();
        let mine = self.batches.iter().zip(chosen).enumerate().skip(number).step_by(of);
        Ok(Box::new(mine.map(move |(number, (made, mut rows))| {
            if direction == Direction::Backward {
                rows.reverse();
            }
            // Batches take turns in how far they take tests into account.
            let answer = [Tested::Unsupported, Tested::Exact, Tested::Superset][number % 3];
            let mut tested = Vec::new();
            for test in &tests {
                let known = answer != Tested::Unsupported && test.is_known(made);
                tested.push(if known { answer } else { Tested::Unsupported });
                if known {
                    // A superset: one in five is not looked at.
                    rows.retain(|row| (answer == Tested::Superset && row % 5 == 0) || test.passes(made, *row as usize));
                }
            }
            Ok(Batch {
                timestamps: Cow::Borrowed(&made.timestamps),
                rows: Rows::Some(Cow::Owned(rows)),
                streams: Cow::Borrowed(&made.streams),
                labels: Arc::clone(&made.labels),
                columns: made.columns.iter().filter(|column| wanted.wants(&column.name)).map(borrow).collect(),
                lines: Box::new(Held(&made.lines)),
                promise: Promise { words: made.promise.words && wanted == FieldSet::All, ..made.promise },
                tested,
                beyond: None,
            })
        })))
    }
}

/// A test that this source can answer, or none.
enum Simple {
    Line(LineFilter),
    Label { matcher: LabelMatcher, parsed: bool },
    Other,
}

impl Simple {
    fn new(test: &Test) -> Self {
        match test {
            Test::Line(filter) if matches!(filter.op, LineOp::Contains | LineOp::NotContains) => {
                Self::Line(filter.clone())
            }
            Test::Label { filter: LabelFilter::Text(matcher), parsed } => {
                Self::Label { matcher: LabelMatcher::new(matcher).unwrap(), parsed: *parsed }
            }
            _ => Self::Other,
        }
    }

    fn is_known(&self, made: &Made) -> bool {
        match self {
            Self::Line(filter) => filter.tests.iter().all(|test| !test.ip),
            Self::Label { parsed, .. } => !parsed || made.promise.json,
            Self::Other => false,
        }
    }

    fn passes(&self, made: &Made, row: usize) -> bool {
        match self {
            Self::Line(filter) => {
                let line = &made.lines[row];
                let has = |text: &str| text.is_empty() || line.windows(text.len()).any(|part| part == text.as_bytes());
                filter.tests.iter().any(|test| has(&test.text)) == filter.op.is_positive()
            }
            Self::Label { matcher, parsed } => {
                let of = |origin: Origin| {
                    let mut columns = made.columns.iter().filter(|column| column.origin == origin);
                    columns.find(|column| *column.name == *matcher.name()).and_then(|column| column.text(row))
                };
                let labels = &made.labels[made.streams[row] as usize];
                let value = labels.get(matcher.name()).map(Cow::Borrowed);
                let value = value.or_else(|| of(Origin::Metadata)).or_else(|| of(Origin::Parsed).filter(|_| *parsed));
                matcher.matches(value.as_deref().unwrap_or_default())
            }
            Self::Other => true,
        }
    }
}

/// The same column, without a copy of its values.
fn borrow<'s>(column: &'s Column<'static>) -> Column<'s> {
    let data = match &column.data {
        Data::I64(values) => Data::I64(Cow::Borrowed(values)),
        Data::F64(values) => Data::F64(Cow::Borrowed(values)),
        Data::Bool(values) => Data::Bool(Cow::Borrowed(values)),
        Data::Dictionary { codes, values } => {
            Data::Dictionary { codes: Cow::Borrowed(codes), values: Arc::clone(values) }
        }
        Data::Text { offsets, text } => Data::Text { offsets: Cow::Borrowed(offsets), text: Cow::Borrowed(text) },
    };
    let valid = match &column.valid {
        Validity::All => Validity::All,
        Validity::Bits(words) => Validity::Bits(Cow::Borrowed(words)),
    };
    Column { name: Arc::clone(&column.name), origin: column.origin, data, valid }
}

struct Held<'s>(&'s [Vec<u8>]);

impl Lines for Held<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(&self.0[row]))
    }
}
