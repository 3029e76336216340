//! The list of segments that are everything, for readers from outside.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Shelf, refused};
use crate::schema::SchemaError;
use crate::{Segment, SegmentError, Seq, data_dir};

/// The name of the list.
pub const LIST: &str = "segments.json";
/// The version of its form.
const VERSION: u32 = 1;
/// How often a list is read again of which a segment has just been replaced.
const ATTEMPTS: usize = 5;

/// What the list says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    version: u32,
    /// The number of the oldest line that has not expired.
    pub begins: Seq,
    /// The segments, in the order of the journal.
    pub segments: Vec<Listed>,
}

/// A segment of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name, beside the list.
    pub file: String,
    /// The number of its first line.
    pub first: Seq,
    /// The number of its last line.
    pub last: Seq,
    /// The least time of its lines, in nanoseconds since 1970.
    pub from: Option<i64>,
    /// The greatest.
    pub to: Option<i64>,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The list in `dir`, if there is one.
pub(super) fn read(dir: &Path) -> Result<Option<Listing>, SegmentError> {
    let path = dir.join(LIST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&path)(error)),
    };
    let damaged = |what: String| SegmentError::Damaged { path: path.clone(), what };
    let listing: Listing = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    match listing.version > VERSION {
        true => Err(SegmentError::Schema { path, source: SchemaError::Newer(listing.version) }),
        false => Ok(Some(listing)),
    }
}

/// Replaces the list in `dir`.
pub(super) fn write(dir: &Path, shelf: &Shelf) -> Result<(), SegmentError> {
    let listed = |segment: &Arc<Segment>| {
        let (from, to) = segment.times().unzip();
        let file = segment.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Listed { file, first: segment.first(), last: segment.next() - 1, from, to, bytes: segment.length() }
    };
    let segments = shelf.segments().iter().map(listed).collect();
    let listing = Listing { version: VERSION, begins: shelf.begins(), segments };
    let (under_way, path) = (dir.join("segments.json.writing"), dir.join(LIST));
    let replace = || {
        let file = data_dir::create_file(&under_way)?;
        file.set_len(0)?;
        { &file }.write_all(&serde_json::to_vec_pretty(&listing)?)?;
        file.sync_all()?;
        fs::rename(&under_way, &path)?;
        File::open(dir)?.sync_all()
    };
    replace().map_err(refused(&path))
}

/// Opens what the list in `dir` names, and says what of it is damaged. Without a list there is nothing yet.
pub(super) fn read_shelf(dir: &Path) -> Result<(Shelf, Vec<SegmentError>), SegmentError> {
    let mut attempt = 1;
    loop {
        let Some(listing) = read(dir)? else { return Ok((Shelf { begins: 1, ..Shelf::default() }, Vec::new())) };
        match open_all(dir, &listing) {
            // It was replaced between being listed and being opened; the new list names what took its place.
            Err(SegmentError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                attempt += 1;
            }
            opened => return opened,
        }
    }
}

fn open_all(dir: &Path, listing: &Listing) -> Result<(Shelf, Vec<SegmentError>), SegmentError> {
    let (mut segments, mut damaged) = (Vec::with_capacity(listing.segments.len()), Vec::new());
    for listed in &listing.segments {
        match Segment::open(&dir.join(&listed.file)) {
            Ok(segment) => segments.push(Arc::new(segment)),
            Err(error @ SegmentError::Damaged { .. }) => damaged.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((Shelf { segments, begins: listing.begins }, damaged))
}
