//! `weir doctor`: walks from the configuration through the machine, Weir, its providers and its journal to Loki, Prometheus and
//! Grafana, and says of each fault what to do.
//!
//! It changes nothing and spends no tokens: of a provider it asks for the list of models. What it needs not look at (a Loki that
//! nobody named) it says nothing of.

mod finding;
mod grafana;
mod journal;
mod loki;
mod machine;
mod process;
mod provider;
mod web;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use http::Uri;

use super::serve::USUAL;
use crate::config::{self, Config, ConfigError, Overrides, from_environment};
use crate::server;
use finding::{Part, Report};

/// Where to look.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DoctorOptions {
    /// The configuration; without it weir.toml here, and without that the providers whose usual key variables are set.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything durable lies, in place of `data_dir`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the running Weir answers operators, in place of `admin.listen`.
    #[arg(long, value_name = "HOST:PORT", value_parser = config::address)]
    admin: Option<SocketAddr>,
    /// A Loki that Records should be in, beside those of [[followers]]; LOKI_ADDR, if that is set.
    #[arg(long, value_name = "URL", value_parser = web::address)]
    loki: Option<Uri>,
    /// The Prometheus that should scrape Weir.
    #[arg(long, value_name = "URL", value_parser = web::address)]
    prometheus: Option<Uri>,
    /// The Grafana that should show the dashboard.
    #[arg(long, value_name = "URL", value_parser = web::address)]
    grafana: Option<Uri>,
    /// Ask no provider whether it is there.
    #[arg(long)]
    no_providers: bool,
    /// Write one JSON object, for programs.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &DoctorOptions) -> ExitCode {
    let mut report = Report::default();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(examine(options, &mut report)),
        Err(error) => {
            crate::log::say(error);
            return ExitCode::FAILURE;
        }
    }
    report.print(options.json);
    if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn examine(options: &DoctorOptions, report: &mut Report) {
    let config = configuration(options, report);
    machine::examine(report);
    let Some(config) = config else { return };
    machine::examine_limits(&config, report);
    machine::examine_data_dir(&config.data_dir, report);
    let running = process::examine(&config, options.admin, report).await;
    if !options.no_providers {
        provider::examine(&config, report).await;
    }
    let written = journal::examine(&config, running.as_ref(), report);
    loki::examine(&config, options.loki.as_ref(), running.as_ref(), &written, report).await;
    if let Some(url) = &options.prometheus {
        grafana::examine_prometheus(url, report).await;
    }
    if let Some(url) = &options.grafana {
        grafana::examine(url, report).await;
    }
}

/// The configuration, if it can be used.
fn configuration(options: &DoctorOptions, report: &mut Report) -> Option<Config> {
    let file = options.config.clone().or_else(|| Path::new(USUAL).exists().then(|| PathBuf::from(USUAL)));
    let (name, loaded) = load(file.as_deref(), options);
    let mut fault = |error: String, to_do: &str| {
        report.fault(Part::Configuration, &name, error, to_do);
        None
    };
    let config = match loaded {
        Ok(config) => config,
        Err(ConfigError::Unreadable { path, source }) => {
            let to_do = "name the file with --config, and let whoever runs Weir read it";
            return fault(format!("{}: {source}", path.display()), to_do);
        }
        Err(error) => return fault(error.to_string(), "change that place; `weir check` looks at the file alone"),
    };
    if let Err(error) = server::check(&config) {
        return fault(error.to_string(), "see that the file that is named is there and can be read");
    }
    report.sound(Part::Configuration, &name, "can be used");
    for warning in super::check::warnings(&config) {
        report.warning(
            Part::Configuration,
            &name,
            warning,
            "see docs/configuration.md; where it is meant so, leave it",
        );
    }
    Some(config)
}

fn load(file: Option<&Path>, options: &DoctorOptions) -> (String, Result<Config, ConfigError>) {
    let overrides = Overrides { data_dir: options.data_dir.clone(), ..Overrides::default() };
    match file {
        Some(path) => (path.display().to_string(), Config::load(path, &overrides)),
        None => {
            let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
            let loaded = from_environment(is_set, &overrides).map(|(config, _)| config);
            (format!("no {USUAL}: the usual key variables"), loaded)
        }
    }
}
