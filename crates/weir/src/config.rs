//! Configuration: what was written ([`Written`]) becomes what is needed ([`Config`]), once, or is refused with a reason.

mod amount;
mod auth;
mod caller;
mod energy;
mod field;
mod fixed;
mod follower;
mod goal;
mod place;
mod presets;
mod pricing;
mod provider;
mod push;
mod query;
mod secret;
mod token;
mod watch;
mod written;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use meter::cost::Prices;
use meter::energy::Estimator;

pub use amount::{Bytes, Span};
pub use auth::{Auth, Secret};
pub use caller::{Caller, Callers, KEY_PREFIX, sha256};
pub use energy::{Grid, site_of};
pub use field::{Destination, Fields, Kind, Plan, Raw, Source};
pub use follower::{LokiConfig, USUAL_LABELS, load_followers};
pub use goal::{Grafana, Slo};
pub use meter::pattern::Pattern;
pub use presets::{PRESETS, Preset, from_environment};
pub use provider::{Key, Provider, Upstream, shown_in};
pub use push::{PushConfig, SERVICE_LABELS};
pub use query::{Backend, QueryConfig};
pub use secret::{HashKey, hex, redact, redact_prefixed};
pub use token::{Access, Scope, Token};
pub use watch::Watched;
use written::WrittenAdmin;
pub use written::{Durability, OnClientGone, OnJournalFailure, Written, schema};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML, or not what the schema says; with a hint. What was written is not repeated, since it may be a key.
    #[error("{text}")]
    Malformed {
        /// Where the trouble begins, in bytes.
        offset: Option<usize>,
        /// What is wrong.
        text: String,
    },
    /// A value that cannot be.
    #[error("{place}: {reason}")]
    Invalid {
        /// Where it stands: `providers."openai".base_url`.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl ConfigError {
    /// The same with the file in front, and the line and column if they are known.
    fn located(self, path: &Path, file: &str) -> ConfigError {
        let at = |position: Option<(usize, usize)>| match position {
            Some((line, column)) => format!("{}:{line}:{column}", path.display()),
            None => path.display().to_string(),
        };
        match self {
            ConfigError::Malformed { offset, text } => {
                let at = at(offset.map(|offset| place::position(file, offset)));
                ConfigError::Malformed { offset, text: format!("{at}: {text}") }
            }
            ConfigError::Invalid { place, reason } => {
                let at = at(place::find(file, &place));
                ConfigError::Invalid { place: format!("{at}: {place}"), reason }
            }
            other @ ConfigError::Unreadable { .. } => other,
        }
    }
}

pub(crate) fn invalid(place: impl Into<String>, reason: impl std::fmt::Display) -> ConfigError {
    // Who writes a key in the wrong place does not find it in a log.
    ConfigError::Invalid { place: place.into(), reason: redact(&reason.to_string()) }
}

/// What the command line says in place of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Where callers connect.
    pub listen: Option<SocketAddr>,
    /// Where operators connect.
    pub admin: Option<SocketAddr>,
    /// Where everything durable lies.
    pub data_dir: Option<PathBuf>,
}

/// The files that a configuration is made of: itself, and those that it names. As far as it can be read, that is.
#[must_use]
pub fn files(path: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let named = Written::parse(&text).map(|written| written.files()).unwrap_or_default();
    std::iter::once(path.to_owned()).chain(named).collect()
}

/// Limits on time.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Connecting to a provider, TLS included.
    pub connect: Duration,
    /// From the request's departure to the answer's head.
    pub first_byte: Duration,
    /// Silence between two pieces of an answer.
    pub between_chunks: Duration,
    /// A request as a whole.
    pub total: Duration,
    /// A caller's head, or silence within its body.
    pub caller: Duration,
}

/// A name that stands for a model of a provider.
#[derive(Debug, Clone)]
pub struct Route {
    /// The name that callers use.
    pub model: String,
    /// Where it leads: the provider's place in [`Config::providers`].
    pub provider: usize,
    /// The model that the provider is asked for.
    pub target: String,
}

/// How the journal is kept.
#[derive(Debug, Clone, Copy)]
pub struct JournalConfig {
    /// Size after which the next file begins.
    pub rotate_bytes: u64,
    /// Age after which the next file begins.
    pub rotate_after: Duration,
    /// Size of all files together beyond which the oldest go.
    pub max_bytes: u64,
    /// Age after which a file goes that every follower has read; `None` keeps it.
    pub keep: Option<Duration>,
}

/// How Records are kept in columns.
#[derive(Debug, Clone, Copy)]
pub struct StoreConfig {
    /// Whether they are.
    pub enabled: bool,
    /// How long; `None` keeps them.
    pub retention: Option<Duration>,
}

