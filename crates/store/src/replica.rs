//! Another Weir's journal, as it arrives: the same lines under the same numbers.
//!
//! Lines are taken from where the replica ends, whatever else comes with them, so that each is there once however often it is sent. Where
//! lines are missing, because they went before they could be sent, a journal begins anew in a directory of its own: a journal has no holes.
//!
//! A file is sealed once it is ended: when it is full, or when nothing has come for a while ([`quiet`]), since its Weir may be gone for good.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::journal::{self, Options};
use crate::{Journal, Seq, data_dir};

/// So much of the disk is left to others, the Weir's own journal first of all.
const LEAVE_FREE: u64 = 256 << 20;

/// See the module.
#[derive(Debug)]
pub struct Replica {
    /// Where replicas lie.
    hub: PathBuf,
    /// What this one's directories begin with.
    name: String,
    journal: Option<Journal>,
}

impl Replica {
    /// The replica of the journal that has `id`, of the Weir `instance`, in the directory `hub`.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(hub: &Path, instance: &str, id: &str) -> io::Result<Replica> {
        let name = format!("{}.{}.", escaped(instance), escaped(id));
        let mut newest: Option<String> = None;
        data_dir::create_dir(hub)?;
        for entry in fs::read_dir(hub)? {
            let found = entry?.file_name().into_string().unwrap_or_default();
            if found.starts_with(&name) && newest.as_ref().is_none_or(|newest| *newest < found) {
                newest = Some(found);
            }
        }
        let open = |dir: String| Journal::open(&hub.join(dir).join("journal"), options());
        let journal = newest.map(open).transpose()?.map(|(journal, _)| journal);
        Ok(Replica { hub: hub.to_owned(), name, journal })
    }

    /// Whether its lines go to the journal in this directory.
    #[must_use]
    pub fn writes_to(&self, journal: &Path) -> bool {
        self.journal.as_ref().is_some_and(|own| own.dir() == journal)
    }

    /// Ends the file that is being written, so that it can be sealed.
    ///
    /// # Errors
    /// The file system refused; the file goes on.
    pub fn rest(&mut self) -> io::Result<()> {
        self.journal.as_mut().map_or(Ok(()), end)
    }

    /// Takes `count` whole lines, each with its line feed, of which the first has the number `first` in the other journal. What it has
    /// already it passes over. When this returns the rest is on the disk. Gives how many lines were new, and how many are missing before
    /// them.
    ///
    /// # Errors
    /// The file system refused, or would have too little room left for others. The same lines may be sent again.
    pub fn take(&mut self, first: Seq, count: u64, lines: &[u8]) -> io::Result<(u64, u64)> {
        let next = self.journal.as_ref().map(Journal::next);
        let missing = first.saturating_sub(next.unwrap_or(first));
        if next.is_none_or(|next| first > next) {
            let dir = self.hub.join(format!("{}{first:020}", self.name)).join("journal");
            self.journal = Some(Journal::begin(&dir, first, options())?);
        }
        let Some(journal) = &mut self.journal else { return Ok((0, 0)) };
        let known = journal.next().saturating_sub(first).min(count);
        let start = match known {
            0 => 0,
            known => memchr::memchr_iter(b'\n', lines).nth(known as usize - 1).map_or(lines.len(), |at| at + 1),
        };
        if known < count {
            let space = rustix::fs::statvfs(&self.hub)?;
            if space.f_bavail.saturating_mul(space.f_frsize) < LEAVE_FREE + lines.len() as u64 {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk has too little room"));
            }
            journal.append(&lines[start..], count - known)?;
        }
        // Also where nothing is new: what came before may have been appended and not synced when this process died.
        journal.file().sync_data()?;
        if journal.is_due() {
            journal.rotate(0)?.give_back()?;
        }
        Ok((count - known, missing))
    }
}

/// The journals of a hub to which nothing has come for so long, and of which the last file has lines.
///
/// # Errors
/// The file system refused.
pub fn quiet(hub: &Path, since: Duration) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let replicas = match fs::read_dir(hub) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        replicas => replicas?,
    };
    for replica in replicas {
        let journal = replica?.path().join("journal");
        let files = if journal.is_dir() { journal::files(&journal)? } else { Vec::new() };
        let is_quiet = |last: &journal::JournalFile| last.modified.elapsed().is_ok_and(|ago| ago >= since);
        if files.last().is_some_and(|last| last.length > 0 && is_quiet(last)) {
            found.push(journal);
        }
    }
    Ok(found)
}

/// Ends the last file of a journal that no [`Replica`] has open.
///
/// # Errors
/// The file system refused; the file goes on.
pub fn rest(journal: &Path) -> io::Result<()> {
    end(&mut Journal::open(journal, options())?.0)
}

fn end(journal: &mut Journal) -> io::Result<()> {
    if journal.next() > journal.first() {
        journal.rotate(0)?.give_back()?;
        // Nobody knows whether another line will come.
        journal.close()?;
    }
    Ok(())
}

fn options() -> Options {
    Options { sync: true, ..Options::default() }
}

/// A name as a part of a directory's.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(range: std::ops::Range<u64>) -> Vec<u8> {
        range.flat_map(|number| format!("{{\"n\":{number}}}\n").into_bytes()).collect()
    }

    fn held(hub: &Path) -> Vec<(Seq, String)> {
        let mut held = Vec::new();
        for journal in data_dir::journals(hub.parent().unwrap()).unwrap() {
            crate::journal::scan(&journal, 0, |seq, line| held.push((seq, String::from_utf8(line.to_vec()).unwrap())))
                .unwrap();
        }
        held.sort();
        held
    }

    proptest! {
        /// Batches come again, overlap, leave lines out, and the process dies between them: each line that came is there once.
        #[test]
        fn each_line_is_there_once(batches in prop::collection::vec((1..40_u64, 0..9_u64, any::<bool>()), 0..12)) {
            let dir = tempfile::tempdir().unwrap();
            let hub = dir.path().join(data_dir::HUB);
            let mut replica = Replica::open(&hub, "a/b", "7").unwrap();
            let (mut end, mut wanted) = (0, std::collections::BTreeSet::new());
            for (first, count, dies) in batches {
                replica.take(first, count, &lines(first..first + count)).unwrap();
                // What lies before the end was sent already, or had gone for good when it was.
                wanted.extend((first.max(end)..first + count).collect::<Vec<_>>());
                end = end.max(first + count);
                if dies {
                    drop(replica);
                    replica = Replica::open(&hub, "a/b", "7").unwrap();
                }
            }
            let held = held(&hub);
            prop_assert!(held.iter().map(|(seq, _)| *seq).eq(wanted));
            for (seq, line) in &held {
                let sent = lines(*seq..*seq + 1);
                prop_assert_eq!(line.as_bytes(), sent.trim_ascii_end());
            }
        }
    }

    #[test]
    fn weirs_and_journals_are_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let hub = dir.path().join(data_dir::HUB);
        for (instance, id) in [("a", "1"), ("a", "2"), ("b", "1")] {
            let (new, missing) = Replica::open(&hub, instance, id).unwrap().take(5, 2, &lines(5..7)).unwrap();
            assert_eq!((new, missing), (2, 0));
        }
        assert_eq!(held(&hub).len(), 6);
        let mut replica = Replica::open(&hub, "a", "1").unwrap();
        assert_eq!(replica.take(5, 3, &lines(5..8)).unwrap(), (1, 0));
        assert_eq!(replica.take(10, 1, &lines(10..11)).unwrap(), (1, 2));
    }
}
