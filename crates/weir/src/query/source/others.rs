//! Records that did not go through this Weir's proxy: imported ones, and those of other Weirs. Each lot has a journal and segments of its
//! own, and may come to be at any time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use store::library::Libraries;
use store::{Library, Lot, SegmentError};

use super::{Journaled, Part, Sealed, recorded};
use crate::query::Labeller;

/// See the module.
#[derive(Debug)]
pub(crate) struct Others {
    libraries: Arc<Libraries>,
    labeller: Labeller,
    /// Bytes of newest lines that are held of each.
    room: usize,
    known: Mutex<BTreeMap<PathBuf, Known>>,
}

/// What is known of a lot beyond one question.
#[derive(Debug, Clone)]
struct Known {
    journaled: Arc<Journaled>,
    sealed: Arc<Sealed>,
}

/// They are held together in about as much memory as Weir's own, for a few of them.
const FEW: usize = 4;

impl Others {
    /// Of these libraries, with `room` bytes for the newest lines.
    pub(crate) fn new(libraries: Arc<Libraries>, labeller: Labeller, room: usize) -> Others {
        Others { libraries, labeller, room: room / FEW, known: Mutex::default() }
    }

    /// The lines that there are now.
    ///
    /// # Errors
    /// The file system refused.
    pub(crate) fn parts(&self) -> Result<Vec<Arc<dyn Part>>, SegmentError> {
        let mut parts = Vec::new();
        for (lot, library) in self.libraries.all()? {
            let known = self.known(&lot)?;
            parts.extend(recorded(&|| Ok(library.shelf()), &known.journaled, &known.sealed)?);
        }
        Ok(parts)
    }

    /// The libraries of which lines are told.
    pub(crate) fn libraries(&self) -> Vec<Arc<Library>> {
        self.libraries.all().map(|all| all.into_iter().map(|(_, library)| library).collect()).unwrap_or_default()
    }

    fn known(&self, lot: &Lot) -> Result<Known, SegmentError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(lot.dir()) {
            return Ok(known.clone());
        }
        let refused = |source| SegmentError::Io { path: lot.journal(), source };
        let journaled = Journaled::new(&lot.journal(), self.labeller.clone(), self.room).map_err(refused)?;
        let new = Known { journaled: Arc::new(journaled), sealed: Arc::new(Sealed::new(self.labeller.clone())) };
        known.insert(lot.dir().to_owned(), new.clone());
        Ok(new)
    }
}
