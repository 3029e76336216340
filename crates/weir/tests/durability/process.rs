//! Weir as a child process: what it is started with, where it listens, what it says, and how it ends.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::caller::Connection;
use crate::until;

/// The prices of the mission, so that every Record of a whole answer has a cost.
const PRICES: &str = "[pricing.\"gpt-4\"]\ninput = 0.03\noutput = 0.06\n";

/// What a Weir is started with.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) data_dir: PathBuf,
    /// Beside the data directory, so that filling that one up does not hurt.
    config: PathBuf,
    listen: String,
    admin_listen: String,
}

impl Setup {
    /// `top` are top-level settings and `tables` whole tables, both TOML.
    pub(crate) fn new(root: &Path, data_dir: &Path, upstream: SocketAddr, top: &str, tables: &str) -> Setup {
        let mut written = format!("data_dir = {data_dir:?}\nthreads = 2\n{top}\n{PRICES}{tables}\n");
        let _ =
            write!(written, "[[providers]]\nname = \"test\"\nbase_url = \"http://{upstream}/v1\"\ndefault = true\n");
        let config = root.join("weir.toml");
        std::fs::write(&config, written).unwrap();
        let any = "127.0.0.1:0".to_owned();
        Setup { data_dir: data_dir.to_owned(), config, listen: any.clone(), admin_listen: any }
    }

    /// The same with another data directory.
    pub(crate) fn with_data_dir(&self, data_dir: &Path) -> Setup {
        Setup { data_dir: data_dir.to_owned(), ..self.clone() }
    }

    /// The same with another address for callers.
    pub(crate) fn with_listen(&self, listen: SocketAddr) -> Setup {
        Setup { listen: listen.to_string(), ..self.clone() }
    }

    /// The same with another address for operators.
    pub(crate) fn with_admin_listen(&self, admin_listen: SocketAddr) -> Setup {
        Setup { admin_listen: admin_listen.to_string(), ..self.clone() }
    }

    fn command(&self) -> Command {
        let mut command = weir();
        command.arg("serve").arg("--config").arg(&self.config).arg("--data-dir").arg(&self.data_dir);
        command.args(["--listen", &self.listen, "--admin-listen", &self.admin_listen]);
        command
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(&self) -> Weir {
        self.start_with(Stdio::null())
    }

    /// The same, with its stdout led somewhere.
    pub(crate) fn start_with(&self, stdout: Stdio) -> Weir {
        let mut command = self.command();
        command.stdout(stdout);
        Weir::started(&mut command)
    }

    /// The same through a shell, which does `first` and then becomes Weir.
    pub(crate) fn start_after(&self, first: &str) -> Weir {
        let weir = self.command();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{first}; exec \"$0\" \"$@\"")).arg(weir.get_program()).args(weir.get_args());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Weir::started(&mut command)
    }

    /// Starts it without waiting for anything.
    pub(crate) fn spawn(&self) -> Weir {
        let mut command = self.command();
        command.stdout(Stdio::null());
        Weir::spawn(&mut command)
    }

    /// Starts it although it should not, and returns what it said.
    pub(crate) fn start_in_vain(&self) -> String {
        let mut command = self.command();
        command.stdout(Stdio::null());
        Weir::refused(&mut command)
    }
}

/// The binary under test, away from any configuration of the place the tests run in.
pub(crate) fn weir() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(std::env::temp_dir()).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A child that does not outlive its test.
pub(crate) struct Weir {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
    /// Where callers connect, once it is known.
    pub(crate) callers: SocketAddr,
    /// Where operators connect, once it is known.
    pub(crate) operators: SocketAddr,
}

impl Weir {
    /// Starts `command` and keeps what it says on stderr.
    pub(crate) fn spawn(command: &mut Command) -> Weir {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().unwrap();
        let listener = std::thread::spawn({
            let said = said.clone();
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut said = said.lock().unwrap();
                    said.push_str(&line);
                    said.push('\n');
                }
            }
        });
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Weir { child, said, listener: Some(listener), callers: nowhere, operators: nowhere }
    }

    /// Starts `command` and waits until it says where it listens.
    pub(crate) fn started(command: &mut Command) -> Weir {
        let mut weir = Weir::spawn(command);
        let (callers, operators) = until("a Weir that listens", || {
            let said = weir.said();
            if let Some(status) = weir.child.try_wait().unwrap() {
                panic!("it ended with {status}: {said}");
            }
            Some((address(&said, "callers at http://")?, address(&said, "operators at http://")?))
        });
        (weir.callers, weir.operators) = (callers, operators);
        weir
    }

    /// Starts `command`, which must fail, and returns what it said.
    pub(crate) fn refused(command: &mut Command) -> String {
        let mut weir = Weir::spawn(command);
        let status = weir.wait();
        let said = weir.said();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// What it has said on stderr.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// A connection to where callers connect.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.callers).unwrap()
    }

    /// A page of the operators' side: its status and text.
    pub(crate) fn operator(&self, path: &str) -> (u16, String) {
        let answer = Connection::open(self.operators).unwrap().ask("GET", path, "").unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    /// The value of a metric, by its name with its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, page) = self.operator("/metrics");
        let row = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        row.unwrap_or_else(|| panic!("there is no {name} in\n{page}")).parse().unwrap()
    }

    /// Waits until nothing is in flight.
    pub(crate) fn quiet(&self) {
        until("nothing in flight", || (self.metric("weir_in_flight") == 0.0).then_some(()));
    }

    /// Kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits for its end, and for the end of what it says.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = until("the end of the process", || self.child.try_wait().unwrap());
        self.listener.take().into_iter().for_each(|listener| listener.join().unwrap());
        status
    }

    /// SIGTERM, and its end with exit code 0.
    pub(crate) fn stop(mut self) {
        self.terminate();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.said());
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        // Most have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(said: &str, before: &str) -> Option<SocketAddr> {
    // Only whole lines: the rest of one may still be on its way.
    let rest = said.split_once(before)?.1.split_once('\n')?.0;
    let end = rest.find(|character: char| !(character.is_ascii_digit() || ".:[]".contains(character)));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// `weir simulate provider`, fast, as a child.
pub(crate) fn simulated_provider() -> Weir {
    let mut command = weir();
    command.args(["simulate", "provider", "--listen", "127.0.0.1:0", "--seed", "7", "--answer-tokens", "40"]);
    command.args(["--first-token-seconds", "0.005", "--tokens-per-second", "1500"]).stdout(Stdio::null());
    let mut provider = Weir::spawn(&mut command);
    provider.callers = until("a simulated provider that listens", || address(&provider.said(), "provider on http://"));
    provider
}

/// Reads all of `stdout` on a thread of its own.
pub(crate) fn read_all(mut stdout: ChildStdout) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        bytes
    })
}
