//! Writing a segment: lines become columns, are read back from the file, rendered and compared.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding as Layout, LogicalType, Repetition, TimeUnit, Type as Stored, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type as SchemaType};

use super::table::{Builder, Building, Table};
use super::{FIRST_KEY, SCHEMA_KEY, SUFFIX, Segment, SegmentError};
use crate::schema::{Encoding, Field, SPILL, Schema, Type};
use crate::{Seq, data_dir};

/// Rows of a group: so many are held in memory while they are written.
pub const GROUP_ROWS: usize = 1 << 16;
/// Bytes of lines after which a group ends that has fewer rows.
const GROUP_BYTES: usize = 256 << 20;
/// Rows of a page: fewer are not read.
pub const PAGE_ROWS: usize = 1 << 13;
/// How many values tell whether there are few different ones.
const SAMPLE: usize = 4096;
/// A dictionary that grows beyond this is left.
const DICTIONARY_BYTES: usize = 1 << 20;
/// How hard to compress: more costs much time and saves little.
const ZSTD_LEVEL: i32 = 1;
/// After so many lines another thread may go first: a scheduler lets even one that stands behind all others finish its
/// milliseconds, which is long for a request.
const BREATH: u64 = 8;
/// What is compressed stays so only if it takes less than this part of the room: unpacking costs time.
const WORTHWHILE: f64 = 0.9;

/// How often a group may be looked at in vain that has not the identifier which is looked for: half a byte a value.
const MISTAKEN: f64 = 0.2;
/// Nobody looks for shorter or longer ones by themselves.
const IDENTIFIER_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// Where the lines of a segment come from. They are asked for more than once, and are the same each time.
pub trait Source {
    /// Shows each line, without its line feed.
    ///
    /// # Errors
    /// The lines cannot be read, or `visit` failed.
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError>;
}

/// A segment that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it lies.
    pub path: PathBuf,
    /// How many lines it holds.
    pub rows: u64,
    /// How many of them are kept as they are, since the columns do not give them back.
    pub spilled: u64,
    /// How many were no text, and have signs of replacement where they were none.
    pub mended: u64,
}

/// Writes the lines of `source`, of which the first has the number `first`, as a segment in `dir`. The file gets its name when
/// all of it has been compared with the lines and is on the disk. The same lines give the same name and the same bytes.
///
/// # Errors
/// The file system refused, the lines cannot be read, or there are none.
pub fn write(dir: &Path, schema: &Schema, first: Seq, source: &dyn Source) -> Result<Written, SegmentError> {
    let under_way = dir.join(format!("{first:020}{SUFFIX}.writing"));
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| SegmentError::Io { path, source }
    };
    let mut keep = BTreeSet::new();
    let (rows, mended) = loop {
        let counted = Writer::new(&under_way, schema, first, &keep)?.write(source)?;
        let different = compare(&Segment::open(&under_way)?, source)?;
        if different.is_empty() {
            break counted;
        }
        if different.iter().any(|row| !keep.insert(*row)) {
            let what = "lines that are kept as they are come back differently".to_owned();
            return Err(SegmentError::Damaged { path: under_way, what });
        }
    };
    let path = dir.join(format!("{first:020}-{:020}{SUFFIX}", first + rows - 1));
    fs::rename(&under_way, &path).map_err(io_error(&path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(dir))?;
    let segment = Segment::open(&path)?;
    let column = segment.schema().fields().len();
    let spilled = segment.groups().iter().enumerate().map(|(group, of)| {
        let missing = segment.bounds(group, column).missing;
        (of.rows - missing.unwrap_or(0)) as u64
    });
    Ok(Written { path, rows, spilled: spilled.sum(), mended })
}

fn breathe(lines: u64) {
    if lines.is_multiple_of(BREATH) {
        rustix::thread::sched_yield();
    }
}

/// The rows whose lines come back differently.
fn compare(segment: &Segment, source: &dyn Source) -> Result<Vec<u64>, SegmentError> {
    let (mut different, mut row, mut rendered) = (Vec::new(), 0_u64, Vec::new());
    let mut groups = segment.groups().iter().enumerate();
    let mut lines: Option<super::Lines<'_>> = None;
    let (mut at, mut rows) = (0, 0);
    source.visit(&mut |line| {
        if at == rows {
            let Some((group, of)) = groups.next() else { return Err(segment.damaged("it ends early")) };
            lines = None;
            lines = Some(segment.lines(group, 0..of.rows)?);
            (at, rows) = (0, of.rows);
        }
        if let Some(lines) = &lines {
            rendered.clear();
            lines.write(at, &mut rendered);
            if rendered != line && std::str::from_utf8(line).is_ok() {
                different.push(row);
            }
        }
        at += 1;
        row += 1;
        breathe(row);
        Ok(())
    })?;
    if at != rows || groups.next().is_some() {
        return Err(segment.damaged("it has more lines than it was given"));
    }
    Ok(different)
}

