//! Files as Parquet's reader wants them: read at places, by any number of threads at once.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use bytes::buf::{Buf, Reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A whole file.
pub(super) struct Whole {
    pub(super) file: Arc<File>,
    pub(super) length: u64,
}

impl Length for Whole {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Whole {
    type T = From;

    fn get_read(&self, start: u64) -> Result<From> {
        Ok(From { file: self.file.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Ok(read(&self.file, self.length, start, length)?)
    }
}

/// A file from a place on.
pub(super) struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Parts of a file, in memory.
pub(super) struct Span {
    length: u64,
    parts: Vec<(u64, Bytes)>,
}

impl Span {
    pub(super) fn read(file: &File, length: u64, parts: &[Range<u64>]) -> io::Result<Span> {
        let parts = parts.iter().filter(|part| !part.is_empty());
        let read = |part: &Range<u64>| {
            let size = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
            Ok((part.start, read(file, length, part.start, size)?))
        };
        Ok(Span { length, parts: parts.map(read).collect::<io::Result<_>>()? })
    }

    fn from(&self, start: u64) -> Result<Bytes> {
        self.parts
            .iter()
            .find_map(|(at, bytes)| {
                let into = usize::try_from(start.checked_sub(*at)?).ok()?;
                (into < bytes.len()).then(|| bytes.slice(into..))
            })
            .ok_or_else(|| ParquetError::EOF("a page lies outside its column".to_owned()))
    }
}

impl Length for Span {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Span {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Reader<Bytes>> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        match bytes.len() < length {
            true => Err(ParquetError::EOF("a page ends outside its column".to_owned())),
            false => Ok(bytes.slice(..length)),
        }
    }
}

/// Reads `size` bytes, which must lie within the file's `length`.
fn read(file: &File, length: u64, start: u64, size: usize) -> io::Result<Bytes> {
    if start.checked_add(size as u64).is_none_or(|end| end > length) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a part lies beyond the file's end"));
    }
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}
