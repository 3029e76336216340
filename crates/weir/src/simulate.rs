//! Simulate: a provider and callers that are not there, to see Weir at work without a key and without a bill.
//!
//! Nothing here measures: what was simulated is told as counts of what this side did, beside Weir's own figures.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Subcommand;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval};

mod chance;
pub mod history;
mod number;
pub mod provider;
mod text;
pub mod traffic;

use history::HistoryOptions;
use provider::{ProviderOptions, Tally};
use traffic::TrafficOptions;

/// How often a line that replaces itself does so, and how often one that stays is written.
const IN_TERMINAL: Duration = Duration::from_secs(1);
const IN_LOG: Duration = Duration::from_secs(5);

/// What to simulate.
#[derive(Clone, Debug, Subcommand)]
pub enum SimulateCommand {
    /// An OpenAI-compatible provider with made-up answers.
    Provider(ProviderOptions),
    /// Callers that send believable requests to a proxy or provider.
    Traffic(TrafficOptions),
    /// Records of days that have passed, as the proxy would have written them.
    History(HistoryOptions),
}

/// Runs `command` on a runtime of its own until it is done, or until SIGINT or SIGTERM.
///
/// Progress goes to stderr, the summary to stdout. Fails where no runtime can be built, the provider's port is taken, or not a
/// single simulated request was answered.
pub fn run(command: SimulateCommand) -> ExitCode {
    let done = build_runtime().and_then(|runtime| {
        runtime.block_on(async {
            let stop = stop_signal()?;
            match command {
                SimulateCommand::Provider(options) => run_provider(options, stop).await,
                SimulateCommand::Traffic(options) => run_traffic(options, stop).await,
                SimulateCommand::History(options) => Ok(run_history(&options)),
            }
        })
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            write_error(&format!("weir simulate: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run_history(options: &HistoryOptions) -> ExitCode {
    match history::write(options) {
        Ok(count) => {
            summarise(&format!("{count} simulated Records in {}", options.to.join("journal").display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            write_error(&format!("weir simulate: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn build_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Done at the first SIGINT or SIGTERM; listening begins with the call.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

async fn run_provider(options: ProviderOptions, stop: impl Future<Output = ()>) -> io::Result<ExitCode> {
    let listener = TcpListener::bind(options.listen).await.map_err(|error| explain_bind(&options, &error))?;
    let address = listener.local_addr()?;
    let mut line = StatusLine::new();
    line.say(&format!("simulated provider on http://{address}/v1 — nothing it says is true, nothing it does costs"));
    let tally = Arc::new(Tally::default());
    let serve = provider::serve_counted(listener, options, stop, Arc::clone(&tally));
    let mut serve = std::pin::pin!(serve);
    let mut tick = interval(IN_TERMINAL);
    let served = loop {
        tokio::select! {
            served = &mut serve => break served,
            _ = tick.tick() => line.show(&tally_line(&tally)),
        }
    };
    line.end();
    summarise(&tally_line(&tally));
    served.map(|()| ExitCode::SUCCESS)
}

/// What went wrong with the port, and what to do about it.
fn explain_bind(options: &ProviderOptions, error: &io::Error) -> io::Error {
    let (address, port) = (options.listen, options.listen.port());
    let message = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is taken: something else listens on {address}; choose another with --listen")
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} needs privileges; choose one from 1024 on with --listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine; choose another with --listen", address.ip())
        }
        _ => format!("cannot listen on {address}: {error}"),
    };
    io::Error::new(error.kind(), message)
}

fn tally_line(tally: &Tally) -> String {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    format!(
        "{} requests over {} connections, {} streams, {} output tokens, {} answered with an error, {} faults on purpose",
        read(&tally.requests),
        read(&tally.connections),
        read(&tally.streams),
        read(&tally.output_tokens),
        read(&tally.refused),
        read(&tally.faults),
    )
}

async fn run_traffic(options: TrafficOptions, stop: impl Future<Output = ()>) -> io::Result<ExitCode> {
    let mut line = StatusLine::new();
    line.say(&format!("simulated callers: {} requests per second to {}", options.rate, options.url));
    let done = traffic::run(options, stop, |progress| line.show(&progress.to_string())).await;
    line.end();
    summarise(&format!("{done}, in {:.1} s", done.elapsed_seconds));
    let in_vain = done.completed == 0 && done.failed() > 0;
    Ok(if in_vain { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The line that says how things stand: one that replaces itself in a terminal, a plain one now and then elsewhere.
struct StatusLine {
    terminal: bool,
    last: Instant,
}

impl StatusLine {
    fn new() -> StatusLine {
        StatusLine { terminal: io::stderr().is_terminal(), last: Instant::now() }
    }

    /// A line of its own.
    fn say(&self, text: &str) {
        write_error(&format!("{text}\n"));
    }

    fn show(&mut self, text: &str) {
        if self.terminal {
            let (columns, _) = crate::demo::view::terminal_size();
            let fitting: String = text.chars().take(usize::from(columns).saturating_sub(1)).collect();
            write_error(&format!("\r{fitting}\x1b[K"));
        } else if self.last.elapsed() >= IN_LOG {
            self.last = Instant::now();
            write_error(&format!("{text}\n"));
        }
    }

    /// Makes room for what comes after it.
    fn end(&self) {
        if self.terminal {
            write_error("\r\x1b[K");
        }
    }
}

/// Writes the last line to stdout. Where nobody reads it any more, there is nobody to tell.
fn summarise(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes to stderr. Where nobody reads it any more, the simulation goes on.
fn write_error(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