/// TLS towards callers.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Everything that `weir serve` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where callers connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin: SocketAddr,
    /// Who may ask there.
    pub access: Access,
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// Worker threads.
    pub threads: usize,
    /// Whether Records go to stdout.
    pub stdout: bool,
    /// The name of this Weir on its Records.
    pub instance: Option<String>,
    /// Requests at a time.
    pub max_in_flight: u32,
    /// The largest JSON body, in bytes.
    pub body_limit: u64,
    /// All JSON bodies together, in bytes.
    pub body_memory: u64,
    /// What a Record survives.
    pub durability: Durability,
    /// What happens while the journal cannot be written.
    pub on_journal_failure: OnJournalFailure,
    /// Names beside the listen address under which callers may address Weir.
    pub allowed_hosts: Vec<String>,
    /// Origins of browsers' pages that may call.
    pub allowed_origins: Vec<String>,
    /// How long streams may go on after SIGTERM.
    pub shutdown_grace: Duration,
    /// TLS towards callers, if any.
    pub tls: Option<TlsConfig>,
    /// How providers are reached.
    pub upstream: Upstream,
    /// Limits on time.
    pub timeouts: Timeouts,
    /// How the journal is kept.
    pub journal: JournalConfig,
    /// What others may push.
    pub push: PushConfig,
    /// How Records are kept in columns.
    pub store: StoreConfig,
    /// What questions may take.
    pub query: QueryConfig,
    /// Service levels that the page measures.
    pub slos: Vec<Slo>,
    /// Where Grafana is, if anybody said.
    pub grafana: Option<Grafana>,
    /// Who answers them in Weir's place, if somebody does.
    pub backend: Option<Backend>,
    /// Who answers.
    pub providers: Vec<Provider>,
    /// Names of one's own for models.
    pub routes: Vec<Route>,
    /// What models cost.
    pub prices: Prices,
    /// What models draw, and what that comes to.
    pub energy: Estimator,
    /// Grids by the hour that are asked for.
    pub grids: Vec<Grid>,
    /// Who may call; everybody, if there is none.
    pub callers: Callers,
    /// What is recorded beside what Weir records by itself.
    pub fields: Fields,
    /// What values are hashed with, if it was given.
    pub hash_key: Option<HashKey>,
    /// The Lokis that Records go to beside the journal and stdout.
    pub followers: Vec<LokiConfig>,
    /// The hubs that they go to.
    pub hubs: Vec<LokiConfig>,
    /// What other Weirs show that feed this one.
    pub hub_token: Option<Secret>,
    /// Whether every Record is marked as simulated.
    pub simulated: bool,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
        Config::read(path, overrides, |_| {})
    }

    /// Reads a file for what it says of prices, energy and places. Secrets are not looked at, so that who only asks needs none.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load_without_secrets(path: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
        Config::read(path, overrides, Written::forget_secrets)
    }

    fn read(path: &Path, overrides: &Overrides, change: impl Fn(&mut Written)) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let read = |mut written| {
            change(&mut written);
            Config::with_overrides(written, overrides)
        };
        Written::parse(&text).and_then(read).map_err(|error| error.located(path, &text))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::from_written(Written::parse(text)?)
    }

    /// Makes of what was written what is needed.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn from_written(written: Written) -> Result<Config, ConfigError> {
        Config::with_overrides(written, &Overrides::default())
    }

    /// The same, where the command line says something too.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn with_overrides(written: Written, overrides: &Overrides) -> Result<Config, ConfigError> {
        let providers = provider::providers(&written.providers)?;
        let routes = routes(&written, &providers)?;
        let callers = caller::callers(&written.keys)?;
        let prices = pricing::prices(&written, &providers)?;
        let (energy, grids) = energy::estimator(&written, &providers, &prices)?;
        let fields = field::fields(&written.fields, &callers)?;
        let followers = follower::followers(&written.followers, &fields)?;
        let config = Config {
            listen: overrides.listen.map_or_else(|| address_at("listen", &written.listen), Ok)?,
            admin: overrides.admin.map_or_else(|| address_at("admin.listen", &written.admin.listen), Ok)?,
            access: token::access(&written.admin)?,
            data_dir: overrides.data_dir.as_ref().unwrap_or(&written.data_dir).clone(),
            threads: threads(written.threads)?,
            stdout: written.stdout,
            instance: instance(&written)?,
            max_in_flight: in_flight(written.max_in_flight)?,
            body_limit: written.body_limit.0,
            body_memory: written.body_memory.0,
            durability: written.durability,
            on_journal_failure: written.on_journal_failure,
            allowed_hosts: written.allowed_hosts.clone(),
            allowed_origins: origins(&written.allowed_origins)?,
            shutdown_grace: written.shutdown_grace.0,
            tls: written.tls.as_ref().map(|tls| TlsConfig { cert: tls.cert.clone(), key: tls.key.clone() }),
            upstream: provider::upstream(&written.upstream)?,
            timeouts: written.timeouts.needed()?,
            journal: written.journal.needed()?,
            push: written.push.needed(&followers)?,
            store: written.store.needed(),
            query: written.query.needed()?,
            slos: goal::slos(&written.slo)?,
            grafana: goal::grafana(&written.page)?,
            backend: written.query.backend()?,
            providers,
            routes,
            prices,
            energy,
            grids,
            followers,
            hubs: follower::hubs(&written.followers, &fields, written.instance.as_ref())?,
            hub_token: hub_token(&written)?,
            fields,
            callers,
            hash_key: hash_key(&written)?,
            simulated: false,
        };
        config.refuse_open_door()?;
        if config.providers.is_empty() {
            let reason =
                "there is none, so every request would be refused; add [[providers]] with a name and a base_url";
            return Err(invalid("providers", reason));
        }
        Ok(config)
    }

    /// Whoever reaches a Weir that holds a key spends its owner's money; where callers need no keys of their own, that must
    /// not be more than this machine.
    fn refuse_open_door(&self) -> Result<(), ConfigError> {
        let holder = self.providers.iter().find(|provider| matches!(provider.key, Key::Held(_)));
        match holder {
            Some(provider) if !self.listen.ip().is_loopback() && self.callers.is_empty() => Err(invalid(
                "listen",
                format_args!(
                    "{} is reachable from other machines, and Weir holds the key of provider \"{}\": anyone there could \
                     spend it. Give callers keys of their own ([[keys]], `weir key new`), listen on 127.0.0.1, or set \
                     api_key = \"caller\" so that callers bring the provider's key",
                    self.listen, provider.name
                ),
            )),
            _ => Ok(()),
        }
    }
}

