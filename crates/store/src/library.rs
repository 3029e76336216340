//! The library: all segments of a data directory, and what becomes of them. Journal files are sealed into segments, small
//! neighbours are merged, old ones go; readers and one writer at the same time.
//!
//! The directory holds `FIRST-LAST.parquet` for each segment and `segments.json`, which is replaced as a whole and names those
//! that together are everything, each line once. What was merged or has expired lies in `replaced/` for ten minutes, for
//! those who have begun to read; what cannot be read lies in `damaged/`.
//!
//! Every step can be the last one of its process: a segment gets its name when all of it is on the disk, a segment that
//! holds the lines of others takes their place, and which lines have expired is written down before they go.

mod held;
mod list;
mod merge;
mod names;
mod others;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::journal::{self, JournalFile};
use crate::segment::{self, Written};
use crate::{Schema, Segment, SegmentError, Seq, data_dir};

pub use held::Held;
pub use list::{LIST, Listed, Listing};
pub use merge::Merging;
pub use others::{Libraries, Open};

/// Where segments go that others have taken the place of.
const REPLACED: &str = "replaced";
/// Where segments go that cannot be read.
const DAMAGED: &str = "damaged";
/// How long replaced segments stay, for those who have begun to read them.
pub const GRACE: Duration = Duration::from_secs(600);

/// Which segments there are at one moment. They stay readable for as long as this is held, whatever becomes of them.
#[derive(Debug, Default)]
pub struct Shelf {
    segments: Vec<Arc<Segment>>,
    begins: Seq,
}

impl Shelf {
    /// The segments, in the order of the journal. No line is in two of them.
    #[must_use]
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// The first line that no segment holds yet: from there on the journal is to be read.
    #[must_use]
    pub fn sealed(&self) -> Seq {
        self.segments.last().map_or(self.begins, |last| last.next().max(self.begins))
    }

    /// The number of the oldest line that has not expired.
    #[must_use]
    pub fn begins(&self) -> Seq {
        self.begins
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length()).sum()
    }

    /// The segments that another process keeps in `dir`, without changing anything there.
    ///
    /// # Errors
    /// The list or one of the segments cannot be read.
    pub fn read(dir: &Path) -> Result<Shelf, SegmentError> {
        let (shelf, damaged) = Shelf::read_sound(dir)?;
        damaged.into_iter().next().map_or(Ok(shelf), Err)
    }

    /// The same, without segments that are damaged, and what is wrong with those.
    ///
    /// # Errors
    /// The list or one of the segments cannot be read.
    pub fn read_sound(dir: &Path) -> Result<(Shelf, Vec<SegmentError>), SegmentError> {
        list::read_shelf(dir)
    }

    /// The same without the segments at these paths: as if nobody had sealed their lines.
    #[must_use]
    pub fn without(&self, paths: &BTreeSet<PathBuf>) -> Shelf {
        let kept = self.segments.iter().filter(|segment| !paths.contains(segment.path()));
        Shelf { segments: kept.cloned().collect(), begins: self.begins }
    }

    fn holds(&self, line: Seq) -> bool {
        let at = self.segments.partition_point(|segment| segment.next() <= line);
        self.segments.get(at).is_some_and(|segment| segment.first() <= line)
    }
}

/// A file that was put aside, and why.
#[derive(Debug, thiserror::Error)]
#[error("{why}; it was put aside as {}, the others are served", .path.display())]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: SegmentError,
}

/// The segments of a data directory. One process has it; its threads share it.
#[derive(Debug)]
pub struct Library {
    dir: PathBuf,
    schema: Schema,
    shelf: RwLock<Arc<Shelf>>,
    /// Held by whoever changes what there is.
    changing: Mutex<()>,
    /// Whether the list says what there is.
    listed: AtomicBool,
}

