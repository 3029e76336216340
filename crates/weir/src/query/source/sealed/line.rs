//! Lines of a group, made of its columns when they are asked for.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use logql::source::{Lines, SourceError};
use store::segment::{self, PAGE_ROWS};
use store::{Segment, SegmentError};

use super::Sealed;
use super::kept::Weigh;
use crate::query::source::Damage;

/// So many lines are made where only their lengths are asked for.
const FEW: usize = 32;

/// The lines of a batch.
pub(super) struct Rendered<'s> {
    pub(super) segment: &'s Segment,
    pub(super) group: usize,
    pub(super) sealed: &'s Sealed,
    /// Which rows of the group the batch has, chosen or not.
    pub(super) rows: Range<usize>,
    /// The page that was asked for last.
    pub(super) page: RefCell<Option<segment::Lines<'s>>>,
    pub(super) damage: &'s Damage,
    /// How many are chosen.
    pub(super) chosen: usize,
    /// How long the lines of all rows are, once that was asked for.
    pub(super) lengths: OnceCell<Counted>,
}

/// How long the lines of a group are.
#[derive(Debug)]
pub(super) struct Lengths(Box<[u16]>);

impl Weigh for Lengths {
    fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// How long lines are.
pub(super) enum Counted {
    /// Those of the group.
    Group(Arc<Lengths>),
    /// Those of the batch.
    Batch(Vec<u32>),
}

impl Rendered<'_> {
    /// Counts, or finds what was counted before. Where most of a group is asked for, all of it is counted and kept.
    fn count(&self) -> Result<Counted, SegmentError> {
        let Some(of) = self.segment.groups().get(self.group) else { return Ok(Counted::Batch(Vec::new())) };
        let key = (of.first, of.rows);
        if let Some(known) = self.sealed.lengths.get(key) {
            return Ok(Counted::Group(known));
        }
        if self.rows.len() * 2 < of.rows {
            return self.segment.lengths(self.group, self.rows.clone()).map(Counted::Batch);
        }
        let all = self.segment.lengths(self.group, 0..of.rows)?;
        let narrow: Option<Box<[u16]>> = all.iter().map(|length| u16::try_from(*length).ok()).collect();
        Ok(match narrow {
            Some(narrow) => {
                let lengths = Arc::new(Lengths(narrow));
                self.sealed.lengths.put(key, &lengths);
                Counted::Group(lengths)
            }
            None => Counted::Batch(all[self.rows.clone()].to_vec()),
        })
    }
}

impl Lines for Rendered<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        let row = self.rows.start + row;
        let mut page = self.page.borrow_mut();
        let lines = match page.take_if(|lines| lines.rows().contains(&row)) {
            Some(lines) => lines,
            None => {
                let first = row / PAGE_ROWS * PAGE_ROWS;
                let lines = self.segment.lines(self.group, first..first + PAGE_ROWS);
                lines.map_err(|error| self.damage.note(error))?
            }
        };
        let mut line = Vec::with_capacity(1024);
        page.insert(lines).write(row, &mut line);
        Ok(Cow::Owned(line))
    }

    fn length(&self, row: usize) -> Option<usize> {
        // Of a few, to make lines costs less than to look at all.
        if self.chosen <= FEW {
            return None;
        }
        // What is wrong shows where the line is asked for.
        match self.lengths.get_or_init(|| self.count().unwrap_or(Counted::Batch(Vec::new()))) {
            Counted::Group(lengths) => lengths.0.get(self.rows.start + row).map(|length| usize::from(*length)),
            Counted::Batch(lengths) => lengths.get(row).map(|length| *length as usize),
        }
    }

    /// Nobody has counted them.
    fn lengths(&self, _: &logql::source::Rows, _: usize) -> u64 {
        0
    }
}
