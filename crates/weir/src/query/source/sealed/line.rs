//! Lines of a group, made of its columns when they are asked for.

use std::borrow::Cow;
use std::cell::RefCell;

use logql::source::{Lines, SourceError};
use store::Segment;
use store::segment::{self, PAGE_ROWS};

use crate::query::source::Damage;

/// The lines of a batch.
pub(super) struct Rendered<'s> {
    pub(super) segment: &'s Segment,
    pub(super) group: usize,
    /// Which row of the group the batch's first one is.
    pub(super) first: usize,
    /// The page that was asked for last.
    pub(super) page: RefCell<Option<segment::Lines<'s>>>,
    pub(super) damage: &'s Damage,
}

impl Lines for Rendered<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        let row = self.first + row;
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
        self.line(row).ok().map(|line| line.len())
    }

    /// Nobody has counted them.
    fn lengths(&self, _: &logql::source::Rows, _: usize) -> u64 {
        0
    }
}
