//! `logql`: what a question costs per entry, of rows and of columns, with a million entries in memory.
//!
//! Rows are parsed as JSON for every question; columns are promised to be what `| json` would find.

mod entries;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use logql::eval::{Answer, Context, Limits, Outcome, Request, evaluate};
use logql::source::Source;
use logql::syntax::parse;
use rustix::time::{ClockId, clock_gettime};

/// What is asked, in the words of dashboards.
const QUESTIONS: &[(&str, &str)] = &[
    ("count by model", r#"sum by (model) (count_over_time({app="llm-proxy"} | json [5m]))"#),
    ("tokens in all", r#"sum(sum_over_time({app="llm-proxy"} | json | unwrap total_tokens [5m]))"#),
    (
        "cost by user and model",
        r#"sum by (user_id, model) (sum_over_time({app="llm-proxy"} | json | unwrap cost_usd [1h]))"#,
    ),
    ("requests by model", r#"sum by (model) (rate({app="llm-proxy"} |= "llm_request_completed" | json [5m]))"#),
    (
        "tokens by model",
        r#"sum by (model) (sum_over_time({app="llm-proxy"} |= "llm_request_completed" | json | unwrap total_tokens [5m]))"#,
    ),
    (
        "cost of each hour",
        r#"sum(sum_over_time({app="llm-proxy"} |= "llm_request_completed" | json | unwrap cost_usd [1h]))"#,
    ),
    (
        "95th percentile by model",
        r#"quantile_over_time(0.95, {app="llm-proxy"} | json | unwrap processing_time_seconds | __error__="" [5m]) by (model)"#,
    ),
    (
        "95th percentile, of the hour before",
        r#"quantile_over_time(0.95, {app="llm-proxy"} | json | unwrap processing_time_seconds [1h]) by (model)"#,
    ),
    (
        "share of errors",
        r#"sum(rate({app="llm-proxy"} |= "llm_request_failed" [5m])) / sum(rate({app="llm-proxy"} [5m]))"#,
    ),
    (
        "ten users that cost most",
        r#"topk(10, sum by (user_id) (sum_over_time({app="llm-proxy"} | json | unwrap cost_usd [1h])))"#,
    ),
    (
        "slow and large",
        r#"sum by (organization) (count_over_time({app="llm-proxy"} | json | total_tokens > 1000 and processing_time_seconds > 2 [5m]))"#,
    ),
    (
        "energy by model and organization",
        r#"sum by (model, organization) (sum_over_time({app="llm-proxy"} | json | unwrap energy_consumption_kwh [1h]))"#,
    ),
    ("lines by level", r#"sum by (level) (count_over_time({app="llm-proxy"}[5m]))"#),
    ("the newest large requests", r#"{app="llm-proxy"} |= "llm_request_completed" | json | total_tokens > 3900"#),
];

const ENTRIES: usize = 1_000_000;
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let number = |at: usize, other: usize| match std::env::args().nth(at) {
        Some(number) => number.parse().context("the arguments are how many entries, how many rounds, which question"),
        None => Ok(other),
    };
    let (count, rounds) = (number(1, ENTRIES)?, number(2, ROUNDS)?);
    let only = std::env::args().nth(3);
    let made = entries::make(count);
    println!("{count} entries over a day, {} MB of lines; medians of {rounds} rounds\n", made.line_bytes / 1_000_000);
    println!("| question | rows, ns per entry | columns, ns per entry | times |");
    println!("|---|---:|---:|---:|");
    for (name, query) in
        QUESTIONS.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| name.contains(only.as_str())))
    {
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        let mut looked_at = 0;
        for _ in 0..rounds {
            let (time, row_outcome) = measure(&made.rows, query)?;
            rows.push(time);
            let (time, column_outcome) = measure(&made.columns, query)?;
            columns.push(time);
            ensure!(alike(&row_outcome.answer, &column_outcome.answer), "{name}: rows and columns do not agree");
            looked_at = row_outcome.statistics.entries;
        }
        let (rows, columns) = (median(rows), median(columns));
        // A question that has its answer early looks at few entries of rows; both are measured by those.
        let per_entry = |time: Duration| time.as_nanos() as f64 / looked_at.max(1) as f64;
        let times = rows.as_secs_f64() / columns.as_secs_f64();
        println!("| {name} | {:.0} | {:.1} | {times:.0} |", per_entry(rows), per_entry(columns));
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What this thread has had of a processor: what else the machine does is not in it.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

fn measure(source: &dyn Source, query: &str) -> Result<(Duration, Outcome)> {
    let parsed = parse(query)?;
    let request = Request { limit: 100, ..Request::range(entries::START, entries::END, 300 * entries::SECOND) };
    let context = Context { limits: Limits { series: 100_000, time_ns: 0, ..Limits::default() }, ..Context::default() };
    let begun = processor_time();
    let outcome = evaluate(source, &parsed, &request, &context)?;
    Ok((processor_time().saturating_sub(begun), outcome))
}

fn alike(left: &Answer, right: &Answer) -> bool {
    match (left, right) {
        (Answer::Matrix(left), Answer::Matrix(right)) => {
            let near = |left: f64, right: f64| (left - right).abs() <= 1e-12 * left.abs().max(right.abs());
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| {
                    let points = left.points.iter().zip(&right.points);
                    left.labels == right.labels
                        && left.points.len() == right.points.len()
                        && points.into_iter().all(|(left, right)| left.0 == right.0 && near(left.1, right.1))
                })
        }
        (Answer::Entries(left), Answer::Entries(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.timestamp == right.timestamp)
        }
        _ => false,
    }
}
