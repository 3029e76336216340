//! The tables of models and of electricity on this machine: those that are built in, or newer ones in the data directory.

use std::io;
use std::path::Path;
use std::sync::Arc;

use meter::carbon::Mixes;
use meter::energy::Models;

use crate::config::Config;

/// What a table of models in the data directory is called.
pub const MODELS: &str = "energy-models.tsv";
/// What a table of electricity there is called.
pub const MIXES: &str = "electricity-mixes.tsv";

/// The largest table, in bytes.
const MOST_BYTES: u64 = 64 << 20;

type Source = (String, String, String);

/// The same configuration with the newest tables of its data directory: those of a day not before that of the built-in ones.
/// What cannot be read is said, and the built-in one is used.
#[must_use]
pub fn with_newest(config: Config) -> Config {
    let (models, mixes) = (Models::embedded(), Mixes::embedded());
    let newer_models = newer(&config.data_dir.join(MODELS), models.sources(), Models::parse, Models::sources);
    let newer_mixes = newer(&config.data_dir.join(MIXES), mixes.sources(), Mixes::parse, Mixes::sources);
    if newer_models.is_none() && newer_mixes.is_none() {
        return config;
    }
    let models = newer_models.map_or(models, Arc::new);
    let mixes = newer_mixes.map_or(mixes, Arc::new);
    Config { energy: config.energy.with_tables(models, &mixes), ..config }
}

fn newer<T>(
    path: &Path,
    built_in: &[Source],
    parse: fn(&str) -> Result<T, String>,
    sources: fn(&T) -> &[Source],
) -> Option<T> {
    // Days as 2026-11-23 are in the order of their letters.
    let day = |sources: &[Source]| sources.iter().map(|(_, day, _)| day.clone()).max();
    match read(path).and_then(|text| text.map(|text| parse(&text)).transpose()) {
        Ok(table) => table.filter(|table| day(sources(table)) >= day(built_in)),
        Err(error) => {
            crate::log::say(format_args!("{}: {error}; the built-in table is used", path.display()));
            None
        }
    }
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if metadata.len() > MOST_BYTES => return Err("too large".to_owned()),
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counts_and_a_broken_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let table = |day: &str| format!("# E {day} somebody\np\tnew-model\t8\t8\t8\t8\tdisclosed\t-\t-\t-\tE\n");
        let known = |name: &str| {
            let text = format!("data_dir = {:?}\n[[providers]]\nname = \"openai\"\n", dir.path().display().to_string());
            with_newest(Config::parse(&text).unwrap()).energy.book().models.row(name).is_some()
        };
        assert!(known("gpt-4o") && !known("new-model"));
        for (text, is_new) in [(table("2400-01-01"), true), (table("2020-01-01"), false), ("rubbish".to_owned(), false)]
        {
            std::fs::write(dir.path().join(MODELS), text).unwrap();
            assert_eq!((known("new-model"), known("gpt-4o")), (is_new, !is_new));
        }
    }
}
