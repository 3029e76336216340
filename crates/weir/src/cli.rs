//! The command line.

mod bring;
mod check;
mod csv;
mod doctor;
mod energy;
mod export;
mod import;
mod key;
mod prices;
mod query;
mod replay;
mod report;
mod serve;
mod tail;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::simulate::{self, SimulateCommand};
use crate::{VERSION_WITH_COMMIT, config, demo};

/// An LLM proxy that measures what flows through it: tokens, cost, energy and latency, one line per request.
#[derive(Debug, Parser)]
#[command(name = "weir", version = VERSION_WITH_COMMIT, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Pass requests on to providers and record each.
    Serve(ServeOptions),
    /// See Weir at work without a key: a simulated provider, simulated callers, and Weir between them.
    Demo(DemoOptions),
    /// A simulated provider or simulated callers, each by itself.
    #[command(subcommand)]
    Simulate(SimulateCommand),
    /// Show Records as they come: readable in a terminal, JSON elsewhere.
    Tail(tail::TailOptions),
    /// Say whether a configuration is sound, and if not, where and why.
    Check(check::CheckOptions),
    /// Look from the configuration to the dashboard for what is wrong, and say what to do.
    Doctor(doctor::DoctorOptions),
    /// What a model costs and why, and the catalogue of prices brought up to date.
    Prices(prices::PricesCommand),
    /// What a request draws and why, and how far that is from measurements.
    Energy(energy::EnergyCommand),
    /// Ask a Weir, a Loki or a file of lines in LogQL.
    Query(query::QueryOptions),
    /// What requests cost, drew and brought in, summed by any field: statements that add up to the ledger.
    Report(report::ReportOptions),
    /// Send again what a follower had to set aside.
    Replay(replay::ReplayOptions),
    /// Write dashboards, rules and collectors' configurations for Grafana, Loki, Prometheus, Kubernetes and Azure.
    Export(export::ExportOptions),
    /// Make Records of other programs' lines: another Weir's, a structured logger's, LiteLLM's spend logs.
    Import(bring::BringOptions),
    /// About the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make a weir.toml of another proxy's configuration.
    #[command(subcommand)]
    ImportConfig(import::ImportCommand),
    /// Keys for callers.
    #[command(subcommand)]
    Key(key::KeyCommand),
}

pub use bring::importable;

/// How to serve.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeOptions {
    /// The configuration; without it weir.toml here, and without that the providers whose usual key variables are set.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where callers connect, in place of `listen`.
    #[arg(long, value_name = "HOST:PORT", value_parser = config::address)]
    pub listen: Option<SocketAddr>,
    /// Where operators connect, in place of `admin.listen`.
    #[arg(long, value_name = "HOST:PORT", value_parser = config::address)]
    pub admin_listen: Option<SocketAddr>,
    /// Where everything durable lies, in place of `data_dir`.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// How to show Weir.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoOptions {
    /// Where callers connect.
    #[arg(long, value_name = "HOST:PORT", value_parser = config::address, default_value = "127.0.0.1:4000")]
    pub listen: SocketAddr,
    /// Where operators connect.
    #[arg(long, value_name = "HOST:PORT", value_parser = config::address, default_value = "127.0.0.1:4001")]
    pub admin_listen: SocketAddr,
    /// Where the demo's Records lie, apart from any real ones.
    #[arg(long, value_name = "DIR", default_value = "weir-demo")]
    pub data_dir: PathBuf,
    /// Simulated requests per second.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// Records of the last 30 days, simulated too, that a new data directory begins with; 0 is none.
    #[arg(long, value_name = "NUMBER", default_value_t = demo::HISTORY)]
    pub history: u64,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the JSON Schema of weir.toml.
    Schema,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Simulate(command) => simulate::run(command),
        Command::Tail(options) => tail::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Import(options) => bring::run(&options),
        Command::ImportConfig(command) => import::run(&command),
        Command::Replay(options) => replay::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Export(options) => export::run(&options),
        Command::Key(command) => key::run(&command),
        Command::Prices(command) => prices::run(&command),
        Command::Energy(command) => energy::run(&command),
        Command::Query(options) => query::run(&options),
        Command::Config(ConfigCommand::Schema) => {
            prices::tell(format_args!("{:#}", config::schema()));
            ExitCode::SUCCESS
        }
    }
}
