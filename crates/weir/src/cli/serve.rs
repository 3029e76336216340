//! `weir serve`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ServeOptions;
use crate::config::{Config, ConfigError, Overrides, Watched, files, from_environment};
use crate::recorder::Recovered;
use crate::server::Running;
use crate::{energy, prices};

/// What `weir.toml` is called where nobody says otherwise.
pub(super) const USUAL: &str = "weir.toml";
/// How often it is looked whether the file has changed. A change is taken over at the second look that finds it.
const LOOK: Duration = Duration::from_secs(1);

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
    let file = options.config.clone().or_else(|| Path::new(USUAL).exists().then(|| PathBuf::from(USUAL)));
    let mut watched = Watched::default();
    watched.begin(file.as_deref().map(files).unwrap_or_default());
    let (config, table) = configure(file.as_deref(), options)?;
    if !table.is_empty() {
        let table = table.join("\n  ");
        crate::log::say(format_args!("no {USUAL} and no --config; providers by their usual key variables:\n  {table}"));
    }
    let data_dir = config.data_dir.clone();
    watch_tables(&mut watched, &data_dir);
    let names: Vec<String> = config.providers.iter().map(|provider| provider.name.clone()).collect();
    // Listened to before anybody can know that Weir is there, so that a signal always ends it in order.
    let mut signals = Signals::listen()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let unnamed = !config.followers.is_empty() && config.instance.is_none();
    let mut running = Running::start(config)?;
    report(&running.recovered);
    if unnamed {
        crate::log::say(
            "there is no instance, so another Weir's Records in the same Loki could not be told from these",
        );
    }
    crate::log::say(format_args!("callers at {scheme}://{}/v1 ({})", running.listen, names.join(", ")));
    crate::log::say(format_args!("operators at http://{} (/metrics, /healthz, /readyz)", running.admin));
    loop {
        match signals.next(LOOK) {
            Event::End => break,
            Event::Nothing if !watched.has_changed() => {}
            Event::Hangup | Event::Nothing => {
                watched.begin(file.as_deref().map(files).unwrap_or_default());
                watch_tables(&mut watched, &data_dir);
                reload(&mut running, file.as_deref(), options);
            }
        }
    }
    crate::log::say("going down; answers under way may end, a second signal cuts them short");
    let hurry = running.hurry();
    std::thread::spawn(move || {
        while !matches!(signals.next(LOOK), Event::End) {}
        crate::log::say("cutting short what is under way");
        hurry.now();
    });
    Ok(running.stop()?)
}

/// Newer tables in the data directory are taken over as a changed configuration is.
fn watch_tables(watched: &mut Watched, data_dir: &Path) {
    watched.add(prices::place(data_dir));
    watched.add(data_dir.join(energy::MODELS));
    watched.add(data_dir.join(energy::MIXES));
}

fn reload(running: &mut Running, file: Option<&Path>, options: &ServeOptions) {
    let what = file.map_or_else(|| "the tables in data_dir".to_owned(), |file| file.display().to_string());
    match running.reload(configure(file, options).map(|(config, _)| config)) {
        Ok(()) => crate::log::say(format_args!("{what} was read again and is in force for new requests")),
        Err(error) => crate::log::say(format_args!("{error}\nnothing was taken over; what was before stays in force")),
    }
}

/// The configuration, and where there is no file a line about each provider.
fn configure(file: Option<&Path>, options: &ServeOptions) -> Result<(Config, Vec<String>), ConfigError> {
    let overrides =
        Overrides { listen: options.listen, admin: options.admin_listen, data_dir: options.data_dir.clone() };
    if let Some(path) = file {
        return Ok((Config::load(path, &overrides)?, Vec::new()));
    }
    let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    from_environment(is_set, &overrides)
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

/// What a Weir at work waits for.
enum Event {
    /// SIGTERM or SIGINT.
    End,
    /// SIGHUP.
    Hangup,
    /// Some time has passed.
    Nothing,
}

/// SIGTERM, SIGINT and SIGHUP. A reader of stdout that goes away ends nothing.
struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt, hangup) = {
            let _inside = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)
        };
        Ok(Signals { runtime, terminate, interrupt, hangup })
    }

    /// Waits, for at most `limit`.
    fn next(&mut self, limit: Duration) -> Event {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.terminate.recv() => Event::End,
                _ = self.interrupt.recv() => Event::End,
                _ = self.hangup.recv() => Event::Hangup,
                () = tokio::time::sleep(limit) => Event::Nothing,
            }
        })
    }
}
