//! Lines that are in the journal: the newest ones in memory, the others read from its files when they are asked for.
//!
//! Nothing follows the journal: each question first reads on from where the one before stopped. So a Record can be asked for
//! as soon as it is written, and what nobody asks for costs nothing.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use logql::source::{Batch, Batches, Direction, Scan, Source, SourceError};
use store::Seq;
use store::journal::{self, JournalFile, Reader};

use super::Part;
use super::block::Block;
use crate::query::label::Labeller;

/// Lines of a block together, about. The newest block is made anew when there is more of it.
const BLOCK_BYTES: usize = 512 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Journaled {
    dir: PathBuf,
    labeller: Arc<Labeller>,
    /// How many bytes of lines are held at most; the columns beside them take about half as much again.
    room: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    reader: Reader,
    /// Before this line the journal is read from its files.
    first: Seq,
    pieces: VecDeque<Arc<Piece>>,
    bytes: usize,
    /// What is known of files that were read.
    known: Vec<(Seq, Option<(i64, i64)>)>,
}

/// Lines that follow each other, made into a block when they are asked for.
#[derive(Debug)]
struct Piece {
    first: Seq,
    count: u64,
    lines: Vec<u8>,
    block: OnceLock<Arc<Block>>,
}

impl Piece {
    fn block(&self, labeller: &Labeller) -> &Arc<Block> {
        self.block.get_or_init(|| Arc::new(Block::new(self.first, self.lines.clone(), labeller)))
    }
}

impl Journaled {
    /// Of the journal in `dir`; holds `room` bytes of its newest lines.
    pub(crate) fn new(dir: &Path, labeller: Labeller, room: usize) -> io::Result<Journaled> {
        let first = begin(dir, 0, room)?;
        let (pieces, known) = Default::default();
        let state = State { reader: Reader::new(dir, first), first, pieces, bytes: 0, known };
        Ok(Journaled { dir: dir.to_owned(), labeller: Arc::new(labeller), room, state: Mutex::new(state) })
    }

    /// Where the journal lies.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines from number `from` on that the journal has now.
    ///
    /// # Errors
    /// The file system refused.
    pub(crate) fn parts(self: &Arc<Journaled>, from: Seq) -> io::Result<Vec<Arc<dyn Part>>> {
        let mut state = self.lock();
        state.read_on(&self.dir, self.room)?;
        let mut parts: Vec<Arc<dyn Part>> = Vec::new();
        if from < state.first {
            let files = opened(files_before(&self.dir, from, state.first)?)?;
            let range = (from, state.first);
            parts.push(Arc::new(Filed { journaled: self.clone(), files, range }));
        }
        let pieces: Vec<Arc<Piece>> = state.pieces.iter().cloned().collect();
        drop(state);
        let blocks = pieces.iter().map(|piece| piece.block(&self.labeller).clone()).collect();
        parts.push(Arc::new(Fresh { blocks, from }));
        Ok(parts)
    }
}

/// From which line on everything fits into so much room, by whole files; the file that is written is always among them.
fn begin(dir: &Path, least: Seq, room: usize) -> io::Result<Seq> {
    let (mut first, mut bytes) = (least, 0);
    if !dir.is_dir() {
        return Ok(first);
    }
    for (at, file) in journal::files(dir)?.iter().rev().enumerate() {
        bytes += file.length;
        if at > 0 && bytes > room as u64 {
            break;
        }
        first = file.first.max(least);
    }
    Ok(first)
}

/// The files that have lines from `from` on and before `until`.
fn files_before(dir: &Path, from: Seq, until: Seq) -> io::Result<Vec<JournalFile>> {
    let files = journal::files(dir)?;
    let starts = files.iter().skip(1).map(|file| file.first).chain([Seq::MAX]);
    let wanted = |(file, next): &(&JournalFile, Seq)| *next > from && file.first < until;
    Ok(files.iter().zip(starts).filter(wanted).map(|(file, _)| file.clone()).collect())
}

