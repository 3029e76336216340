//! A data directory as a source, read from outside, also while a Weir is at work there.

use std::path::Path;
use std::sync::Arc;

use store::lot::lots;
use store::{SegmentError, Shelf};

use super::{Journaled, Part, PushedShelf, Sealed, Union, recorded};
use crate::query::Labeller;

/// Bytes of the newest lines of each lot that are held.
const ROOM: usize = 64 << 20;

/// Records of all lots, and what others pushed as far as it is in segments. Segments that are damaged are said and left out.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn directory(data_dir: &Path, labeller: &Labeller) -> Result<Union, SegmentError> {
    let refused = |source| SegmentError::Io { path: data_dir.to_owned(), source };
    let mut parts: Vec<Arc<dyn Part>> = Vec::new();
    for lot in lots(data_dir).map_err(refused)? {
        let journaled = Arc::new(Journaled::new(&lot.journal(), labeller.clone(), ROOM).map_err(refused)?);
        let sealed = Arc::new(Sealed::new(labeller.clone()));
        parts.extend(recorded(&|| shelf(&lot.segments()), &journaled, &sealed)?);
    }
    parts.push(Arc::new(PushedShelf::new(shelf(&data_dir.join("pushed/segments"))?)));
    Ok(Union::new(parts))
}

fn shelf(segments: &Path) -> Result<Arc<Shelf>, SegmentError> {
    let (shelf, damaged) = Shelf::read_sound(segments)?;
    damaged.iter().for_each(crate::log::say);
    Ok(Arc::new(shelf))
}
