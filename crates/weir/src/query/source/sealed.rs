//! Records of sealed segments, read by columns.
//!
//! A scan goes through groups of rows. What is known of a group without reading it, its times above all, tells whether it is
//! read; then only the fields that the question looks at. `| json` is promised: what it would find in a line is what the columns
//! hold. The few lines that columns do not give back are read as the journal's are.

mod column;
mod kept;
mod line;
mod needle;
mod pairs;
mod piece;
mod plan;
mod sieve;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use logql::source::{Batches, Direction, Scan, Source, SourceError};
use store::segment::Group;
use store::{Schema, Segment, SegmentError, Seq, Shelf};

use super::block::Block;
use super::{Damage, Part};
use crate::query::label::Labeller;
use kept::Kept;
use pairs::Pairs;
use piece::Piece;
use plan::Plan;
use sieve::Sieve;

/// Columns of which it is held what their texts are made of: some 32 MiB.
const MOST_PAIRS: usize = 1 << 16;

/// Schemas that are held.
const MOST_PLANS: usize = 16;

/// Between which instants entries lie; nothing where there are none.
type Span = Option<(i64, i64)>;

/// What is known of segments beyond one question.
#[derive(Debug)]
pub(crate) struct Sealed {
    labeller: Arc<Labeller>,
    /// Between which instants the lines of a group lie that its columns do not give back: by its first line and its rows.
    strays: Mutex<HashMap<(Seq, usize), Span>>,
    /// What texts there are in a group: by its first line, its rows, and the number of the field.
    pairs: Mutex<HashMap<(Seq, usize, usize), Arc<Pairs>>>,
    /// Which streams rows are of: labels are read once, and not for each question.
    streams: Kept<stream::Kept>,
    /// How long lines are.
    lengths: Kept<line::Lengths>,
    /// What becomes of fields, by the schemas that were met last.
    plans: Mutex<Vec<(Schema, Arc<Plan>)>>,
}

impl Sealed {
    /// With labels by this rule.
    pub(crate) fn new(labeller: Labeller) -> Sealed {
        Sealed {
            labeller: Arc::new(labeller),
            strays: Mutex::default(),
            pairs: Mutex::default(),
            streams: Kept::default(),
            lengths: Kept::default(),
            plans: Mutex::default(),
        }
    }

    /// The lines of all segments that stand on `shelf`.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub(crate) fn part(self: &Arc<Sealed>, shelf: Arc<Shelf>) -> Result<Arc<dyn Part>, SegmentError> {
        let mut pieces = Vec::new();
        for (segment, at) in shelf.segments().iter().zip(0..) {
            for (group, of) in segment.groups().iter().enumerate() {
                let place = Place { segment: at, group };
                pieces.extend(of.times.map(|span| Known { place, span, stray: false }));
                if of.spills {
                    let span = self.stray_span(segment, group, of)?;
                    pieces.extend(span.map(|span| Known { place, span, stray: true }));
                }
            }
        }
        let plans = shelf.segments().iter().map(|segment| self.plan(segment.schema())).collect();
        Ok(Arc::new(Shelved { sealed: self.clone(), shelf, plans, pieces, damage: Damage::default() }))
    }

    fn plan(&self, schema: &Schema) -> Arc<Plan> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plan)) = plans.iter().find(|(known, _)| known == schema) {
            return plan.clone();
        }
        let plan = Arc::new(Plan::new(schema, &self.labeller));
        if plans.len() >= MOST_PLANS {
            plans.clear();
        }
        plans.push((schema.clone(), plan.clone()));
        plan
    }

    fn pairs(&self, of: &(Seq, usize, usize)) -> Option<Arc<Pairs>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).get(of).cloned()
    }

    /// Keeps what was learnt of a column. What is not there any more is forgotten with the rest, when there is too much.
    fn know_pairs(&self, of: (Seq, usize, usize), pairs: Arc<Pairs>) {
        let mut known = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_PAIRS {
            known.clear();
        }
        known.insert(of, pairs);
    }

    fn stray_span(&self, segment: &Segment, group: usize, of: &Group) -> Result<Span, SegmentError> {
        let key = (of.first, of.rows);
        if let Some(span) = self.strays.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*span);
        }
        let span = strays(segment, group, &self.labeller)?.span;
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).insert(key, span);
        Ok(span)
    }
}

