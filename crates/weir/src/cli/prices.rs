//! `weir prices`: what a model costs and why, and the catalogue brought up to date.

mod explain;
mod update;

pub(super) use update::fetch;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::{Config, Overrides, from_environment};

/// Prices: what a model costs and where that comes from.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct PricesCommand {
    #[command(subcommand)]
    command: Option<Subject>,
    #[command(flatten)]
    ask: explain::Options,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Bring the catalogue up to date from published feeds.
    Update(update::Options),
}

pub(super) fn run(command: &PricesCommand) -> ExitCode {
    let done = match &command.command {
        Some(Subject::Update(options)) => update::run(options),
        None => explain::run(&command.ask),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(error);
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to stdout. Where nobody reads any more it is lost, and nothing else is.
pub(super) fn tell(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// What is configured: in the file that is named, else in the usual one, else nothing. No key is needed to ask.
pub(super) fn configured(path: Option<&Path>, data_dir: Option<&PathBuf>) -> Result<Config, String> {
    let usual = Path::new(super::serve::USUAL);
    let overrides = Overrides { data_dir: data_dir.cloned(), ..Overrides::default() };
    let config = match path.or_else(|| usual.exists().then_some(usual)) {
        Some(path) => Config::load_without_secrets(path, &overrides),
        // Without a file nobody is configured: what is asked about is the catalogue.
        None => from_environment(|_| false, &overrides).map(|(config, _)| Config { providers: Vec::new(), ..config }),
    };
    config.map(crate::prices::with_newest).map(crate::energy::with_newest).map_err(|error| error.to_string())
}
