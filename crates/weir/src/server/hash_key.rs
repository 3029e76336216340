//! The key that personal values are hashed with, where the operator gave none: made once and kept in the data directory, so
//! that the same value has the same hash tomorrow.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};

use crate::config::{Config, HashKey, hex};

/// Its name in the data directory.
const NAME: &str = "hash_key";

/// Gives a configuration the key that its fields need, if they need one and it has none.
pub(super) fn provide(config: &mut Config) -> io::Result<()> {
    if config.hash_key.is_none() && config.fields.hashes() {
        let path = config.data_dir.join(NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
            read => read?,
        };
        let named = |reason| io::Error::other(format!("{}: {reason}", path.display()));
        config.hash_key = Some(HashKey::new(text.trim()).map_err(named)?);
    }
    Ok(())
}

fn make(path: &Path) -> io::Result<String> {
    let mut random = [0; 32];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let text = hex(&random);
    // Whole or not at all: half a key would be another one.
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)?;
    Ok(text)
}
