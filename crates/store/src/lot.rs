//! Lots: lines under one numbering, as a directory keeps them. Old ones are in segments, new ones in the journal beside them,
//! and those between the two for a while in both.
//!
//! Whoever reads a lot gets each line once, also while another process seals, merges and lets old lines go: what has been read
//! is told by the lines' numbers alone, and where a line has just moved it is looked for anew.

use std::fs;
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data_dir::{HUB, IMPORTED};
use crate::journal::{self, JournalFile};
use crate::segment::PAGE_ROWS;
use crate::{Segment, SegmentError, Seq, Shelf};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    dir: PathBuf,
}

/// Which lines, and what of them.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// From this number on.
    pub from: Seq,
    /// Lines whose time lies elsewhere, in nanoseconds since 1970, may be left out; they need not be.
    pub times: Range<i64>,
    /// Other fields may be left out of the lines; they need not be. `None`: whole lines.
    pub fields: Option<&'a [&'a str]>,
}

impl Wanted<'_> {
    /// Whole lines from number `from` on.
    #[must_use]
    pub fn from(from: Seq) -> Wanted<'static> {
        Wanted { from, times: i64::MIN..i64::MAX, fields: None }
    }
}

/// Is shown lines with their numbers, and says whether it wants more.
pub type Visit<'v> = &'v mut dyn FnMut(Seq, &[u8]) -> ControlFlow<()>;

