//! Where and with what a measurement was made.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::contender::Candidate;
use crate::lab::Lab;

/// Rows of name and value.
pub(crate) fn describe(lab: &Lab) -> Result<Vec<(&'static str, String)>> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kilobytes: f64 =
        memory.split_whitespace().nth(1).context("no MemTotal")?.parse().context("the first figure of meminfo")?;
    let pinning = match lab.proxy_cpu {
        Some(cpu) => format!("the proxy alone on processor {cpu}, load and upstream on the others, for all alike"),
        None => "none: a single processor".to_owned(),
    };
    Ok(vec![
        ("date", said_by(Command::new("date").args(["-u", "+%F %H:%M UTC"]))),
        (
            "processor",
            format!("{}, {} cores", model.trim_start_matches([' ', '\t', ':']), cpus.matches("processor\t").count()),
        ),
        ("memory", format!("{:.0} GB", kilobytes * 1024.0 / 1e9)),
        ("kernel", fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned()),
        ("pinning", pinning),
        ("file system", said_by(Command::new("stat").args(["-f", "-c", "%T"]).arg(&lab.scratch))),
        ("nginx", said_by(Command::new(&lab.nginx).arg("-v"))),
        ("wrk", said_by(Command::new(&lab.wrk).arg("-v"))),
        ("weir", candidate(&lab.candidate)),
        ("set-up of weir", "`threads = 1`, priced, journal, stdout to a file, `durability = \"flush\"`, `store.enabled` where sealing is said".to_owned()),
        (
            "set-up of nginx",
            "`bench/nginx/proxy.conf`; upstream of unary requests: `bench/nginx/upstream.conf`".to_owned(),
        ),
        ("command", "`make bench`, which is `weir-bench run --weir target/dist/weir`".to_owned()),
    ])
}

fn candidate(candidate: &Candidate) -> String {
    match candidate {
        Candidate::Weir(binary) => {
            let commit = said_by(Command::new("git").args(["describe", "--always", "--dirty"]));
            format!(
                "{}, commit {commit}, profile `{}`",
                said_by(Command::new(binary).arg("--version")),
                profile(binary)
            )
        }
        Candidate::StandIn => "none: a second nginx stands in its place".to_owned(),
    }
}

/// Cargo names the directory after the profile.
fn profile(binary: &Path) -> String {
    let directory = binary.parent().and_then(Path::file_name).unwrap_or_default();
    directory.to_string_lossy().into_owned()
}

/// The first line a program says, on whichever of the two ways.
fn said_by(command: &mut Command) -> String {
    let Ok(output) = command.output() else {
        return "unknown".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").trim().to_owned()
}
