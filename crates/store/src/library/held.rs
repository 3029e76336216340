//! What a library holds, to be shown.

use std::fs;

use super::{DAMAGED, Library, Shelf};
use crate::segment::SUFFIX;

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Segments.
    pub segments: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Lines in them.
    pub lines: u64,
    /// The least time of a line, in nanoseconds since 1970.
    pub oldest: Option<i64>,
    /// The greatest.
    pub newest: Option<i64>,
    /// Segments that were set aside because they cannot be read.
    pub damaged: u64,
}

impl Shelf {
    fn held(&self) -> Held {
        let times = || self.segments.iter().filter_map(|segment| segment.times());
        Held {
            segments: self.segments.len() as u64,
            bytes: self.bytes(),
            lines: self.segments.iter().map(|segment| segment.next() - segment.first()).sum(),
            oldest: times().map(|(first, _)| first).min(),
            newest: times().map(|(_, last)| last).max(),
            damaged: 0,
        }
    }
}

impl Library {
    /// What it holds now.
    #[must_use]
    pub fn held(&self) -> Held {
        let entries = fs::read_dir(self.dir.join(DAMAGED)).into_iter().flatten().filter_map(Result::ok);
        let damaged = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(SUFFIX)).count() as u64;
        Held { damaged, ..self.shelf().held() }
    }
}
