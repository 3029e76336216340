//! `weir query`: LogQL over a file of lines or a data directory, or asked of a Weir or a Loki.

mod chart;
mod lines;
mod output;
mod remote;
pub(super) mod when;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use logql::eval::{Answer, Context, Limits, Request, evaluate};
use logql::source::{Direction, RowSource};
use logql::syntax::ast::Expr;
use logql::syntax::parse;

use super::serve::USUAL;
use crate::query::directory;
use lines::Defaults;

/// What to ask, and of what.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct QueryOptions {
    /// The query, as in `sum by (model) (count_over_time({app="llm-proxy"} | json [1h]))`.
    #[arg(value_name = "LOGQL")]
    query: String,
    /// Who is asked, a Weir or a Loki, where no file is given.
    #[arg(long, env = "WEIR_URL", value_name = "URL", default_value = "http://127.0.0.1:4001")]
    url: String,
    /// Where the token lies that is shown: "env:NAME" or "file:PATH".
    #[arg(long, value_name = "PLACE")]
    token: Option<String>,
    /// The tenant of a Loki that has several.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// A file of lines, such as Weir's standard output, in place of a URL; `-` for standard input. May be given more than once.
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// A data directory in place of a URL, also while a Weir is at work there.
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    data_dir: Option<PathBuf>,
    /// The configuration, for the labels of lines that have no `app` and `namespace`; weir.toml, if it exists.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// From how long before the end on, as in `6h`; 1h of a URL that is asked.
    #[arg(long, value_name = "DURATION", conflicts_with = "start")]
    since: Option<String>,
    /// From when on: RFC 3339, or nanoseconds since 1970. By default from the first line on.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Until when. By default until the last line, or until now.
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Asks a metric query at each step, as in `5m`. By default it is asked once, at the end, and for a chart at sixty steps.
    #[arg(long, value_name = "DURATION")]
    step: Option<String>,
    /// The most entries of a log query, the newest.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns for people.
    Table,
    /// One object a line.
    Json,
    /// Values with commas between them.
    Csv,
    /// Each series as a line of blocks.
    Chart,
}

type Failure = Box<dyn std::error::Error>;

/// Who asks files has the machine for himself.
const UNLIMITED: Limits =
    Limits { entries: usize::MAX, series: usize::MAX, points: 100_000, bytes: 0, memory: 0, time_ns: 0 };

pub(super) fn run(options: &QueryOptions) -> ExitCode {
    match answer(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn answer(options: &QueryOptions) -> Result<(), Failure> {
    let query = parse(&options.query)?;
    let (answer, request) = match &options.data_dir {
        Some(dir) => of_directory(options, dir, &query)?,
        None if options.file.is_empty() => of_url(options, &query)?,
        None => of_files(options, &query)?,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match options.output {
        Output::Table => output::table(&mut out, answer, &request),
        Output::Json => output::json(&mut out, answer, &request),
        Output::Csv => output::csv(&mut out, answer, &request),
        Output::Chart => chart::draw(&mut out, &answer, &request, columns()),
    };
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A data directory is asked as a Weir is: of the last hour, unless told otherwise.
fn of_directory(options: &QueryOptions, dir: &Path, query: &Expr) -> Result<(Answer, Request), Failure> {
    if store::lot::lots(dir)?.is_empty() {
        return Err(format!("{} has no journal", dir.display()).into());
    }
    let usual = Path::new(USUAL);
    let config = options.config.as_deref().or_else(|| usual.exists().then_some(usual));
    let labeller = Defaults::of(config)?.labeller();
    let (span, now) = recent(options)?;
    let request = request(options, query, span)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let context = Context { limits: UNLIMITED, now, threads, ..Context::default() };
    let mut damaged = BTreeSet::new();
    loop {
        let source = directory(dir, &labeller, &damaged)?;
        let outcome = evaluate(&source, query, &request, &context);
        let found = source.damaged();
        if found.is_empty() {
            return Ok((outcome?.answer, request));
        }
        // It is said, and the others are asked again.
        for error in found {
            crate::log::say(&error);
            damaged.insert(error.path().to_owned());
        }
    }
}

/// From when to when is asked, where the query does not say, and what time it is.
fn recent(options: &QueryOptions) -> Result<((i64, i64), i64), Failure> {
    let now = i64::try_from(crate::recorder::now())?;
    let since = when::duration(options.since.as_deref().unwrap_or("1h"))?;
    let end = options.end.as_deref().map_or(Ok(now), when::time)?;
    Ok(((end.saturating_sub(since), end), now))
}

fn of_url(options: &QueryOptions, query: &Expr) -> Result<(Answer, Request), Failure> {
    let site = remote::Site { url: &options.url, token: options.token.as_deref(), tenant: options.tenant.as_deref() };
    // What is written at the last instant belongs to it.
    let request = request(options, query, recent(options)?.0)?;
    // Steps are moved to multiples of the step by who is asked.
    let request = if request.step > 0 && matches!(query, Expr::Metric(_)) { request.aligned() } else { request };
    Ok((remote::ask(&site, &options.query, query, &request)?, request))
}

fn of_files(options: &QueryOptions, query: &Expr) -> Result<(Answer, Request), Failure> {
    let usual = Path::new(USUAL);
    let defaults = Defaults::of(options.config.as_deref().or_else(|| usual.exists().then_some(usual)))?;
    let mut entries = Vec::new();
    for path in &options.file {
        read(path, &defaults, &mut entries).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (first, last) = lines::span(&entries);
    let end = options.end.as_deref().map_or(Ok(last), when::time)?;
    let since = options.since.as_deref().map(when::duration).transpose()?;
    let span = (since.map_or(first, |since| end.saturating_sub(since)), last);
    let request = request(options, query, span)?;
    let now = span.1;
    let context = Context { limits: UNLIMITED, now, ..Context::default() };
    let outcome = evaluate(&RowSource::new(entries), query, &request, &context)?;
    Ok((outcome.answer, request))
}

fn read(path: &Path, defaults: &Defaults, entries: &mut Vec<logql::source::Entry>) -> io::Result<()> {
    if path == Path::new("-") {
        return lines::read(io::stdin().lock(), defaults, entries);
    }
    lines::read(BufReader::new(File::open(path)?), defaults, entries)
}

fn columns() -> usize {
    let (columns, _) = crate::demo::view::terminal_size();
    usize::from(columns).clamp(40, 200)
}

fn request(options: &QueryOptions, query: &Expr, (first, last): (i64, i64)) -> Result<Request, Failure> {
    let time = |text: &Option<String>, usual| text.as_deref().map_or(Ok(usual), when::time);
    let start = time(&options.start, first)?;
    if matches!(query, Expr::Log(_)) {
        // What is written at the last instant belongs to it.
        let end = time(&options.end, last.saturating_add(1))?;
        return Ok(Request { limit: options.limit, direction: Direction::Backward, ..Request::range(start, end, 1) });
    }
    let end = time(&options.end, last)?;
    let step = match &options.step {
        Some(text) => Some(when::duration(text)?),
        None => (options.output == Output::Chart).then(|| when::even_step(end.saturating_sub(start))),
    };
    // Without an end of its own the last step is the first that has seen every line.
    let past = |step: i64| if options.end.is_none() { (step - (end - start).rem_euclid(step)) % step } else { 0 };
    Ok(step.map_or(Request::instant(end), |step| Request::range(start, end.saturating_add(past(step)), step)))
}

#[cfg(test)]
mod tests;
