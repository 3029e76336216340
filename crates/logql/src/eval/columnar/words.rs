//! Line filters that the values of columns answer.

use crate::source::{Batch, Column, Data, Origin};
use crate::stage::contains::Contains;
use crate::syntax::ast::{LineFilter, LineOp};

/// A line filter for literals, all of which columns can tell of.
pub(super) struct Settled<'a> {
    hits: Vec<Hit<'a>>,
    positive: bool,
}

/// Where one of the words is found.
enum Hit<'a> {
    /// In the column's name: in all rows in which it has a value.
    Name(&'a Column<'a>),
    /// In some of the texts of a dictionary.
    Codes { column: &'a Column<'a>, codes: &'a [u32], has: Vec<bool> },
    /// In the texts of a column, perhaps.
    Texts { column: &'a Column<'a>, word: Box<Contains> },
}

/// What a batch's columns say of a line filter; `None` if they do not tell.
pub(super) fn settle<'a>(filter: &LineFilter, batch: &'a Batch<'a>) -> Option<Settled<'a>> {
    if !batch.promise.words || !matches!(filter.op, LineOp::Contains | LineOp::NotContains) {
        return None;
    }
    let mut hits = Vec::new();
    for test in &filter.tests {
        if test.ip || !is_word(&test.text) {
            return None;
        }
        let parsed = batch.columns.iter().filter(|column| column.origin == Origin::Parsed);
        hits.extend(parsed.filter_map(|column| find(&test.text, column)));
    }
    Some(Settled { hits, positive: filter.op.is_positive() })
}

/// Whether a text stands in a line only as a part of a name or of a text: it is one word, and no number nor `true`, `false` or
/// `null` has it.
fn is_word(text: &str) -> bool {
    let parts = ["true", "false", "null"];
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'e' | b'E'))
        && !parts.iter().any(|part| part.contains(text))
}

fn find<'a>(word: &str, column: &'a Column<'a>) -> Option<Hit<'a>> {
    if column.name.contains(word) {
        return Some(Hit::Name(column));
    }
    let contains = Contains::new(word);
    match &column.data {
        Data::Dictionary { codes, values } => {
            let has: Vec<bool> = values.iter().map(|value| contains.matches(value.as_bytes())).collect();
            has.contains(&true).then_some(Hit::Codes { column, codes, has })
        }
        Data::Text { text, .. } if contains.matches(text.as_bytes()) => {
            Some(Hit::Texts { column, word: Box::new(contains) })
        }
        Data::Text { .. } | Data::I64(_) | Data::F64(_) | Data::Bool(_) => None,
    }
}

impl Settled<'_> {
    pub(super) fn passes(&self, row: usize) -> bool {
        let found = self.hits.iter().any(|hit| match hit {
            Hit::Name(column) => column.is_valid(row),
            Hit::Codes { column, codes, has } => has[codes[row] as usize] && column.is_valid(row),
            Hit::Texts { column, word } => column.text(row).is_some_and(|text| word.matches(text.as_bytes())),
        });
        found == self.positive
    }
}
