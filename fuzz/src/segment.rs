//! Segments: whatever a file says it is opened or refused, and read or refused, without a panic; and lines of any kind come back
//! from one byte for byte.

use std::fs;
use std::path::Path;

use store::pushed::entries;
use store::schema::{Encoding, Field, Role, Type};
use store::segment::{PAGE_ROWS, Source, write};
use store::{Schema, Segment, SegmentError};

/// What a Parquet file begins with.
const MAGIC: &[u8] = b"PAR1";

/// Checks a file, or lines.
pub fn check(bytes: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    if bytes.starts_with(MAGIC) {
        let path = dir.path().join("any.parquet");
        if fs::write(&path, bytes).is_ok() {
            read(&path);
        }
        return;
    }
    let outcome = lines_come_back(dir.path(), bytes);
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// Reads all that there is, and parts of it.
fn read(path: &Path) {
    let Ok(segment) = Segment::open(path) else { return };
    let fields = segment.schema().fields().len();
    for (group, of) in segment.groups().iter().enumerate().take(4) {
        for field in 0..fields {
            let _ = segment.bounds(group, field);
            let _ = segment.may_hold(group, field, b"any");
            let middle = of.rows / 2;
            if let Ok(column) = segment.read_rows(group, field, middle..middle + 10) {
                assert!((0..column.len()).filter_map(|row| column.text(row)).count() <= 10);
            }
        }
        if let Ok(lines) = segment.lines(group, 0..of.rows.min(PAGE_ROWS)) {
            let mut out = Vec::new();
            lines.rows().for_each(|row| lines.write(row, &mut out));
        }
        if let Ok(entries) = entries(&segment, group, (i64::MIN, i64::MAX), &|_| true) {
            assert!(entries.is_sorted_by_key(|entry| entry.timestamp));
        }
    }
}

struct Lines<'a>(Vec<&'a [u8]>);

impl Source for Lines<'_> {
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError> {
        self.0.iter().try_for_each(|line| visit(line))
    }
}

fn lines_come_back(dir: &Path, bytes: &[u8]) -> Result<(), SegmentError> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let schema = schema().map_err(|source| SegmentError::Schema { path: dir.to_owned(), source })?;
    let written = write(dir, &schema, 1, &Lines(lines.clone()))?;
    assert_eq!(written.rows, lines.len() as u64);
    let segment = Segment::open(&written.path)?;
    let mut row = 0;
    for (group, of) in segment.groups().iter().enumerate() {
        let back = segment.lines(group, 0..of.rows)?;
        for at in 0..of.rows {
            let mut line = Vec::new();
            back.write(at, &mut line);
            // What is no text has signs of replacement.
            assert_eq!(String::from_utf8_lossy(&line), String::from_utf8_lossy(lines[row]));
            row += 1;
        }
    }
    assert_eq!(row, lines.len());
    Ok(())
}

fn schema() -> Result<Schema, store::schema::SchemaError> {
    let always = |name: &str, kind| Field { always: true, ..Field::new(name, kind, Role::Line) };
    let kept = |name: &str, encoding| Field { encoding, ..Field::new(name, Type::Text, Role::Line) };
    let fields = vec![
        always("timestamp", Type::Time),
        always("level", Type::Text),
        kept("id", Encoding::Uuid),
        always("tokens", Type::Integer),
        Field::new("cost_usd", Type::Decimal(9), Role::Line),
        Field::new("heat", Type::Number, Role::Line),
        kept("trace_id", Encoding::Hex(16)),
        Field::new("stream", Type::Flag, Role::Line),
    ];
    Schema::new(fields, 7)
}
