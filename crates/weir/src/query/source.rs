//! What questions are asked of: parts, each a source of its own, that together are one.

mod block;
mod damage;
mod directory;
mod journaled;
mod others;
mod pushed;
mod sealed;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use logql::Labels;
use logql::source::{Batch, Batches, Direction, FieldSet, LabelMatcher, Scan, Share, Source, SourceError};
use store::{SegmentError, Shelf};

use damage::Damage;
pub(crate) use directory::directory;
pub(crate) use journaled::Journaled;
pub(crate) use others::Others;
pub(crate) use pushed::{Pushed, PushedShelf};
pub(crate) use sealed::Sealed;

/// Some of the entries that there are.
pub(crate) trait Part: Source + Send + Debug {
    /// No entry is before the first or after the second instant, in nanoseconds since 1970; `None` where there are none.
    fn span(&self) -> Option<(i64, i64)>;

    /// Segments that turned out to be damaged.
    fn damage(&self) -> Option<&Damage> {
        None
    }

    /// The streams that match and have entries from `start` on and before `end`.
    ///
    /// # Errors
    /// The part cannot be read.
    fn streams(&self, matchers: &[LabelMatcher], start: i64, end: i64) -> Result<BTreeSet<Labels>, SourceError> {
        let mut found = BTreeSet::new();
        for batch in self.scan(&bare(matchers, start, end)?)? {
            let batch = batch?;
            let mut met = vec![false; batch.labels.len()];
            batch.rows().for_each(|row| met[batch.streams[row] as usize] = true);
            found.extend(batch.labels.iter().zip(met).filter(|(_, met)| *met).map(|(labels, _)| labels.clone()));
        }
        Ok(found)
    }
}

/// The Records of a lot, each once: those of segments, and from where these end on those of the journal.
///
/// # Errors
/// A segment or the journal cannot be read.
pub(crate) fn recorded(
    shelf: &dyn Fn() -> Result<Arc<Shelf>, SegmentError>,
    journaled: &Arc<Journaled>,
    sealed: &Arc<Sealed>,
) -> Result<Vec<Arc<dyn Part>>, SegmentError> {
    loop {
        let now = shelf()?;
        let mut parts = journaled
            .parts(now.sealed())
            .map_err(|source| SegmentError::Io { path: journaled.dir().to_owned(), source })?;
        // A file leaves the journal once it is sealed. If none was meanwhile, nothing is missing here.
        if shelf()?.sealed() == now.sealed() {
            parts.push(sealed.part(now)?);
            return Ok(parts);
        }
    }
}

/// A scan that looks at streams and times only.
pub(crate) fn bare(matchers: &[LabelMatcher], start: i64, end: i64) -> Result<Scan, SourceError> {
    Ok(Scan {
        matchers: again(matchers)?,
        start,
        end,
        direction: Direction::Forward,
        fields: FieldSet::Some(Vec::new()),
        lines: false,
        tests: Vec::new(),
        share: Share::ALL,
    })
}

fn again(matchers: &[LabelMatcher]) -> Result<Vec<LabelMatcher>, SourceError> {
    let compiled = matchers.iter().map(|matcher| LabelMatcher::new(matcher.matcher()));
    compiled.collect::<Result<_, _>>().map_err(|error| SourceError(error.to_string()))
}

/// Parts as one source. An entry is in one of them.
#[derive(Debug)]
pub(crate) struct Union {
    parts: Vec<Arc<dyn Part>>,
    /// What is before is as if it were not there.
    since: i64,
}

impl Union {
    pub(crate) fn new(parts: Vec<Arc<dyn Part>>) -> Union {
        Union { parts, since: i64::MIN }
    }

    /// Without what is before this instant.
    pub(crate) fn since(self, since: i64) -> Union {
        Union { since, ..self }
    }

    /// Segments that turned out to be damaged while it was asked.
    pub(crate) fn damaged(&self) -> Vec<SegmentError> {
        self.parts.iter().filter_map(|part| part.damage()).flat_map(Damage::take).collect()
    }

    /// The parts that may have entries from `start` on and before `end`.
    pub(crate) fn within(&self, start: i64, end: i64) -> impl Iterator<Item = (&dyn Part, (i64, i64))> {
        let parts = self.parts.iter().filter_map(|part| Some((&**part, part.span()?)));
        parts.filter(move |(_, (first, last))| *first < end && *last >= start)
    }

    /// The streams that match and have entries from `start` on and before `end`.
    pub(crate) fn streams(
        &self,
        matchers: &[LabelMatcher],
        start: i64,
        end: i64,
    ) -> Result<BTreeSet<Labels>, SourceError> {
        let (mut found, start) = (BTreeSet::new(), start.max(self.since));
        for (part, _) in self.within(start, end) {
            found.append(&mut part.streams(matchers, start, end)?);
        }
        Ok(found)
    }
}

impl Source for Union {
    fn shares(&self, scan: &Scan) -> usize {
        self.within(scan.start.max(self.since), scan.end).map(|(part, _)| part.shares(scan)).max().unwrap_or(1)
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let forward = scan.direction == Direction::Forward;
        let later = (scan.start < self.since).then(|| Ok(Scan { start: self.since, ..copy(scan)? })).transpose()?;
        let scan = later.as_ref().unwrap_or(scan);
        let mut open = Vec::new();
        for (part, (first, last)) in self.within(scan.start, scan.end) {
            let edge = if forward { first } else { last };
            let of = part.shares(scan).min(scan.share.of).max(1);
            let batches = if of == scan.share.of {
                part.scan(scan)?
            } else if scan.share.number < of {
                // A part that cannot be divided as far is read by as many as it can be.
                part.scan(&Scan { share: Share { number: scan.share.number, of }, ..copy(scan)? })?
            } else {
                continue;
            };
            open.push(Open { batches, edge });
        }
        Ok(Box::new(Merged { open, forward }))
    }
}

fn copy(scan: &Scan) -> Result<Scan, SourceError> {
    Ok(Scan {
        matchers: again(&scan.matchers)?,
        start: scan.start,
        end: scan.end,
        direction: scan.direction,
        fields: scan.fields.clone(),
        lines: scan.lines,
        tests: scan.tests.clone(),
        share: scan.share,
    })
}

/// A part that has more.
struct Open<'s> {
    batches: Batches<'s>,
    /// What is still to come does not lie before this instant, or, backward, after it.
    edge: i64,
}

/// Batches of several parts, next the part whose entries may come next.
struct Merged<'s> {
    open: Vec<Open<'s>>,
    forward: bool,
}

impl Merged<'_> {
    /// Where the part stands that comes next, and from where on anything may come.
    fn nearest(&self) -> Option<(usize, i64)> {
        let edges = self.open.iter().map(|open| open.edge).enumerate();
        if self.forward { edges.min_by_key(|(_, edge)| *edge) } else { edges.max_by_key(|(_, edge)| *edge) }
    }
}

impl<'s> Iterator for Merged<'s> {
    type Item = Result<Batch<'s>, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, _) = self.nearest()?;
            let mut batch = match self.open[at].batches.next() {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    drop(self.open.swap_remove(at));
                    continue;
                }
            };
            if let Some(beyond) = batch.beyond {
                let edge = self.open[at].edge;
                self.open[at].edge = if self.forward { edge.max(beyond) } else { edge.min(beyond) };
            }
            batch.beyond = self.nearest().map(|(_, edge)| edge);
            return Some(Ok(batch));
        }
    }
}

#[cfg(test)]
mod tests;