impl Library {
    /// Opens the segments in `dir`, and finishes what an earlier process left undone. Lines are sealed by `schema`. Also says
    /// what could not be read and was put aside.
    ///
    /// # Errors
    /// The file system refused, or a segment is from a newer Weir.
    pub fn open(dir: &Path, schema: Schema) -> Result<(Library, Vec<SetAside>), SegmentError> {
        for dir in [dir.to_owned(), dir.join(REPLACED), dir.join(DAMAGED)] {
            data_dir::create_dir(&dir).map_err(refused(&dir))?;
        }
        let begins = match list::read(dir) {
            Ok(listing) => listing.map_or(1, |listing| listing.begins),
            // The segments are what counts; the list is made anew of them.
            Err(SegmentError::Damaged { .. }) => 1,
            Err(error) => return Err(error),
        };
        let mut aside = Vec::new();
        let mut shelf = Shelf { segments: Vec::new(), begins };
        for name in names::found(dir).map_err(refused(dir))? {
            let path = dir.join(&name.file);
            if name.last < begins
                || shelf.segments.iter().any(|held| held.first() <= name.first && name.last < held.next())
            {
                put_away(dir, &path, REPLACED)?;
                continue;
            }
            match open_named(&path, &name, &shelf) {
                Ok(segment) => shelf.segments.push(Arc::new(segment)),
                Err(why @ SegmentError::Damaged { .. }) => {
                    aside.push(SetAside { path: put_away(dir, &path, DAMAGED)?, why });
                }
                Err(error) => return Err(error),
            }
            shelf.segments.sort_by_key(|segment| segment.first());
        }
        // On a full disk the list waits, and nothing else does.
        let listed = AtomicBool::new(list::write(dir, &shelf).is_ok());
        let (shelf, changing) = (RwLock::new(Arc::new(shelf)), Mutex::new(()));
        Ok((Library { dir: dir.to_owned(), schema, shelf, changing, listed }, aside))
    }

