//! A file that is written by writing to memory: the kernel has what is stored at once, as it has what is written to it, and
//! a request saves the call.

use std::fs::File;
use std::io;
use std::sync::atomic::{Ordering, compiler_fence};

use memmap2::MmapRaw;

/// A whole file, mapped and shared with the kernel.
#[derive(Debug)]
pub(super) struct Shared {
    map: MmapRaw,
}

impl Shared {
    /// Maps a file, which must have its length and its blocks on the disk, and keep both.
    pub(super) fn new(file: &File) -> io::Result<Shared> {
        Ok(Shared { map: MmapRaw::map_raw(file)? })
    }

    /// Stores bytes at `at`, before whatever is stored afterwards.
    #[allow(unsafe_code)]
    pub(super) fn write(&self, at: usize, bytes: &[u8]) -> io::Result<()> {
        if at.checked_add(bytes.len()).is_none_or(|end| end > self.map.len()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the range lies within the map, which lives as long as `self`. Nothing in this process holds a reference
        // into it, and no two threads write the same range: a slot is written by the one request that holds it. The file is
        // locked against other Weirs with its data directory, has all its blocks, and is not shortened while it is mapped.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.map.as_mut_ptr().add(at), bytes.len());
        }
        // A process can be killed between any two instructions, so the order must be the one that is written here.
        compiler_fence(Ordering::Release);
        Ok(())
    }
}