/// The lots of a data directory: Weir's own, that of imported Records, and those of other Weirs. Those that exist, that is.
///
/// # Errors
/// The file system refused.
pub fn lots(data_dir: &Path) -> io::Result<Vec<Lot>> {
    let mut weirs = Vec::new();
    match fs::read_dir(data_dir.join(HUB)) {
        Ok(entries) => {
            for entry in entries {
                weirs.push(entry?.path());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    weirs.sort();
    let own = [data_dir.to_owned(), data_dir.join(IMPORTED)];
    Ok(own.into_iter().chain(weirs).map(|dir| Lot { dir }).filter(Lot::exists).collect())
}

impl Lot {
    /// The lot in `dir`; for Weir's own lines that is the data directory.
    #[must_use]
    pub fn new(dir: &Path) -> Lot {
        Lot { dir: dir.to_owned() }
    }

    /// Where it lies.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its journal lies.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Where its segments lie.
    #[must_use]
    pub fn segments(&self) -> PathBuf {
        self.dir.join("segments")
    }

    fn exists(&self) -> bool {
        self.journal().is_dir() || self.segments().is_dir()
    }

    /// Shows the wanted lines to `visit`, each once and in order. What is damaged is left out as far as the journal no longer
    /// has its lines, and what is damaged is returned.
    ///
    /// # Errors
    /// The file system refused, or a newer Weir wrote the segments.
    pub fn read(&self, wanted: &Wanted, visit: Visit) -> Result<Vec<SegmentError>, SegmentError> {
        let mut reading = Reading {
            lot: self,
            wanted,
            next: wanted.from.max(1),
            shelf: Shelf::default(),
            files: Vec::new(),
            damaged: Vec::new(),
            looked: false,
        };
        loop {
            let before = reading.next;
            if reading.read_segment(visit)?.is_break() || reading.read_file(visit)?.is_break() {
                break;
            }
            if reading.next > before {
                reading.looked = false;
            } else if !reading.looked {
                reading.look()?;
            } else if !reading.pass_over() {
                break;
            }
        }
        Ok(reading.damaged)
    }
}

/// Reading that is under way.
struct Reading<'a> {
    lot: &'a Lot,
    wanted: &'a Wanted<'a>,
    /// The number of the line that comes next.
    next: Seq,
    shelf: Shelf,
    files: Vec<JournalFile>,
    /// Those segments are not read again.
    damaged: Vec<SegmentError>,
    /// Whether nothing has been read since it was looked what there is.
    looked: bool,
}

impl Reading<'_> {
    /// Looks which segments and files there are.
    fn look(&mut self) -> Result<(), SegmentError> {
        self.looked = true;
        let journal = self.lot.journal();
        // First, since what goes from the journal is in a segment before.
        self.files = match journal::files(&journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files.map_err(|source| SegmentError::Io { path: journal, source })?,
        };
        let (shelf, damaged) = Shelf::read_sound(&self.lot.segments())?;
        self.shelf = shelf;
        for error in damaged {
            if !names(&self.damaged, error.path()) {
                self.damaged.push(error);
            }
        }
        self.next = self.next.max(self.shelf.begins());
        Ok(())
    }

    /// The segments that can be read.
    fn sound(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.shelf.segments().iter().filter(|segment| !names(&self.damaged, segment.path()))
    }

    /// The one that has the next line.
    fn holder(&self) -> Option<&Arc<Segment>> {
        self.sound().find(|segment| segment.first() <= self.next && self.next < segment.next())
    }

    /// Goes on in the segment that has the next line, if one has.
    fn read_segment(&mut self, visit: Visit) -> Result<ControlFlow<()>, SegmentError> {
        let Some(segment) = self.holder().cloned() else { return Ok(ControlFlow::Continue(())) };
        for group in 0..segment.groups().len() {
            match self.read_group(&segment, group, visit) {
                Ok(ControlFlow::Continue(())) => {}
                Err(error @ SegmentError::Damaged { .. }) => {
                    self.damaged.push(error);
                    break;
                }
                ended => return ended,
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn read_group(&mut self, of: &Segment, group: usize, visit: Visit) -> Result<ControlFlow<()>, SegmentError> {
        let known = &of.groups()[group];
        let end = known.first + known.rows as Seq;
        if self.next >= end {
            return Ok(ControlFlow::Continue(()));
        }
        let (least, most) = known.times.unwrap_or((i64::MIN, i64::MAX));
        // Lines that are kept as they are may have times that no column tells.
        if !known.spills && (most < self.wanted.times.start || least >= self.wanted.times.end) {
            self.next = end;
            return Ok(ControlFlow::Continue(()));
        }
        let mut line = Vec::new();
        while self.next < end {
            let row = (self.next - known.first) as usize;
            // Whole lines are a few hundred bytes in as many columns; some fields of all lines take less.
            let rows =
                row..if self.wanted.fields.is_some() { known.rows } else { row / PAGE_ROWS * PAGE_ROWS + PAGE_ROWS };
            let lines = match self.wanted.fields {
                Some(fields) => of.lines_of(group, rows, &|name| fields.contains(&name))?,
                None => of.lines(group, rows)?,
            };
            for row in lines.rows() {
                line.clear();
                lines.write(row, &mut line);
                self.next += 1;
                if visit(self.next - 1, &line).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Goes on in the file of the journal that has the next line, up to where a segment has the lines.
    fn read_file(&mut self, visit: Visit) -> Result<ControlFlow<()>, SegmentError> {
        if self.holder().is_some() {
            return Ok(ControlFlow::Continue(()));
        }
        let until = self.sound().map(|segment| segment.first()).find(|first| *first > self.next).unwrap_or(Seq::MAX);
        let Some(file) = self.files.iter().rfind(|file| file.first <= self.next) else {
            return Ok(ControlFlow::Continue(()));
        };
        let refused = |source| SegmentError::Io { path: file.path.clone(), source };
        let mut lines = match file.lines() {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It went after it was looked for.
                self.looked = false;
                return Ok(ControlFlow::Continue(()));
            }
            Err(error) => return Err(refused(error)),
        };
        let mut number = file.first;
        while number < until
            && let Some(line) = lines.next().map_err(refused)?
        {
            if number == self.next {
                self.next += 1;
                if visit(number, line).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            number += 1;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Passes over lines that are nowhere; whether any come behind them.
    fn pass_over(&mut self) -> bool {
        let starts = self.sound().map(|segment| segment.first()).chain(self.files.iter().map(|file| file.first));
        let next = starts.filter(|first| *first > self.next).min();
        self.next = next.unwrap_or(self.next);
        next.is_some()
    }
}

/// Whether one of these is about this file.
fn names(damaged: &[SegmentError], path: &Path) -> bool {
    damaged.iter().any(|error| error.path() == path)
}

#[cfg(test)]
mod tests;
