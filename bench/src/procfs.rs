//! CPU time and memory of a proxy, as the kernel tells them.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

/// Resident memory, in MB of 1,000,000 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) highest: f64,
}

/// User and system seconds of a process with all its threads, and of its children (nginx's worker).
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let mut ticks = 0;
    for pid in family(pid)? {
        let fields = stat_fields(pid)?;
        for at in [UTIME, STIME] {
            ticks += fields.get(at).context("a short /proc stat line")?.parse::<u64>()?;
        }
    }
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Memory of a process and its children. Pages they share count once for each.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let mut sum = Memory::default();
    for pid in family(pid)? {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        sum.resident += kilobytes(&status, "VmRSS:")? * 1024.0 / 1e6;
        sum.highest += kilobytes(&status, "VmHWM:")? * 1024.0 / 1e6;
    }
    Ok(sum)
}

/// Tells how much of a processor other programs took meanwhile: a benchmark beside other work measures both.
#[derive(Debug)]
pub(crate) struct Others {
    since: Instant,
    before: u64,
}

impl Others {
    pub(crate) fn watch() -> Result<Self> {
        Ok(Others { since: Instant::now(), before: ticks_of_others()? })
    }

    /// In percent of one processor.
    pub(crate) fn percent(&self) -> Result<f64> {
        let ticks = ticks_of_others()?.saturating_sub(self.before) as f64;
        Ok(ticks * 100.0 / rustix::param::clock_ticks_per_second() as f64 / self.since.elapsed().as_secs_f64())
    }
}

// Positions after the command's closing parenthesis, where the line becomes plain words.
const PPID: usize = 1;
const PROCESS_GROUP: usize = 2;
const UTIME: usize = 11;
const STIME: usize = 12;
const CHILDREN_UTIME: usize = 13;
const CHILDREN_STIME: usize = 14;

fn family(parent: u32) -> Result<Vec<u32>> {
    let wanted = parent.to_string();
    let children = processes()?.into_iter().filter(|(_, fields)| fields.get(PPID) == Some(&wanted));
    Ok([parent].into_iter().chain(children.map(|(pid, _)| pid)).collect())
}

/// What this benchmark starts is in its process group. A program that ends leaves its time with its parent.
fn ticks_of_others() -> Result<u64> {
    let own = stat_fields(std::process::id())?.get(PROCESS_GROUP).cloned();
    let others = processes()?.into_iter().filter(|(_, fields)| fields.get(PROCESS_GROUP) != own.as_ref());
    let ticks = others.flat_map(|(_, fields)| {
        [UTIME, STIME, CHILDREN_UTIME, CHILDREN_STIME]
            .map(|at| fields.get(at).and_then(|word| word.parse::<u64>().ok()))
    });
    Ok(ticks.flatten().sum())
}

fn processes() -> Result<Vec<(u32, Vec<String>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end while the list is read.
        let Ok(fields) = stat_fields(pid) else {
            continue;
        };
        found.push((pid, fields));
    }
    Ok(found)
}

fn stat_fields(pid: u32) -> Result<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    let (_, rest) = line.rsplit_once(')').context("a /proc stat line without a name")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn kilobytes(status: &str, name: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() -> Result<()> {
        let pid = std::process::id();
        assert!(cpu_seconds(pid)? >= 0.0);
        let memory = memory(pid)?;
        assert!(memory.resident > 0.5 && memory.highest >= memory.resident);
        Ok(())
    }
}
