//! Which series a sample belongs to.

use std::collections::HashMap;

use super::row::{DETAILS, ERROR, PRESERVED, Row};
use crate::labels::Labels;
use crate::syntax::ast::Grouping;

/// Which labels the series of a range aggregation have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// These, sorted, as far as there are any.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

impl Shape {
    pub(super) fn new(grouping: Option<&Grouping>, value: Option<&str>, absent: bool) -> Self {
        let valued = value.map(str::to_owned);
        match grouping {
            _ if absent => Self::By(Vec::new()),
            Some(grouping) if !grouping.without => {
                let mut labels = grouping.labels.clone();
                labels.sort();
                labels.dedup();
                Self::By(labels)
            }
            Some(grouping) => Self::Without(grouping.labels.iter().cloned().chain(valued).collect()),
            None => Self::Without(valued.into_iter().collect()),
        }
    }

    /// Whether the label `name` is one of the series'. What tells of errors always is.
    pub(super) fn keeps(&self, name: &str) -> bool {
        match self {
            Self::By(labels) => labels.iter().any(|label| label == name),
            Self::Without(labels) => labels.iter().all(|label| label != name),
        }
    }
}

/// Series by their labels.
#[derive(Default)]
pub(super) struct SeriesTable {
    known: HashMap<Box<[u8]>, u32>,
    pub(super) labels: Vec<Labels>,
    key: Vec<u8>,
    /// Of keys and labels.
    text_bytes: usize,
}

/// What a series takes beside its text, at a load of a half.
const SERIES_BYTES: usize = 2 * size_of::<(Box<[u8]>, u32)>() + size_of::<Labels>();

impl SeriesTable {
    /// The series with these labels, which come sorted.
    pub(super) fn series<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)> + Clone) -> u32 {
        self.key.clear();
        for (name, value) in labels.clone() {
            self.key.extend_from_slice(name.as_bytes());
            self.key.push(0xff);
            self.key.extend_from_slice(value.as_bytes());
            self.key.push(0xfe);
        }
        if let Some(series) = self.known.get(&*self.key) {
            return *series;
        }
        let series = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        let labels = Labels::new(labels);
        self.text_bytes += self.key.len() + labels.bytes();
        self.labels.push(labels);
        self.known.insert(self.key.as_slice().into(), series);
        series
    }

    /// About how many bytes of memory all take.
    pub(super) fn bytes(&self) -> usize {
        self.text_bytes + self.labels.len() * SERIES_BYTES
    }

    /// The series of an entry.
    pub(super) fn of_row(&mut self, row: &Row, shape: &Shape) -> u32 {
        if let (Shape::By(names), false) = (shape, row.has_error()) {
            let labels = names.iter().filter_map(|name| Some((name.as_str(), row.get(name)?)));
            return self.series(labels);
        }
        let tells = |name: &str| [ERROR, DETAILS, PRESERVED].contains(&name);
        let labels = row.labels().filter(|(_, name, _)| shape.keeps(name) || (row.has_error() && tells(name)));
        let mut labels: Vec<_> = labels.map(|(_, name, value)| (name, value)).collect();
        labels.sort_unstable();
        self.series(labels.into_iter())
    }
}
