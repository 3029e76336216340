//! What could not be mapped, for whoever imports: reasons with examples, and names that have no field.

use std::collections::BTreeMap;

/// More names and reasons are not told.
const MOST: usize = 30;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Why lines were left out: how many, and where the first one stands.
    lines: BTreeMap<String, (u64, String)>,
    /// Values that have no field: how often, by name.
    members: BTreeMap<String, u64>,
    /// Values that are kept otherwise than they stood: how often, by what was done.
    changed: BTreeMap<String, u64>,
}

impl Rest {
    /// A line is left out.
    pub(super) fn line(&mut self, why: &str, place: &str) {
        let (count, _) = self.lines.entry(why.to_owned()).or_insert_with(|| (0, place.to_owned()));
        *count += 1;
    }

    /// A value has no field.
    pub(super) fn member(&mut self, name: &str) {
        // Names come from files; a file of nothing else fills no memory.
        if self.members.len() < 1000 || self.members.contains_key(name) {
            *self.members.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// A value is kept otherwise than it stood.
    pub(super) fn changed(&mut self, what: &str) {
        *self.changed.entry(what.to_owned()).or_default() += 1;
    }

    /// How many lines are left out.
    pub(super) fn lines(&self) -> u64 {
        self.lines.values().map(|(count, _)| count).sum()
    }

    /// What there is to say.
    pub(super) fn notes(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|(why, (count, place))| format!("  {count} lines: {why} (first: {place})"));
        let changed = self.changed.iter().map(|(what, count)| format!("  {count} values: {what}"));
        let mut notes: Vec<String> = lines.chain(changed).take(MOST).collect();
        if !self.members.is_empty() {
            let mut members: Vec<_> = self.members.iter().collect();
            members.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let shown: Vec<_> = members.iter().take(MOST).map(|(name, count)| format!("{name} ({count})")).collect();
            let more = if members.len() > MOST { ", …" } else { "" };
            notes.push(format!("  no field for: {}{more}", shown.join(", ")));
        }
        notes
    }
}
