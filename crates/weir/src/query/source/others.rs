//! Records that did not go through this Weir's proxy: imported ones, and those of other Weirs. Each lot is a journal of its own, which may
//! come to be at any time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use store::data_dir;

use super::{Journaled, Part};
use crate::query::Labeller;

/// See the module.
#[derive(Debug)]
pub(crate) struct Others {
    data_dir: PathBuf,
    labeller: Labeller,
    /// Bytes of newest lines that are held of each.
    room: usize,
    known: Mutex<BTreeMap<PathBuf, Arc<Journaled>>>,
}

/// They are held together in about as much memory as Weir's own, for a few of them.
const FEW: usize = 4;

impl Others {
    /// Of a data directory, with `room` bytes for the newest lines.
    pub(crate) fn new(data_dir: &Path, labeller: Labeller, room: usize) -> Others {
        Others { data_dir: data_dir.to_owned(), labeller, room: room / FEW, known: Mutex::default() }
    }

    /// The lines that there are now.
    ///
    /// # Errors
    /// The file system refused.
    pub(crate) fn parts(&self) -> io::Result<Vec<Arc<dyn Part>>> {
        let own = self.data_dir.join("journal");
        let mut parts = Vec::new();
        for journal in data_dir::journals(&self.data_dir)?.into_iter().filter(|journal| *journal != own) {
            parts.extend(self.journaled(journal)?.parts(0)?);
        }
        Ok(parts)
    }

    fn journaled(&self, journal: PathBuf) -> io::Result<Arc<Journaled>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journaled) = known.get(&journal) {
            return Ok(journaled.clone());
        }
        let journaled = Arc::new(Journaled::new(&journal, self.labeller.clone(), self.room)?);
        known.insert(journal, journaled.clone());
        Ok(journaled)
    }
}
