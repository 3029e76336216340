//! The libraries of lots that are not Weir's own: imported Records, and those of other Weirs. A lot may come to be at any time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Library;
use crate::SegmentError;
use crate::lot::{Lot, lots};

/// Opens the library in a directory.
pub type Open = fn(&Path) -> Result<Library, SegmentError>;

/// See the module. One process has them; its threads share them.
#[derive(Debug)]
pub struct Libraries {
    data_dir: PathBuf,
    open: Open,
    known: Mutex<BTreeMap<PathBuf, Arc<Library>>>,
}

impl Libraries {
    /// Those of a data directory that this process holds, each opened by `open` when it is met first.
    #[must_use]
    pub fn new(data_dir: &Path, open: Open) -> Libraries {
        Libraries { data_dir: data_dir.to_owned(), open, known: Mutex::default() }
    }

    /// The lots that there are now, each with its library.
    ///
    /// # Errors
    /// The file system refused, or a segment is from a newer Weir.
    pub fn all(&self) -> Result<Vec<(Lot, Arc<Library>)>, SegmentError> {
        let refused = |source| SegmentError::Io { path: self.data_dir.clone(), source };
        let mut all = Vec::new();
        for lot in lots(&self.data_dir).map_err(refused)?.into_iter().filter(|lot| lot.dir() != self.data_dir) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let library = match known.get(lot.dir()) {
                Some(library) => library.clone(),
                None => {
                    let library = Arc::new((self.open)(&lot.segments())?);
                    known.insert(lot.dir().to_owned(), library.clone());
                    library
                }
            };
            all.push((lot, library));
        }
        Ok(all)
    }
}
