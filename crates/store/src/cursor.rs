//! How far a follower has come in the journal, kept in a file of its own.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Seq, data_dir};

/// A follower's place: the number of the next line it has not dealt with.
#[derive(Debug)]
pub struct Cursor {
    file: File,
    next: Seq,
}

impl Cursor {
    /// Opens the cursor `name` in `dir`; a new one starts at `start`.
    ///
    /// # Errors
    /// The file system refused.
    pub fn open(dir: &Path, name: &str, start: Seq) -> io::Result<Cursor> {
        data_dir::create_dir(dir)?;
        let mut file = data_dir::create_file(&dir.join(name))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let next = text.trim().parse().unwrap_or(start);
        Ok(Cursor { file, next })
    }

    /// Forgets the cursor `name`: when it is opened again it starts anew.
    ///
    /// # Errors
    /// The file system refused.
    pub fn forget(dir: &Path, name: &str) -> io::Result<()> {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The next line to deal with.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.next
    }

    /// Moves on. Survives the death of the process; after a loss of power the cursor may stand earlier, and lines come
    /// again.
    ///
    /// # Errors
    /// The file system refused; the place is then kept in memory only.
    pub fn save(&mut self, next: Seq) -> io::Result<()> {
        self.next = next;
        self.file.write_all_at(format!("{next:020}\n").as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Cursor::open(dir.path(), "loki", 7).unwrap().next(), 7);
        Cursor::open(dir.path(), "loki", 7).unwrap().save(12).unwrap();
        assert_eq!(Cursor::open(dir.path(), "loki", 99).unwrap().next(), 12);
        Cursor::forget(dir.path(), "loki").unwrap();
        Cursor::forget(dir.path(), "loki").unwrap();
        assert_eq!(Cursor::open(dir.path(), "loki", 99).unwrap().next(), 99);
    }
}
