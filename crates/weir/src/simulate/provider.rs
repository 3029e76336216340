//! A simulated provider: OpenAI's API over HTTP, with words, tokens, delays and failures, and no model behind it.
//!
//! It is what `weir demo` measures where no key is at hand, and what tests and benchmarks run against. Every answer carries
//! `x-weir-simulated: true`. Keys are not looked at.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::number::{above_zero, seconds, share};

mod answer;
mod embedding;
mod fault;
mod model;
mod pace;
mod refusal;
mod request;
mod schema;
mod service;
mod wire;

#[cfg(test)]
pub(super) mod tests;

/// The most connections at a time; others wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;
/// How long answers may go on after the order to stop.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a caller may take to send a request's head.
const HEAD: Duration = Duration::from_secs(30);
/// The rest after a connection could not be accepted, so that a process out of file descriptors does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How the simulated provider behaves.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct ProviderOptions {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value_t = Self::default().listen)]
    pub listen: SocketAddr,

    /// Median time to first token, in seconds. Models differ from it as they do in life.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = Self::default().first_token_seconds)]
    pub first_token_seconds: f64,

    /// Tokens per second of one answer, for an average model.
    #[arg(long, value_name = "TOKENS", value_parser = above_zero, default_value_t = Self::default().tokens_per_second)]
    pub tokens_per_second: f64,

    /// Median length of an answer, in tokens, where the caller sets no limit.
    #[arg(long, value_name = "TOKENS", value_parser = above_zero, default_value_t = Self::default().answer_tokens)]
    pub answer_tokens: f64,

    /// Share of requests answered with status 500, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    pub error_rate: f64,

    /// Share of requests answered with status 429 and `retry-after`, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    pub rate_limit_rate: f64,

    /// Share of answers cut in the middle by closing the connection, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    pub cut_rate: f64,

    /// Share of answers with broken JSON, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    pub malformed_rate: f64,

    /// Share of answers that fall silent for `--silence-seconds`, from 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.0)]
    pub silence_rate: f64,

    /// Length of a silence, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = Self::default().silence_seconds)]
    pub silence_seconds: f64,

    /// Seed of everything left to chance: with the same seed and the same requests in the same order, the answers are the
    /// same but for `created`.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Leave `"usage":null` out of the events before the usage event, as some compatible providers do.
    #[arg(long)]
    pub no_null_usage: bool,
}

impl Default for ProviderOptions {
    fn default() -> ProviderOptions {
        ProviderOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4010)),
            first_token_seconds: 0.35,
            tokens_per_second: 60.0,
            answer_tokens: 140.0,
            error_rate: 0.0,
            rate_limit_rate: 0.0,
            cut_rate: 0.0,
            malformed_rate: 0.0,
            silence_rate: 0.0,
            silence_seconds: 30.0,
            seed: None,
            no_null_usage: false,
        }
    }
}

impl ProviderOptions {
    /// Every request has one fate, so the shares of what goes wrong add up to 1 at most.
    fn check(&self) -> io::Result<()> {
        let rates = [self.error_rate, self.rate_limit_rate, self.cut_rate, self.malformed_rate, self.silence_rate];
        if rates.iter().sum::<f64>() <= 1.0 + 1e-9 {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "the shares of what goes wrong add up to more than 1"))
    }
}

/// What the provider has done so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) streams: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) faults: AtomicU64,
    pub(super) output_tokens: AtomicU64,
}

impl Tally {
    fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// Serves OpenAI's API on `listener` until `shutdown` is done, then lets answers end for two seconds at most.
///
/// Runs on any tokio runtime, a current-thread one included. `options.listen` is not looked at: the listener is there already.
///
/// # Errors
/// Where `options` contradict themselves. What goes wrong with a single connection ends that connection only.
pub async fn serve(
    listener: TcpListener,
    options: ProviderOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_counted(listener, options, shutdown, Arc::default()).await
}

/// [`serve`], with a tally to read from outside.
pub(super) async fn serve_counted(
    listener: TcpListener,
    options: ProviderOptions,
    shutdown: impl Future<Output = ()>,
    tally: Arc<Tally>,
) -> io::Result<()> {
    options.check()?;
    let provider = Arc::new(service::Provider::new(options, Arc::clone(&tally)));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    Tally::add(&tally.connections, 1);
                    connections.spawn(converse(stream, Arc::clone(&provider), stopped.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
        }
    }
    drop(listener);
    // Fails only where no connection is left to hear it.
    let _ = stop.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What is still there after the time to drain is dropped with the set.
    let _ = tokio::time::timeout(DRAIN, drained).await;
    Ok(())
}

/// Done when the order to stop has come, or can no longer come.
async fn ordered_to_stop(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

/// Answers the requests of one connection until either side has had enough.
async fn converse(stream: TcpStream, provider: Arc<service::Provider>, mut stopped: watch::Receiver<bool>) {
    // Tokens are small and should leave at once; where the option cannot be set they leave a little later.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    let service = service_fn(move |request| service::handle(Arc::clone(&provider), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ordered_to_stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A caller that hangs up and an answer that is cut both end here: it is what this provider is for.
    drop(ended);
}
