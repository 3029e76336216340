//! `weir tail`: Records as they come, read from the files of a data directory, whether Weir runs or not.

mod filter;
mod show;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value};
use store::Seq;
use store::journal::{Reader, next_line};
use store::lot::{Lot, Wanted};

use super::serve::USUAL;
use crate::config::Written;
use filter::{Condition, Filter};
use show::Colors;

/// How often it is looked for new lines.
const LOOK: Duration = Duration::from_millis(100);

/// What to show, and how.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TailOptions {
    /// The configuration that says where data_dir is; weir.toml, if it exists.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory that Weir writes to, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How many of the lines that are there to look through first.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    lines: u64,
    /// Only requests for models that fit; `*` stands for anything.
    #[arg(long, value_name = "PATTERN")]
    model: Option<String>,
    /// Only requests that ended so: success, error or cancelled.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only Records of which this is true, as in team=search, cost_usd>0.1, error_type!=, client~python. May be repeated.
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Condition>,
    /// Write the lines as they are, as is done where the output is no terminal.
    #[arg(long)]
    json: bool,
    /// Whether to use colors.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    color: When,
    /// End with the last line that is there.
    #[arg(long)]
    no_follow: bool,
}

/// When to use colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// In a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    fn colors(self, terminal: bool) -> Colors {
        let wanted = match self {
            When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            When::Always => true,
            When::Never => false,
        };
        if wanted { Colors::ON } else { Colors::OFF }
    }
}

pub(super) fn run(options: &TailOptions) -> ExitCode {
    match tail(options) {
        // Whoever reads no further has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(error);
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn tail(options: &TailOptions) -> io::Result<()> {
    let data_dir = data_dir(options)?;
    let dir = data_dir.join("journal");
    if !dir.is_dir() {
        let message = format!("there is no journal in {}; name Weir's directory with --data-dir", data_dir.display());
        return Err(io::Error::other(message));
    }
    let terminal = io::stdout().is_terminal();
    let mut out = Output {
        filter: Filter::new(options.model.as_deref(), options.status.as_deref(), &options.conditions),
        // For people where people look, or where somebody asks for colors.
        json: options.json || !(terminal || options.color == When::Always),
        colors: options.color.colors(terminal),
        out: BufWriter::new(io::stdout().lock()),
    };
    let next = out.earlier(&Lot::new(&data_dir), next_line(&dir)?, options.lines)?;
    let mut reader = Reader::new(&dir, next);
    loop {
        match reader.read()? {
            Some(batch) => out.lines(batch.lines)?,
            None => {
                out.out.flush()?;
                if options.no_follow {
                    return Ok(());
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

fn data_dir(options: &TailOptions) -> io::Result<PathBuf> {
    if let Some(dir) = &options.data_dir {
        return Ok(dir.clone());
    }
    let usual = Path::new(USUAL);
    let Some(file) = options.config.as_deref().or_else(|| usual.exists().then_some(usual)) else {
        return Ok(Written::default().data_dir);
    };
    let text = std::fs::read_to_string(file).map_err(|error| named(file, &error))?;
    Written::parse(&text).map(|written| written.data_dir).map_err(|error| named(file, &error))
}

fn named(file: &Path, error: &impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}

struct Output<'a> {
    filter: Filter<'a>,
    json: bool,
    colors: Colors,
    out: BufWriter<StdoutLock<'static>>,
}

impl Output<'_> {
    /// Shows the last `count` lines before number `next`, and those that have come meanwhile; which line comes then.
    fn earlier(&mut self, lot: &Lot, next: Seq, count: u64) -> io::Result<Seq> {
        let (mut next, mut shown) = (next, Ok(()));
        let from = Wanted::from(next.saturating_sub(count).max(1));
        let damaged = lot.read(&from, &mut |number, line| {
            next = next.max(number + 1);
            shown = self.line(line);
            if shown.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        shown?;
        damaged.map_err(io::Error::other)?.iter().for_each(crate::log::say);
        Ok(next)
    }

    fn lines(&mut self, lines: &[u8]) -> io::Result<()> {
        lines.split(|byte| *byte == b'\n').try_for_each(|line| self.line(line))
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        // What is not a Record is none of ours; nothing else is in the journal.
        let Ok(record) = serde_json::from_slice::<Map<String, Value>>(line) else { return Ok(()) };
        if !self.filter.lets_pass(&record) {
            return Ok(());
        }
        if self.json {
            self.out.write_all(line)?;
            self.out.write_all(b"\n")
        } else {
            writeln!(self.out, "{}", show::line(&record, self.colors))
        }
    }
}
