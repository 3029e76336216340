//! A group of rows on its way into batches.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Column, Direction, FieldSet, LabelMatcher, Lines, Promise, Rows, Scan, SourceError, Tested,
};
use store::segment::{self, PAGE_ROWS};
use store::{Segment, SegmentError};

use super::kept::Key;
use super::line::Rendered;
use super::plan::{Plan, Planned};
use super::sieve::Sieve;
use super::stream::{Kept, Streams};
use super::{Sealed, column};
use crate::query::label::{DETECTED_LEVEL, Place};
use crate::query::source::Damage;

/// The rows of a group that columns give back.
pub(super) struct Piece<'s> {
    segment: &'s Segment,
    group: usize,
    plan: &'s Plan,
    sealed: &'s Sealed,
    scan: Arc<Scan>,
    /// Of all rows of the group; the least there is where a row has none.
    times: Vec<i64>,
    /// Which rows are asked for, as far as times and tests tell; all, if there is none.
    wanted: Option<Vec<bool>>,
    tested: Vec<Tested>,
    /// Columns of the whole group that were read for tests.
    read: Vec<(usize, segment::Column)>,
    edge: i64,
    damage: &'s Damage,
    /// What is still to be read, with what lies beyond each: the next one last.
    chunks: Vec<(Range<usize>, i64)>,
    /// Whether anybody has heard of this group.
    shown: bool,
}

/// Some rows whose columns have been read.
struct Read<'p> {
    rows: Range<usize>,
    /// By the number of the field.
    columns: Vec<(usize, Cow<'p, segment::Column>)>,
}

