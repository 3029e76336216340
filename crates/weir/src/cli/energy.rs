//! `weir energy`: what a request draws and why, how far that is from measurements, and its tables brought up to date.

mod explain;
mod fit;
mod update;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::prices::{configured, tell};

/// Energy and carbon: what a request draws and why.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct EnergyCommand {
    #[command(subcommand)]
    command: Option<Subject>,
    #[command(flatten)]
    ask: explain::Options,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Compare the estimates with measurements: a CSV of configurations, as ML.ENERGY publishes them.
    Evaluate(fit::Options),
    /// Fit the estimates to measurements anew, and write the coefficients with their covariance.
    Fit(fit::FitOptions),
    /// List the zones whose electricity is known.
    Zones,
    /// Bring the tables of models and of electricity up to date from what EcoLogits publishes.
    Update(update::Options),
}

pub(super) fn run(command: &EnergyCommand) -> ExitCode {
    let done = match &command.command {
        Some(Subject::Evaluate(options)) => fit::evaluate(options),
        Some(Subject::Fit(options)) => fit::fit(options),
        Some(Subject::Zones) => explain::zones(),
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
