//! A day of an LLM proxy, as rows and as columns.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Batches, Column, Data, Direction, Entry, LabelMatcher, Lines, Origin, Promise, RowSource, Rows, Scan,
    Source, SourceError, Validity,
};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const START: i64 = 1_795_392_000 * SECOND;
pub(crate) const END: i64 = START + 86_400 * SECOND;

const BATCH: usize = 65_536;

/// The same entries twice.
pub(crate) struct Made {
    pub(crate) rows: RowSource,
    pub(crate) columns: ColumnSource,
    pub(crate) line_bytes: usize,
}

/// Numbers that look random and are the same each time (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

const MODELS: [&str; 6] =
    ["gpt-4", "gpt-4o-mini", "claude-sonnet-4-5", "llama-3.3-70b", "mistral-large", "gemini-2.5-pro"];
const ORGANIZATIONS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

pub(crate) fn make(count: usize) -> Made {
    let mut dice = Dice(0x5eed_1e55_c0ff_ee00);
    let streams: Arc<[Labels]> = ["info", "error"]
        .map(|level| Labels::new([("app", "llm-proxy"), ("namespace", "llm"), ("level", level)]))
        .into();
    let mut tables = Vec::new();
    for first in (0..count).step_by(BATCH) {
        let mut table = Table::default();
        for number in first..count.min(first + BATCH) {
            table.push(START + number as i64 * ((END - START) / count as i64), &mut dice);
        }
        tables.push(table);
    }
    let mut line_bytes = 0;
    let entries = tables.iter().flat_map(|table| {
        (0..table.timestamps.len()).map(|row| Entry {
            labels: streams[table.streams[row] as usize].clone(),
            timestamp: table.timestamps[row],
            line: table.line(row).into_bytes(),
            metadata: Labels::default(),
        })
    });
    let entries: Vec<Entry> = entries.inspect(|entry| line_bytes += entry.line.len()).collect();
    let dictionaries = Dictionaries {
        models: MODELS.map(Box::from).into(),
        organizations: ORGANIZATIONS.map(Box::from).into(),
        events: ["llm_request_completed", "llm_request_failed"].map(Box::from).into(),
        users: (0..200).map(|user| format!("user-{user}").into()).collect(),
    };
    Made { rows: RowSource::new(entries), columns: ColumnSource { streams, tables, dictionaries }, line_bytes }
}

/// Columns of some entries.
#[derive(Default)]
struct Table {
    timestamps: Vec<i64>,
    streams: Vec<u32>,
    events: Vec<u32>,
    models: Vec<u32>,
    organizations: Vec<u32>,
    users: Vec<u32>,
    requests: String,
    request_ends: Vec<u32>,
    input_tokens: Vec<i64>,
    output_tokens: Vec<i64>,
    total_tokens: Vec<i64>,
    seconds: Vec<f64>,
    cost_usd: Vec<f64>,
    energy_kwh: Vec<f64>,
    stream: Vec<bool>,
}

impl Table {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn push(&mut self, timestamp: i64, dice: &mut Dice) {
        let failed = u32::from(dice.roll(40) == 0);
        let (input, output) = (dice.roll(3_500) as i64 + 5, dice.roll(800) as i64 + 1);
        self.timestamps.push(timestamp);
        self.streams.push(failed);
        self.events.push(failed);
        self.models.push(dice.roll(6) as u32);
        self.organizations.push(dice.roll(4) as u32);
        self.users.push(dice.roll(200) as u32);
        let id = (dice.roll(u64::MAX), dice.roll(u64::MAX));
        let _ = write!(self.requests, "{:016x}-{:016x}", id.0, id.1);
        if self.request_ends.is_empty() {
            self.request_ends.push(0);
        }
        self.request_ends.push(self.requests.len() as u32);
        self.input_tokens.push(input);
        self.output_tokens.push(output);
        self.total_tokens.push(input + output);
        self.seconds.push((dice.roll(8_000) + 100) as f64 / 1_000.0);
        self.cost_usd.push((input * 3 + output * 15) as f64 / 1_000_000.0);
        self.energy_kwh.push((input + output * 4) as f64 / 1_000_000.0);
        self.stream.push(dice.roll(2) == 0);
    }

