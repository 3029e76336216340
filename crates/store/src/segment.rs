//! Segments: lines in columns, in Parquet files that anything else can read as well.
//!
//! A segment holds the lines of one or more journal files, without gaps, and is named by the first and the last of them. Lines
//! are not stored but rendered from the columns by the [`Schema`] that the segment carries, byte for byte; the few that would
//! come out differently stand in a column of their own. Rows are in the order of the journal, so a row's number says which
//! line it is.
//!
//! Reading is by groups of rows, a field at a time, into plain vectors: see [`Segment::read`]. Whole lines come from
//! [`Segment::lines`].

mod bits;
mod column;
mod file;
mod length;
mod line;
mod lines;
mod page;
mod read;
mod table;
mod value;
mod write;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;

use crate::Seq;
use crate::schema::{Encoding, Schema, SchemaError, Type};
use file::Whole;
use page::{Damaged, Physical};
use read::{ReadError, Wanted};

pub use column::{Column, Values};
pub use lines::Lines;
pub(crate) use value::write_time;
pub use value::{identifier, write_text};
pub use write::{GROUP_ROWS, PAGE_ROWS, Source, Written, write};

/// What a segment's name ends in.
pub const SUFFIX: &str = ".parquet";
/// Under these keys the file says what it is.
const SCHEMA_KEY: &str = "weir.schema";
const FIRST_KEY: &str = "weir.first";
/// No group has more rows; a file that says so is damaged.
const MOST_ROWS: usize = 1 << 22;

/// A segment cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The file system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} is damaged: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Its schema cannot be used.
    #[error("{}: {source}", .path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: SchemaError,
    },
}

impl SegmentError {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            SegmentError::Io { path, .. } | SegmentError::Damaged { path, .. } | SegmentError::Schema { path, .. } => {
                path
            }
        }
    }
}

/// Some rows of a segment, which are read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The number of its first line.
    pub first: Seq,
    /// How many lines it has.
    pub rows: usize,
    /// The least and the greatest time of its lines, in nanoseconds since 1970; `None` if no line has one.
    pub times: Option<(i64, i64)>,
    /// Whether some of its lines are kept as they are, since the columns do not give them back: see [`Segment::spilled`].
    pub spills: bool,
}

/// What is known of a field over a group without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds<'a> {
    /// How many rows have no value, if that is known.
    pub missing: Option<usize>,
    /// No integer, decimal or time is less or more.
    pub integers: Option<(i64, i64)>,
    /// No text or identifier stands before the first in the order of bytes, and none behind the second.
    pub bytes: Option<(&'a [u8], &'a [u8])>,
}

/// A segment, open for reading, by any number of threads.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    first: Seq,
    schema: Schema,
    groups: Vec<Group>,
    metadata: ParquetMetaData,
    /// Where pages begin: read when it is needed first.
    index: OnceLock<Option<ParquetMetaData>>,
}

impl Segment {
    /// Opens a segment: reads what stands at its end, and none of its values.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is from a newer Weir.
    pub fn open(path: &Path) -> Result<Segment, SegmentError> {
        let io_error = |source| SegmentError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let file = Arc::new(file);
        let damaged = |what: String| SegmentError::Damaged { path: path.to_owned(), what };
        let metadata = ParquetMetaDataReader::new()
            .parse_and_finish(&Whole { file: file.clone(), length })
            .map_err(|error| unreadable(path, error))?;
        let key = |name: &str| {
            let pairs = metadata.file_metadata().key_value_metadata();
            pairs?.iter().find(|pair| pair.key == name)?.value.as_deref()
        };
        let text = key(SCHEMA_KEY).ok_or_else(|| damaged("it is no segment of Weir's".to_owned()))?;
        let schema =
            Schema::from_json(text).map_err(|source| SegmentError::Schema { path: path.to_owned(), source })?;
        let first = key(FIRST_KEY).and_then(|first| first.parse().ok());
        let first = first.ok_or_else(|| damaged("it does not say which lines it holds".to_owned()))?;
        check_columns(&schema, &metadata).map_err(|Damaged(what)| damaged(what.to_owned()))?;
        let groups =
            groups(&schema, &metadata, first, length).ok_or_else(|| damaged("its groups make no sense".to_owned()))?;
        Ok(Segment { path: path.to_owned(), file, length, first, schema, groups, metadata, index: OnceLock::new() })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The number of its first line.
    #[must_use]
    pub fn first(&self) -> Seq {
        self.first
    }

    /// The number of the line behind its last.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.groups.last().map_or(self.first, |group| group.first + group.rows as Seq)
    }

    /// The least and the greatest time of its lines, in nanoseconds since 1970.
    #[must_use]
    pub fn times(&self) -> Option<(i64, i64)> {
        let times = self.groups.iter().filter_map(|group| group.times);
        times.reduce(|(least, most), (from, to)| (least.min(from), most.max(to)))
    }

