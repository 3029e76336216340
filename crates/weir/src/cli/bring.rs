//! `weir import`: lines of other programs become Records, marked with where they come from, in a journal of their own beside Weir's.
//! They never enter Weir's counters or balance; questions and statements find them.

mod line;
mod litellm;
mod mapped;
mod rest;

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use meter::record::{LINE_LIMIT, Line, Owned};
use store::data_dir::IMPORTED;
use store::lot::Wanted;
use store::{DataDir, Journal, Options};

use super::prices::tell;
use super::serve::USUAL;
use crate::config;

use mapped::Mapped;
use rest::Rest;

/// So many bytes of lines are appended at once.
const BATCH: usize = 1 << 20;
/// A larger file is refused rather than held in memory.
const LARGEST_FILE: u64 = 4 << 30;

/// What to import, and where to.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct BringOptions {
    /// Files: lines of JSON as Weir or a structured logger writes them, or LiteLLM's spend logs as CSV or JSON; `-` for standard input.
    #[arg(value_name = "FILE", required = true)]
    file: Vec<PathBuf>,
    /// What the files are; found out from their contents if not given.
    #[arg(long, value_enum)]
    from: Option<Origin>,
    /// A value of the lines that becomes a field of your own; may be given several times. What is not named is left out, since it may
    /// be prompts, answers or keys.
    #[arg(long, value_name = "NAME")]
    field: Vec<String>,
    /// Where Records lie, in place of the configuration's data_dir. A Weir may be at work there.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration that says where Records lie; weir.toml, if it exists.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
    /// Say what would be imported, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Origin {
    /// A Weir's Records.
    Weir,
    /// A structured logger's lines with an event llm_request_….
    Log,
    /// LiteLLM's spend logs.
    Litellm,
}

impl Origin {
    /// As it stands in the field `origin`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Origin::Weir => "weir",
            Origin::Log => "log",
            Origin::Litellm => "litellm",
        }
    }
}

/// How files are read.
#[derive(Debug, Default)]
struct Reading {
    /// What they are; found out from their contents if not said.
    from: Option<Origin>,
    /// Names of values that become fields of one's own.
    fields: Vec<String>,
}

type Failure = Box<dyn std::error::Error>;

pub(super) fn run(options: &BringOptions) -> ExitCode {
    match bring(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn bring(options: &BringOptions) -> Result<(), Failure> {
    let dir = data_dir(options.data_dir.as_deref(), options.config.as_deref())?;
    let (mut records, mut rest) = (Vec::new(), Rest::default());
    let how = Reading { from: options.from, fields: options.field.clone() };
    for path in &options.file {
        let text = read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        mapped::all(&text, &how, &path.display().to_string(), &mut records, &mut rest)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let found = records.len();
    let mut ids = HashSet::new();
    records.retain(|record| ids.insert(record.id));
    let imported = if options.dry_run { keep_new(&dir, records)?.len() } else { append(&dir, records)? };
    let verb = if options.dry_run { "would be imported" } else { "imported" };
    tell(format_args!(
        "{imported} Records {verb}, {} were there already, {} lines were not mapped",
        found - imported,
        rest.lines()
    ));
    rest.notes().iter().for_each(tell);
    Ok(())
}

/// The lines that `weir import` makes of a file's text, each with its line feed, and how many of its lines it leaves out.
///
/// # Errors
/// It is none of the kinds that are known.
pub fn importable(text: &str) -> Result<(Vec<Vec<u8>>, u64), String> {
    let (mut records, mut rest) = (Vec::new(), Rest::default());
    mapped::all(text, &Reading::default(), "it", &mut records, &mut rest)?;
    let line = |record: &Mapped| {
        let mut line = Vec::new();
        record.line.render(&mut line);
        line
    };
    Ok((records.iter().map(line).collect(), rest.lines()))
}

/// The data directory that is meant.
pub(super) fn data_dir(given: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, Failure> {
    let usual = Path::new(USUAL);
    Ok(match (given, config) {
        (Some(dir), _) => dir.to_owned(),
        (None, Some(path)) => config::load_followers(path)?.0,
        (None, None) if usual.exists() => config::load_followers(usual)?.0,
        (None, None) => PathBuf::from("weir-data"),
    })
}

fn read(path: &Path) -> io::Result<String> {
    let from: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(std::fs::File::open(path)?) };
    let mut bytes = Vec::new();
    from.take(LARGEST_FILE).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == LARGEST_FILE {
        return Err(io::Error::other("it is larger than 4 GiB; import it in parts"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Those whose Records are not in the data directory: neither among those that were imported nor among Weir's own.
fn keep_new(dir: &Path, mut records: Vec<Mapped>) -> Result<Vec<Mapped>, Failure> {
    let mut known: HashSet<[u8; 16]> = HashSet::new();
    let wanted: HashSet<[u8; 16]> = records.iter().map(|record| record.id).collect();
    let ids = Wanted { fields: Some(&["request_id"]), ..Wanted::from(1) };
    super::report::each_line(dir, &ids, &mut |line| {
        if let Some(Owned::Id(id)) = Line::parse(line).as_ref().and_then(|line| line.get("request_id"))
            && wanted.contains(id)
        {
            known.insert(*id);
        }
    })?;
    records.retain(|record| !known.contains(&record.id));
    Ok(records)
}

/// Appends what is new to the journal of imported Records; how many it is. One import at a time, and a repeated one finds its
/// Records there: a death in the middle costs nothing but the rest.
fn append(dir: &Path, records: Vec<Mapped>) -> Result<usize, Failure> {
    let own = DataDir::open(&dir.join(IMPORTED))?;
    let mut records = keep_new(dir, records)?;
    records.sort_by_key(|record| record.at);
    let (mut journal, _) = Journal::open(&own.path().join("journal"), Options { sync: true, ..Options::default() })?;
    let (mut lines, mut count, mut imported) = (Vec::new(), 0, 0);
    for record in &records {
        record.line.render(&mut lines);
        count += 1;
        if lines.len() >= BATCH {
            journal.append(&lines, count)?;
            imported += count;
            (lines, count) = (Vec::new(), 0);
            if journal.is_due() {
                journal.rotate(0)?.give_back()?;
            }
        }
    }
    if count > 0 {
        journal.append(&lines, count)?;
        imported += count;
    }
    if imported > 0 {
        // So that a Weir can seal what came.
        journal.rotate(0)?.give_back()?;
    }
    journal.close()?;
    Ok(usize::try_from(imported)?)
}

/// Whether a line is short enough for a journal.
fn fits(line: &Line) -> bool {
    let mut out = Vec::new();
    line.render(&mut out);
    out.len() <= LINE_LIMIT
}

#[cfg(test)]
mod tests;
