//! The directory that everything durable lies in: one owner at a time, and a version.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The version of the directory's layout that this code reads and writes.
pub const VERSION: u32 = 1;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process holds it.
    #[error("{} is in use by another Weir; stop it, or choose another data_dir", .0.display())]
    Locked(PathBuf),
    /// A newer Weir wrote it.
    #[error("{} has layout version {found}, this Weir reads up to {VERSION}; use the newer Weir that wrote it", .path.display())]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Its version file says something else than a number.
    #[error("{} is not a Weir data directory: its version file is unreadable", .0.display())]
    Foreign(PathBuf),
    /// The file system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A locked data directory; the lock goes with the value, or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory where it is missing (0700), locks it and checks its version.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        create_dir(path).map_err(io_error(path))?;
        let lock_path = path.join("lock");
        let lock = create_file(&lock_path).map_err(io_error(&lock_path))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => DataDirError::Locked(path.to_owned()),
            fs::TryLockError::Error(source) => DataDirError::Io { path: lock_path, source },
        })?;
        let version_path = path.join("version");
        check_version(path, &version_path)?;
        Ok(DataDir { path: path.to_owned(), _lock: lock })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn check_version(path: &Path, version_path: &Path) -> Result<(), DataDirError> {
    let io_error = |source| DataDirError::Io { path: version_path.to_owned(), source };
    let mut file = create_file(version_path).map_err(io_error)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(io_error)?;
    if text.is_empty() {
        return file.write_all(format!("{VERSION}\n").as_bytes()).map_err(io_error);
    }
    match text.trim().parse() {
        Ok(found) if found > VERSION => Err(DataDirError::Newer { path: path.to_owned(), found }),
        Ok(_) => Ok(()),
        Err(_) => Err(DataDirError::Foreign(path.to_owned())),
    }
}

/// Records that were imported lie in a directory of this name.
pub const IMPORTED: &str = "imported";
/// Records of other Weirs lie in directories below one of this name, each named by its Weir.
pub const HUB: &str = "hub";

/// The journals that a data directory holds, each a directory: the Weir's own, that of imported Records, and those of other Weirs. Those
/// that exist, that is.
///
/// # Errors
/// The file system refused.
pub fn journals(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut weirs = Vec::new();
    match fs::read_dir(path.join(HUB)) {
        Ok(entries) => {
            for entry in entries {
                weirs.push(entry?.path());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    weirs.sort();
    let own = [path.to_owned(), path.join(IMPORTED)];
    Ok(own.into_iter().chain(weirs).map(|dir| dir.join("journal")).filter(|journal| journal.is_dir()).collect())
}

/// Creates a directory that only its owner can look into, where it is missing.
///
/// # Errors
/// The file system refused.
pub fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file for reading and writing, creating it where it is missing, for its owner only.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::Locked(_))));
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_newer_or_foreign_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("version"), "2\n").unwrap();
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("layout version 2") && error.contains("newer Weir"), "{error}");
        fs::write(dir.path().join("version"), "hello").unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(DataDirError::Foreign(_))));
    }

    #[test]
    fn nobody_else_may_look() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let _held = DataDir::open(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("version"))), (0o700, 0o600));
    }
}