    /// What there is now.
    #[must_use]
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the segments lie.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes a segment of the oldest file in the journal that is complete and of which there is none. The file that is being
    /// written begins with line `current`. `None`: all are sealed.
    ///
    /// # Errors
    /// The file system refused; the journal still has the lines.
    pub fn seal(&self, journal: &Path, current: Seq) -> Result<Option<Written>, SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf();
        let due = |file: &JournalFile| {
            file.first < current && file.length > 0 && file.first >= shelf.begins && !shelf.holds(file.first)
        };
        let Some(file) = journal::files(journal).map_err(refused(journal))?.into_iter().find(due) else {
            return Ok(None);
        };
        self.put(&shelf, file.first, &file).map(Some)
    }

    /// Makes a segment of `lines`, of which the first has the number `first`: behind all that there are.
    ///
    /// # Errors
    /// The file system refused, or there are no lines, or there are segments with later ones.
    pub fn add(&self, first: Seq, lines: &dyn segment::Source) -> Result<Written, SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf();
        if first < shelf.sealed() {
            let what = format!("line {first} is in a segment already, or has expired");
            return Err(SegmentError::Damaged { path: self.dir.clone(), what });
        }
        self.put(&shelf, first, lines)
    }

    fn put(&self, shelf: &Shelf, first: Seq, lines: &dyn segment::Source) -> Result<Written, SegmentError> {
        let written = segment::write(&self.dir, &self.schema, first, lines)?;
        let segment = Arc::new(Segment::open(&written.path)?);
        let mut segments = shelf.segments.clone();
        segments.insert(segments.partition_point(|held| held.first() < first), segment);
        self.show(Shelf { segments, begins: shelf.begins })?;
        Ok(written)
    }

    /// Lets segments go whose lines are all older than `before`, in nanoseconds since 1970, and says how many those were.
    ///
    /// # Errors
    /// The file system refused.
    pub fn expire(&self, before: i64) -> Result<usize, SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf();
        let old = |segment: &Arc<Segment>| segment.times().is_none_or(|(_, last)| last < before);
        let count = shelf.segments.iter().take_while(|segment| old(segment)).count();
        self.drop_first(&shelf, count)
    }

    /// Lets the oldest segments go of which there is more than `most_bytes`, and says how many those were.
    ///
    /// # Errors
    /// The file system refused.
    pub fn shrink(&self, most_bytes: u64) -> Result<usize, SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf();
        let mut left = shelf.bytes();
        let count = shelf.segments.iter().take_while(|segment| {
            let beyond = left > most_bytes;
            left -= segment.length();
            beyond
        });
        let count = count.count();
        self.drop_first(&shelf, count)
    }

    fn drop_first(&self, shelf: &Shelf, count: usize) -> Result<usize, SegmentError> {
        let (gone, kept) = shelf.segments.split_at(count);
        let Some(last) = gone.last() else { return Ok(0) };
        self.show(Shelf { segments: kept.to_vec(), begins: last.next() })?;
        gone.iter().try_for_each(|segment| put_away(&self.dir, segment.path(), REPLACED).map(drop))?;
        Ok(count)
    }

    /// Puts the segment at a path aside that turned out to be damaged, and says where it is now; `None` if it is none of those
    /// that there are, any more. If the journal still has its lines they are sealed again.
    ///
    /// # Errors
    /// The file system refused.
    pub fn set_aside(&self, damaged: &Path) -> Result<Option<PathBuf>, SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf();
        let kept = |segment: &&Arc<Segment>| segment.path() != damaged;
        let segments: Vec<_> = shelf.segments.iter().filter(kept).cloned().collect();
        if segments.len() == shelf.segments.len() {
            return Ok(None);
        }
        self.show(Shelf { segments, begins: shelf.begins })?;
        put_away(&self.dir, damaged, DAMAGED).map(Some)
    }

    /// Removes what was replaced more than [`GRACE`] ago, and writes the list if that was not possible before.
    ///
    /// # Errors
    /// The file system refused.
    pub fn sweep(&self) -> Result<(), SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = self.dir.join(REPLACED);
        remove_old(&replaced).map_err(refused(&replaced))?;
        if !self.listed.load(Ordering::Relaxed) {
            list::write(&self.dir, &self.shelf())?;
            self.listed.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Makes `shelf` what there is: first for other processes, then for this one.
    fn show(&self, shelf: Shelf) -> Result<(), SegmentError> {
        list::write(&self.dir, &shelf)?;
        self.listed.store(true, Ordering::Relaxed);
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shelf);
        Ok(())
    }
}

/// Opens a segment that has the lines its name says, and none that others have.
fn open_named(path: &Path, name: &names::Name, shelf: &Shelf) -> Result<Segment, SegmentError> {
    let damaged = |what: &str| SegmentError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let segment = Segment::open(path)?;
    if (segment.first(), segment.next()) != (name.first, name.last + 1) {
        return Err(damaged("it does not hold the lines that its name says"));
    }
    if shelf.segments.iter().any(|held| held.first() < segment.next() && segment.first() < held.next()) {
        return Err(damaged("another segment has some of its lines"));
    }
    Ok(segment)
}

/// Moves a file into a directory beside it, and marks when. One that has gone already has been put away.
fn put_away(dir: &Path, path: &Path, into: &str) -> Result<PathBuf, SegmentError> {
    let Some(name) = path.file_name() else { return Ok(path.to_owned()) };
    let to = dir.join(into).join(name);
    match fs::rename(path, &to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(path)(error)),
        _ => {}
    }
    // Without the mark it goes earlier, which only those notice who have begun to read it.
    let _ = fs::File::options().append(true).open(&to).and_then(|file| file.set_modified(SystemTime::now()));
    Ok(to)
}

/// Removes files that lie there for longer than [`GRACE`].
fn remove_old(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(since) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        if since.elapsed().unwrap_or_default() > GRACE {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> SegmentError {
    let path = path.to_owned();
    move |source| SegmentError::Io { path, source }
}

impl segment::Source for JournalFile {
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError> {
        let mut lines = self.lines().map_err(refused(&self.path))?;
        while let Some(line) = lines.next().map_err(refused(&self.path))? {
            visit(line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
