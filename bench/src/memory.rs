//! Resident memory: after many requests, and with many streams open.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::contender::{Contender, Running, Traffic};
use crate::http::{ANSWER, CHAT, ask};
use crate::lab::Lab;
use crate::nginx;
use crate::plan::Plan;
use crate::procfs::Memory;
use crate::report::{Figure, Section, Wanted};
use crate::streams::{self, Load};
use crate::{upstream, wrk};

const CONTENDERS: [Contender; 2] = [Contender::Nginx, Contender::Weir];
const COLUMNS: &[&str] = &["proxy", "load", "resident at the start, MB", "resident, MB", "highest, MB"];

pub(crate) fn after_requests(lab: &Lab, plan: &Plan) -> Result<Section> {
    let (_upstream, addr) = nginx::start_upstream(lab)?;
    let mut rows = Vec::new();
    let mut ends = [Memory::default(); CONTENDERS.len()];
    for (contender, read) in CONTENDERS.into_iter().zip(&mut ends) {
        let proxy = Running::start(lab, contender, addr, Traffic::Unary)?;
        // What passes through must be what the upstream said, or all of this measures something else.
        ensure!(ask(proxy.addr, CHAT)? == ANSWER.trim_end().as_bytes(), "{} changed the answer", contender.name());
        let start = proxy.memory()?;
        let mut requests = 0;
        while requests < plan.memory_requests {
            requests += wrk::drive(lab, proxy.addr, plan.connections, Duration::from_secs(2))?.requests;
        }
        let end = proxy.memory()?;
        proxy.stop(requests)?;
        rows.push(row(contender, format!("{requests} requests"), start, end));
        *read = end;
    }
    Ok(Section {
        title: "Memory after many requests",
        about: format!("VmRSS and VmHWM of a fresh proxy after at least {} requests with wrk.", plan.memory_requests),
        columns: COLUMNS,
        rows,
        figures: vec![figure(format!("resident memory after {} requests", plan.memory_requests), &ends, 60.0)],
    })
}

pub(crate) fn with_streams(lab: &Lab, plan: &Plan) -> Result<Section> {
    let (_upstream, addr) = upstream::start(lab, plan.memory_interval)?;
    let window = plan.window.min(Duration::from_secs(5));
    let ramp = plan.warmup * 2;
    // Long enough that none ends before memory is read.
    let seconds = (ramp + window).as_secs_f64() + 10.0;
    let chunks = (seconds / plan.memory_interval.as_secs_f64()) as u32;
    let mut rows = Vec::new();
    let mut ends = [Memory::default(); CONTENDERS.len()];
    for (contender, read) in CONTENDERS.into_iter().zip(&mut ends) {
        let proxy = Running::start(lab, contender, addr, Traffic::Streams)?;
        let start = proxy.memory()?;
        let streams = plan.memory_streams;
        let load = Load { addr: proxy.addr, streams, chunks, include_usage: false, ramp, window };
        let held = streams::hold(&load, || proxy.memory())?;
        ensure!(held.open == streams, "{} of {streams} streams were open", held.open);
        proxy.stop(held.completed)?;
        rows.push(row(contender, format!("{streams} streams"), start, held.after));
        *read = held.after;
    }
    Ok(Section {
        title: "Memory with many streams",
        about: format!(
            "VmRSS and VmHWM of a fresh proxy with {} streams open, each receiving a chunk every {} ms, for {} s.",
            plan.memory_streams,
            plan.memory_interval.as_millis(),
            window.as_secs(),
        ),
        columns: COLUMNS,
        rows,
        figures: vec![figure(format!("resident memory with {} streams", plan.memory_streams), &ends, 150.0)],
    })
}

fn row(contender: Contender, load: String, start: Memory, end: Memory) -> Vec<String> {
    let figures = [start.resident, end.resident, end.highest].map(|value| format!("{value:.1}"));
    [contender.name().to_owned(), load].into_iter().chain(figures).collect()
}

/// The highest counts: a peak between two readings is memory that was needed too.
fn figure(what: String, [nginx, weir]: &[Memory; 2], limit: f64) -> Figure {
    Figure {
        what,
        nginx: format!("{:.1} MB", nginx.highest),
        weir: format!("{:.1} MB", weir.highest),
        wanted: Wanted::Below { measured: weir.highest, limit, unit: "MB" },
    }
}
