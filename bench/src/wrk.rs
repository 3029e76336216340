//! The closed-loop load: wrk with one chat request.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http::CHAT;
use crate::lab::Lab;

const SCRIPT: &str = include_str!("../wrk/chat.lua");

/// What one run of wrk completed.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
}

/// Drives `addr` as fast as it answers, for whole seconds. A single failed request makes the run worthless.
pub(crate) fn drive(lab: &Lab, addr: SocketAddr, connections: usize, time: Duration) -> Result<Load> {
    let (script, body) = (lab.scratch.join("chat.lua"), lab.scratch.join("chat.json"));
    fs::write(&script, SCRIPT)?;
    fs::write(&body, CHAT)?;
    let output = Command::new(&lab.wrk)
        .args(["-t1", &format!("-c{connections}"), &format!("-d{}s", time.as_secs().max(1)), "-s"])
        .arg(&script)
        .arg(format!("http://{addr}/v1/chat/completions"))
        .arg("--")
        .arg(&body)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("result "))
        .with_context(|| format!("wrk gave no result:\n{text}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    let result: Value = serde_json::from_str(line)?;
    let number = |name: &str| result[name].as_u64().with_context(|| format!("wrk's result has no {name}: {line}"));
    ensure!(number("failures")? == 0 && number("statuses")? == 0, "requests failed: {line}");
    let requests = number("requests")?;
    ensure!(requests > 0, "wrk completed no request");
    Ok(Load {
        requests,
        seconds: number("micros")? as f64 / 1e6,
        p50_micros: number("p50_us")? as f64,
        p99_micros: number("p99_us")? as f64,
    })
}
