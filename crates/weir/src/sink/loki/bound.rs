//! How many values of declared fields become labels in Loki: each combination is a stream, and streams are dear.
//!
//! What was let in is written down before it is sent. So a line that is sent again after a crash has the labels that it had
//! before, and Loki knows it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Values of a field that become labels; the others share [`OTHER`].
pub(super) const MAX_VALUES: usize = 200;
/// Combinations of values; in others every declared field is [`OTHER`].
pub(super) const MAX_COMBINATIONS: usize = 1000;
/// The label of what has none of its own.
pub(super) const OTHER: &str = "other";

/// Under this name combinations are kept; no field is called so.
const COMBINATION: &str = "";

/// The values that have become labels.
#[derive(Debug)]
pub(super) struct Bound {
    path: PathBuf,
    known: BTreeMap<String, BTreeSet<String>>,
}

impl Bound {
    /// Reads what was let in before.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(super) fn open(path: &Path) -> io::Result<Bound> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            // A line that a crash cut short is written anew when its value comes again.
            let Ok((name, value)) = serde_json::from_slice::<(String, String)>(line) else { continue };
            known.entry(name).or_default().insert(value);
        }
        Ok(Bound { path: path.to_owned(), known })
    }

    /// The labels that stand for the values of declared fields.
    ///
    /// # Errors
    /// What is new cannot be written down.
    pub(super) fn labels(&mut self, values: &mut [(String, String)]) -> io::Result<()> {
        for (name, value) in values.iter_mut() {
            if !self.lets_in(name, value, MAX_VALUES)? {
                OTHER.clone_into(value);
            }
        }
        if values.len() > 1 {
            let combination: Vec<&str> = values.iter().flat_map(|(name, value)| [name.as_str(), value]).collect();
            let combination = combination.join("\u{1f}");
            if !self.lets_in(COMBINATION, &combination, MAX_COMBINATIONS)? {
                values.iter_mut().for_each(|(_, value)| OTHER.clone_into(value));
            }
        }
        Ok(())
    }

    fn lets_in(&mut self, name: &str, value: &str, most: usize) -> io::Result<bool> {
        let known = self.known.get(name);
        if known.is_some_and(|known| known.contains(value)) {
            return Ok(true);
        }
        if known.is_some_and(|known| known.len() >= most) {
            return Ok(false);
        }
        self.write_down(name, value)?;
        self.known.entry(name.to_owned()).or_default().insert(value.to_owned());
        Ok(true)
    }

    fn write_down(&self, name: &str, value: &str) -> io::Result<()> {
        let mut line = serde_json::to_vec(&(name, value))?;
        line.push(b'\n');
        // The line feed in front ends what a crash may have cut short.
        line.insert(0, b'\n');
        OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(bound: &mut Bound, team: &str, tier: &str) -> String {
        let mut values = [("team".to_owned(), team.to_owned()), ("tier".to_owned(), tier.to_owned())];
        bound.labels(&mut values).unwrap();
        format!("{} {}", values[0].1, values[1].1)
    }

    #[test]
    fn labels_of_declared_fields_are_bounded_and_stay_what_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels");
        let mut bound = Bound::open(&path).unwrap();
        for n in 0..MAX_VALUES {
            assert_eq!(show(&mut bound, &format!("t{n}"), "a"), format!("t{n} a"));
        }
        assert_eq!(show(&mut bound, "late", "a"), "other a");
        for n in 0..4 {
            for team in 0..MAX_VALUES {
                show(&mut bound, &format!("t{team}"), &format!("b{n}"));
            }
        }
        assert_eq!(show(&mut bound, "t1", "b1"), "t1 b1");
        assert_eq!(show(&mut bound, "t1", "c"), "other other");
        // What another process makes of the same lines.
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\n[\"team\",\"torn").unwrap();
        let mut again = Bound::open(&path).unwrap();
        for (team, tier) in [("t7", "a"), ("late", "a"), ("t1", "b1"), ("t1", "c"), ("torn", "a")] {
            assert_eq!(show(&mut again, team, tier), show(&mut bound, team, tier));
        }
    }
}
