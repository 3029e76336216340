//! A data directory as a source, read from outside, also while a Weir is at work there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::lot::lots;
use store::{SegmentError, Shelf};

use super::{Journaled, Part, PushedShelf, Sealed, Union, recorded};
use crate::query::Labeller;

/// Bytes of the newest lines of each lot that are held.
const ROOM: usize = 64 << 20;

/// Records of all lots, and what others pushed as far as it is in segments. Segments that are damaged are said and left out, and so are
/// those at the paths in `damaged`, which turned out to be when they were asked.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn directory(
    data_dir: &Path,
    labeller: &Labeller,
    damaged: &BTreeSet<PathBuf>,
) -> Result<Union, SegmentError> {
    let refused = |source| SegmentError::Io { path: data_dir.to_owned(), source };
    let mut parts: Vec<Arc<dyn Part>> = Vec::new();
    for lot in lots(data_dir).map_err(refused)? {
        let journaled = Arc::new(Journaled::new(&lot.journal(), labeller.clone(), ROOM).map_err(refused)?);
        let sealed = Arc::new(Sealed::new(labeller.clone()));
        parts.extend(recorded(&|| shelf(&lot.segments(), damaged), &journaled, &sealed)?);
    }
    parts.push(Arc::new(PushedShelf::new(shelf(&data_dir.join("pushed/segments"), damaged)?)));
    Ok(Union::new(parts))
}

fn shelf(segments: &Path, damaged: &BTreeSet<PathBuf>) -> Result<Arc<Shelf>, SegmentError> {
    let (shelf, found) = Shelf::read_sound(segments)?;
    found.iter().for_each(crate::log::say);
    Ok(Arc::new(shelf.without(damaged)))
}
