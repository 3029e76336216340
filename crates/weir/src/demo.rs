//! `weir demo`: a simulated provider, simulated callers, and a real Weir between them, in one process.

mod history;
pub mod view;

use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use store::journal::Batch;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::DemoOptions;
use crate::config::{Config, Overrides};
use crate::server::Running;
use crate::simulate;
use crate::simulate::provider::{self, ProviderOptions};
use crate::simulate::traffic::{self, BaseUrl, TrafficOptions, WeightedModel};
use crate::sink::Sink;
use view::{Style, View, terminal_size};

/// How many Records the past has, if nobody says.
pub(crate) const HISTORY: u64 = simulate::history::RECORDS;
/// How often the view is drawn.
const FRAME: Duration = Duration::from_millis(500);
/// How often it is written where it cannot be drawn in place.
const PLAIN_FRAME: Duration = Duration::from_secs(10);

/// Runs the demo until it is interrupted.
#[must_use]
pub fn run(options: &DemoOptions) -> ExitCode {
    match demo(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::say(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn demo(options: &DemoOptions) -> Result<(), Box<dyn std::error::Error>> {
    let provider = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    provider.set_nonblocking(true)?;
    let config = configure(options, provider.local_addr()?)?;
    let past = history::write(&config, options.history, crate::recorder::now())?;
    // The view is a follower like any other; what it has no time to draw it does not hold up.
    let (lines, shown) = sync_channel(1024);
    let running = Running::start_with(config, vec![Box::new(ToView { lines })])?;
    let view = View::new(header(&running, options, past));
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?
        .block_on(animate(provider, options, running.listen.port(), view, &shown));
    running.stop()?;
    Ok(outcome?)
}

/// The town's configuration, with every provider simulated.
fn configure(options: &DemoOptions, provider: SocketAddr) -> Result<Config, crate::config::ConfigError> {
    let mut written = simulate::history::configuration()?;
    for one in &mut written.providers {
        one.base_url = Some(format!("http://{provider}/v1"));
    }
    let overrides = Overrides {
        listen: Some(options.listen),
        admin: Some(options.admin_listen),
        data_dir: Some(options.data_dir.clone()),
    };
    let config = Config::with_overrides(written, &overrides)?;
    Ok(Config { stdout: false, simulated: true, ..config })
}

/// Mostly models that the example has a price for, and some that it has none for, since that is seen in life as well.
fn mix() -> Vec<WeightedModel> {
    [
        ("gpt-4", 2.0),
        ("gpt-3.5-turbo", 3.0),
        ("gpt-4-turbo", 0.5),
        ("gpt-5-mini", 1.0),
        ("claude-sonnet-4-5", 1.5),
        ("gemini-2.5-flash", 1.5),
        ("harbour-support-8b", 0.5),
        ("text-embedding-3-small", 1.0),
    ]
    .map(|(name, weight)| WeightedModel { name: name.to_owned(), weight })
    .to_vec()
}

fn header(running: &Running, options: &DemoOptions, past: u64) -> Vec<String> {
    let mut lines = vec![
        "Weir demo: everything here is simulated, no key is needed and nothing leaves this machine.".to_owned(),
        format!("callers    http://{}/v1   (point an OpenAI client here)", running.listen),
        format!("operators  http://{}", running.admin),
        format!("records    {}", options.data_dir.join("journal").display()),
    ];
    if past > 0 {
        lines.push(format!("history    {past} Records of the last {} days, simulated too", simulate::history::DAYS));
    }
    lines
}

/// Brings lines to the view.
struct ToView {
    lines: SyncSender<String>,
}

impl Sink for ToView {
    fn name(&self) -> &str {
        "view"
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        for line in batch.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // When the view has gone, so has the need to show anything.
            let _ = self.lines.try_send(String::from_utf8_lossy(line).into_owned());
        }
        Ok(())
    }
}

async fn animate(
    provider: std::net::TcpListener,
    options: &DemoOptions,
    port: u16,
    view: View,
    lines: &Receiver<String>,
) -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let told = |mut stopping: watch::Receiver<bool>| async move { drop(stopping.wait_for(|stop| *stop).await) };
    let answers =
        ProviderOptions { error_rate: 0.01, rate_limit_rate: 0.01, cut_rate: 0.005, ..ProviderOptions::default() };
    let provider = tokio::net::TcpListener::from_std(provider)?;
    let serving = tokio::spawn(provider::serve(provider, answers, told(stopping.clone())));
    let callers =
        TrafficOptions { url: BaseUrl::local(port), rate: options.rate, models: mix(), ..TrafficOptions::default() };
    let calling = tokio::spawn(traffic::run(callers, told(stopping), |_| {}));
    let shown = show(view, lines).await;
    stop.send_replace(true);
    // Both end by themselves once told; what they report is of no interest here.
    let _ = calling.await;
    let _ = serving.await;
    shown
}

/// Draws until interrupted. The terminal is left as it was found, whatever happens.
async fn show(mut view: View, lines: &Receiver<String>) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let in_place = io::stdout().is_terminal();
    if !in_place {
        view = view.with_style(Style::Plain);
    }
    write(view.opening())?;
    let mut drawn = Instant::now() - PLAIN_FRAME;
    let outcome = loop {
        while let Ok(line) = lines.try_recv() {
            view.push(&line);
        }
        if in_place || drawn.elapsed() >= PLAIN_FRAME {
            drawn = Instant::now();
            let (columns, rows) = terminal_size();
            if let Err(error) = write(&view.render(columns, rows)) {
                break Err(error);
            }
        }
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            () = tokio::time::sleep(FRAME) => {}
        }
    };
    write(view.closing())?;
    outcome
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
