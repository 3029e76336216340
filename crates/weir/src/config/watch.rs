//! Whether the files that a configuration was read from have changed, found out by looking at them every now and then.
//!
//! What a path leads to is looked at, not the path: where an editor puts a new file in the old one's place, or Kubernetes
//! turns a symbolic link to another directory, the file behind the path is another one.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells a file from the one that was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds, of the content and of the inode.
    modified: (i64, i64),
    changed: (i64, i64),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Watched {
    files: Vec<PathBuf>,
    known: Vec<Option<Stamp>>,
    /// What was seen of a change the last time: it may still be going on.
    unsettled: Option<Vec<Option<Stamp>>>,
}

impl Watched {
    /// Looks after these files from now on, as they are now. To be called before they are read, so that no change is missed.
    pub fn begin(&mut self, files: Vec<PathBuf>) {
        self.known = look(&files);
        self.files = files;
        self.unsettled = None;
    }

    /// Looks after one more file.
    pub fn add(&mut self, file: PathBuf) {
        self.known.push(stamp(&file));
        self.files.push(file);
    }

    /// Whether a file has changed, and has been as it is now since the last time this was asked: a file that is still being
    /// written is left alone.
    pub fn has_changed(&mut self) -> bool {
        let now = look(&self.files);
        if now == self.known {
            self.unsettled = None;
            return false;
        }
        let settled = self.unsettled.as_ref() == Some(&now);
        self.unsettled = Some(now);
        settled
    }
}

fn look(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    files.iter().map(|file| stamp(file)).collect()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(file).ok()?;
    Some(Stamp {
        device: data.dev(),
        inode: data.ino(),
        bytes: data.size(),
        modified: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_change_is_seen_once_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let (file, secret) = (dir.path().join("weir.toml"), dir.path().join("key"));
        fs::write(&file, "a").unwrap();
        let mut watched = Watched::default();
        watched.begin(vec![file.clone(), secret.clone()]);
        assert!(!watched.has_changed());
        fs::write(&file, "ab").unwrap();
        assert!(!watched.has_changed(), "it may still be going on");
        fs::write(&file, "abc").unwrap();
        assert!(!watched.has_changed(), "it was");
        assert!(watched.has_changed());
        watched.begin(vec![file, secret.clone()]);
        fs::write(&secret, "x").unwrap();
        assert!(!watched.has_changed());
        assert!(watched.has_changed(), "a file that was missing has come");
    }

    #[test]
    fn a_link_that_is_turned_is_a_change() {
        // As Kubernetes lays out a ConfigMap: the file is a link into ..data, which is a link to a directory.
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for version in ["1", "2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("weir.toml"), "same size").unwrap();
        }
        symlink("1", at("..data")).unwrap();
        symlink("..data/weir.toml", at("weir.toml")).unwrap();
        let mut watched = Watched::default();
        watched.begin(vec![at("weir.toml")]);
        symlink("2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert!(!watched.has_changed());
        assert!(watched.has_changed());
    }
}