    /// The fields of its lines.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Its groups of rows, in the order of the journal.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What is known of `field` over `group` without reading it.
    #[must_use]
    pub fn bounds(&self, group: usize, field: usize) -> Bounds<'_> {
        let Some(statistics) = self.chunk(group, field).and_then(ColumnChunkMetaData::statistics) else {
            return Bounds::default();
        };
        let missing = statistics.null_count_opt().and_then(|count| usize::try_from(count).ok());
        let integers = match statistics {
            Statistics::Int64(values) => values.min_opt().copied().zip(values.max_opt().copied()),
            _ => None,
        };
        let bytes = match statistics {
            Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) => {
                statistics.min_bytes_opt().zip(statistics.max_bytes_opt())
            }
            _ => None,
        };
        Bounds { missing, integers, bytes }
    }

    /// Bytes that `field` takes on the disk.
    #[must_use]
    pub fn stored_bytes(&self, field: usize) -> u64 {
        let chunks = (0..self.groups.len()).filter_map(|group| self.chunk(group, field));
        chunks.map(|chunk| chunk.compressed_size().max(0) as u64).sum()
    }

    /// Whether a text or an identifier may occur in a group, as far as that is known without reading it. `value` is as it is
    /// kept: the bytes of an identifier, not its digits.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn may_hold(&self, group: usize, field: usize, value: &[u8]) -> Result<bool, SegmentError> {
        if let Some((least, most)) = self.bounds(group, field).bytes
            && (value < least || value > most)
        {
            return Ok(false);
        }
        let Some(chunk) = self.chunk(group, field).filter(|chunk| chunk.bloom_filter_offset().is_some()) else {
            return Ok(true);
        };
        let whole = Whole { file: self.file.clone(), length: self.length };
        let filter = Sbbf::read_from_column_chunk(chunk, &whole).map_err(|error| unreadable(&self.path, error))?;
        Ok(filter.is_none_or(|filter| filter.check(value)))
    }

    /// The values of `field` over a group.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn read(&self, group: usize, field: usize) -> Result<Column, SegmentError> {
        let rows = self.groups.get(group).map_or(0, |group| group.rows);
        self.read_rows(group, field, 0..rows)
    }

    /// The values of `field` over some rows of a group. Only the pages that hold them are read: those begin at multiples of
    /// [`PAGE_ROWS`].
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn read_rows(&self, group: usize, field: usize, rows: Range<usize>) -> Result<Column, SegmentError> {
        self.read_column(group, field, physical(&self.schema, field), rows)
    }

    /// The lines of a group that are kept as they are: a text for each such row.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn spilled(&self, group: usize, rows: Range<usize>) -> Result<Column, SegmentError> {
        self.read_column(group, self.schema.fields().len(), Physical::Text, rows)
    }

    /// What gives back the lines of some rows of a group.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn lines(&self, group: usize, rows: Range<usize>) -> Result<Lines<'_>, SegmentError> {
        Lines::read(self, group, rows, &|_| true)
    }

    /// The same with the `wanted` fields only; lines that are kept as they are have all of theirs.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn lines_of(
        &self,
        group: usize,
        rows: Range<usize>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Lines<'_>, SegmentError> {
        Lines::read(self, group, rows, wanted)
    }

    /// How long the lines of some rows of a group are, in bytes, without line feeds.
    ///
    /// # Errors
    /// They cannot be read, or are damaged.
    pub fn lengths(&self, group: usize, rows: Range<usize>) -> Result<Vec<u32>, SegmentError> {
        length::lengths(self, group, rows)
    }

    fn read_column(
        &self,
        group: usize,
        column: usize,
        physical: Physical,
        rows: Range<usize>,
    ) -> Result<Column, SegmentError> {
        let (Some(chunk), Some(of)) = (self.chunk(group, column), self.groups.get(group)) else {
            return Err(self.damaged("it has no such group or field"));
        };
        let rows = rows.start.min(rows.end).min(of.rows)..rows.end.min(of.rows);
        let locations = match rows == (0..of.rows) {
            true => None,
            false => self.index().and_then(|index| index.page_index()?.page_locations(group, column)),
        };
        let wanted = Wanted::new(chunk, of.rows, &rows, locations);
        read::read(&self.file, self.length, chunk, &wanted, physical)
            .map(|column| match wanted.rows == rows {
                true => column,
                false => column.slice(rows.start - wanted.rows.start..rows.end - wanted.rows.start),
            })
            .map_err(|error| match error {
                ReadError::Io(source) => refused(&self.path, source),
                ReadError::Damaged(what) => self.damaged(&what),
            })
    }

    fn chunk(&self, group: usize, column: usize) -> Option<&ColumnChunkMetaData> {
        self.metadata.row_groups().get(group)?.columns().get(column)
    }

    fn index(&self) -> Option<&ParquetMetaData> {
        let read = || {
            let whole = Whole { file: self.file.clone(), length: self.length };
            let reader = ParquetMetaDataReader::new_with_metadata(self.metadata.clone());
            let mut reader = reader
                .with_column_index_policy(PageIndexPolicy::Skip)
                .with_offset_index_policy(PageIndexPolicy::Optional);
            reader.read_page_indexes(&whole).ok()?;
            reader.finish().ok()
        };
        self.index.get_or_init(read).as_ref()
    }

    fn damaged(&self, what: &str) -> SegmentError {
        SegmentError::Damaged { path: self.path.clone(), what: what.to_owned() }
    }
}

