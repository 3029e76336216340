//! What was pushed, in segments: an entry is a line of a few fields there, marked as pushed.
//!
//! Labels and metadata are objects of texts, as JSON, so that whatever reads Parquet can read them. A line that is no text is kept as
//! hexadecimal digits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::entry::{Entry, Stream};
use super::run::Run;
use crate::schema::{Field, Role, SchemaError, TIMESTAMP, Type};
use crate::segment::{self, Column, write_text, write_time};
use crate::{Schema, Segment, SegmentError};

const LABELS: &str = "labels";
const METADATA: &str = "metadata";
const LINE: &str = "line";
const HEX: &str = "line_hex";
const PUSHED: &str = "pushed";

/// The schema of segments of what was pushed.
///
/// # Errors
/// None: it says when, and has each name once.
pub fn schema() -> Result<Schema, SchemaError> {
    let text = |name| Field::new(name, Type::Text, Role::Line);
    let time = Field { always: true, ..Field::new(TIMESTAMP, Type::Time, Role::Line) };
    let mark = Field::new(PUSHED, Type::Flag, Role::Line);
    let fields = vec![time, text(LABELS), text(METADATA), text(LINE), text(HEX), mark];
    let last = fields.len();
    Schema::new(fields, last)
}

impl segment::Source for Run {
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError> {
        let mut line = Vec::new();
        for entry in self.entries() {
            line.clear();
            write(entry, &mut line);
            visit(&line)?;
        }
        Ok(())
    }
}

/// Writes an entry as the line that it is in a segment.
fn write(entry: &Entry, out: &mut Vec<u8>) {
    let key = |name: &str, out: &mut Vec<u8>| out.extend_from_slice(format!(",\"{name}\":").as_bytes());
    out.extend_from_slice(format!("{{\"{TIMESTAMP}\":\"").as_bytes());
    write_time(entry.timestamp, out);
    out.push(b'"');
    key(LABELS, out);
    write_text(object(entry.stream.labels()).as_bytes(), out);
    let metadata = object(entry.metadata());
    if metadata != "{}" {
        key(METADATA, out);
        write_text(metadata.as_bytes(), out);
    }
    match std::str::from_utf8(entry.line()) {
        Ok(line) => {
            key(LINE, out);
            write_text(line.as_bytes(), out);
        }
        Err(_) => {
            key(HEX, out);
            let digits: String = entry.line().iter().map(|byte| format!("{byte:02x}")).collect();
            write_text(digits.as_bytes(), out);
        }
    }
    key(PUSHED, out);
    out.extend_from_slice(b"true}");
}

/// Pairs as an object of texts.
fn object<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let map: BTreeMap<&str, &str> = pairs.collect();
    // Texts can always be written.
    serde_json::to_string(&map).unwrap_or_default()
}

/// The entries of a group whose streams are `wanted`, from `start` on and before `end` in nanoseconds since 1970, by time; those of
/// one instant as they came.
///
/// # Errors
/// The segment cannot be read, or is none of what was pushed.
pub fn entries(
    segment: &Segment,
    group: usize,
    (start, end): (i64, i64),
    wanted: &dyn Fn(&Stream) -> bool,
) -> Result<Vec<Arc<Entry>>, SegmentError> {
    let damaged = |what: &str| SegmentError::Damaged { path: segment.path().to_owned(), what: what.to_owned() };
    let read = |name: &str| match segment.schema().position(name) {
        Some(field) => segment.read(group, field),
        None => Err(damaged("it holds nothing that was pushed")),
    };
    let times = read(TIMESTAMP)?;
    let within = |row: &usize| times.integer(*row).is_some_and(|at| (start..end).contains(&at));
    let rows: Vec<usize> = (0..times.len()).filter(within).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let labels = read(LABELS)?;
    let mut streams = Streams { known: HashMap::new(), wanted };
    let mut chosen = Vec::new();
    for row in rows {
        if let Some(stream) = streams.of(&labels, row).ok_or_else(|| damaged("labels are no object of texts"))? {
            chosen.push((row, stream));
        }
    }
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let (metadata, lines, digits) = (read(METADATA)?, read(LINE)?, read(HEX)?);
    let mut found = Vec::with_capacity(chosen.len());
    for (row, stream) in chosen {
        let metadata = pairs(metadata.text(row).unwrap_or("{}")).ok_or_else(|| damaged("metadata is no object"))?;
        let line = match (lines.text(row), digits.text(row)) {
            (Some(line), _) => line.as_bytes().to_vec(),
            (None, Some(digits)) => bytes(digits).ok_or_else(|| damaged("a line has other digits than hexadecimal"))?,
            (None, None) => return Err(damaged("an entry has no line")),
        };
        let at = times.integer(row).unwrap_or_default();
        found.push(Arc::new(Entry::new(stream, at, metadata, &line)));
    }
    found.sort_by_key(|entry| entry.timestamp);
    Ok(found)
}

/// The streams of a column, each made once.
struct Streams<'w> {
    known: HashMap<Box<str>, Option<Arc<Stream>>>,
    wanted: &'w dyn Fn(&Stream) -> bool,
}

impl Streams<'_> {
    /// A row's, if it is wanted; nothing where it has none.
    fn of(&mut self, labels: &Column, row: usize) -> Option<Option<Arc<Stream>>> {
        let text = labels.text(row)?;
        if let Some(known) = self.known.get(text) {
            return Some(known.clone());
        }
        let stream = Arc::new(Stream::new(pairs(text)?));
        let stream = (self.wanted)(&stream).then_some(stream);
        self.known.insert(text.into(), stream.clone());
        Some(stream)
    }
}

fn pairs(text: &str) -> Option<BTreeMap<String, String>> {
    serde_json::from_str(text).ok()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.1.is_empty().then(|| pairs.0.iter().map(byte).collect()).flatten()
}
