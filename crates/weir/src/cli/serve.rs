//! `weir serve`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ServeOptions;
use crate::config::{Config, ConfigError, from_environment};
use crate::recorder::Recovered;
use crate::server::Running;

/// What `weir.toml` is called where nobody says otherwise.
const USUAL: &str = "weir.toml";

pub(super) fn run(options: &ServeOptions) -> ExitCode {
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &ServeOptions) -> Result<(), Box<dyn std::error::Error>> {
    let config = configure(options)?;
    let names: Vec<String> = config.providers.iter().map(|provider| provider.name.clone()).collect();
    // Listened to before anybody can know that Weir is there, so that a signal always ends it in order.
    let signals = Signals::listen()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let running = Running::start(config)?;
    report(&running.recovered);
    crate::log::say(format_args!("callers at {scheme}://{}/v1 ({})", running.listen, names.join(", ")));
    crate::log::say(format_args!("operators at http://{} (/metrics, /healthz, /readyz)", running.admin));
    signals.wait();
    crate::log::say(format_args!("going down; answers under way may end"));
    Ok(running.stop()?)
}

fn configure(options: &ServeOptions) -> Result<Config, ConfigError> {
    let usual = Path::new(USUAL);
    let path = options.config.as_deref().or_else(|| usual.exists().then_some(usual));
    let mut config = match path {
        Some(path) => Config::load(path)?,
        None => {
            let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
            let (config, table) = from_environment(is_set)?;
            crate::log::say(format_args!(
                "no {USUAL} and no --config; providers by their usual key variables:\n  {}",
                table.join("\n  ")
            ));
            config
        }
    };
    config.listen = options.listen.unwrap_or(config.listen);
    config.admin = options.admin_listen.unwrap_or(config.admin);
    if let Some(data_dir) = &options.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    config.refuse_open_door()?;
    Ok(config)
}

fn report(recovered: &Recovered) {
    if recovered.lines > 0 {
        crate::log::say(format_args!("recorded {} requests that an earlier process had not finished", recovered.lines));
    }
    if recovered.torn_bytes > 0 {
        crate::log::say(format_args!("cut off {} bytes of an unfinished line", recovered.torn_bytes));
    }
    if let Some(path) = &recovered.set_aside {
        crate::log::say(format_args!(
            "the journal was damaged; what could not be read was set aside in {}",
            path.display()
        ));
    }
}

/// SIGTERM and SIGINT. A reader of stdout that goes away ends nothing.
struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt) = {
            let _inside = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        Ok(Signals { runtime, terminate, interrupt })
    }

    fn wait(mut self) {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        });
    }
}
