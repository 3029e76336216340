//! The proxies that are compared, started alike in front of the same upstream.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::lab::{Lab, Process, Seat, free_port};
use crate::nginx;
use crate::procfs::{self, Memory};

/// What stands in Weir's place.
#[derive(Debug)]
pub(crate) enum Candidate {
    Weir(PathBuf),
    /// A second nginx: what remains between the two is noise.
    StandIn,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Contender {
    Nginx,
    /// With journal and standard output, as nginx has its log.
    Weir,
    /// The same, and the journal's files become segments meanwhile, as they do unless that is turned off.
    WeirStore,
    WeirFsync,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Nginx => "nginx",
            Contender::Weir => "weir",
            Contender::WeirStore => "weir, store",
            Contender::WeirFsync => "weir, fsync",
        }
    }
}

/// What the load will ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Traffic {
    Unary,
    Streams,
}

/// A contender that takes requests.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    pub(crate) addr: SocketAddr,
    records: bool,
}

impl Running {
    pub(crate) fn start(lab: &Lab, contender: Contender, upstream: SocketAddr, traffic: Traffic) -> Result<Self> {
        let (process, addr, records) = match (&lab.candidate, contender) {
            (Candidate::Weir(binary), Contender::Weir | Contender::WeirStore | Contender::WeirFsync) => {
                start_weir(lab, binary, upstream, contender)?
            }
            _ => {
                let (process, addr) = nginx::start_proxy(lab, upstream, traffic == Traffic::Unary)?;
                (process, addr, false)
            }
        };
        Ok(Running { process, addr, records })
    }

    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        procfs::cpu_seconds(self.process.pid())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        procfs::memory(self.process.pid())
    }

    /// Stops the proxy and looks whether it did its work: a fast proxy that recorded nothing would prove nothing.
    pub(crate) fn stop(mut self, answered: u64) -> Result<()> {
        self.process.stop().with_context(|| self.process.last_words())?;
        if self.records { audit(&self.process, answered) } else { Ok(()) }
    }
}

fn start_weir(
    lab: &Lab,
    binary: &std::path::Path,
    upstream: SocketAddr,
    contender: Contender,
) -> Result<(Process, SocketAddr, bool)> {
    let directory = lab.directory("weir")?;
    let file = directory.join("weir.toml");
    let (port, admin) = (free_port()?, free_port()?);
    let data = directory.join("data");
    let durability = if contender == Contender::WeirFsync { "fsync" } else { "flush" };
    let config = weir_config(port, admin, upstream, durability, &data.display().to_string());
    fs::write(&file, format!("{config}\n[store]\nenabled = {}\n", contender == Contender::WeirStore))?;
    let args = [OsStr::new("serve"), OsStr::new("--config"), file.as_os_str()];
    let mut process = lab.start(Seat::Proxy, binary, &args, &directory)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    process.wait_for(addr)?;
    Ok((process, addr, true))
}

fn weir_config(port: u16, admin: u16, upstream: SocketAddr, durability: &str, data: &str) -> String {
    format!(
        r#"listen = "127.0.0.1:{port}"
data_dir = "{data}"
threads = 1
stdout = true
durability = "{durability}"
max_in_flight = 4096

[admin]
listen = "127.0.0.1:{admin}"

[[providers]]
name = "bench"
base_url = "http://{upstream}/v1"
api_key = "caller"
default = true
models = ["gpt-*"]
inject_usage = true

[pricing."gpt-4"]
input = 0.03
output = 0.06
"#
    )
}

/// One Record at least for each answer that the load counted, and the metering on wherever an answer was whole.
fn audit(process: &Process, answered: u64) -> Result<()> {
    let lines = BufReader::new(fs::File::open(process.directory.join("stdout"))?).lines();
    for line in lines {
        let record: Value = serde_json::from_str(&line?).context("a line of weir's stdout")?;
        // Streams that the load drops on purpose are cancelled and have no cost.
        if record["event"] == "llm_request_completed" {
            ensure!(record["cost_usd"].is_number(), "weir ran without metering: {record}");
            break;
        }
    }
    let all = fs::read(process.directory.join("stdout"))?;
    let recorded = all.iter().filter(|byte| **byte == b'\n').count() as u64;
    ensure!(recorded > 0, "weir recorded nothing");
    ensure!(recorded >= answered, "{answered} answers but {recorded} Records");
    Ok(())
}
