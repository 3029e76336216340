//! The journal: lines, appended to files that are named by the number of their first line.
//!
//! A line is in the journal once [`Journal::append`] has returned: then the kernel has it, and it survives the death of the
//! process. [`Journal::file`] is what to sync for it to survive the loss of power. Room is set aside on the disk ahead of
//! need by [`Journal::ensure_room`], so that what was promised a place gets it on a full disk.

mod files;
mod reader;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::FallocateFlags;

use crate::{Seq, data_dir};

pub use files::{JournalFile, Lines, Trimmed, files, next_line, scan, trim};
pub use reader::{Batch, Reader};

/// How much room is set aside at once, where the disk has it.
const ROOM_STEP: u64 = 1 << 20;

/// When a file is full.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes after which the next file begins.
    pub rotate_bytes: u64,
    /// Time after which the next file begins.
    pub rotate_after: Duration,
    /// Whether a file is synced to the disk before it is left.
    pub sync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { rotate_bytes: 16 << 20, rotate_after: Duration::from_secs(3600), sync: false }
    }
}

/// What opening a journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The last whole line, without its line feed.
    pub last_line: Option<Vec<u8>>,
    /// Bytes of an unfinished last line that were cut off.
    pub torn_bytes: u64,
    /// Where bytes that were not lines were put, if there were any.
    pub set_aside: Option<PathBuf>,
}

/// How far the journal has come, for those who follow it.
#[derive(Debug, Default)]
pub struct End {
    next: AtomicU64,
}

impl End {
    /// The number that the next line will get.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.next.load(Ordering::Acquire)
    }
}

/// A file that the journal has left. It still holds the room that was set aside in it.
#[derive(Debug)]
pub struct Left {
    file: Arc<File>,
    length: u64,
}

impl Left {
    /// Gives back what was set aside and not needed. This may wait for the disk, so it is not done where lines are written.
    ///
    /// # Errors
    /// The file system refused.
    pub fn give_back(self) -> io::Result<()> {
        self.file.set_len(self.length)
    }
}

/// The journal, open for appending. There is one in a data directory.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    options: Options,
    file: Arc<File>,
    first: Seq,
    length: u64,
    /// Up to where the file has blocks on the disk.
    allocated: u64,
    opened: Instant,
    end: Arc<End>,
}

impl Journal {
    /// Opens the journal in `dir`, cutting off what an earlier process did not finish writing.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(dir: &Path, options: Options) -> io::Result<(Journal, Found)> {
        data_dir::create_dir(dir)?;
        let first = files::list(dir)?.last().map_or(1, |file| file.first);
        let file = data_dir::create_file(&files::path(dir, first))?;
        if options.sync {
            // The file's name has to survive as well.
            File::open(dir)?.sync_data()?;
        }
        let (lines, length, mut found) = files::recover(&file, dir, first)?;
        if found.last_line.is_none() {
            found.last_line = files::last_line_before(dir, first)?;
        }
        let end = Arc::new(End { next: AtomicU64::new(first + lines) });
        let journal = Journal {
            dir: dir.to_owned(),
            options,
            file: Arc::new(file),
            first,
            length,
            allocated: length,
            opened: Instant::now(),
            end,
        };
        Ok((journal, found))
    }

    /// Begins a journal in `dir` whose first line has the number `first`. Where there is one already it is opened as it is.
    ///
    /// # Errors
    /// The file system refused.
    pub fn begin(dir: &Path, first: Seq, options: Options) -> io::Result<Journal> {
        data_dir::create_dir(dir)?;
        if files::list(dir)?.is_empty() {
            data_dir::create_file(&files::path(dir, first))?;
        }
        Journal::open(dir, options).map(|(journal, _)| journal)
    }

    /// Where it lies.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The number that the next line will get.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.end.next.load(Ordering::Relaxed)
    }

    /// How far the journal has come, to be shared with followers.
    #[must_use]
    pub fn end(&self) -> Arc<End> {
        self.end.clone()
    }

    /// The number of the first line in the file that is being written.
    #[must_use]
    pub fn first(&self) -> Seq {
        self.first
    }

    /// The file that is being written.
    #[must_use]
    pub fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Sets aside room for `bytes` more, as far as it is not there yet.
    ///
    /// # Errors
    /// The disk has not that much room, or cannot be written to.
    pub fn ensure_room(&mut self, bytes: u64) -> io::Result<()> {
        let needed = self.length + bytes;
        if needed <= self.allocated {
            return Ok(());
        }
        let missing = needed - self.allocated;
        match allocate(&self.file, self.allocated, missing.max(ROOM_STEP)) {
            Ok(()) => self.allocated += missing.max(ROOM_STEP),
            // Not enough for a comfortable step; the need itself may still fit.
            Err(_) if missing < ROOM_STEP => {
                allocate(&self.file, self.allocated, missing)?;
                self.allocated = needed;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Appends whole lines, each with its line feed, in one write, and returns the number of the first.
    ///
    /// # Errors
    /// The file system refused. Nothing is in the journal then; the same lines may be tried again.
    pub fn append(&mut self, lines: &[u8], count: u64) -> io::Result<Seq> {
        self.file.write_all_at(lines, self.length)?;
        self.length += lines.len() as u64;
        self.allocated = self.allocated.max(self.length);
        let first = self.end.next.fetch_add(count, Ordering::Release);
        Ok(first)
    }

    /// Whether the file is full or old enough to be left.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.length >= self.options.rotate_bytes
            || (self.length > 0 && self.opened.elapsed() >= self.options.rotate_after)
    }

    /// Begins the next file, with `room` bytes set aside in it. Where that room is not to be had the old file goes on, with
    /// all that was set aside in it.
    ///
    /// # Errors
    /// The file system refused; the journal stays as it was.
    pub fn rotate(&mut self, room: u64) -> io::Result<Left> {
        let first = self.next();
        let path = files::path(&self.dir, first);
        let file = data_dir::create_file(&path)?;
        let room = room.max(ROOM_STEP);
        if let Err(error) = allocate(&file, 0, room) {
            std::fs::remove_file(&path)?;
            return Err(error);
        }
        if let Err(error) = self.sync_before_leaving() {
            // A file that is named by a line of the one before would be taken for the last one after a restart.
            std::fs::remove_file(&path)?;
            return Err(error);
        }
        let left = Left { file: std::mem::replace(&mut self.file, Arc::new(file)), length: self.length };
        self.first = first;
        self.length = 0;
        self.allocated = room;
        self.opened = Instant::now();
        Ok(left)
    }

    fn sync_before_leaving(&self) -> io::Result<()> {
        if self.options.sync {
            self.file.sync_data()?;
            File::open(&self.dir)?.sync_data()?;
        }
        Ok(())
    }

    /// Gives back what was set aside; the last thing before a journal is left.
    ///
    /// # Errors
    /// The file system refused.
    pub fn close(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.allocated = self.length;
        if self.options.sync { self.file.sync_data() } else { Ok(()) }
    }
}

/// Gives a file blocks on the disk beyond its end, without changing its length.
fn allocate(file: &File, from: u64, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, from, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => check_free(file, bytes),
        other => Ok(other?),
    }
}

/// The best that can be done where blocks cannot be set aside: to look whether there are enough.
fn check_free(file: &File, bytes: u64) -> io::Result<()> {
    let space = rustix::fs::fstatvfs(file)?;
    if space.f_bavail.saturating_mul(space.f_frsize) < bytes {
        return Err(rustix::io::Errno::NOSPC.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
