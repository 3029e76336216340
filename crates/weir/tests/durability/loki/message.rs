//! Loki's push request as another implementation of protobuf reads it, and the limits that Loki sets by default.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

/// `grpc_server_max_recv_msg_size`: what is larger does not get through Loki.
const MAX_REQUEST: usize = 4 << 20;
/// `max_line_size`.
const MAX_LINE: usize = 256 << 10;
/// `max_label_names_per_series`, `max_label_name_length` and `max_label_value_length`.
const MAX_LABELS: usize = 15;
const MAX_NAME: usize = 1024;
const MAX_VALUE: usize = 2048;
/// `max_structured_metadata_entries_count` and `max_structured_metadata_size`.
const MAX_METADATA: usize = 128;
const MAX_METADATA_BYTES: usize = 64 << 10;
/// `reject_old_samples_max_age` and `creation_grace_period`, in nanoseconds.
const MAX_AGE: u64 = 7 * 24 * 3600 * 1_000_000_000;
const MAX_AHEAD: u64 = 600 * 1_000_000_000;

#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<StreamAdapter>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamAdapter {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<EntryAdapter>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct EntryAdapter {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<LabelPairAdapter>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPairAdapter {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// A line as Loki keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) nanos: u64,
    pub(crate) line: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Unpacks a request and says what is wrong with it, if anything is.
pub(crate) fn rows(packed: &[u8], now: u64) -> Result<Vec<Row>, String> {
    let bytes = snap::raw::Decoder::new().decompress_vec(packed).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_REQUEST {
        return Err(format!("a request of {} bytes", bytes.len()));
    }
    let request = PushRequest::decode(bytes.as_slice()).map_err(|error| error.to_string())?;
    if request.encode_to_vec() != bytes {
        return Err("another writer of protobuf would write it otherwise".to_owned());
    }
    let (mut rows, mut streams) = (Vec::new(), BTreeSet::new());
    for stream in request.streams {
        if stream.entries.is_empty() || !streams.insert(stream.labels.clone()) {
            return Err(format!("stream {} is empty, or stands twice", stream.labels));
        }
        let labels = labels(&stream.labels)?;
        let mut last = 0;
        for entry in stream.entries {
            let row = row(entry, &labels, now)?;
            if row.nanos < last {
                return Err("the entries of a stream are not in their order".to_owned());
            }
            last = row.nanos;
            rows.push(row);
        }
    }
    if rows.is_empty() { Err("an empty request".to_owned()) } else { Ok(rows) }
}

fn row(entry: EntryAdapter, labels: &BTreeMap<String, String>, now: u64) -> Result<Row, String> {
    let Timestamp { seconds, nanos } = entry.timestamp.ok_or("an entry without a time")?;
    let nanos = seconds as u64 * 1_000_000_000 + u64::try_from(nanos).map_err(|error| error.to_string())?;
    if nanos + MAX_AGE < now || nanos > now + MAX_AHEAD {
        return Err(format!("an entry of {nanos}, at {now}"));
    }
    let record = meter::record::Line::parse(entry.line.as_bytes()).ok_or("a line that is no Record")?;
    if record.get("timestamp") != Some(&meter::record::Owned::Time(nanos)) {
        return Err(format!("the line's time is not {nanos}: {}", entry.line));
    }
    if entry.line.is_empty() || entry.line.len() > MAX_LINE {
        return Err(format!("a line of {} bytes", entry.line.len()));
    }
    let size: usize = entry.metadata.iter().map(|pair| pair.name.len() + pair.value.len()).sum();
    if entry.metadata.len() > MAX_METADATA || size > MAX_METADATA_BYTES {
        return Err("too much metadata".to_owned());
    }
    let count = entry.metadata.len();
    let metadata: BTreeMap<_, _> = entry.metadata.into_iter().map(|pair| (pair.name, pair.value)).collect();
    let is_fine = |(name, value): (&String, &String)| is_name(name) && !value.is_empty();
    if metadata.len() != count || !metadata.iter().all(is_fine) || metadata.keys().any(|name| labels.contains_key(name))
    {
        return Err(format!("metadata with a bad name, twice, without a value, or as a label: {metadata:?}"));
    }
    Ok(Row { labels: labels.clone(), nanos, line: entry.line, metadata })
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(fits) && name.len() <= MAX_NAME
}

/// Reads `{a="b", c="d"}` as Loki's parser of selectors does, and wants it as Loki itself would write it.
fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let bad = || format!("labels {text}");
    let mut rest = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(bad)?;
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or_else(bad)?;
        let (mut value, mut characters) = (String::new(), after.char_indices());
        let end = loop {
            match characters.next().ok_or_else(bad)? {
                (at, '"') => break at,
                (_, '\\') => match characters.next().ok_or_else(bad)?.1 {
                    'n' => value.push('\n'),
                    'u' => {
                        let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        let code = u32::from_str_radix(&digits, 16).map_err(|_| bad())?;
                        value.push(char::from_u32(code).ok_or_else(bad)?);
                    }
                    plain @ ('"' | '\\') => value.push(plain),
                    _ => return Err(bad()),
                },
                (_, c) if c.is_control() => return Err(bad()),
                (_, c) => value.push(c),
            }
        };
        let sorted = labels.last_key_value().is_none_or(|(last, _): (&String, &String)| last.as_str() < name);
        if !sorted || !is_name(name) || name.starts_with("__") || value.is_empty() || value.len() > MAX_VALUE {
            return Err(bad());
        }
        labels.insert(name.to_owned(), value);
        rest = &after[end + 1..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(", ").ok_or_else(bad)?;
        }
    }
    // Loki adds service_name, which some of its versions count.
    let levels = ["info", "warn", "error"];
    if labels.is_empty() || labels.len() + 1 > MAX_LABELS || !levels.contains(&labels["level"].as_str()) {
        return Err(bad());
    }
    Ok(labels)
}