/// Writes lines once.
struct Writer<'a> {
    path: &'a Path,
    schema: Schema,
    first: Seq,
    keep: &'a BTreeSet<u64>,
    table: Table,
    /// Begun with the first group, which shows what the columns are like.
    file: Option<SerializedFileWriter<BufWriter<File>>>,
    rows: u64,
    mended: u64,
}

impl<'a> Writer<'a> {
    fn new(path: &'a Path, schema: &Schema, first: Seq, keep: &'a BTreeSet<u64>) -> Result<Writer<'a>, SegmentError> {
        let table = Table::new(schema, true);
        Ok(Writer { path, schema: schema.clone(), first, keep, table, file: None, rows: 0, mended: 0 })
    }

    /// How many lines there are, and how many were no text.
    fn write(mut self, source: &dyn Source) -> Result<(u64, u64), SegmentError> {
        source.visit(&mut |line| {
            let keep = self.keep.contains(&self.rows);
            match std::str::from_utf8(line) {
                Ok(_) => self.table.add(line, keep),
                Err(_) => {
                    self.mended += 1;
                    self.table.add(String::from_utf8_lossy(line).as_bytes(), true);
                }
            }
            self.rows += 1;
            breathe(self.rows);
            let full = self.table.rows() == GROUP_ROWS || self.table.bytes() >= GROUP_BYTES;
            if full { self.flush() } else { Ok(()) }
        })?;
        if self.table.rows() > 0 {
            self.flush()?;
        }
        let Some(file) = self.file else {
            return Err(SegmentError::Damaged { path: self.path.to_owned(), what: "no line to write".to_owned() });
        };
        let finish = || {
            let file = file.into_inner()?.into_inner().map_err(|error| ParquetError::from(error.into_error()))?;
            file.sync_all().map_err(ParquetError::from)
        };
        finish().map_err(|error| refused(self.path, error))?;
        Ok((self.rows, self.mended))
    }

    fn flush(&mut self) -> Result<(), SegmentError> {
        self.table.fill();
        if self.file.is_none() {
            self.schema = self.table.settle(&self.schema);
            self.file = Some(self.begin().map_err(|error| refused(self.path, error))?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        write_group(file, &mut self.table).map_err(|error| refused(self.path, error))?;
        self.table.clear();
        Ok(())
    }

    fn begin(&self) -> Result<SerializedFileWriter<BufWriter<File>>, ParquetError> {
        let columns = self.table.columns.iter().chain([&self.table.spill]);
        let types = columns.clone().map(|column| Ok(Arc::new(stored(&column.field)?)));
        let types = types.collect::<Result<Vec<_>, ParquetError>>()?;
        let root = SchemaType::group_type_builder("record").with_fields(types).build()?;
        let pair = |key: &str, value: String| KeyValue { key: key.to_owned(), value: Some(value) };
        let mut properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_created_by("weir".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_data_page_v2_compression_ratio_threshold(WORTHWHILE)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_dictionary_enabled(false)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_data_page_size_limit(1 << 30)
            .set_write_batch_size(1024)
            .set_max_row_group_row_count(None)
            .set_key_value_metadata(Some(vec![
                pair(SCHEMA_KEY, self.schema.to_json()),
                pair(FIRST_KEY, self.first.to_string()),
            ]));
        for column in columns {
            let path = ColumnPath::from(column.field.name.as_str());
            if column.few() {
                properties = properties.set_column_dictionary_enabled(path.clone(), true);
            }
            if let Some(layout) = layout(&column.field) {
                properties = properties.set_column_encoding(path.clone(), layout);
            }
            if column.is_identifier() {
                properties = properties
                    .set_column_bloom_filter_enabled(path.clone(), true)
                    .set_column_bloom_filter_fpp(path.clone(), MISTAKEN)
                    .set_column_bloom_filter_max_ndv(path, GROUP_ROWS as u64);
            }
        }
        // What a dead process left there is written over.
        let file = data_dir::create_file(self.path)?;
        file.set_len(0)?;
        SerializedFileWriter::new(BufWriter::with_capacity(1 << 18, file), Arc::new(root), Arc::new(properties.build()))
    }
}

fn refused(path: &Path, error: ParquetError) -> SegmentError {
    let path = path.to_owned();
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => SegmentError::Io { path, source: *source },
            Err(other) => SegmentError::Damaged { path, what: other.to_string() },
        },
        other => SegmentError::Damaged { path, what: other.to_string() },
    }
}