/// The lines of a group that its columns do not give back.
fn strays(segment: &Segment, group: usize, labeller: &Labeller) -> Result<Block, SegmentError> {
    let rows = segment.groups().get(group).map_or(0, |of| of.rows);
    let spilled = segment.spilled(group, 0..rows)?;
    let mut lines = Vec::new();
    for line in (0..rows).filter_map(|row| spilled.text(row)) {
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
    }
    Ok(Block::new(0, lines, labeller))
}

/// A group of rows.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: usize,
    group: usize,
}

/// What can be read at once, and between which instants it lies.
#[derive(Debug, Clone, Copy)]
struct Known {
    place: Place,
    span: (i64, i64),
    /// Whether these are the lines that columns do not give back, or the others.
    stray: bool,
}

/// Segments as they were when a question was asked.
#[derive(Debug)]
struct Shelved {
    sealed: Arc<Sealed>,
    shelf: Arc<Shelf>,
    /// Of each segment.
    plans: Vec<Arc<Plan>>,
    pieces: Vec<Known>,
    damage: Damage,
}

impl Shelved {
    fn within(&self, scan: &Scan) -> impl Iterator<Item = &Known> {
        let (start, end) = (scan.start, scan.end);
        self.pieces.iter().filter(move |known| known.span.0 < end && known.span.1 >= start)
    }

    /// The batches of a piece; nothing lies beyond `edge` in those that follow.
    fn open<'s>(&'s self, known: &Known, scan: Arc<Scan>, edge: i64) -> Result<Batches<'s>, SourceError> {
        let segment = &self.shelf.segments()[known.place.segment];
        if known.stray {
            let strays = strays(segment, known.place.group, &self.sealed.labeller);
            let block = Arc::new(strays.map_err(|error| self.damage.note(error))?);
            let batch = block.batch(&scan, (0, Seq::MAX));
            return Ok(Box::new(batch.into_iter().map(move |mut batch| {
                batch.beyond = Some(edge);
                Ok(batch)
            })));
        }
        let plan = &self.plans[known.place.segment];
        let sieve = Sieve { sealed: &self.sealed, segment, group: known.place.group, plan, read: Vec::new() };
        let piece = Piece::open(sieve, scan, edge, &self.damage);
        Ok(Box::new(piece.map_err(|error| self.damage.note(error))?))
    }
}

impl Part for Shelved {
    fn span(&self) -> Option<(i64, i64)> {
        let spans = || self.pieces.iter().map(|known| known.span);
        spans().map(|span| span.0).min().zip(spans().map(|span| span.1).max())
    }

    fn damage(&self) -> Option<&Damage> {
        Some(&self.damage)
    }
}

impl Source for Shelved {
    fn shares(&self, scan: &Scan) -> usize {
        self.within(scan).count().max(1)
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let mut pieces: Vec<Known> =
            self.within(scan).skip(scan.share.number).step_by(scan.share.of.max(1)).copied().collect();
        let forward = scan.direction == Direction::Forward;
        if !forward {
            pieces.reverse();
        }
        let mut edge = if forward { i64::MAX } else { i64::MIN };
        let mut edges = Vec::with_capacity(pieces.len());
        for known in pieces.iter().rev() {
            edges.push(edge);
            edge = if forward { edge.min(known.span.0) } else { edge.max(known.span.1) };
        }
        let scan = Arc::new(super::copy(scan)?);
        let opened = pieces.into_iter().zip(edges.into_iter().rev());
        Ok(Box::new(opened.flat_map(move |(known, edge)| match self.open(&known, scan.clone(), edge) {
            Ok(batches) => batches,
            Err(error) => Box::new(std::iter::once(Err(error))),
        })))
    }
}

#[cfg(test)]
mod tests;
