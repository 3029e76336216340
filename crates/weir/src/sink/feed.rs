//! Feeding a hub: another Weir gets this one's Records under the numbers that they have here, and keeps each once.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use store::journal::Batch;

use super::loki::{Client, Outcome, Patience};
use super::{Gather, Sink};
use crate::config::{LokiConfig, hex};

/// The file that tells this journal from any other.
const JOURNAL_ID: &str = "journal_id";

/// See the module.
#[derive(Debug)]
pub struct Feed {
    config: LokiConfig,
    instance: String,
    data_dir: PathBuf,
    client: Client,
    journal: Option<String>,
    patience: Patience,
}

impl Feed {
    /// Prepares to feed; connects to nobody as yet.
    ///
    /// # Errors
    /// A file that is needed cannot be read.
    pub fn new(config: &LokiConfig, instance: &str, data_dir: &Path) -> io::Result<Feed> {
        Ok(Feed {
            client: Client::new(config, "application/x-ndjson", Some("gzip"))?,
            config: config.clone(),
            instance: instance.to_owned(),
            data_dir: data_dir.to_owned(),
            journal: None,
            patience: Patience::default(),
        })
    }

    fn journal(&mut self) -> io::Result<String> {
        if let Some(id) = &self.journal {
            return Ok(id.clone());
        }
        let id = journal_id(&self.data_dir.join(JOURNAL_ID))?;
        self.journal = Some(id.clone());
        Ok(id)
    }
}

/// What tells the journal from others, such as one of a directory that was deleted: made once.
fn journal_id(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().len() == 32 => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut bytes = [0; 16];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut bytes).map_err(|_| io::Error::other("no random numbers"))?;
    let id = hex(&bytes);
    // A name that is whole or not there: half of it would be another journal.
    let under_way = path.with_extension("writing");
    std::fs::write(&under_way, format!("{id}\n"))?;
    std::fs::File::open(&under_way)?.sync_all()?;
    std::fs::rename(&under_way, path)?;
    Ok(id)
}

impl Sink for Feed {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn gather(&self) -> Gather {
        Gather { bytes: self.config.batch_bytes, wait: self.config.batch_wait }
    }

    fn deliver(&mut self, batch: Batch<'_>) -> io::Result<()> {
        let head = serde_json::json!({ "instance": self.instance, "journal": self.journal()?, "first": batch.first });
        let mut body = GzEncoder::new(Vec::with_capacity(batch.lines.len() / 4), Compression::fast());
        writeln!(body, "{head}")?;
        body.write_all(batch.lines)?;
        match self.client.push(&body.finish()?) {
            Outcome::Stored => Ok(()),
            // No line is ever given up: what is wrong is the address, the token or the hub, and can be mended.
            Outcome::Refused(reason) => Err(io::Error::other(reason)),
            Outcome::Later(reason, wait) => {
                self.patience.wait = wait;
                Err(io::Error::other(reason))
            }
        }
    }

    fn pause(&mut self, failures: u32) -> Duration {
        self.patience.pause(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_keeps_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let (first, other) = (dir.path().join("a"), dir.path().join("b"));
        let id = journal_id(&first).unwrap();
        assert_eq!((id.len(), journal_id(&first).unwrap()), (32, id.clone()));
        assert_ne!(journal_id(&other).unwrap(), id);
    }
}
