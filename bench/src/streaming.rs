//! What streams cost: CPU per chunk, and the time added to the first token.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::contender::{Contender, Running, Traffic};
use crate::http::{self, StreamReader};
use crate::lab::Lab;
use crate::plan::Plan;
use crate::procfs::Others;
use crate::report::{Figure, Section, Wanted};
use crate::stats::{median, percentile};
use crate::streams::{self, Load};
use crate::upstream;

const CONTENDERS: [Contender; 2] = [Contender::Nginx, Contender::Weir];

/// `asked`: the caller asks for the usage itself; else Weir asks for it and takes it out again.
pub(crate) fn cpu_per_chunk(lab: &Lab, plan: &Plan, asked: bool) -> Result<Section> {
    let (_upstream, addr) = upstream::start(lab, plan.interval)?;
    let mut costs: [Vec<f64>; CONTENDERS.len()] = Default::default();
    let mut rows = Vec::new();
    for run in 1..=plan.runs {
        for (contender, costs) in CONTENDERS.into_iter().zip(&mut costs) {
            let proxy = Running::start(lab, contender, addr, Traffic::Streams)?;
            let load = Load {
                addr: proxy.addr,
                streams: plan.streams,
                chunks: plan.chunks,
                include_usage: asked,
                ramp: plan.warmup,
                window: plan.window,
            };
            let others = Others::watch()?;
            let held = streams::hold(&load, || proxy.cpu_seconds())?;
            let others = others.percent()?;
            proxy.stop(held.completed)?;
            let cpu = held.after - held.before;
            let cost = cpu * 1e6 / held.events as f64;
            costs.push(cost);
            rows.push(vec![
                run.to_string(),
                contender.name().to_owned(),
                format!("{cost:.2}"),
                format!("{:.0}", held.events as f64 / plan.window.as_secs_f64()),
                format!("{:.0} %", cpu / plan.window.as_secs_f64() * 100.0),
                format!("{others:.0} %"),
            ]);
        }
    }
    let [nginx, weir] = costs.map(|costs| median(&costs));
    let (title, who) = if asked {
        ("CPU per streamed chunk", "The caller asks for the usage")
    } else {
        (
            "CPU per streamed chunk, usage asked for by Weir",
            "The caller does not ask for the usage; Weir does, and takes out of every chunk what that adds. nginx's \
             upstream sends none",
        )
    };
    Ok(Section {
        title,
        about: format!(
            "{who}. {} streams at a time, {} chunks each, one every {} ms and one write each; the cost of opening a stream \
             is spread over its chunks. nginx with `proxy_buffering off`.",
            plan.streams,
            plan.chunks,
            plan.interval.as_millis(),
        ),
        columns: &["run", "proxy", "CPU per chunk, µs", "chunks/s", "CPU used", "others"],
        rows,
        figures: vec![Figure {
            what: title.to_owned(),
            nginx: format!("{nginx:.2} µs"),
            weir: format!("{weir:.2} µs"),
            wanted: Wanted::Ratio { measured: weir / nginx, at_most: 2.0 },
        }],
    })
}

/// One stream after the other, the three ways in turn, with nothing else going on.
pub(crate) fn first_token(lab: &Lab, plan: &Plan) -> Result<Section> {
    const CHUNKS: u32 = 2;
    let (_upstream, addr) = upstream::start(lab, Duration::from_millis(1))?;
    let nginx = Running::start(lab, Contender::Nginx, addr, Traffic::Streams)?;
    let weir = Running::start(lab, Contender::Weir, addr, Traffic::Streams)?;
    let body = http::stream_body(CHUNKS, true)?;
    let ways = [addr, nginx.addr, weir.addr];
    let mut sockets = ways.map(http::connect).into_iter().collect::<Result<Vec<_>>>()?;
    let mut times: [Vec<f64>; 3] = Default::default();
    let warmup = plan.first_tokens / 10;
    for number in 0..warmup + plan.first_tokens {
        for ((addr, socket), times) in ways.iter().zip(&mut sockets).zip(&mut times) {
            let micros = time_first_event(socket, *addr, &body, u64::from(CHUNKS) + 2)?;
            if number >= warmup {
                times.push(micros);
            }
        }
    }
    drop(sockets);
    nginx.stop(0)?;
    weir.stop(plan.first_tokens as u64)?;
    let [direct, nginx, weir] = times.each_ref().map(|times| median(times));
    let rows = ["none", "nginx", "weir"].into_iter().zip(&times).map(|(name, times)| {
        let ranks = [50.0, 90.0, 99.0].map(|rank| format!("{:.0}", percentile(times, rank)));
        let added = format!("{:+.0}", median(times) - direct);
        [name.to_owned()].into_iter().chain(ranks).chain([added]).collect()
    });
    Ok(Section {
        title: "Time to first token",
        about: format!(
            "{} streams one after the other on a connection that stays, straight to the upstream and through each proxy in \
             turn: from the request's last byte sent to the first whole event received.",
            plan.first_tokens
        ),
        columns: &["proxy", "p50, µs", "p90, µs", "p99, µs", "added to the median, µs"],
        rows: rows.collect(),
        figures: vec![Figure {
            what: "time added to first token".to_owned(),
            nginx: format!("{:.0} µs", nginx - direct),
            weir: format!("{:.0} µs", weir - direct),
            wanted: Wanted::Stated(Some((weir - direct) / (nginx - direct))),
        }],
    })
}

fn time_first_event(socket: &mut TcpStream, addr: SocketAddr, body: &str, expected: u64) -> Result<f64> {
    socket.write_all(&http::post(addr, body))?;
    let sent = Instant::now();
    let mut reader = StreamReader::default();
    let mut piece = [0; 16 * 1024];
    let mut first = None;
    loop {
        let n = socket.read(&mut piece)?;
        ensure!(n > 0, "{addr} closed the connection in the middle of a stream");
        let complete = reader.take(&piece[..n])?;
        if reader.events > 0 && first.is_none() {
            first = Some(sent.elapsed());
        }
        if complete {
            ensure!(reader.events == expected, "{} events where {expected} were due", reader.events);
            return Ok(first.unwrap_or_default().as_secs_f64() * 1e6);
        }
    }
}
