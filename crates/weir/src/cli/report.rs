//! `weir report`: statements over Records, from the files of a data directory. All sums are of integers, so a statement adds up to
//! the ledger exactly.

mod focus;
mod group;
mod join;
mod output;
mod records;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use meter::record::check_name;

use super::query::when;

use group::{Period, Statement};
use join::Joined;
pub(super) use records::each_line;

/// What to sum, and how to show it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReportOptions {
    /// Fields of the Record by whose values sums are taken apart; also day and month, of the end of requests in UTC.
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', default_value = "organization,model")]
    by: Vec<String>,
    /// From when on: so long ago ("30d"), a day ("2026-11-01", UTC), RFC 3339, or nanoseconds since 1970.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,
    /// Until when, this instant not included; now if not given.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How the statement is written.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// A CSV file with what was earned: a column named as --on says, and a column revenue or revenue_usd.
    #[arg(long, value_name = "FILE", requires = "on")]
    join: Option<PathBuf>,
    /// The field by which revenue is brought together with cost; one of those of --by.
    #[arg(long, value_name = "FIELD", requires = "join")]
    on: Option<String>,
    /// Where Records lie, in place of the configuration's data_dir. A Weir may be at work there.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration that says where Records lie; weir.toml, if it exists.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
    /// A file of lines in place of a data directory, such as Weir's standard output; may be given more than once.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "config"])]
    file: Vec<PathBuf>,
}

/// How a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for people.
    Table,
    /// Values with commas between them.
    Csv,
    /// One object.
    Json,
    /// FOCUS 1.2: charges a day, as CSV.
    Focus,
}

type Failure = Box<dyn std::error::Error>;

pub(super) fn run(options: &ReportOptions) -> ExitCode {
    match report(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn report(options: &ReportOptions) -> Result<(), Failure> {
    for field in &options.by {
        group::check(field)?;
    }
    let now = crate::recorder::now();
    let since = when::since(&options.since, now).map_err(|error| format!("--since: {error}"))?;
    let until = options.until.as_deref().map_or(Ok(now), |text| when::since(text, now));
    let period = Period { since, until: until.map_err(|error| format!("--until: {error}"))? };
    let on = options.on.as_ref().map(|on| {
        let place = options.by.iter().position(|field| field == on);
        place.ok_or_else(|| format!("--on {on} is not among --by {}", options.by.join(",")))
    });
    let on = on.transpose()?;
    let revenue = match (&options.join, &options.on) {
        (Some(path), Some(on)) => Some(join::read(path, on)?),
        _ => None,
    };
    if options.format == Format::Focus {
        let mut charges = focus::Charges::new(&options.by);
        let unread = read(options, period, focus::FIELDS, |line| charges.add(line, period))?;
        say_unread(unread);
        say_absent(&charges.absent());
        charges.say_unpriced();
        return written(|out| charges.write(out));
    }
    let mut statement = Statement::new(&options.by);
    let unread = read(options, period, group::FIELDS, |line| statement.add(line, period))?;
    say_unread(unread);
    say_absent(&statement.absent());
    let joined = revenue.zip(on).map(|(revenue, on)| Joined::new(&statement, on, revenue));
    written(|out| match options.format {
        Format::Table => output::table(out, &statement, joined.as_ref(), period),
        Format::Csv => output::csv(out, &statement, joined.as_ref()),
        Format::Json | Format::Focus => output::json(out, &statement, joined.as_ref(), period),
    })
}

/// Shows each Record of the period to `visit`, and others perhaps, with the fields of --by and `fields` at least; how many lines were
/// none.
fn read(
    options: &ReportOptions,
    period: Period,
    fields: &[&str],
    visit: impl FnMut(&meter::record::Line),
) -> Result<u64, Failure> {
    if !options.file.is_empty() {
        return records::of_files(&options.file, visit);
    }
    let dir = super::bring::data_dir(options.data_dir.as_deref(), options.config.as_deref())?;
    let by = options.by.iter().map(String::as_str);
    let fields: Vec<&str> = by.chain(fields.iter().copied()).collect();
    records::of_data_dir(&dir, period, &fields, visit)
}

fn say_unread(lines: u64) {
    if lines > 0 {
        crate::log::say(format_args!("{lines} lines are no Records and are not in it"));
    }
}

fn say_absent(fields: &[&str]) {
    for field in fields {
        crate::log::say(format_args!(
            "no Record of this time has a field {field}, so its column is empty; `weir report --by` takes fields of docs/record.md and \
             those of [[fields]]"
        ));
    }
}

fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Whether a Record may have a field of this name.
fn is_field(name: &str) -> bool {
    meter::record::field(name).is_some() || check_name(name).is_ok()
}

#[cfg(test)]
mod tests;
