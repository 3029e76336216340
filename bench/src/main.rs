//! `weir-bench`: what Weir costs beside nginx, on one machine, with the same upstream and the same load.

mod contender;
mod http;
mod lab;
mod latency;
mod machine;
mod memory;
mod nginx;
mod open_loop;
mod plan;
mod procfs;
mod report;
mod stats;
mod streaming;
mod streams;
mod unary;
mod upstream;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::contender::Candidate;
use crate::lab::Lab;
use crate::plan::Plan;
use crate::report::Report;

const HELP: &str = "\
usage:
  weir-bench run [--weir PATH | --stand-in] [--quick] [--only PART] [--out FILE]
  weir-bench upstream --listen ADDR --interval-ms N
  weir-bench rate --to ADDR --per-second N --seconds N

run        measures and writes the tables between the markers of FILE (docs/benchmarks.md)
  --weir PATH      the binary to measure (target/dist/weir)
  --stand-in       a second nginx in Weir's place: ratios near 1 show the noise of the measurement
  --quick          a check of under a minute that everything works; writes only where --out is given
  --only PART      first-token, unary, latency, chunks or memory; written as with --quick
upstream   the streaming provider: `max_tokens` chunks, one write each, N ms apart
rate       requests at a fixed rate, and how long the slowest of a hundred took: of each 100 ms, and of all";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("run") => run(&args[1..]),
        Some("upstream") => serve_upstream(&args[1..]),
        Some("rate") => rate(&args[1..]),
        _ => Err(anyhow::Error::msg(HELP)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let mut weir = PathBuf::from("target/dist/weir");
    let (mut out, mut only) = (None, None);
    let (mut quick, mut stand_in) = (false, false);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--quick" => quick = true,
            "--stand-in" => stand_in = true,
            "--weir" => weir = rest.next().context("--weir needs a path")?.into(),
            "--out" => out = Some(PathBuf::from(rest.next().context("--out needs a file")?)),
            "--only" => only = Some(rest.next().context("--only needs a part")?.clone()),
            other => bail!("unknown argument {other}\n{HELP}"),
        }
    }
    let candidate = if stand_in { Candidate::StandIn } else { Candidate::Weir(weir) };
    let plan = if quick { Plan::quick() } else { Plan::full() };
    // Figures of a trial or a part never replace the published ones by accident.
    let out = out.or_else(|| (!quick && !stand_in && only.is_none()).then(|| PathBuf::from("docs/benchmarks.md")));
    let report = measure(candidate, &plan, only.as_deref())?;
    let text = report.render();
    println!("{text}");
    if let Some(path) = out {
        report::splice(&path, &text)?;
        eprintln!("written to {}", path.display());
    }
    Ok(())
}

/// The measurements, the cheap ones first, so that a broken set-up fails early.
const PARTS: [&str; 5] = ["first-token", "unary", "latency", "chunks", "memory"];

/// Runs every measurement, or the one named.
fn measure(candidate: Candidate, plan: &Plan, only: Option<&str>) -> Result<Report> {
    ensure!(only.is_none_or(|part| PARTS.contains(&part)), "--only takes one of {}", PARTS.join(", "));
    let lab = Lab::new(candidate)?;
    let mut report = Report::new(machine::describe(&lab)?, plan);
    let mut nginx_rate = None;
    for part in PARTS.into_iter().filter(|&part| only.is_none_or(|only| only == part)) {
        match part {
            "first-token" => report.add(streaming::first_token(&lab, plan)?),
            "unary" => {
                let unary = unary::cpu_per_request(&lab, plan)?;
                nginx_rate = Some(unary.nginx_requests_per_second);
                report.add(unary.section);
            }
            "latency" => {
                let highest = nginx_rate.map_or_else(|| unary::nginx_rate(&lab, plan), Ok)?;
                report.add(latency::at_fixed_rate(&lab, plan, highest / 2.0)?);
            }
            "chunks" => {
                report.add(streaming::cpu_per_chunk(&lab, plan, true)?);
                report.add(streaming::cpu_per_chunk(&lab, plan, false)?);
            }
            _ => {
                report.add(memory::after_requests(&lab, plan)?);
                report.add(memory::with_streams(&lab, plan)?);
            }
        }
    }
    Ok(report)
}

fn serve_upstream(args: &[String]) -> Result<()> {
    let (mut listen, mut interval_ms) = (None, None);
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--listen" => listen = Some(value.parse()?),
            [name, value] if name == "--interval-ms" => interval_ms = Some(value.parse()?),
            _ => bail!("{HELP}"),
        }
    }
    upstream::serve(listen.context("upstream needs --listen")?, interval_ms.context("upstream needs --interval-ms")?)
}

fn rate(args: &[String]) -> Result<()> {
    let (mut to, mut per_second, mut seconds) = (None, None, None);
    for pair in args.chunks(2) {
        match pair {
            [name, value] if name == "--to" => to = Some(value.parse()?),
            [name, value] if name == "--per-second" => per_second = Some(value.parse()?),
            [name, value] if name == "--seconds" => seconds = Some(value.parse()?),
            _ => bail!("{HELP}"),
        }
    }
    let to = to.context("rate needs --to")?;
    let per_second = per_second.context("rate needs --per-second")?;
    let seconds = seconds.context("rate needs --seconds")?;
    println!("{}", latency::at_rate(to, per_second, seconds)?);
    Ok(())
}
