//! Entries in memory, by time.

use std::sync::Arc;

use super::entry::Entry;

/// Entries by time; those of one instant as they came.
#[derive(Debug, Clone, Default)]
pub struct Run {
    entries: Vec<Arc<Entry>>,
}

impl Run {
    /// Of entries as they came.
    #[must_use]
    pub fn new(mut entries: Vec<Arc<Entry>>) -> Run {
        entries.sort_by_key(|entry| entry.timestamp);
        Run { entries }
    }

    /// All of them.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Those from `start` on and before `end`, in nanoseconds since 1970.
    #[must_use]
    pub fn between(&self, start: i64, end: i64) -> &[Arc<Entry>] {
        let from = self.entries.partition_point(|entry| entry.timestamp < start);
        let to = self.entries.partition_point(|entry| entry.timestamp < end);
        &self.entries[from..to.max(from)]
    }

    /// Both together; of one instant this one's come first.
    fn with(&self, later: &Run) -> Run {
        let mut entries = Vec::with_capacity(self.entries.len() + later.entries.len());
        entries.extend_from_slice(&self.entries);
        entries.extend_from_slice(&later.entries);
        Run::new(entries)
    }
}

/// Puts `new` behind `runs`. Runs of like size become one, so that there are only a few and no entry is moved often.
pub(super) fn push(runs: &mut Vec<Arc<Run>>, new: Run) {
    let mut new = Arc::new(new);
    while let Some(last) = runs.pop() {
        if last.entries.len() > 2 * new.entries.len() {
            runs.push(last);
            break;
        }
        new = Arc::new(last.with(&new));
    }
    runs.push(new);
}
