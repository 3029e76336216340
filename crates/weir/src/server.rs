//! Sockets and threads: one runtime per worker thread, each with its own listener, and an ordered way down: stop accepting,
//! let answers end, record the rest, flush, close.

mod connection;
mod grid;
mod hash_key;
mod keep;
mod listen;
mod refusal;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use store::library::Libraries;
use store::{DataDir, DataDirError, Library};
use tokio::sync::watch;

use crate::admin::{Admin, Sessions};
use crate::config::{Config, ConfigError, Durability};
use crate::hub::Hub;
use crate::proxy::{Drains, Pool, Shared, Snapshot, Worker};
use crate::push::Receiver;
use crate::query::Api;
use crate::recorder::{self, Recorder, Recovered};
use crate::seal;
use crate::sink::{Feed, Follower, Loki, Progress, Sink, Stdout};
use crate::{energy, prices};

/// How long followers get to deliver what is left.
const FLUSH: Duration = Duration::from_secs(5);

/// Why Weir does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address is taken, or not this machine's.
    #[error("{0}")]
    Listen(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The segments cannot be used.
    #[error(transparent)]
    Segments(#[from] store::SegmentError),
    /// Something else that the system refused.
    #[error("{place}: {source}")]
    Io {
        /// What was tried.
        place: String,
        /// What the system said.
        source: io::Error,
    },
}

fn io_error(place: impl Into<String>) -> impl FnOnce(io::Error) -> ServeError {
    let place = place.into();
    move |source| ServeError::Io { place, source }
}

/// Why a configuration that was read again is not taken over. The one before stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It cannot be used, or changes what cannot change.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file that it names cannot be used.
    #[error("{place}: {source}")]
    Io {
        /// What was tried.
        place: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What became of configurations that were read again.
#[derive(Debug)]
pub struct Reloads {
    /// How many were taken over.
    pub applied: AtomicU64,
    /// How many were refused.
    pub refused: AtomicU64,
    /// Whether the last one was taken over, or there was none.
    pub last_applied: AtomicBool,
    /// When the one in force was taken over, in seconds since 1970.
    pub applied_at: AtomicU64,
    /// When the first one was: the process's start.
    pub started: u64,
}

impl Default for Reloads {
    fn default() -> Self {
        let (applied, refused) = Default::default();
        let started = seconds();
        Reloads { applied, refused, last_applied: AtomicBool::new(true), applied_at: AtomicU64::new(started), started }
    }
}

fn seconds() -> u64 {
    recorder::now() / 1_000_000_000
}

impl Reloads {
    fn count(&self, applied: bool) {
        let counter = if applied { &self.applied } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        self.last_applied.store(applied, Ordering::Relaxed);
        if applied {
            self.applied_at.store(seconds(), Ordering::Relaxed);
        }
    }
}

/// What the operators' side knows beside what the recorder and the proxy do.
#[derive(Debug, Default)]
pub struct Housekeeping {
    /// The configuration.
    pub reloads: Reloads,
    /// Their size.
    pub journal_bytes: AtomicU64,
    /// Lines that went before a follower had read them.
    pub dropped_lines: AtomicU64,
    /// Whether files of the journal can be made into segments.
    pub seals: Arc<AtomicBool>,
}

/// What connections are taken through TLS by, if they are. It changes when certificates are renewed.
type Acceptor = Arc<Mutex<Option<Arc<ServerConfig>>>>;

/// Cuts a grace period short.
#[derive(Debug, Clone)]
pub struct Hurry(watch::Sender<bool>);

impl Hurry {
    /// Answers that are under way get no more time.
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

/// A Weir at work.
#[derive(Debug)]
pub struct Running {
    /// Where callers connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin: SocketAddr,
    /// What an earlier process left behind.
    pub recovered: Recovered,
    /// What was asked for: a port 0 is still one.
    config: Config,
    shared: Arc<Shared>,
    acceptor: Acceptor,
    housekeeping: Arc<Housekeeping>,
    stop: watch::Sender<bool>,
    hurry: Hurry,
    workers: Vec<JoinHandle<()>>,
    admin_thread: JoinHandle<()>,
    counter: JoinHandle<()>,
    keepers: Vec<JoinHandle<()>>,
    keepers_stop: Arc<AtomicBool>,
    followers: Vec<Follower>,
    library: Arc<Library>,
    _data_dir: DataDir,
}

impl Running {
    /// Starts. When this returns requests are answered.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub fn start(config: Config) -> Result<Running, ServeError> {
        Running::start_with(config, Vec::new())
    }

    /// Starts, with followers beside those that the configuration names.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub fn start_with(config: Config, sinks: Vec<Box<dyn Sink>>) -> Result<Running, ServeError> {
        listen::raise_file_limit();
        let acceptor = config.tls.as_ref().map(listen::tls).transpose().map_err(io_error("tls"))?;
        let acceptor: Acceptor = Arc::new(Mutex::new(acceptor));
        let listeners = listen::bind(config.listen, config.threads, "listen", "--listen")?;
        let admin_listener = listen::bind(config.admin, 1, "admin.listen", "--admin-listen")?;
        let (listen, admin) = (listen::local(&listeners)?, listen::local(&admin_listener)?);
        let data_dir = DataDir::open(&config.data_dir)?;
        let place = data_dir.path().display().to_string();
        let (recorder, recovered) =
            Recorder::open(data_dir.path(), recorder_options(&config)).map_err(io_error(place.clone()))?;
        let recorder = Arc::new(recorder);
        let library = Arc::new(seal::open(data_dir.path())?);
        let others = Arc::new(Libraries::new(data_dir.path(), seal::open_library));
        let followers = followers(&config, &recorder, sinks).map_err(io_error(place))?;
        let mut bound = energy::with_newest(prices::with_newest(Config { listen, admin, ..config.clone() }));
        hash_key::provide(&mut bound).map_err(io_error("hash_key"))?;
        let shared = Arc::new(Shared::new(bound, recorder).map_err(io_error("providers"))?);
        let (stop, stopping) = watch::channel(false);
        let hurry = Hurry(watch::Sender::new(false));
        let keepers_stop = Arc::new(AtomicBool::new(false));
        // Until the first one cannot be made.
        let seals = Arc::new(AtomicBool::new(true));
        let housekeeping = Arc::new(Housekeeping { seals, ..Housekeeping::default() });
        let progress: Vec<Arc<Progress>> = followers.iter().map(|follower| follower.progress.clone()).collect();
        let receiver = Arc::new(Receiver::open(&config).map_err(io_error("pushed"))?);
        let hub = Arc::new(Hub::new(&config.data_dir));
        let brought = (&receiver, &hub);
        let keepers =
            keep::threads(&config, &shared, &progress, (&library, &others), &housekeeping, brought, &keepers_stop)
                .map_err(io_error("threads"))?;
        let admin_side = Admin {
            address: admin,
            shared: shared.clone(),
            followers: progress,
            housekeeping: housekeeping.clone(),
            library: library.clone(),
            api: Arc::new(Api::start(&config, library.clone(), others, receiver.clone()).map_err(io_error("query"))?),
            receiver,
            hub,
            sessions: Sessions::default(),
        };
        let counter = counter(&shared).map_err(io_error("threads"))?;
        let admin_thread =
            connection::spawn_admin(admin_listener, admin_side, stopping.clone()).map_err(io_error("threads"))?;
        let workers = listeners
            .into_iter()
            .enumerate()
            .map(|(index, listener)| {
                connection::spawn_worker(
                    index,
                    listener,
                    worker(&shared),
                    acceptor.clone(),
                    stopping.clone(),
                    hurry.0.subscribe(),
                )
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(io_error("threads"))?;
        Ok(Running {
            listen,
            admin,
            recovered,
            config,
            shared,
            acceptor,
            housekeeping,
            stop,
            hurry,
            workers,
            admin_thread,
            counter,
            keepers,
            keepers_stop,
            followers,
            library,
            _data_dir: data_dir,
        })
    }

    /// Who writes Records.
    #[must_use]
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.shared.recorder
    }

    /// The segments of what was sealed.
    #[must_use]
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Takes over a configuration that was read again: requests that come from now on are served by it, those under way
    /// keep theirs, and connections stay.
    ///
    /// # Errors
    /// It cannot be used, or changes what cannot change; then everything stays as it was.
    pub fn reload(&mut self, config: Result<Config, ConfigError>) -> Result<(), ReloadError> {
        let outcome = self.take_over(config);
        self.housekeeping.reloads.count(outcome.is_ok());
        outcome
    }

    fn take_over(&mut self, config: Result<Config, ConfigError>) -> Result<(), ReloadError> {
        let config = self.config.succeed(config?)?;
        let acceptor = config.tls.as_ref().map(listen::tls).transpose();
        let acceptor = acceptor.map_err(|source| ReloadError::Io { place: "tls", source })?;
        let mut bound = energy::with_newest(prices::with_newest(Config {
            listen: self.listen,
            admin: self.admin,
            ..config.clone()
        }));
        hash_key::provide(&mut bound).map_err(|source| ReloadError::Io { place: "hash_key", source })?;
        self.shared.replace(bound).map_err(|source| ReloadError::Io { place: "providers", source })?;
        *self.acceptor.lock().unwrap_or_else(PoisonError::into_inner) = acceptor;
        self.config = config;
        Ok(())
    }

    /// What cuts short the grace period of [`Running::stop`].
    #[must_use]
    pub fn hurry(&self) -> Hurry {
        self.hurry.clone()
    }

    /// Stops accepting, lets answers end within the grace period, records the rest, flushes and closes.
    ///
    /// # Errors
    /// The journal could not be written to the end.
    pub fn stop(self) -> Result<(), ServeError> {
        // Requests on kept connections are answered with `connection: close` from now on.
        self.stop.send_replace(true);
        for worker in self.workers {
            let _ = worker.join();
        }
        // What is left to be counted gets its Record before the followers deliver.
        self.shared.recorder.stop_count();
        let _ = self.counter.join();
        Follower::stop_all(self.followers, FLUSH);
        self.keepers_stop.store(true, Ordering::Release);
        for keeper in self.keepers {
            keeper.thread().unpark();
            let _ = keeper.join();
        }
        let closed = self.shared.recorder.close().map_err(io_error("journal"));
        drop(self.stop);
        let _ = self.admin_thread.join();
        closed
    }
}

/// Looks at the files that a configuration names and that are read only when Weir starts.
///
/// # Errors
/// One of them cannot be used.
pub fn check(config: &Config) -> Result<(), ServeError> {
    config.tls.as_ref().map(listen::tls).transpose().map_err(io_error("tls"))?;
    Snapshot::check(config).map_err(io_error("providers"))?;
    config.followers.iter().try_for_each(|follower| {
        Loki::new(follower, &config.data_dir).map(drop).map_err(io_error(format!("followers.\"{}\"", follower.name)))
    })
}

fn recorder_options(config: &Config) -> recorder::Options {
    recorder::Options {
        max_in_flight: config.max_in_flight,
        durability: config.durability,
        on_failure: config.on_journal_failure,
        journal: store::Options {
            rotate_bytes: config.journal.rotate_bytes,
            rotate_after: config.journal.rotate_after,
            sync: config.durability == Durability::Fsync,
        },
    }
}

fn followers(config: &Config, recorder: &Recorder, mut sinks: Vec<Box<dyn Sink>>) -> io::Result<Vec<Follower>> {
    if config.stdout {
        sinks.push(Box::new(Stdout::default()));
    } else {
        // When it is turned on again it begins with what comes then, not with all that was.
        store::Cursor::forget(&config.data_dir.join("cursors"), "stdout")?;
    }
    for follower in &config.followers {
        sinks.push(Box::new(Loki::new(follower, &config.data_dir)?));
    }
    for hub in &config.hubs {
        sinks.push(Box::new(Feed::new(hub, config.instance.as_deref().unwrap_or_default(), &config.data_dir)?));
    }
    let start = recorder.first_new_line();
    sinks.into_iter().map(|sink| Follower::start(&config.data_dir, recorder.end(), start, sink)).collect()
}

/// What a worker thread works on.
fn worker(shared: &Arc<Shared>) -> Arc<Worker> {
    Arc::new(Worker {
        shared: shared.clone(),
        pool: Pool::default(),
        stopping: AtomicBool::new(false),
        drains: Drains::default(),
    })
}

/// The thread that counts tokens.
fn counter(shared: &Shared) -> io::Result<JoinHandle<()>> {
    let recorder = shared.recorder.clone();
    recorder.expect_count();
    std::thread::Builder::new().name("count-tokens".to_owned()).spawn(move || recorder.count())
}