impl<'s> Piece<'s> {
    /// Reads the times of a group, and what tests ask for. Nothing lies beyond `edge` in what comes after it.
    pub(super) fn open(
        mut sieve: Sieve<'s>,
        scan: Arc<Scan>,
        edge: i64,
        damage: &'s Damage,
    ) -> Result<Piece<'s>, SegmentError> {
        let (segment, group, plan) = (sieve.segment, sieve.group, sieve.plan);
        let mut piece = Piece {
            segment,
            group,
            plan,
            sealed: sieve.sealed,
            scan,
            times: Vec::new(),
            wanted: None,
            tested: Vec::new(),
            read: Vec::new(),
            edge,
            damage,
            chunks: Vec::new(),
            shown: false,
        };
        if piece.is_of_other_streams() || sieve.rules_out(&piece.scan.tests)? {
            return Ok(piece);
        }
        piece.times = times(segment.read(group, plan.time)?);
        piece.wanted = piece.within()?;
        piece.tested = sieve.retain(&piece.scan.tests, &mut piece.wanted, piece.times.len())?;
        piece.read = sieve.read;
        piece.chunks = piece.cut();
        Ok(piece)
    }

    /// The rows that are in the time that is asked for, and not kept as they are.
    fn within(&self) -> Result<Option<Vec<bool>>, SegmentError> {
        let (start, end) = (self.scan.start, self.scan.end);
        let of = self.segment.groups().get(self.group);
        let spills = of.is_some_and(|of| of.spills);
        let inside = of.and_then(|of| of.times).is_some_and(|(first, last)| first >= start && last < end);
        let all_have = self.segment.bounds(self.group, self.plan.time).missing == Some(0);
        if inside && all_have && !spills {
            return Ok(None);
        }
        // What has no time is before everything.
        let start = start.max(i64::MIN + 1);
        let mut wanted: Vec<bool> = self.times.iter().map(|at| (start <= *at) & (*at < end)).collect();
        if spills {
            let spilled = self.segment.spilled(self.group, 0..self.times.len())?;
            wanted.iter_mut().enumerate().for_each(|(row, wanted)| *wanted &= !spilled.is_valid(row));
        }
        Ok(Some(wanted))
    }

    fn is_wanted(&self, row: usize) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted[row])
    }

    /// Cuts the rows that are asked for into what is read at once: pages where lines are wanted, since often the first are enough,
    /// else everything.
    fn cut(&self) -> Vec<(Range<usize>, i64)> {
        let rows = self.times.len();
        let (first, last) = match &self.wanted {
            None => (0, rows.saturating_sub(1)),
            Some(wanted) => match (wanted.iter().position(|is| *is), wanted.iter().rposition(|is| *is)) {
                (Some(first), Some(last)) => (first, last),
                _ => return Vec::new(),
            },
        };
        let forward = self.scan.direction == Direction::Forward;
        if self.scan.fields != FieldSet::All {
            return vec![(first..last + 1, self.edge)];
        }
        let pages = (first / PAGE_ROWS..=last / PAGE_ROWS).rev();
        let pages = pages.map(|page| (page * PAGE_ROWS).max(first)..((page + 1) * PAGE_ROWS).min(last + 1));
        let mut pages: Vec<Range<usize>> = pages.filter(|rows| rows.clone().any(|row| self.is_wanted(row))).collect();
        // The one that comes last first, so that what lies beyond each is known.
        if !forward {
            pages.reverse();
        }
        let mut edge = self.edge;
        let with_edge = |rows: Range<usize>| {
            let (beyond, times) = (edge, self.times[rows.clone()].iter().copied());
            edge = if forward { times.fold(edge, i64::min) } else { times.fold(edge, i64::max) };
            (rows, beyond)
        };
        pages.into_iter().map(with_edge).collect()
    }

    fn batch(&self, rows: Range<usize>, beyond: i64) -> Result<Option<Batch<'s>>, SegmentError> {
        let mut read = Read { rows: rows.clone(), columns: Vec::new() };
        let streams = self.streams(&mut read)?;
        let matches: Vec<bool> = streams.labels.iter().map(|labels| self.matches(labels)).collect();
        if !matches.contains(&true) {
            return Ok(None);
        }
        let chosen = self.choose(&rows, &streams, &matches);
        if matches!(&chosen, Rows::Some(rows) if rows.is_empty()) {
            return Ok(None);
        }
        let columns = self.columns(&mut read)?;
        let line = self.lines(&rows, &chosen);
        Ok(Some(Batch {
            timestamps: self.times[rows].to_vec().into(),
            rows: chosen,
            streams: streams.of_rows.into(),
            labels: streams.labels,
            columns,
            lines: Box::new(line),
            promise: Promise { json: self.plan.json, words: false },
            tested: self.tested.clone(),
            beyond: Some(beyond),
        }))
    }

    fn lines(&self, rows: &Range<usize>, chosen: &Rows) -> Rendered<'s> {
        let chosen = match chosen {
            Rows::All => rows.len(),
            Rows::Some(chosen) => chosen.len(),
        };
        let (segment, group, sealed, damage) = (self.segment, self.group, self.sealed, self.damage);
        let (page, lengths) = Default::default();
        Rendered { segment, group, sealed, damage, rows: rows.clone(), chosen, page, lengths }
    }

    fn choose(&self, rows: &Range<usize>, streams: &Streams, matches: &[bool]) -> Rows<'static> {
        let forward = self.scan.direction == Direction::Forward;
        let all_match = matches.iter().all(|matches| *matches);
        let all_wanted = self.wanted.as_ref().is_none_or(|wanted| !wanted[rows.clone()].contains(&false));
        if all_match && forward && all_wanted {
            return Rows::All;
        }
        let chosen = |row: &usize| {
            let matches = all_match || matches[streams.of_rows[*row - rows.start] as usize];
            matches && self.is_wanted(*row)
        };
        let narrow = |row: usize| u32::try_from(row - rows.start).unwrap_or(u32::MAX);
        Rows::Some(match forward {
            true => rows.clone().filter(chosen).map(narrow).collect(),
            false => rows.clone().rev().filter(chosen).map(narrow).collect(),
        })
    }

    fn matches(&self, stream: &Labels) -> bool {
        LabelMatcher::all_match(&self.scan.matchers, stream)
    }

    /// By which what is known of the group is kept.
    fn key(&self) -> Option<Key> {
        self.segment.groups().get(self.group).map(|of| (of.first, of.rows))
    }

    /// Whether it is known that no row is of a stream that is asked for.
    fn is_of_other_streams(&self) -> bool {
        let kept = self.key().and_then(|key| self.sealed.streams.get(key));
        kept.is_some_and(|kept| !kept.labels.iter().any(|labels| self.matches(labels)))
    }

    /// The streams of rows. Where most of the group is asked for, those of all of it are kept.
    fn streams<'p>(&'p self, read: &mut Read<'p>) -> Result<Streams, SegmentError> {
        let Some(key) = self.key() else { return self.streams_of(read) };
        if let Some(kept) = self.sealed.streams.get(key) {
            return Ok(kept.streams(read.rows.clone()));
        }
        if read.rows.len() * 2 < key.1 {
            return self.streams_of(read);
        }
        let mut whole = Read { rows: 0..key.1, columns: Vec::new() };
        let streams = self.streams_of(&mut whole)?;
        match Kept::new(streams) {
            Some(kept) => {
                let kept = Arc::new(kept);
                self.sealed.streams.put(key, &kept);
                Ok(kept.streams(read.rows.clone()))
            }
            None => self.streams_of(read),
        }
    }

    fn streams_of<'p>(&'p self, read: &mut Read<'p>) -> Result<Streams, SegmentError> {
        let labels: Vec<(usize, &Planned)> = self.plan.labels().filter(|(field, _)| !self.is_empty(*field)).collect();
        for (field, _) in &labels {
            self.read(read, *field)?;
        }
        let fields = self.segment.schema().fields();
        let columns: Vec<_> =
            labels.iter().filter_map(|(field, planned)| Some((*planned, &fields[*field], read.get(*field)?))).collect();
        Ok(Streams::new(&self.sealed.labeller, &columns, read.rows.len()))
    }

    /// The columns that the question looks at.
    fn columns<'p>(&'p self, read: &mut Read<'p>) -> Result<Vec<Column<'static>>, SegmentError> {
        let mut columns = Vec::new();
        let wanted = |planned: &Planned| self.scan.fields.wants(&planned.name);
        for (at, planned) in self.plan.fields.iter().enumerate().filter(|(_, planned)| wanted(planned)) {
            if self.is_empty(at) {
                continue;
            }
            self.read(read, at)?;
            let (Some(found), field) = (read.get(at), &self.segment.schema().fields()[at]) else { continue };
            if planned.place == Place::Metadata {
                columns.push(column::metadata(&planned.name, field, found));
            }
            // What `| json` finds under a name that labels or metadata have is `NAME_extracted`, which few ask for.
            let is_known = planned.place != Place::Line && !column::has_empty(found);
            let is_hidden = is_known && !self.wants_extracted(&planned.name);
            if !is_hidden {
                columns.push(column::parsed(&planned.name, field, found));
            }
        }
        if self.scan.fields.wants(DETECTED_LEVEL) {
            let level = self.plan.level().filter(|level| !self.is_empty(*level));
            level.map(|level| self.read(read, level)).transpose()?;
            let level = level.and_then(|level| read.get(level));
            columns.push(column::detected_level(DETECTED_LEVEL, level, read.rows.len()));
        }
        Ok(columns)
    }

    fn wants_extracted(&self, name: &str) -> bool {
        match &self.scan.fields {
            FieldSet::All => true,
            FieldSet::Some(names) => names.iter().any(|wanted| wanted.strip_suffix("_extracted") == Some(name)),
        }
    }

    /// Whether no row of the group has the field.
    fn is_empty(&self, field: usize) -> bool {
        self.segment.bounds(self.group, field).missing == Some(self.times.len())
    }

    fn read<'p>(&'p self, read: &mut Read<'p>, field: usize) -> Result<(), SegmentError> {
        if read.get(field).is_none() {
            let column = match self.read.iter().find(|(known, _)| *known == field) {
                Some((_, column)) if read.rows == (0..self.times.len()) => Cow::Borrowed(column),
                Some((_, column)) => Cow::Owned(column.slice(read.rows.clone())),
                None => Cow::Owned(self.segment.read_rows(self.group, field, read.rows.clone())?),
            };
            read.columns.push((field, column));
        }
        Ok(())
    }

    /// Nothing of this group: so that whoever asks can stop between groups.
    fn nothing(&self) -> Batch<'s> {
        Batch {
            timestamps: Cow::Borrowed(&[]),
            rows: Rows::All,
            streams: Cow::Borrowed(&[]),
            labels: Arc::new([]),
            columns: Vec::new(),
            lines: Box::new(NoLines),
            promise: Promise { json: self.plan.json, words: false },
            tested: Vec::new(),
            beyond: Some(self.edge),
        }
    }
}

impl Read<'_> {
    fn get(&self, field: usize) -> Option<&segment::Column> {
        self.columns.iter().find(|(known, _)| *known == field).map(|(_, column)| &**column)
    }
}

impl<'s> Iterator for Piece<'s> {
    type Item = Result<Batch<'s>, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((rows, beyond)) = self.chunks.pop() {
            match self.batch(rows, beyond) {
                Ok(None) => {}
                Ok(Some(batch)) => {
                    self.shown = true;
                    return Some(Ok(batch));
                }
                Err(error) => return Some(Err(self.damage.note(error))),
            }
        }
        (!std::mem::replace(&mut self.shown, true)).then(|| Ok(self.nothing()))
    }
}

/// Times, the least there is where there are none.
fn times(column: segment::Column) -> Vec<i64> {
    let rows = column.len();
    match (column.valid.is_none(), column.values) {
        (true, segment::Values::Integers(times)) => times,
        (_, values) => {
            let column = segment::Column { values, valid: column.valid };
            (0..rows).map(|row| column.integer(row).unwrap_or(i64::MIN)).collect()
        }
    }
}

/// The lines of no entries.
struct NoLines;

impl Lines for NoLines {
    fn line(&self, _: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(b""))
    }
}
