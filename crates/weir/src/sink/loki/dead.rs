//! Dead letters: lines that Loki refused for good, in a file of their own, from which `weir replay` takes them.
//!
//! Each stands there with the line as it was and why it was refused. The directory is locked while a letter is added or the
//! file is taken away, so a replay may run beside Weir.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::Seq;

/// A line that was refused.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    /// Its number in the journal.
    pub(super) seq: Seq,
    /// What Loki said.
    pub(super) reason: String,
    /// The line as it stands, or a text where it is no JSON.
    pub(super) line: Box<RawValue>,
}

impl Letter {
    pub(super) fn new(seq: Seq, line: &[u8], reason: &str) -> io::Result<Letter> {
        let text = String::from_utf8_lossy(line);
        let object = serde_json::from_str::<&RawValue>(&text).is_ok() && !text.contains('\n');
        let raw = if object { text.into_owned() } else { serde_json::to_string(&text)? };
        Ok(Letter { seq, reason: reason.to_owned(), line: RawValue::from_string(raw)? })
    }
}

/// The file of a follower's dead letters.
#[derive(Debug, Clone)]
pub(super) struct DeadLetters {
    dir: PathBuf,
    name: String,
    max_bytes: u64,
}

impl DeadLetters {
    pub(super) fn new(dir: &Path, name: &str, max_bytes: u64) -> DeadLetters {
        DeadLetters { dir: dir.to_owned(), name: name.to_owned(), max_bytes }
    }

    /// Where letters are added.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.dead.jsonl", self.name))
    }

    /// Where those stand that are being replayed.
    fn taken_path(&self) -> PathBuf {
        self.dir.join(format!("{}.replaying.jsonl", self.name))
    }

    /// Adds letters; `false` where there is no room for them.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn add(&self, letters: &[Letter]) -> io::Result<bool> {
        self.append(letters, self.max_bytes)
    }

    fn append(&self, letters: &[Letter], max_bytes: u64) -> io::Result<bool> {
        let mut bytes = Vec::new();
        for letter in letters {
            serde_json::to_writer(&mut bytes, letter)?;
            bytes.push(b'\n');
        }
        let _lock = self.lock()?;
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(self.path())?;
        let length = file.metadata()?.len();
        if length + bytes.len() as u64 > max_bytes {
            return Ok(false);
        }
        if let Err(error) = file.write_all(&bytes) {
            // Half a letter would spoil the next one.
            file.set_len(length)?;
            return Err(error);
        }
        Ok(true)
    }

    fn lock(&self) -> io::Result<File> {
        store::data_dir::create_dir(&self.dir)?;
        let dir = File::open(&self.dir)?;
        dir.lock()?;
        Ok(dir)
    }

    /// Takes the letters away to be sent again; `None` where there are none. Those of a replay that did not come to its end
    /// come first.
    ///
    /// # Errors
    /// The file system refused, or another replay is under way.
    pub(super) fn take(&self) -> io::Result<Option<Taken>> {
        if !self.dir.exists() {
            return Ok(None);
        }
        let path = self.taken_path();
        {
            let _lock = self.lock()?;
            if !path.exists() {
                match std::fs::rename(self.path(), &path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    other => other?,
                }
            }
        }
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        file.try_lock().map_err(|_| io::Error::other("another replay is under way"))?;
        let mut letters = Vec::new();
        for line in BufReader::new(&file).split(b'\n') {
            // What a crash cut short is still in the journal.
            letters.extend(serde_json::from_slice::<Letter>(&line?).ok());
        }
        Ok(Some(Taken { letters, path, _file: file }))
    }

    /// Puts back what was refused again, and forgets the rest.
    ///
    /// # Errors
    /// The file system refused; then everything stays to be replayed again.
    pub(super) fn settle(&self, taken: Taken, refused: &[Letter]) -> io::Result<()> {
        if !refused.is_empty() {
            // They had room before.
            self.append(refused, u64::MAX)?;
        }
        std::fs::remove_file(&taken.path)
    }
}

/// Letters that are being sent again.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) letters: Vec<Letter>,
    path: PathBuf,
    /// Locked for as long as they are.
    _file: File,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn letters_are_kept_bounded_and_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let dead = DeadLetters::new(&dir.path().join("followers"), "loki", 120);
        assert!(dead.take().unwrap().is_none());
        let letter = |seq: Seq| Letter::new(seq, b"{\"a\": \"\\u0041\"}", "400 no").unwrap();
        assert!(dead.add(&[letter(1)]).unwrap() && dead.add(&[letter(2)]).unwrap());
        assert!(!dead.add(&[letter(3)]).unwrap(), "there is room for two");
        assert_eq!(std::fs::metadata(dead.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let taken = dead.take().unwrap().unwrap();
        assert!(dead.take().unwrap_err().to_string().contains("under way"));
        assert!(dead.add(&[letter(4)]).unwrap(), "a replay stops nobody");
        let lines: Vec<_> = taken.letters.iter().map(|letter| (letter.seq, letter.line.get())).collect();
        assert_eq!(lines, [(1, "{\"a\": \"\\u0041\"}"), (2, "{\"a\": \"\\u0041\"}")]);
        drop(taken);
        // As it was not settled, it begins again.
        let taken = dead.take().unwrap().unwrap();
        assert_eq!(taken.letters.len(), 2);
        dead.settle(taken, &[letter(2)]).unwrap();
        let taken = dead.take().unwrap().unwrap();
        assert_eq!(taken.letters.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [4, 2]);
    }

    #[test]
    fn what_is_no_json_is_kept_as_a_text() {
        let letter = Letter::new(1, b"\xff{", "not UTF-8").unwrap();
        assert_eq!(letter.line.get(), "\"\u{fffd}{\"");
    }
}
