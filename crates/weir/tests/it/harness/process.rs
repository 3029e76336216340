//! Weir as a process of its own, where a test looks at what only a process has.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::until;
use super::weir::complete;

/// See the module. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    stderr: Option<JoinHandle<String>>,
    dir: TempDir,
}

impl Process {
    /// With a configuration that is completed as [`super::Weir`] completes it, and these variables.
    pub(crate) fn start(config: &str, variables: &[(&str, &str)]) -> Process {
        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("weir.toml");
        std::fs::write(&path, complete(config, &dir)).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["serve", "--config"])
            .arg(path)
            .envs(variables.iter().copied())
            .stdout(std::fs::File::create(dir.path().join("stdout")).expect("a file"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("weir");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
        let mut before = String::new();
        // It says where it listens, and that it is ready, in two lines.
        let listen = address(&mut stderr, &mut before, "callers at http://");
        let admin = address(&mut stderr, &mut before, "operators at http://");
        let stderr = std::thread::spawn(move || {
            let mut rest = before;
            // What is not text is not looked at.
            let _ = stderr.read_to_string(&mut rest);
            rest
        });
        Process { child, listen, admin, stderr: Some(stderr), dir }
    }

    /// A figure of `/proc/PID/status`, in kibibytes.
    pub(crate) fn kibibytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the figure");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends SIGTERM, waits for the end, which must be an orderly one, and gives all that was written: to stdout, to
    /// stderr and into the data directory.
    pub(crate) fn stop(&mut self) -> String {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("an id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("a signal");
        let status = until("weir has gone", || self.child.try_wait().expect("a status"));
        assert!(status.success(), "{status}");
        let mut written = self.stderr.take().expect("stderr").join().expect("stderr");
        for path in files(self.dir.path()) {
            // The table of what is in flight is mostly room.
            let bytes: Vec<u8> =
                std::fs::read(path).expect("a readable file").into_iter().filter(|b| *b != 0).collect();
            written.push_str(&String::from_utf8_lossy(&bytes));
        }
        written
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have gone already.
        let _ = (self.child.kill(), self.child.wait());
    }
}

fn address(stderr: &mut impl BufRead, before: &mut String, mark: &str) -> SocketAddr {
    loop {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).expect("stderr") > 0, "weir did not start: {before}");
        before.push_str(&line);
        if let Some((_, rest)) = line.split_once(mark) {
            let end = rest.find(['/', ' ']).expect("an end");
            return rest[..end].parse().expect("an address");
        }
    }
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
