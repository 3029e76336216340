//! Weir as a process of its own, where a test looks at what only a process has.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::weir::complete;
use super::{Metrics, Wire, request, until};

/// See the module. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    said: Arc<Mutex<String>>,
    stderr: Option<JoinHandle<()>>,
    file: PathBuf,
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
            .arg(&path)
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
        let said = Arc::new(Mutex::new(before));
        let all = said.clone();
        let stderr = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut all = all.lock().expect("stderr");
                all.push_str(&line);
                all.push('\n');
            }
        });
        Process { child, listen, admin, said, stderr: Some(stderr), file: path, dir }
    }

    /// What it said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("stderr").clone()
    }

    /// Its configuration.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A configuration completed as the first one was.
    pub(crate) fn complete(&self, config: &str) -> String {
        complete(config, &self.dir)
    }

    /// Writes another configuration into its file.
    pub(crate) fn write(&self, config: &str) {
        std::fs::write(&self.file, self.complete(config)).expect("a file");
    }

    /// Sends SIGHUP.
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    pub(crate) fn metrics(&self) -> Metrics {
        Metrics::read(&Wire::connect(self.admin).ask(request("GET /metrics", &[], "")).text())
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("an id");
        rustix::process::kill_process(id, signal).expect("a signal");
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
        self.signal(rustix::process::Signal::TERM);
        let status = until("weir has gone", || self.child.try_wait().expect("a status"));
        assert!(status.success(), "{status}");
        self.stderr.take().expect("stderr").join().expect("stderr");
        let mut written = self.said();
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
