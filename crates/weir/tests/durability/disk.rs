//! A small disk that can be filled up, and one that cannot be written to: a tmpfs of one's own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Set for the tests that are run in a user namespace.
const INSIDE: &str = "WEIR_TEST_IN_NAMESPACE";

/// A mounted tmpfs; goes with the value.
pub(crate) struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts one of `size` at a new directory `path`, for the test of that name. `None` where the test is over with that:
    /// it has been run in a user namespace, where anyone may mount, or there is none to be had.
    pub(crate) fn mount(path: &Path, size: &str, test: &str) -> Option<Disk> {
        fs::create_dir_all(path).unwrap();
        let output = mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "weir-test"], path);
        if output.status.success() {
            return Some(Disk { path: path.to_owned() });
        }
        let may = || in_namespace(Path::new("true"), &[]).is_ok_and(|output| output.status.success());
        if std::env::var_os(INSIDE).is_none() && may() {
            let output = in_namespace(&std::env::current_exe().unwrap(), &["--exact", test, "--nocapture"]).unwrap();
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success() && stdout.contains("1 passed"), "in a user namespace: {stdout}{stderr}");
            return None;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let note = format!(
            "not tested: {test}. It needs a small tmpfs: root with CAP_SYS_ADMIN, or unprivileged user namespaces \
             (`unshare --map-root-user --mount true`). `mount` says: {}",
            said.trim()
        );
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{note}");
        eprintln!("{note}");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it one that cannot be written to. No file on it may be open for writing.
    pub(crate) fn make_read_only(&self) {
        let output = mount(&["-o", "remount,ro"], &self.path);
        assert!(output.status.success(), "{output:?}");
    }

    /// Takes all room that is left.
    pub(crate) fn fill(&self) {
        let path = self.filler();
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        for size in [64 << 10, 4 << 10, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Gives the room back.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Whether a single byte more is refused.
    pub(crate) fn is_full(&self) -> bool {
        let path = self.path.join("probe");
        let outcome = File::create(&path).and_then(|mut file| file.write_all(b"x"));
        let _ = fs::remove_file(path);
        outcome.is_err()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that fails may leave a process behind for a moment.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).output();
    }
}

fn mount(arguments: &[&str], path: &Path) -> Output {
    Command::new("mount").args(arguments).arg(path).output().unwrap()
}

fn in_namespace(program: &Path, arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]).arg(program).args(arguments).env(INSIDE, "1").output()
}
