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
    /// Values that could be fields of one's own: how often, by name.
    offered: BTreeMap<String, u64>,
    /// Values that are none for their field: how often, by name.
    values: BTreeMap<String, u64>,
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
        count(&mut self.members, name);
    }

    /// A value has no field, and could have one of the operator's own.
    pub(super) fn offer(&mut self, name: &str) {
        count(&mut self.offered, name);
    }

    /// A value is none that its field can have.
    pub(super) fn value(&mut self, name: &str) {
        count(&mut self.values, name);
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
        let named = [
            ("no field for", &self.members, ""),
            ("no field for", &self.offered, " (--field NAME takes one as a field of your own)"),
            ("not understood, and left out", &self.values, ""),
        ];
        for (what, names, hint) in named.iter().filter(|(_, names, _)| !names.is_empty()) {
            let mut names: Vec<_> = names.iter().collect();
            names.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let shown: Vec<_> = names.iter().take(MOST).map(|(name, count)| format!("{name} ({count})")).collect();
            let more = if names.len() > MOST { ", …" } else { "" };
            notes.push(format!("  {what}: {}{more}{hint}", shown.join(", ")));
        }
        notes
    }
}

fn count(names: &mut BTreeMap<String, u64>, name: &str) {
    // Names come from files; a file of nothing else fills no memory.
    if names.len() < 1000 || names.contains_key(name) {
        *names.entry(name.to_owned()).or_default() += 1;
    }
}