/// Files, held open: what goes while a question is under way can still be read by it.
fn opened(files: Vec<JournalFile>) -> io::Result<Vec<(JournalFile, File)>> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        match File::open(&file.path) {
            Ok(open) => all.push((file, open)),
            // It has gone just now; whoever asks looks again, or its lines are no more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

impl State {
    /// Takes in what is new, and lets go of the oldest where there is no room.
    fn read_on(&mut self, dir: &Path, room: usize) -> io::Result<()> {
        let end = begin(dir, self.first, room)?;
        if end > self.reader.next() {
            // So much has come that what is held is too old to be kept.
            (self.reader, self.first, self.bytes) = (Reader::new(dir, end), end, 0);
            self.pieces.clear();
        }
        while let Some(batch) = self.reader.read()? {
            if batch.skipped > 0 {
                self.pieces.clear();
                (self.first, self.bytes) = (batch.first, 0);
            }
            self.bytes += batch.lines.len();
            let grows = self.pieces.back().is_some_and(|piece| piece.lines.len() < BLOCK_BYTES);
            let last = if grows { self.pieces.pop_back() } else { None };
            let (first, count, mut lines) = match last.map(Arc::try_unwrap) {
                None => (batch.first, 0, Vec::with_capacity(batch.lines.len())),
                Some(Ok(piece)) => (piece.first, piece.count, piece.lines),
                // A question that is under way has it as it was.
                Some(Err(piece)) => (piece.first, piece.count, piece.lines.clone()),
            };
            lines.extend_from_slice(batch.lines);
            let block = OnceLock::new();
            self.pieces.push_back(Arc::new(Piece { first, count: count + batch.count, lines, block }));
        }
        while self.bytes > room && self.pieces.len() > 1 {
            let Some(piece) = self.pieces.pop_front() else { break };
            self.bytes -= piece.lines.len();
            self.first = piece.first + piece.count;
        }
        Ok(())
    }
}

/// The newest lines.
#[derive(Debug)]
struct Fresh {
    blocks: Vec<Arc<Block>>,
    from: Seq,
}

impl Part for Fresh {
    fn span(&self) -> Option<(i64, i64)> {
        let spans = || self.blocks.iter().filter_map(|block| block.span);
        spans().map(|span| span.0).min().zip(spans().map(|span| span.1).max())
    }
}

impl Source for Fresh {
    fn shares(&self, _: &Scan) -> usize {
        self.blocks.len().max(1)
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let scan = owned(scan)?;
        let mut blocks: Vec<&Arc<Block>> =
            self.blocks.iter().skip(scan.share.number).step_by(scan.share.of.max(1)).collect();
        if scan.direction == Direction::Backward {
            blocks.reverse();
        }
        let edges = edges(&blocks, scan.direction, end_of_all(scan.direction));
        let from = self.from;
        let batches = blocks.into_iter().zip(edges).filter_map(move |(block, edge)| {
            let batch = block.batch(&scan, (from, Seq::MAX))?;
            Some(Ok(Batch { beyond: Some(edge), ..batch }))
        });
        Ok(Box::new(batches))
    }
}

/// What is nearer than anything: where nothing is still to come.
fn end_of_all(direction: Direction) -> i64 {
    if direction == Direction::Forward { i64::MAX } else { i64::MIN }
}

/// The nearer of two edges.
fn nearer(direction: Direction, edge: i64, (first, last): (i64, i64)) -> i64 {
    if direction == Direction::Forward { edge.min(first) } else { edge.max(last) }
}

/// Before which instant, or backward after which, there is nothing behind each of the blocks; `edge` is that of what comes behind
/// all of them.
fn edges(blocks: &[impl AsRef<Block>], direction: Direction, mut edge: i64) -> Vec<i64> {
    let mut edges: Vec<i64> = Vec::with_capacity(blocks.len());
    for block in blocks.iter().rev() {
        edges.push(edge);
        if let Some(span) = block.as_ref().span {
            edge = nearer(direction, edge, span);
        }
    }
    edges.reverse();
    edges
}

/// A scan that outlives the one it was made of.
fn owned(scan: &Scan) -> Result<Scan, SourceError> {
    super::copy(scan)
}

/// Lines that are in files only.
#[derive(Debug)]
struct Filed {
    journaled: Arc<Journaled>,
    files: Vec<(JournalFile, File)>,
    /// From which line on, and before which.
    range: (Seq, Seq),
}

impl Filed {
    /// Between which instants a file's entries lie, as far as it is known.
    fn span_of(&self, file: &JournalFile) -> Option<(i64, i64)> {
        match self.journaled.lock().known.iter().find(|(first, _)| *first == file.first) {
            Some((_, span)) => *span,
            // A line is written after what it tells of.
            None => Some((i64::MIN + 1, nanos(file.modified))),
        }
    }

    /// Whether a file may have entries from `start` on and before `end`.
    fn is_within(&self, file: &JournalFile, start: i64, end: i64) -> bool {
        self.span_of(file).is_some_and(|(first, last)| first < end && last >= start)
    }

    fn read(&self, (file, open): &(JournalFile, File)) -> Result<Vec<Arc<Block>>, SourceError> {
        let bytes = whole(open).map_err(|error| SourceError(format!("{}: {error}", file.path.display())))?;
        let (mut first, mut blocks, mut rest) = (file.first, Vec::new(), &bytes[..]);
        while let Some(last) = memchr::memrchr(b'\n', &rest[..rest.len().min(BLOCK_BYTES)]) {
            let lines = &rest[..=last];
            let block = Block::new(first, lines.to_vec(), &self.journaled.labeller);
            (first, rest) = (block.next(), &rest[last + 1..]);
            blocks.push(Arc::new(block));
        }
        let spans = || blocks.iter().filter_map(|block| block.span);
        let span = spans().map(|span| span.0).min().zip(spans().map(|span| span.1).max());
        let mut state = self.journaled.lock();
        let complete = file.first < state.first;
        if complete && !state.known.iter().any(|(first, _)| *first == file.first) {
            state.known.push((file.first, span));
        }
        Ok(blocks)
    }
}

/// All of a file; by places, since others may read it at the same time.
fn whole(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn nanos(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl Part for Filed {
    fn span(&self) -> Option<(i64, i64)> {
        let last = self.files.iter().map(|(file, _)| nanos(file.modified)).max()?;
        Some((i64::MIN + 1, last))
    }
}

impl Source for Filed {
    fn shares(&self, _: &Scan) -> usize {
        self.files.len().max(1)
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let scan = owned(scan)?;
        // Shared out first: what is known of files grows meanwhile.
        let files = self.files.iter().skip(scan.share.number).step_by(scan.share.of.max(1));
        let mut files: Vec<&(JournalFile, File)> =
            files.filter(|(file, _)| self.is_within(file, scan.start, scan.end)).collect();
        if scan.direction == Direction::Backward {
            files.reverse();
        }
        let (range, direction) = (self.range, scan.direction);
        let mut behind = Vec::with_capacity(files.len());
        let mut edge = end_of_all(direction);
        for (file, _) in files.iter().rev() {
            behind.push(edge);
            edge = nearer(direction, edge, self.span_of(file).unwrap_or((edge, edge)));
        }
        let behind = behind.into_iter().rev();
        let batches = files.into_iter().zip(behind).flat_map(move |(file, behind)| {
            let blocks = self.read(file);
            let failed = blocks.as_ref().err().cloned().map(Err);
            let mut blocks = blocks.unwrap_or_default();
            if scan.direction == Direction::Backward {
                blocks.reverse();
            }
            let edges = edges(&blocks, direction, behind);
            let batch = |(block, edge): (&Arc<Block>, i64)| {
                block.batch(&scan, range).map(|batch| Ok(Batch { beyond: Some(edge), ..batch }))
            };
            let batches: Vec<_> = blocks.iter().zip(edges).filter_map(batch).collect();
            batches.into_iter().chain(failed)
        });
        Ok(Box::new(batches))
    }
}