    fn line(&self, row: usize) -> String {
        let request = &self.requests[self.request_ends[row] as usize..self.request_ends[row + 1] as usize];
        let event = ["llm_request_completed", "llm_request_failed"][self.events[row] as usize];
        format!(
            r#"{{"logger_name":"llm-metrics","event":"{event}","request_id":"{request}","model":"{}","input_tokens":{},"output_tokens":{},"total_tokens":{},"processing_time_seconds":{},"energy_consumption_kwh":{},"cost_usd":{},"user_id":"user-{}","organization":"{}","stream":{}}}"#,
            MODELS[self.models[row] as usize],
            self.input_tokens[row],
            self.output_tokens[row],
            self.total_tokens[row],
            self.seconds[row],
            self.energy_kwh[row],
            self.cost_usd[row],
            self.users[row],
            ORGANIZATIONS[self.organizations[row] as usize],
            self.stream[row],
        )
    }
}

struct Dictionaries {
    models: Arc<[Box<str>]>,
    organizations: Arc<[Box<str>]>,
    events: Arc<[Box<str>]>,
    users: Arc<[Box<str>]>,
}

/// The columns as a source that answers no test and promises what is true.
pub(crate) struct ColumnSource {
    streams: Arc<[Labels]>,
    tables: Vec<Table>,
    dictionaries: Dictionaries,
}

impl Source for ColumnSource {
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let selected: Vec<bool> =
            self.streams.iter().map(|labels| LabelMatcher::all_match(&scan.matchers, labels)).collect();
        let (start, end, direction) = (scan.start, scan.end, scan.direction);
        let mut order: Vec<usize> = (0..self.tables.len()).collect();
        if direction == Direction::Backward {
            order.reverse();
        }
        Ok(Box::new(order.into_iter().map(move |number| {
            let table = &self.tables[number];
            let beyond = match direction {
                Direction::Forward => table.timestamps.last(),
                Direction::Backward => table.timestamps.first(),
            };
            let inside =
                |row: usize| (start..end).contains(&table.timestamps[row]) && selected[table.streams[row] as usize];
            let mut rows: Vec<u32> =
                (0..table.timestamps.len()).filter(|row| inside(*row)).map(|row| row as u32).collect();
            let all = rows.len() == table.timestamps.len() && direction == Direction::Forward;
            if direction == Direction::Backward {
                rows.reverse();
            }
            Ok(Batch {
                timestamps: Cow::Borrowed(&table.timestamps),
                rows: if all { Rows::All } else { Rows::Some(Cow::Owned(rows)) },
                streams: Cow::Borrowed(&table.streams),
                labels: Arc::clone(&self.streams),
                columns: self.columns(table),
                lines: Box::new(Rendered(table)),
                promise: Promise { json: true, words: true },
                tested: Vec::new(),
                beyond: beyond.copied(),
            })
        })))
    }
}

impl ColumnSource {
    fn columns<'s>(&'s self, table: &'s Table) -> Vec<Column<'s>> {
        let column = |name: &str, data: Data<'s>| Column {
            name: name.into(),
            origin: Origin::Parsed,
            data,
            valid: Validity::All,
        };
        let coded = |codes: &'s [u32], values: &Arc<[Box<str>]>| Data::Dictionary {
            codes: Cow::Borrowed(codes),
            values: Arc::clone(values),
        };
        let logger = Data::Dictionary {
            codes: Cow::Owned(vec![0; table.timestamps.len()]),
            values: [Box::from("llm-metrics")].into(),
        };
        let requests = Data::Text { offsets: Cow::Borrowed(&table.request_ends), text: Cow::Borrowed(&table.requests) };
        vec![
            column("logger_name", logger),
            column("event", coded(&table.events, &self.dictionaries.events)),
            column("request_id", requests),
            column("model", coded(&table.models, &self.dictionaries.models)),
            column("input_tokens", Data::I64(Cow::Borrowed(&table.input_tokens))),
            column("output_tokens", Data::I64(Cow::Borrowed(&table.output_tokens))),
            column("total_tokens", Data::I64(Cow::Borrowed(&table.total_tokens))),
            column("processing_time_seconds", Data::F64(Cow::Borrowed(&table.seconds))),
            column("energy_consumption_kwh", Data::F64(Cow::Borrowed(&table.energy_kwh))),
            column("cost_usd", Data::F64(Cow::Borrowed(&table.cost_usd))),
            column("user_id", coded(&table.users, &self.dictionaries.users)),
            column("organization", coded(&table.organizations, &self.dictionaries.organizations)),
            column("stream", Data::Bool(Cow::Borrowed(&table.stream))),
        ]
    }
}

struct Rendered<'s>(&'s Table);

impl Lines for Rendered<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Owned(self.0.line(row).into_bytes()))
    }
}
