//! The catalogue of prices on this machine: the one that is built in, or a newer one that lies in the data directory; and
//! how old it is.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use meter::catalog::Catalog;
use meter::cost::{Book, Listing, Prices};
use meter::time;

use crate::config::Config;

/// What a catalogue in the data directory is called.
const NAME: &str = "prices.tsv";

/// The largest catalogue, or feed for one, in bytes.
pub const MOST_BYTES: usize = 64 << 20;

/// Prices of this age may well have changed.
const OLD: Duration = Duration::from_secs(30 * DAY_SECONDS);
const DAY_SECONDS: u64 = 86_400;

/// Where the catalogue of a data directory lies.
#[must_use]
pub fn place(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// The newest catalogue there is: the one in the data directory if it can be read and is not older than the one that is
/// built in. What cannot be read is said, and the built-in one is used.
#[must_use]
pub fn newest(data_dir: &Path) -> Catalog {
    let (built_in, path) = (Catalog::embedded(), place(data_dir));
    match read(&path) {
        Ok(Some(catalog)) if catalog.as_of() >= built_in.as_of() => catalog,
        Ok(_) => built_in,
        Err(error) => {
            crate::log::say(format_args!("{}: {error}; the built-in prices are used", path.display()));
            built_in
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Catalog>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.len() > MOST_BYTES as u64 => return Err(io::Error::other("too large")),
        Ok(_) => {}
    }
    Catalog::parse(std::fs::read_to_string(path)?).map(Some).map_err(io::Error::other)
}

/// The configured prices, in which a provider that is not configured stands under its own name in the catalogue.
#[must_use]
pub fn for_provider(config: &Config, provider: &str) -> Prices {
    let book = config.prices.book();
    let configured = config.providers.iter().any(|one| one.name == provider);
    if configured || book.listings.contains_key(provider) || !book.catalog.has_provider(provider) {
        return config.prices.clone();
    }
    let mut listings = book.listings.clone();
    listings.insert(provider.to_owned(), Listing { provider: provider.to_owned(), region: None });
    Prices::from(Book { listings, ..book.clone() })
}

/// The same configuration with the newest catalogue of its data directory.
#[must_use]
pub fn with_newest(config: Config) -> Config {
    let catalog = Arc::new(newest(&config.data_dir));
    Config { prices: config.prices.with_catalog(catalog), ..config }
}

/// Puts a catalogue's text in a file's place, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// How old a catalogue is at a time, in nanoseconds since 1970.
#[must_use]
pub fn age(catalog: &Catalog, now: u64) -> Duration {
    let seconds = Duration::from_nanos(now).as_secs();
    Duration::from_secs(seconds.saturating_sub(u64::from(catalog.as_of()) * DAY_SECONDS))
}

/// Says once a day that the catalogue is old, if it is.
#[derive(Debug, Default)]
pub struct Freshness {
    said_on: Option<u64>,
}

impl Freshness {
    /// Looks at it at a time, in nanoseconds since 1970.
    pub fn look(&mut self, catalog: &Catalog, now: u64) {
        if let Some(sentence) = self.sentence(catalog, now) {
            crate::log::say(sentence);
        }
    }

    fn sentence(&mut self, catalog: &Catalog, now: u64) -> Option<String> {
        let (age, today) = (age(catalog, now), Duration::from_nanos(now).as_secs() / DAY_SECONDS);
        if age <= OLD || self.said_on == Some(today) {
            return None;
        }
        self.said_on = Some(today);
        Some(format!(
            "the catalogue of prices is of {}, {} days old; `weir prices update` brings it up to date",
            time::day_text(catalog.as_of()),
            age.as_secs() / DAY_SECONDS
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(day: &str) -> String {
        format!("# weir prices 1\n# L {day} somebody\np\tm\tL\tinput=1\n")
    }

    #[test]
    fn the_newest_counts_and_a_broken_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let rows = || newest(dir.path()).rows().count();
        let built_in = Catalog::embedded().rows().count();
        assert_eq!(rows(), built_in, "there is no other");
        write(&place(dir.path()), &catalog("2400-01-01")).unwrap();
        assert_eq!(rows(), 1, "a newer one");
        write(&place(dir.path()), &catalog("2020-01-01")).unwrap();
        assert_eq!(rows(), built_in, "an older one");
        write(&place(dir.path()), "rubbish").unwrap();
        assert_eq!(rows(), built_in, "a broken one");
    }

    #[test]
    fn an_old_catalogue_is_said_once_a_day() {
        let catalog = Catalog::parse(catalog("2026-11-23")).unwrap();
        let mut freshness = Freshness::default();
        let at = |days: u64| (u64::from(catalog.as_of()) + days) * DAY_SECONDS * 1_000_000_000;
        assert_eq!(age(&catalog, at(2)), Duration::from_secs(2 * DAY_SECONDS));
        assert_eq!(freshness.sentence(&catalog, at(30)), None);
        assert!(freshness.sentence(&catalog, at(31)).is_some_and(|sentence| sentence.contains("2026-11-23, 31 days")));
        assert_eq!(freshness.sentence(&catalog, at(31) + 1), None);
        assert!(freshness.sentence(&catalog, at(32)).is_some());
        assert_eq!(freshness.sentence(&catalog, 0), None, "a clock that is wrong");
    }
}
