//! A Weir in this process, its journal and its metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use meter::record::Line;
use serde_json::Value;
use tempfile::TempDir;
use weir::config::Config;
use weir::server::{ReloadError, Running};

use super::wire::{Message, Wire};
use super::{Upstream, chat, request, until};

/// The mission's prices and rates for the models that tests ask for.
const TABLES: &str = "[pricing.\"gpt-4\"]\ninput = 0.03\noutput = 0.06\n[energy_rates]\n\"gpt-4\" = 0.005\n";

/// A provider's table for `weir.toml`; `more` is further keys.
pub(crate) fn provider(name: &str, upstream: &Upstream, more: &str) -> String {
    format!("[[providers]]\nname = \"{name}\"\nbase_url = \"{}\"\n{more}\n", upstream.url())
}

/// See the module. Goes down in order when dropped.
pub(crate) struct Weir {
    running: Option<Running>,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    dir: TempDir,
}

impl Weir {
    /// With a configuration of which addresses, directory, prices and rates are given.
    pub(crate) fn start(config: &str) -> Weir {
        let dir = TempDir::new().expect("a directory");
        let config = Config::parse(&complete(config, &dir)).unwrap_or_else(|error| panic!("{error}"));
        let running = Running::start(config).unwrap_or_else(|error| panic!("{error}"));
        Weir { listen: running.listen, admin: running.admin, running: Some(running), dir }
    }

    /// In front of one provider, named `up`, which gets everything.
    pub(crate) fn before(upstream: &Upstream) -> Weir {
        Weir::start(&provider("up", upstream, ""))
    }

    /// Takes over another configuration, completed as the first one was.
    pub(crate) fn reload(&mut self, config: &str) -> Result<(), ReloadError> {
        let config = Config::parse(&complete(config, &self.dir));
        self.running.as_mut().expect("a Weir").reload(config)
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.listen)
    }

    /// Sends a request on a connection of its own and reads the answer.
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> Message {
        self.connect().ask(request)
    }

    /// Asks for a chat completion.
    pub(crate) fn chat(&self, body: impl AsRef<[u8]>) -> Message {
        self.ask(chat(body))
    }

    /// The journal's lines, each of which must be what the recorder writes: one object that says the same when it is read
    /// by the field table and written again.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.journal().split_inclusive(|byte| *byte == b'\n').map(|line| check_line(line).0).collect()
    }

    /// The same lines, read by the field table.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.journal().split_inclusive(|byte| *byte == b'\n').map(|line| check_line(line).1).collect()
    }

    fn journal(&self) -> Vec<u8> {
        let dir = self.dir.path().join("data/journal");
        let mut files: Vec<_> =
            std::fs::read_dir(dir).expect("a journal").map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        let bytes: Vec<u8> = files.iter().flat_map(|path| std::fs::read(path).expect("a readable file")).collect();
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"), "the journal ends in the middle of a line");
        bytes
    }

    /// Waits until nothing is in flight, and gives the Records, of which there must be `count`: in the journal, in
    /// `weir_accepted_total`, in `weir_recorded_total` and in `llm_requests_total`.
    pub(crate) fn settled(&self, count: usize) -> Vec<Value> {
        let metrics = until("nothing is in flight", || {
            let metrics = self.metrics();
            let number = |name| metrics.number(name);
            let accepted = number("weir_accepted_total");
            assert_eq!(accepted, number("weir_recorded_total") + number("weir_in_flight"));
            (number("weir_in_flight") == 0 && accepted >= count as u64).then_some(metrics)
        });
        let records = self.records();
        assert_eq!(records.len(), count, "{records:#?}");
        assert_eq!(metrics.number("weir_accepted_total"), count as u64);
        assert_eq!(metrics.sum("llm_requests_total{"), count as u64);
        records
    }

    /// The one Record there is.
    pub(crate) fn record(&self) -> Value {
        self.settled(1).remove(0)
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let answer = self.ask_admin(request("GET /metrics", &[], ""));
        assert_eq!(answer.status(), 200);
        Metrics::read(&answer.text())
    }

    pub(crate) fn ask_admin(&self, request: impl AsRef<[u8]>) -> Message {
        Wire::connect(self.admin).ask(request)
    }

    /// Waits until so many requests were refused for this reason: a head that cannot be read is answered first and counted
    /// then. There must never be more.
    pub(crate) fn refused(&self, reason: &str, count: u64) {
        until("refusals are counted", || {
            let refused = self.metrics().number(&format!("weir_refused_total{{reason=\"{reason}\"}}"));
            assert!(refused <= count, "{refused} refusals for {reason}");
            (refused == count).then_some(())
        });
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().unwrap();
        }
    }
}

/// Adds what every test's configuration has, where it does not say otherwise.
pub(crate) fn complete(config: &str, dir: &TempDir) -> String {
    let mut whole = format!("data_dir = \"{}\"\nadmin.listen = \"127.0.0.1:0\"\n", dir.path().join("data").display());
    for (key, value) in
        [("listen", "\"127.0.0.1:0\""), ("stdout", "false"), ("threads", "1"), ("shutdown_grace", "\"1s\"")]
    {
        if !config.lines().any(|line| line.starts_with(&format!("{key} ="))) {
            whole.push_str(&format!("{key} = {value}\n"));
        }
    }
    whole + config + "\n" + TABLES
}

fn check_line(line: &[u8]) -> (Value, Line) {
    let shown = String::from_utf8_lossy(line);
    let value: Value = serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error} in {shown:?}"));
    let parsed = Line::parse(line).unwrap_or_else(|| panic!("{shown:?} is not a Record's line"));
    let mut again = Vec::new();
    parsed.render(&mut again);
    assert_eq!(shown, String::from_utf8_lossy(&again));
    (value, parsed)
}

/// A scrape: every sample once, values as text.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(pub(crate) BTreeMap<String, String>);

impl Metrics {
    pub(crate) fn read(page: &str) -> Metrics {
        let mut samples = BTreeMap::new();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is no sample"));
            let before = samples.insert(name.to_owned(), value.to_owned());
            assert_eq!(before, None, "{name} stands twice, which Prometheus refuses");
        }
        Metrics(samples)
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.0.get(name).unwrap_or_else(|| panic!("no {name}")).parse().expect("a whole number")
    }

    /// The sum of all samples whose name begins so.
    pub(crate) fn sum(&self, prefix: &str) -> u64 {
        self.0.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(name, _)| self.number(name)).sum()
    }
}
