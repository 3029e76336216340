//! What a request is served by: the configuration and what was made of it. A request takes the newest snapshot with its
//! head and keeps it to its Record, so that a configuration that is read again meanwhile never shows in half of it.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::caller::Gate;
use super::upstream;
use crate::config::{Config, Key, Provider};

/// Numbers of snapshots and of ways to providers: no two in a process are the same, whichever Weir they belong to.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// See the module.
#[derive(Debug)]
pub struct Snapshot {
    /// The configuration.
    pub config: Config,
    /// Whether Weir adds a key to anything that it passes on.
    pub(super) holds_key: bool,
    pub(super) gate: Gate,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    /// By provider.
    pub(super) ways: Vec<Way>,
    /// The certificates that `tls` was made of beside the system's.
    ca: Option<Vec<u8>>,
    number: u64,
}

/// What is kept of a provider from one snapshot to the next, as long as it is reached in the same way.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// Connections are kept under this number.
    pub(super) number: u64,
    /// Whether it may still be asked for the usage of a stream.
    pub(super) may_ask: Arc<AtomicBool>,
}

impl Snapshot {
    /// Whether there can be one for this configuration.
    ///
    /// # Errors
    /// The certificates for reaching providers cannot be read.
    pub fn check(config: &Config) -> io::Result<()> {
        upstream::tls(config).map(drop)
    }

    /// For a configuration that comes after `before`.
    ///
    /// # Errors
    /// The certificates for reaching providers cannot be read.
    fn new(config: Config, before: Option<&Snapshot>) -> io::Result<Snapshot> {
        let ca = config.upstream.ca_file.as_deref().map(read).transpose()?;
        let same_roots = before.filter(|before| before.ca == ca);
        let tls = match same_roots.and_then(|before| before.tls.clone()) {
            Some(tls) => Some(tls),
            None => upstream::tls(&config)?,
        };
        let known = same_roots.filter(|before| before.config.upstream == config.upstream);
        Ok(Snapshot {
            holds_key: config.providers.iter().any(|provider| matches!(provider.key, Key::Held(_))),
            gate: Gate::new(&config),
            ways: config.providers.iter().map(|provider| way(provider, known)).collect(),
            tls,
            ca,
            number: next(),
            config,
        })
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| io::Error::other(format!("upstream.ca_file {}: {error}", path.display())))
}

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn way(provider: &Provider, before: Option<&Snapshot>) -> Way {
    let fresh = || Way { number: next(), may_ask: Arc::new(AtomicBool::new(provider.inject_usage)) };
    let Some(before) = before else { return fresh() };
    let Some(index) = before.config.providers.iter().position(|other| other.name == provider.name) else {
        return fresh();
    };
    let other = &before.config.providers[index];
    if other.scheme != provider.scheme || other.authority != provider.authority {
        return fresh();
    }
    let way = before.ways[index].clone();
    if other.path == provider.path && other.inject_usage == provider.inject_usage {
        return way;
    }
    Way { number: way.number, ..fresh() }
}

/// The newest snapshot. A thread that has it already finds that out by comparing a number.
#[derive(Debug)]
pub(super) struct Newest {
    snapshot: Mutex<Arc<Snapshot>>,
    number: AtomicU64,
}

thread_local! {
    static SEEN: RefCell<Option<Arc<Snapshot>>> = const { RefCell::new(None) };
}

impl Newest {
    /// For the first configuration.
    pub(super) fn new(config: Config) -> io::Result<Newest> {
        let snapshot = Snapshot::new(config, None)?;
        Ok(Newest { number: AtomicU64::new(snapshot.number), snapshot: Mutex::new(Arc::new(snapshot)) })
    }

    pub(super) fn get(&self) -> Arc<Snapshot> {
        let number = self.number.load(Ordering::Acquire);
        SEEN.with_borrow_mut(|seen| match seen {
            Some(snapshot) if snapshot.number == number => snapshot.clone(),
            _ => seen.insert(self.lock().clone()).clone(),
        })
    }

    /// Serves requests by `config` from now on; those under way keep what they have.
    pub(super) fn replace(&self, config: Config) -> io::Result<()> {
        let mut newest = self.lock();
        let snapshot = Arc::new(Snapshot::new(config, Some(&newest))?);
        self.number.store(snapshot.number, Ordering::Release);
        *newest = snapshot;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Snapshot>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(providers: &[(&str, &str)]) -> Config {
        let table = |(name, more): &(&str, &str)| format!("[[providers]]\nname = \"{name}\"\n{more}\n");
        Config::parse(&providers.iter().map(table).collect::<String>()).unwrap()
    }

    const A: (&str, &str) = ("a", "base_url = \"http://a/v1\"");
    const B: (&str, &str) = ("b", "base_url = \"http://b/v1\"");

    #[test]
    fn what_is_reached_as_before_keeps_its_connections() {
        let newest = Newest::new(config(&[A, B])).unwrap();
        let before = newest.get();
        before.ways[0].may_ask.store(false, Ordering::Relaxed);
        newest.replace(config(&[("c", A.1), ("b", "base_url = \"http://b:81/v1\""), ("a", A.1)])).unwrap();
        let after = newest.get();
        assert_eq!(after.ways[2].number, before.ways[0].number);
        assert!(!after.ways[2].may_ask.load(Ordering::Relaxed), "what was learnt of a provider is kept");
        assert!(after.ways[..2].iter().all(|way| before.ways.iter().all(|other| other.number != way.number)));
        // The same connections, but what was learnt may no longer hold.
        newest.replace(config(&[("a", "base_url = \"http://a/other\"")])).unwrap();
        let moved = newest.get();
        assert_eq!(moved.ways[0].number, before.ways[0].number);
        assert!(moved.ways[0].may_ask.load(Ordering::Relaxed));
        // By another way nothing is the same.
        let mut proxied = config(&[A]);
        proxied.upstream.proxy = Some("proxy:3128".parse().unwrap());
        newest.replace(proxied).unwrap();
        assert_ne!(newest.get().ways[0].number, before.ways[0].number);
    }

    #[test]
    fn a_thread_sees_the_newest_one_of_its_own_weir() {
        let (one, two) = (Newest::new(config(&[A])).unwrap(), Newest::new(config(&[B])).unwrap());
        for _ in 0..3 {
            assert_eq!(one.get().config.providers[0].name, "a");
            assert_eq!(two.get().config.providers[0].name, "b");
        }
        one.replace(config(&[B])).unwrap();
        assert_eq!(one.get().config.providers[0].name, "b");
    }
}
