//! CPU per request, at full load.

use anyhow::Result;

use crate::contender::{Contender, Running, Traffic};
use crate::lab::Lab;
use crate::nginx;
use crate::plan::Plan;
use crate::procfs::Others;
use crate::report::{Figure, Section, Wanted};
use crate::stats::median;
use crate::wrk;

const CONTENDERS: [Contender; 4] = [Contender::Nginx, Contender::Weir, Contender::WeirStore, Contender::WeirFsync];

/// The section, and the rate that half of is offered next.
#[derive(Debug)]
pub(crate) struct Unary {
    pub(crate) section: Section,
    pub(crate) nginx_requests_per_second: f64,
}

/// Interleaved runs: whatever drifts on the machine drifts for all.
pub(crate) fn cpu_per_request(lab: &Lab, plan: &Plan) -> Result<Unary> {
    let (_upstream, addr) = nginx::start_upstream(lab)?;
    let mut costs: [Vec<f64>; CONTENDERS.len()] = Default::default();
    let mut nginx_rates = Vec::new();
    let mut rows = Vec::new();
    for run in 1..=plan.runs {
        for (contender, costs) in CONTENDERS.into_iter().zip(&mut costs) {
            let proxy = Running::start(lab, contender, addr, Traffic::Unary)?;
            let warmup = wrk::drive(lab, proxy.addr, plan.connections, plan.warmup)?;
            let others = Others::watch()?;
            let before = proxy.cpu_seconds()?;
            let load = wrk::drive(lab, proxy.addr, plan.connections, plan.window)?;
            let cpu = proxy.cpu_seconds()? - before;
            let others = others.percent()?;
            proxy.stop(warmup.requests + load.requests)?;
            let cost = cpu * 1e6 / load.requests as f64;
            let rate = load.requests as f64 / load.seconds;
            costs.push(cost);
            if contender == Contender::Nginx {
                nginx_rates.push(rate);
            }
            rows.push(vec![
                run.to_string(),
                contender.name().to_owned(),
                format!("{cost:.2}"),
                format!("{rate:.0}"),
                format!("{:.0} %", cpu / load.seconds * 100.0),
                format!("{:.0}", load.p50_micros),
                format!("{:.0}", load.p99_micros),
                format!("{others:.0} %"),
            ]);
        }
    }
    let [nginx, weir, store, fsync] = costs.map(|costs| median(&costs));
    let micros = |value: f64| format!("{value:.2} µs");
    let figure = |what: &str, weir: f64, wanted| Figure {
        what: what.to_owned(),
        nginx: micros(nginx),
        weir: micros(weir),
        wanted,
    };
    let figures = vec![
        figure("CPU per request", weir, Wanted::Ratio { measured: weir / nginx, at_most: 2.0 }),
        figure("CPU per request, sealing what was recorded", store, Wanted::Stated(Some(store / nginx))),
        figure("CPU per request, `durability = \"fsync\"`", fsync, Wanted::Stated(Some(fsync / nginx))),
    ];
    let section = Section {
        title: "CPU per request",
        about: about(plan),
        columns: &["run", "proxy", "CPU per request, µs", "requests/s", "CPU used", "p50, µs", "p99, µs", "others"],
        rows,
        figures,
    };
    Ok(Unary { section, nginx_requests_per_second: median(&nginx_rates) })
}

/// The most that nginx does, by one run, for those who measure latency alone.
pub(crate) fn nginx_rate(lab: &Lab, plan: &Plan) -> Result<f64> {
    let (_upstream, addr) = nginx::start_upstream(lab)?;
    let proxy = Running::start(lab, Contender::Nginx, addr, Traffic::Unary)?;
    let load = wrk::drive(lab, proxy.addr, plan.connections, plan.window)?;
    Ok(load.requests as f64 / load.seconds)
}

fn about(plan: &Plan) -> String {
    format!(
        "User and system time of the proxy (all threads; nginx's master and worker) over the requests completed in {} s, \
         after {} s of warm-up; a fresh proxy for each run.\n\n    wrk -t1 -c{} -d{}s -s bench/wrk/chat.lua \
         http://127.0.0.1:PORT/v1/chat/completions -- bench/requests/chat.json",
        plan.window.as_secs(),
        plan.warmup.as_secs(),
        plan.connections,
        plan.window.as_secs(),
    )
}