fn address_at(place: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    address(text).map_err(|reason| invalid(place, reason))
}

/// An IP address and a port, or `localhost` and a port.
///
/// # Errors
/// It is something else.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    numeric.parse().map_err(|_| format!("{:?} is not an address; write \"127.0.0.1:4000\"", secret::address(text)))
}

fn threads(written: Option<usize>) -> Result<usize, ConfigError> {
    match written {
        Some(threads @ 1..=1024) => Ok(threads),
        Some(threads) => Err(invalid("threads", format_args!("{threads} is not between 1 and 1024"))),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

fn in_flight(written: u32) -> Result<u32, ConfigError> {
    match written {
        1..=1_000_000 => Ok(written),
        _ => Err(invalid("max_in_flight", format_args!("{written} is not between 1 and 1000000"))),
    }
}

/// Pods of a set have one file and a name each, which stands in a variable.
fn instance(written: &Written) -> Result<Option<String>, ConfigError> {
    let Some(name) = written.instance.as_deref().filter(|text| text.starts_with("env:")) else {
        return Ok(written.instance.clone());
    };
    secret::read(name, "a name").map(Some).map_err(|reason| invalid("instance", reason))
}

fn hub_token(written: &Written) -> Result<Option<Secret>, ConfigError> {
    let token = written.hub.token.as_deref().map(Secret::new);
    token.transpose().map_err(|reason| invalid("hub.token", reason))
}

fn hash_key(written: &Written) -> Result<Option<HashKey>, ConfigError> {
    let key = written.hash_key.as_deref().map(|text| secret::read(text, "").and_then(|key| HashKey::new(&key)));
    key.transpose().map_err(|reason| invalid("hash_key", reason))
}

/// Origins as browsers write them: a scheme, a host, and a port where it is not the scheme's own.
fn origins(written: &[String]) -> Result<Vec<String>, ConfigError> {
    for origin in written.iter().filter(|origin| *origin != "*") {
        let uri = origin.parse::<http::Uri>().ok().filter(|uri| uri.scheme().is_some());
        let bare = uri.and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
        if bare.as_ref() != Some(origin) {
            let hint = bare.map_or_else(|| "https://app.example.com".to_owned(), |bare| bare.to_lowercase());
            let reason = format_args!(
                "{:?} is not an origin, so no page would have it; write {:?}, or \"*\"",
                secret::address(origin),
                secret::address(&hint)
            );
            return Err(invalid("allowed_origins", reason));
        }
    }
    Ok(written.to_vec())
}

fn routes(written: &Written, providers: &[Provider]) -> Result<Vec<Route>, ConfigError> {
    let mut routes: Vec<Route> = Vec::new();
    for route in &written.routes {
        let place = format!("routes.\"{}\"", route.model);
        let [target] = route.targets.as_slice() else {
            let count = route.targets.len();
            return Err(invalid(place, format_args!("has {count} targets; this version takes exactly one")));
        };
        let Some(provider) = providers.iter().position(|provider| provider.name == target.provider) else {
            return Err(invalid(place, format_args!("there is no provider named \"{}\"", target.provider)));
        };
        if routes.iter().any(|other| other.model == route.model) {
            return Err(invalid(place, "this model has two routes"));
        }
        let target = target.model.clone().unwrap_or_else(|| route.model.clone());
        routes.push(Route { model: route.model.clone(), provider, target });
    }
    Ok(routes)
}

#[cfg(test)]
mod tests;
