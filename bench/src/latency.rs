//! Latency at a fixed rate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Result;

use crate::contender::{Contender, Running, Traffic};
use crate::http::CHAT;
use crate::lab::Lab;
use crate::nginx;
use crate::open_loop::{self, Sample, Schedule};
use crate::plan::Plan;
use crate::procfs::Others;
use crate::report::{Figure, Section, Wanted};
use crate::stats::{median, percentile};

const CONTENDERS: [Contender; 4] = [Contender::Nginx, Contender::Weir, Contender::WeirStore, Contender::WeirFsync];

/// Short against the time between two pauses of a busy host, long enough for a 99th percentile.
const SLICE: Duration = Duration::from_millis(100);

pub(crate) fn at_fixed_rate(lab: &Lab, plan: &Plan, requests_per_second: f64) -> Result<Section> {
    let (_upstream, addr) = nginx::start_upstream(lab)?;
    let schedule =
        Schedule { requests_per_second, connections: plan.connections, warmup: plan.warmup, window: plan.window };
    let mut tails: [Tails; CONTENDERS.len()] = Default::default();
    let mut rows = Vec::new();
    for run in 1..=plan.runs {
        for (contender, tails) in CONTENDERS.into_iter().zip(&mut tails) {
            let proxy = Running::start(lab, contender, addr, Traffic::Unary)?;
            let mut row = vec![run.to_string(), contender.name().to_owned()];
            let others = Others::watch()?;
            match open_loop::run(proxy.addr, CHAT, schedule) {
                Ok(samples) => {
                    let others = others.percent()?;
                    proxy.stop(samples.len() as u64)?;
                    row.extend(tails.add(&samples));
                    row.push(format!("{others:.0} %"));
                }
                // A proxy that cannot hold the rate has no 99th percentile: a result, not a reason to stop.
                Err(error) => {
                    tails.add_failure();
                    row.push(format!("{error:#}"));
                    proxy.stop(0)?;
                }
            }
            rows.push(row);
        }
    }
    Ok(Section {
        title: "Latency at a fixed rate",
        about: about(plan, requests_per_second),
        columns: &COLUMNS,
        rows,
        figures: figures(&tails),
    })
}

/// What one proxy does at a rate, as JSON, in microseconds: the 99th percentile of all, and the median of those of slices.
pub(crate) fn at_rate(proxy: SocketAddr, requests_per_second: f64, seconds: u64) -> Result<String> {
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000))?;
    let (warmup, window) = (Duration::from_secs(1), Duration::from_secs(seconds));
    let samples = open_loop::run(proxy, CHAT, Schedule { requests_per_second, connections: 32, warmup, window })?;
    let mut tails = Tails::default();
    let _ = tails.add(&samples);
    Ok(serde_json::json!({"p99": tails.runs[0], "p99_of_slices": median(&tails.slices)}).to_string())
}

const COLUMNS: [&str; 9] =
    ["run", "proxy", "p50, µs", "p90, µs", "p99, µs", "p99.9, µs", "highest, µs", "p99 of a slice, µs", "others"];

fn about(plan: &Plan, requests_per_second: f64) -> String {
    format!(
        "{requests_per_second:.0} requests/s, half of nginx's maximum, over {} connections for {} s: an open loop, each \
         latency counted from the instant its request was due. Load and upstream share their processors and are part of \
         every figure. Where a hypervisor takes the processors away for milliseconds at a time, the p99 of a run is the \
         machine's. So the p99 of every slice of {} ms is taken too, and the median over all slices of all runs is what is \
         judged; that of whole runs stands beside it.",
        plan.connections,
        plan.window.as_secs(),
        SLICE.as_millis(),
    )
}

/// 99th percentiles: of each run, and of each slice of it.
#[derive(Debug, Default)]
struct Tails {
    runs: Vec<f64>,
    slices: Vec<f64>,
}

impl Tails {
    /// Takes a run in, and gives its cells of the table.
    fn add(&mut self, samples: &[Sample]) -> impl Iterator<Item = String> + use<> {
        let all: Vec<f64> = samples.iter().map(|sample| sample.micros).collect();
        let mut slices: BTreeMap<u128, Vec<f64>> = BTreeMap::new();
        for sample in samples {
            slices.entry(sample.due.as_millis() / SLICE.as_millis()).or_default().push(sample.micros);
        }
        let slices: Vec<f64> = slices.values().map(|slice| percentile(slice, 99.0)).collect();
        let mut cells = [50.0, 90.0, 99.0, 99.9, 100.0].map(|rank| percentile(&all, rank)).to_vec();
        cells.push(median(&slices));
        self.runs.push(percentile(&all, 99.0));
        self.slices.extend(slices);
        cells.into_iter().map(|micros| format!("{micros:.0}"))
    }

    fn add_failure(&mut self) {
        self.runs.push(f64::INFINITY);
        self.slices.push(f64::INFINITY);
    }
}

fn figures(tails: &[Tails; CONTENDERS.len()]) -> Vec<Figure> {
    let micros = |value: f64| format!("{value:.0} µs");
    let figure = |what: &str, [nginx, weir]: [f64; 2], at_most: Option<f64>| {
        let measured = weir / nginx;
        let wanted = at_most.map_or(Wanted::Stated(Some(measured)), |at_most| Wanted::Ratio { measured, at_most });
        Figure { what: what.to_owned(), nginx: micros(nginx), weir: micros(weir), wanted }
    };
    let [nginx, weir, store, fsync] = tails.each_ref().map(|tails| median(&tails.slices));
    let [nginx_runs, weir_runs, ..] = tails.each_ref().map(|tails| median(&tails.runs));
    vec![
        figure("p99 of a slice at a fixed rate", [nginx, weir], Some(2.0)),
        figure("p99 of a whole run at a fixed rate", [nginx_runs, weir_runs], None),
        figure("p99 of a slice at a fixed rate, sealing what was recorded", [nginx, store], None),
        figure("p99 of a slice at a fixed rate, `durability = \"fsync\"`", [nginx, fsync], None),
    ]
}
