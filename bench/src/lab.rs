//! The place where a measurement happens: a scratch directory, processors to pin to, and the processes started there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use rustix::thread::CpuSet;

use crate::contender::Candidate;

/// 2,000 streams are 4,000 sockets in a proxy.
const OPEN_FILES: u64 = 16_384;
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What all measurements share.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) candidate: Candidate,
    pub(crate) nginx: PathBuf,
    pub(crate) wrk: PathBuf,
    pub(crate) scratch: PathBuf,
    /// The processor of whichever proxy is measured; load and upstream have the others. None with a single one.
    pub(crate) proxy_cpu: Option<usize>,
}

/// Whose processor a process runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Seat {
    Proxy,
    Others,
}

impl Lab {
    /// Finds the programs, raises the limit of open files and moves this process to the load's processors.
    pub(crate) fn new(candidate: Candidate) -> Result<Self> {
        let nginx = find_program("nginx")?;
        let wrk = find_program("wrk")?;
        if let Candidate::Weir(path) = &candidate {
            ensure!(path.is_file(), "no weir at {}: build it with `make dist` or name it with --weir", path.display());
        }
        raise_open_files()?;
        // The open-loop load waits for instants much shorter than the default slack of 50 µs.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000))?;
        let scratch = std::env::temp_dir().join(format!("weir-bench-{}", std::process::id()));
        fs::create_dir(&scratch)?;
        let proxy_cpu = pin_to_all_but_first()?;
        Ok(Lab { candidate, nginx, wrk, scratch, proxy_cpu })
    }

    /// A new, empty directory.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.join(format!("{name}-{}", free_port()?));
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Starts a program with its output in files of `directory`. Threads and children inherit the seat.
    pub(crate) fn start(&self, seat: Seat, program: &Path, args: &[&OsStr], directory: &Path) -> Result<Process> {
        let mut command = match (seat, self.proxy_cpu) {
            (Seat::Proxy, Some(cpu)) => {
                let mut taskset = Command::new("taskset");
                taskset.arg("-c").arg(cpu.to_string()).arg(program);
                taskset
            }
            _ => Command::new(program),
        };
        let child = command
            .args(args)
            .stdin(Stdio::null())
            .stdout(File::create(directory.join("stdout"))?)
            .stderr(File::create(directory.join("stderr"))?)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Process { child, directory: directory.to_owned(), name: program.display().to_string() })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// A started program; stopped when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    pub(crate) directory: PathBuf,
}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program accepts connections.
    pub(crate) fn wait_for(&mut self, addr: SocketAddr) -> Result<()> {
        let since = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at its start with {status}:\n{}", self.name, self.last_words());
            }
            ensure!(since.elapsed() < Duration::from_secs(10), "{} does not listen on {addr}", self.name);
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Asks the program to end and waits; one that does not is killed and reported.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Ok(None) = self.child.try_wait() else {
            return Ok(());
        };
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let since = Instant::now();
        while since.elapsed() < STOP_WITHIN {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!("{} did not end within {STOP_WITHIN:?} of SIGTERM", self.name)
    }

    /// The end of what the program said on stderr.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(self.directory.join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(2_000)..]).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// A port of the loopback nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn find_program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps nginx where only root's PATH leads.
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not installed: run bench/setup"))
}

fn raise_open_files() -> Result<()> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    if limit.current.is_some_and(|soft| soft < wanted) {
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    ensure!(wanted >= 6_000, "at most {wanted} open files are allowed here; raise it with `ulimit -Hn 16384`");
    Ok(())
}

/// Leaves the first allowed processor to the proxies. Children inherit the rest.
fn pin_to_all_but_first() -> Result<Option<usize>> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
    let Some((&first, others)) = cpus.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Ok(None);
    };
    let mut set = CpuSet::new();
    others.iter().for_each(|&cpu| set.set(cpu));
    rustix::thread::sched_setaffinity(None, &set)?;
    Ok(Some(first))
}
