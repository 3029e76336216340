//! `weir import-config`: another proxy's configuration becomes a weir.toml, and a list of what has no equivalent.

mod litellm;
mod outline;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::prices::tell;

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// LiteLLM's config.yaml. The configuration goes to stdout, what has no equivalent to stderr.
    Litellm {
        /// LiteLLM's configuration.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(command: &ImportCommand) -> ExitCode {
    let ImportCommand::Litellm { file } = command;
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            crate::log::say(format_args!("{}: {error}", file.display()));
            return ExitCode::FAILURE;
        }
    };
    match litellm::import(&text, |name| std::env::var(name).ok()) {
        Ok(outline) => {
            tell(outline.to_toml(&file.display().to_string()).trim_end());
            outline.notes.iter().for_each(crate::log::say);
            ExitCode::SUCCESS
        }
        Err(error) => {
            crate::log::say(format_args!("{}: {error}", file.display()));
            ExitCode::FAILURE
        }
    }
}