/// Why a file cannot be read: what ends before it should is damaged; what the system refuses may be there another time.
fn refused(path: &Path, source: io::Error) -> SegmentError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => SegmentError::Damaged { path, what: source.to_string() },
        _ => SegmentError::Io { path, source },
    }
}

/// The same of what Parquet's reader says.
fn unreadable(path: &Path, error: ParquetError) -> SegmentError {
    let what = error.to_string();
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => refused(path, *source),
            Err(_) => SegmentError::Damaged { path: path.to_owned(), what },
        },
        _ => SegmentError::Damaged { path: path.to_owned(), what },
    }
}

/// The columns that a schema needs: one for each field, and one for lines that are kept as they are.
fn physical(schema: &Schema, column: usize) -> Physical {
    let Some(field) = schema.fields().get(column) else { return Physical::Text };
    match (field.kind, field.encoding) {
        (Type::Text, Encoding::Plain) => Physical::Text,
        (Type::Text, Encoding::Uuid) => Physical::Bytes(16),
        (Type::Text, Encoding::Hex(bytes)) => Physical::Bytes(usize::from(bytes)),
        (Type::Integer | Type::Decimal(_) | Type::Time, _) => Physical::Integer,
        (Type::Number, _) => Physical::Number,
        (Type::Flag, _) => Physical::Flag,
    }
}

/// Whether the file has the columns that its schema says.
fn check_columns(schema: &Schema, metadata: &ParquetMetaData) -> Result<(), Damaged> {
    let columns = metadata.file_metadata().schema_descr().columns();
    if columns.len() != schema.fields().len() + 1 {
        return Err("its columns are not those of its schema".into());
    }
    for (at, column) in columns.iter().enumerate() {
        let fits = match physical(schema, at) {
            Physical::Integer => column.physical_type() == parquet::basic::Type::INT64,
            Physical::Number => column.physical_type() == parquet::basic::Type::DOUBLE,
            Physical::Flag => column.physical_type() == parquet::basic::Type::BOOLEAN,
            Physical::Text => column.physical_type() == parquet::basic::Type::BYTE_ARRAY,
            Physical::Bytes(width) => {
                column.physical_type() == parquet::basic::Type::FIXED_LEN_BYTE_ARRAY
                    && usize::try_from(column.type_length()).ok() == Some(width)
            }
        };
        if !fits || column.max_def_level() != 1 || column.max_rep_level() != 0 {
            return Err("a column is not what its schema says".into());
        }
    }
    Ok(())
}

/// What is known of each group. `None` if that cannot be.
fn groups(schema: &Schema, metadata: &ParquetMetaData, mut first: Seq, length: u64) -> Option<Vec<Group>> {
    let columns = schema.fields().len();
    metadata
        .row_groups()
        .iter()
        .map(|group| {
            let rows = usize::try_from(group.num_rows()).ok().filter(|rows| (1..=MOST_ROWS).contains(rows))?;
            if !group.columns().iter().all(|chunk| lies_within(chunk, length)) {
                return None;
            }
            let times = match group.columns().get(schema.time())?.statistics() {
                Some(Statistics::Int64(times)) => times.min_opt().copied().zip(times.max_opt().copied()),
                _ => None,
            };
            let spilled = group.columns().get(columns)?.statistics().and_then(Statistics::null_count_opt);
            let spills = spilled.is_none_or(|missing| missing < rows as u64);
            let known = Group { first, rows, times, spills };
            first = first.checked_add(rows as Seq)?;
            Some(known)
        })
        .collect()
}

/// Whether what a column says of its place can be.
fn lies_within(chunk: &ColumnChunkMetaData, length: u64) -> bool {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size()).and_then(|end| u64::try_from(end).ok());
    start >= 0
        && chunk.data_page_offset() >= start
        && chunk.compressed_size() >= 0
        && end.is_some_and(|end| end <= length)
}

#[cfg(test)]
pub(crate) mod tests;
