//! A column's pages from the disk, as few as will do.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::column::Column;
use super::file::Span;
use super::page::{Damaged, Decoder, Physical};

/// Why a column cannot be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Io(io::Error),
    Damaged(String),
}

impl From<Damaged> for ReadError {
    fn from(Damaged(what): Damaged) -> ReadError {
        ReadError::Damaged(what.to_owned())
    }
}

impl From<ParquetError> for ReadError {
    fn from(error: ParquetError) -> ReadError {
        ReadError::Damaged(error.to_string())
    }
}

/// Which pages of a column are read.
pub(super) struct Wanted {
    /// The rows that they hold.
    pub(super) rows: Range<usize>,
    /// The rows of the whole group.
    of: usize,
    /// The pages up to the last one that is wanted, where not all are.
    pages: Option<Vec<PageLocation>>,
    /// How many of those are not.
    skipped: usize,
    /// The bytes in which all of it stands.
    bytes: Vec<Range<u64>>,
}

impl Wanted {
    /// The pages that hold `rows` of a group of `of` rows; all, where it is not known where pages begin.
    pub(super) fn new(
        chunk: &ColumnChunkMetaData,
        of: usize,
        rows: &Range<usize>,
        locations: Option<&Vec<PageLocation>>,
    ) -> Wanted {
        let (start, length) = chunk.byte_range();
        let all = start..start.saturating_add(length);
        Self::some(&all, of, rows, locations).unwrap_or(Wanted {
            rows: 0..of,
            of,
            pages: None,
            skipped: 0,
            bytes: vec![all],
        })
    }

    fn some(all: &Range<u64>, of: usize, rows: &Range<usize>, locations: Option<&Vec<PageLocation>>) -> Option<Wanted> {
        let pages = locations?;
        let starts: Option<Vec<usize>> = pages.iter().map(|page| usize::try_from(page.first_row_index).ok()).collect();
        let starts =
            starts.filter(|starts| starts.first() == Some(&0) && starts.is_sorted() && starts.last() < Some(&of))?;
        let from = starts.partition_point(|start| *start <= rows.start) - 1;
        let to = starts.partition_point(|start| *start < rows.end).max(from + 1);
        let begin = |page: &PageLocation| u64::try_from(page.offset).ok();
        let (first, last) = (begin(&pages[0])?, &pages[to - 1]);
        let end = begin(last)?.checked_add(u64::try_from(last.compressed_page_size).ok()?)?;
        let span = begin(&pages[from])?..end;
        if first < all.start || span.start < first || span.end > all.end || span.is_empty() {
            return None;
        }
        // What stands in front of the first page is the dictionary.
        Some(Wanted {
            rows: starts[from]..starts.get(to).copied().unwrap_or(of),
            of,
            pages: Some(pages[..to].to_vec()),
            skipped: from,
            bytes: vec![all.start..first, span],
        })
    }
}

/// Reads and decodes what is wanted.
pub(super) fn read(
    file: &Arc<File>,
    length: u64,
    chunk: &ColumnChunkMetaData,
    wanted: &Wanted,
    physical: Physical,
) -> Result<Column, ReadError> {
    let span = Arc::new(Span::read(file, length, &wanted.bytes).map_err(ReadError::Io)?);
    let mut reader = SerializedPageReader::new(span, chunk, wanted.of, wanted.pages.clone())?;
    let mut decoder = Decoder::new(physical, wanted.rows.len());
    let mut skipped = 0;
    while let Some(next) = reader.peek_next_page()? {
        if !next.is_dict && skipped < wanted.skipped {
            reader.skip_next_page()?;
            skipped += 1;
        } else if let Some(page) = reader.get_next_page()? {
            decoder.page(&page)?;
        }
    }
    let column = decoder.finish()?;
    if column.len() != wanted.rows.len() {
        return Err(ReadError::Damaged("a column has fewer rows than its group".to_owned()));
    }
    Ok(column)
}
