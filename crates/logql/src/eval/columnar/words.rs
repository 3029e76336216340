//! Line filters that the values of columns answer.

use super::{by_code, keep};
use crate::source::{Batch, Column, Data, Origin};
use crate::stage::contains::Contains;
use crate::syntax::ast::{LineFilter, LineOp};

/// A line filter for literals, all of which columns can tell of.
pub(super) struct Settled<'a> {
    /// What is found by a look into a table.
    hits: Vec<Hit<'a>>,
    /// Where texts must be searched.
    texts: Vec<Texts<'a>>,
    positive: bool,
}

/// A column in whose texts a word may be.
struct Texts<'a> {
    column: &'a Column<'a>,
    offsets: &'a [u32],
    text: &'a str,
    word: Contains,
}

/// Where one of the words is found.
enum Hit<'a> {
    /// In the column's name: in all rows in which it has a value.
    Name(&'a Column<'a>),
    /// In some of the texts of a dictionary.
    Codes { column: &'a Column<'a>, codes: &'a [u32], has: Vec<bool> },
}

/// What a batch's columns say of a line filter; `None` if they do not tell.
pub(super) fn settle<'a>(filter: &LineFilter, batch: &'a Batch<'a>) -> Option<Settled<'a>> {
    if !batch.promise.words || !matches!(filter.op, LineOp::Contains | LineOp::NotContains) {
        return None;
    }
    let (mut hits, mut texts) = (Vec::new(), Vec::new());
    for test in &filter.tests {
        if test.ip || !is_word(&test.text) {
            return None;
        }
        for column in batch.columns.iter().filter(|column| column.origin == Origin::Parsed) {
            match &column.data {
                _ if column.name.contains(&test.text) => hits.push(Hit::Name(column)),
                Data::Dictionary { codes, values } => hits.extend(find(&test.text, column, codes, values)),
                Data::Text { offsets, text } => {
                    texts.push(Texts { column, offsets, text, word: Contains::new(&test.text) });
                }
                Data::I64(_) | Data::F64(_) | Data::Bool(_) => {}
            }
        }
    }
    Some(Settled { hits, texts, positive: filter.op.is_positive() })
}

/// Whether a text stands in a line only as a part of a name or of a text: it is one word, and no number nor `true`, `false` or
/// `null` has it.
fn is_word(text: &str) -> bool {
    let parts = ["true", "false", "null"];
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'e' | b'E'))
        && !parts.iter().any(|part| part.contains(text))
}

fn find<'a>(word: &str, column: &'a Column<'a>, codes: &'a [u32], values: &[Box<str>]) -> Option<Hit<'a>> {
    let contains = Contains::new(word);
    let has = by_code(codes, values.len(), false, |code| contains.matches(values[code].as_bytes()));
    has.contains(&true).then_some(Hit::Codes { column, codes, has })
}

impl Hit<'_> {
    fn is_in(&self, row: usize) -> bool {
        match self {
            Self::Name(column) => column.is_valid(row),
            Self::Codes { column, codes, has } => column.is_valid(row) && has[codes[row] as usize],
        }
    }
}

impl Texts<'_> {
    fn is_in(&self, row: usize) -> bool {
        let text = &self.text[self.offsets[row] as usize..self.offsets[row + 1] as usize];
        self.column.is_valid(row) && self.word.matches(text.as_bytes())
    }

    /// Whether any of the texts from one row to another has the word: texts lie one behind the other, and are searched quickly as
    /// one.
    fn is_between(&self, first: u32, last: u32) -> bool {
        let text = &self.text[self.offsets[first as usize] as usize..self.offsets[last as usize + 1] as usize];
        self.word.matches(text.as_bytes())
    }

    /// Marks the rows whose text has the word.
    fn mark(&self, rows: &[u32], found: &mut [bool]) {
        let missing = found.iter().filter(|found| !**found).count();
        let (first, last) = (rows.iter().min(), rows.iter().max());
        if let (Some(first), Some(last)) = (first, last) {
            // One search costs less than many, unless most of what it would look at is of no interest.
            let span = (last - first) as usize + 1;
            if missing == 0 || (span < missing * 8 && !self.is_between(*first, *last)) {
                return;
            }
        }
        for (row, found) in rows.iter().zip(found) {
            *found = *found || self.is_in(*row as usize);
        }
    }
}

impl Settled<'_> {
    /// Keeps the rows that pass.
    pub(super) fn retain(&self, rows: &mut Vec<u32>) {
        if self.texts.is_empty() {
            return match self.hits.as_slice() {
                [hit] => keep(rows, |row| hit.is_in(row) == self.positive),
                hits => keep(rows, |row| hits.iter().any(|hit| hit.is_in(row)) == self.positive),
            };
        }
        let is_hit = |row: &u32| self.hits.iter().any(|hit| hit.is_in(*row as usize));
        let mut found: Vec<bool> = rows.iter().map(is_hit).collect();
        self.texts.iter().for_each(|texts| texts.mark(rows, &mut found));
        let mut found = found.iter();
        keep(rows, |_| found.next().is_some_and(|found| *found == self.positive));
    }
}
