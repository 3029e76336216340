//! Merging: neighbours that are small become one segment.
//!
//! Segments are merged with those of their own size, eight at a time at least, so that a line is written again a few times in
//! its life and not with every hour that comes.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Library, REPLACED, SetAside, Shelf, put_away, refused};
use crate::schema::widens;
use crate::segment::{self, PAGE_ROWS, Written};
use crate::{Schema, Segment, SegmentError};

/// How many neighbours of one size are merged at least.
const AT_LEAST: usize = 8;
/// Sizes, in rows: each holds [`AT_LEAST`] of the one before.
const SIZES: [u64; 4] = [1 << 10, 1 << 13, 1 << 16, 1 << 19];

/// How large segments may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merging {
    /// Rows.
    pub most_rows: u64,
    /// Time from the first line to the last. Lines expire a segment at a time.
    pub longest: Duration,
}

impl Library {
    /// Removes what was replaced some time ago and merges what can be merged, until `stop` is set. What turns out to be damaged goes out
    /// of the way of the others, and is returned.
    ///
    /// # Errors
    /// The file system refused.
    pub fn tidy(&self, merging: Merging, stop: &AtomicBool) -> Result<Vec<SetAside>, SegmentError> {
        self.sweep()?;
        let mut aside = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let why = match self.merge(merging, stop) {
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(SegmentError::Io { source, .. }) if source.kind() == io::ErrorKind::Interrupted => break,
                Err(error) => error,
            };
            let is_damaged = matches!(why, SegmentError::Damaged { .. });
            let path = if is_damaged { self.set_aside(why.path())? } else { None };
            let Some(path) = path else { return Err(why) };
            aside.push(SetAside { path, why });
        }
        Ok(aside)
    }

    /// Merges some neighbours, if there are any to be merged. It leaves off when `stop` is set.
    ///
    /// # Errors
    /// The file system refused, or a segment is damaged, or it was stopped ([`io::ErrorKind::Interrupted`]); all stays as it
    /// was.
    pub fn merge(&self, merging: Merging, stop: &AtomicBool) -> Result<Option<Written>, SegmentError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf();
        let Some(range) = choose(shelf.segments(), merging) else { return Ok(None) };
        let old = &shelf.segments()[range.clone()];
        let Some(first) = old.first() else { return Ok(None) };
        let mut schema = self.schema.clone();
        for field in old.iter().flat_map(|segment| segment.schema().fields()).filter(|field| field.declared) {
            schema.declare(field.clone());
        }
        let written = segment::write(&self.dir, &schema, first.first(), &Run { segments: old, stop })?;
        let merged = Arc::new(Segment::open(&written.path)?);
        let mut segments = shelf.segments().to_vec();
        segments.splice(range, [merged]);
        self.show(Shelf { segments, begins: shelf.begins() })?;
        old.iter().try_for_each(|segment| put_away(&self.dir, segment.path(), REPLACED).map(drop))?;
        Ok(Some(written))
    }
}

/// Which neighbours to merge: the first that are enough, of the smallest size.
fn choose(segments: &[Arc<Segment>], merging: Merging) -> Option<std::ops::Range<usize>> {
    SIZES.iter().find_map(|size| {
        (0..segments.len()).find_map(|start| {
            let length = run(&segments[start..], *size, merging);
            (length >= AT_LEAST).then_some(start..start + length)
        })
    })
}

/// How many segments from the first on can become one.
fn run(segments: &[Arc<Segment>], size: u64, merging: Merging) -> usize {
    let longest = i64::try_from(merging.longest.as_nanos()).unwrap_or(i64::MAX);
    let (mut rows, mut span): (u64, Option<(i64, i64)>) = (0, None);
    let mut length = 0;
    for (at, segment) in segments.iter().enumerate() {
        let own = segment.next() - segment.first();
        let follows = at == 0 || segments[at - 1].next() == segment.first();
        span = match (span, segment.times()) {
            (Some((from, to)), Some((least, most))) => Some((from.min(least), to.max(most))),
            (span, times) => span.or(times),
        };
        rows += own;
        let fits = rows <= merging.most_rows && span.is_none_or(|(from, to)| to.saturating_sub(from) <= longest);
        let alike = segments[..at].iter().all(|other| agree(other.schema(), segment.schema()));
        if own >= size || !follows || !fits || !alike {
            break;
        }
        length += 1;
    }
    length
}

/// Whether one column can have both: what an operator declared under one name is of one kind.
fn agree(one: &Schema, other: &Schema) -> bool {
    let declared = other.fields().iter().filter(|field| field.declared);
    declared.into_iter().all(|field| match one.position(&field.name).map(|at| &one.fields()[at]) {
        None => true,
        Some(known) => known.kind == field.kind || widens(known.kind, field.kind) || widens(field.kind, known.kind),
    })
}

/// The lines of neighbours, one after the other.
struct Run<'a> {
    segments: &'a [Arc<Segment>],
    stop: &'a AtomicBool,
}

impl segment::Source for Run<'_> {
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError> {
        let mut line = Vec::new();
        for segment in self.segments {
            for (group, of) in segment.groups().iter().enumerate() {
                for start in (0..of.rows).step_by(PAGE_ROWS) {
                    if self.stop.load(Ordering::Relaxed) {
                        return Err(refused(segment.path())(io::ErrorKind::Interrupted.into()));
                    }
                    let lines = segment.lines(group, start..start + PAGE_ROWS)?;
                    for row in lines.rows() {
                        line.clear();
                        lines.write(row, &mut line);
                        visit(&line)?;
                    }
                }
            }
        }
        Ok(())
    }
}
