//! Reading the journal from a place on, while it is written.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::files;
use crate::Seq;

/// How much is read at once. Longer than any line, and short enough not to keep a processor from others for long.
pub(super) const PIECE: usize = 64 * 1024;

/// Whole lines, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// The number of the first line.
    pub first: Seq,
    /// How many lines there are.
    pub count: u64,
    /// The lines, each with its line feed.
    pub lines: &'a [u8],
    /// Lines that were removed before they could be read.
    pub skipped: u64,
}

/// Reads the journal from a line on. Sees whole lines only.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    next: Seq,
    open: Option<(File, u64)>,
    buffer: Vec<u8>,
}

impl Reader {
    /// Reads the journal in `dir` from line `next` on.
    #[must_use]
    pub fn new(dir: &Path, next: Seq) -> Reader {
        Reader { dir: dir.to_owned(), next, open: None, buffer: vec![0; PIECE] }
    }

    /// The number of the next line to be read.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The lines that are there by now, some of them; `None` when there are none.
    ///
    /// # Errors
    /// The file system refused.
    pub fn read(&mut self) -> io::Result<Option<Batch<'_>>> {
        let mut skipped = 0;
        loop {
            if self.open.is_none() {
                skipped += self.seek()?;
            }
            let Some((file, offset)) = &mut self.open else { return Ok(None) };
            let filled = file.read_at(&mut self.buffer, *offset)?;
            let Some(last) = memchr::memrchr(b'\n', &self.buffer[..filled]) else {
                // The end of this file; the next one is named by the line that is wanted.
                let path = files::path(&self.dir, self.next);
                if *offset > 0 && path.exists() {
                    self.open = Some((File::open(path)?, 0));
                    continue;
                }
                if file.metadata()?.nlink() == 0 {
                    // This file and the next one went for want of room; what is left begins later.
                    self.open = None;
                    continue;
                }
                return Ok(None);
            };
            let lines = &self.buffer[..=last];
            let count = memchr::memchr_iter(b'\n', lines).count() as u64;
            let first = self.next;
            *offset += lines.len() as u64;
            self.next += count;
            return Ok(Some(Batch { first, count, lines, skipped }));
        }
    }

    /// Opens the file that holds the next line and finds its place; returns how many lines are gone for good.
    fn seek(&mut self) -> io::Result<u64> {
        let files = files::list(&self.dir)?;
        let Some(file) = files.iter().rfind(|file| file.first <= self.next).or(files.first()) else { return Ok(0) };
        let skipped = file.first.saturating_sub(self.next);
        self.next = self.next.max(file.first);
        let open = File::open(&file.path)?;
        let (mut offset, mut left) = (0u64, self.next - file.first);
        while left > 0 {
            let filled = open.read_at(&mut self.buffer, offset)?;
            let mut used = 0;
            for at in memchr::memchr_iter(b'\n', &self.buffer[..filled]).take(left as usize) {
                used = at + 1;
                left -= 1;
            }
            if used == 0 {
                // The line lies beyond what is written: the cursor is ahead of the journal.
                self.next -= left;
                break;
            }
            offset += used as u64;
        }
        self.open = Some((open, offset));
        Ok(skipped)
    }
}