/// A field's column, as others see it.
fn stored(field: &Field) -> Result<SchemaType, ParquetError> {
    let build = |stored: Stored, logical: Option<LogicalType>, precision: i32, scale: i32, length: i32| {
        SchemaType::primitive_type_builder(&field.name, stored)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .with_precision(precision)
            .with_scale(scale)
            .with_length(length)
            .build()
    };
    match (field.kind, field.encoding) {
        (Type::Text, Encoding::Plain) => build(Stored::BYTE_ARRAY, Some(LogicalType::String), -1, -1, -1),
        (Type::Text, Encoding::Uuid) => build(Stored::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), -1, -1, 16),
        (Type::Text, Encoding::Hex(bytes)) => build(Stored::FIXED_LEN_BYTE_ARRAY, None, -1, -1, i32::from(bytes)),
        (Type::Integer, _) => build(Stored::INT64, None, -1, -1, -1),
        (Type::Decimal(scale), _) => {
            let (scale, precision) = (i32::from(scale), 18);
            build(Stored::INT64, Some(LogicalType::decimal(scale, precision)), precision, scale, -1)
        }
        (Type::Number, _) => build(Stored::DOUBLE, None, -1, -1, -1),
        (Type::Flag, _) => build(Stored::BOOLEAN, None, -1, -1, -1),
        (Type::Time, _) => build(Stored::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS)), -1, -1, -1),
    }
}

/// How values lie that are not in a dictionary.
fn layout(field: &Field) -> Option<Layout> {
    match (field.kind, field.encoding) {
        (Type::Text, Encoding::Plain) => Some(Layout::DELTA_LENGTH_BYTE_ARRAY),
        (Type::Text, _) | (Type::Number, _) => Some(Layout::PLAIN),
        (Type::Integer | Type::Decimal(_) | Type::Time, _) => Some(Layout::DELTA_BINARY_PACKED),
        (Type::Flag, _) => Some(Layout::RLE),
    }
}

impl Builder {
    /// Whether these seem to be identifiers that somebody may look for, and of which the least and the greatest tell nothing: many
    /// different short texts, in no order.
    fn is_identifier(&self) -> bool {
        let Building::Bytes(ends, bytes) = &self.values else { return false };
        let length = bytes.len().checked_div(ends.len());
        if !length.is_some_and(|length| IDENTIFIER_BYTES.contains(&length)) || self.field.name == SPILL || self.few() {
            return false;
        }
        let starts = [0].into_iter().chain(ends.iter().copied());
        !starts.zip(ends).take(SAMPLE).map(|(from, to)| &bytes[from as usize..*to as usize]).is_sorted()
    }

    /// Whether there seem to be few different values, so that each is better written once.
    fn few(&self) -> bool {
        match &self.values {
            Building::Bytes(ends, bytes) => {
                if self.field.encoding != Encoding::Plain || self.field.name == SPILL {
                    return false;
                }
                let starts = [0].into_iter().chain(ends.iter().copied());
                let texts = starts.zip(ends).take(SAMPLE).map(|(from, to)| &bytes[from as usize..*to as usize]);
                texts.collect::<HashSet<_>>().len() * 2 <= ends.len().min(SAMPLE)
            }
            Building::Integers(values) => {
                let different = values.iter().take(SAMPLE).collect::<HashSet<_>>().len();
                self.field.kind != Type::Time && different * 64 <= values.len().min(SAMPLE)
            }
            Building::Numbers(values) => {
                let different = values.iter().take(SAMPLE).map(|value| value.to_bits()).collect::<HashSet<_>>().len();
                different * 2 <= values.len().min(SAMPLE)
            }
            Building::Flags(_) => false,
        }
    }
}

fn write_group(file: &mut SerializedFileWriter<BufWriter<File>>, table: &mut Table) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for column in table.columns.iter_mut().chain([&mut table.spill]) {
        let Some(writer) = group.next_column()? else {
            return Err(ParquetError::General("too few columns".to_owned()));
        };
        write_column(writer, column)?;
        breathe(0);
    }
    group.close()?;
    Ok(())
}

fn write_column(mut writer: SerializedColumnWriter<'_>, column: &mut Builder) -> Result<(), ParquetError> {
    let levels = Some(column.levels.as_slice());
    match &mut column.values {
        Building::Integers(values) => writer.typed::<Int64Type>().write_batch(values, levels, None)?,
        Building::Numbers(values) => writer.typed::<DoubleType>().write_batch(values, levels, None)?,
        Building::Flags(values) => writer.typed::<BoolType>().write_batch(values, levels, None)?,
        Building::Bytes(ends, bytes) => {
            let all = Bytes::from(std::mem::take(bytes));
            let starts = [0].into_iter().chain(ends.iter().copied());
            let values =
                starts.zip(ends.iter()).map(|(from, to)| ByteArray::from(all.slice(from as usize..*to as usize)));
            match column.field.encoding {
                Encoding::Plain => {
                    writer.typed::<ByteArrayType>().write_batch(&values.collect::<Vec<_>>(), levels, None)?
                }
                Encoding::Uuid | Encoding::Hex(_) => {
                    let values: Vec<_> = values.map(FixedLenByteArray::from).collect();
                    writer.typed::<FixedLenByteArrayType>().write_batch(&values, levels, None)?
                }
            }
        }
    };
    writer.close()
}
