//! The table of what is in flight: a fixed file in which each admitted request has a slot, so that whoever comes after a
//! killed process knows what it had begun.
//!
//! A slot is written when its request is admitted and not touched when it ends: one a request. So a slot may describe
//! a request whose line is long in the journal, and whoever reads the table after a crash looks there first. [`Inflight`]
//! keeps that search short: [`Inflight::forget_ended`], called when the journal begins a new file, empties the slots of what
//! has ended, and every slot says which line the journal expected next when it was written.

mod shared;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;

use crate::{Seq, data_dir};

use shared::Shared;

/// Bytes of a slot.
pub const SLOT: usize = 1024;
const HEADER: usize = 32;
/// Bytes that a slot's description can have.
pub const DESCRIPTION: usize = SLOT - HEADER;
const TAKEN: u32 = 0x5765_6972;
const FREE: [u8; 4] = [0; 4];

/// A request that a process had admitted and may not have recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The request's id.
    pub id: [u8; 16],
    /// The line that the journal expected next when it was admitted: its own line cannot be earlier.
    pub since: Seq,
    /// What was known of it.
    pub description: Vec<u8>,
}

/// The open table. Which slots are free is its user's to know.
#[derive(Debug)]
pub struct Inflight {
    file: File,
    slots: u32,
    /// The file once it has its size.
    shared: OnceLock<Shared>,
}

impl Inflight {
    /// Opens the table and reads what an earlier process left in it, in the order of admission. Nothing is changed.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(path: &Path, slots: u32) -> io::Result<(Inflight, Vec<Orphan>)> {
        let mut file = data_dir::create_file(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut orphans: Vec<Orphan> = bytes.chunks_exact(SLOT).filter_map(read_slot).collect();
        // Ids begin with the time, so among equals this is the order of arrival.
        orphans.sort_by_key(|orphan| (orphan.since, orphan.id));
        Ok((Inflight { file, slots, shared: OnceLock::new() }, orphans))
    }

    /// Empties the table and gives it its size on the disk, so that no later write needs room.
    ///
    /// # Errors
    /// The file system refused, for want of room above all.
    pub fn reset(&self) -> io::Result<()> {
        let length = u64::from(self.slots) * SLOT as u64;
        let zeros = vec![0u8; 256 * SLOT];
        for start in (0..length).step_by(zeros.len()) {
            let piece = zeros.len().min((length - start) as usize);
            self.file.write_all_at(&zeros[..piece], start)?;
        }
        self.file.set_len(length)?;
        if length > 0 && self.shared.get().is_none() {
            let _ = self.shared.set(Shared::new(&self.file)?);
        }
        Ok(())
    }

    /// Writes a slot. A description that is too long is left out.
    ///
    /// # Errors
    /// There is no such slot, or the table was not given its size.
    pub fn write(&self, slot: u32, id: &[u8; 16], since: Seq, description: &[u8]) -> io::Result<()> {
        let description = if description.len() > DESCRIPTION { &[] } else { description };
        let mut header = [0u8; HEADER - 4];
        header[0..4].copy_from_slice(&(description.len() as u32).to_le_bytes());
        header[4..12].copy_from_slice(&since.to_le_bytes());
        header[12..28].copy_from_slice(id);
        let at = offset(slot) as usize;
        // Free until the last byte of it is there: a slot is never half one request and half another.
        self.store(at, &FREE)?;
        self.store(at + 4, &header)?;
        self.store(at + HEADER, description)?;
        self.store(at, &TAKEN.to_le_bytes())
    }

    fn store(&self, at: usize, bytes: &[u8]) -> io::Result<()> {
        match self.shared.get() {
            Some(shared) => shared.write(at, bytes),
            None => Err(io::Error::other("the table of what is in flight has no size yet")),
        }
    }

    /// Empties the slots whose requests have ended.
    ///
    /// # Errors
    /// The file system refused.
    pub fn forget_ended(&self, slots: &[u32]) -> io::Result<()> {
        slots.iter().try_for_each(|slot| self.store(offset(*slot) as usize, &FREE))
    }
}

fn offset(slot: u32) -> u64 {
    u64::from(slot) * SLOT as u64
}

fn read_slot(bytes: &[u8]) -> Option<Orphan> {
    let number =
        |range: std::ops::Range<usize>| bytes[range].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    if number(0..4) != u64::from(TAKEN) {
        return None;
    }
    let length = (number(4..8) as usize).min(DESCRIPTION);
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[16..32]);
    Some(Orphan { id, since: number(8..16), description: bytes[HEADER..HEADER + length].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_found_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inflight");
        let (table, orphans) = Inflight::open(&path, 8).unwrap();
        assert!(orphans.is_empty());
        table.reset().unwrap();
        table.write(7, &[1; 16], 5, b"{\"a\":1}").unwrap();
        table.write(0, &[2; 16], 9, &[b'x'; DESCRIPTION + 1]).unwrap();
        table.write(3, &[3; 16], 9, b"").unwrap();
        table.write(3, &[4; 16], 2, &[b'y'; DESCRIPTION]).unwrap();
        // A table that shrinks between two runs keeps what it had until it is reset.
        let (table, orphans) = Inflight::open(&path, 2).unwrap();
        let found: Vec<_> =
            orphans.iter().map(|orphan| (orphan.id[0], orphan.since, orphan.description.len())).collect();
        assert_eq!(found, [(4, 2, DESCRIPTION), (1, 5, 7), (2, 9, 0)]);
        table.reset().unwrap();
        assert!(Inflight::open(&path, 2).unwrap().1.is_empty());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 * SLOT as u64);
    }

    #[test]
    fn what_has_ended_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("inflight");
        let (table, _) = Inflight::open(&path, 4).unwrap();
        table.reset().unwrap();
        table.write(1, &[1; 16], 1, b"a").unwrap();
        table.write(2, &[2; 16], 1, b"b").unwrap();
        table.forget_ended(&[1]).unwrap();
        let left: Vec<_> = Inflight::open(&path, 4).unwrap().1.iter().map(|orphan| orphan.id[0]).collect();
        assert_eq!(left, [2]);
    }
}
