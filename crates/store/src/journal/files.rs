//! The journal's files: their names, what is left of them after a crash, and when they go.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Found;
use crate::{Seq, data_dir};

const SUFFIX: &str = ".jsonl";

/// A file of the journal.
#[derive(Debug, Clone)]
pub struct JournalFile {
    /// The number of its first line, which names it.
    pub first: Seq,
    /// Where it stands.
    pub path: PathBuf,
    /// Its bytes.
    pub length: u64,
    /// When a line was last written to it.
    pub modified: SystemTime,
}

/// Where the file stands that begins with line `first`.
pub(super) fn path(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("{first:020}{SUFFIX}"))
}

/// The journal's files, oldest first; the last one is written to.
///
/// # Errors
/// The file system refused.
pub fn files(dir: &Path) -> io::Result<Vec<JournalFile>> {
    list(dir)
}

pub(super) fn list(dir: &Path) -> io::Result<Vec<JournalFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(digits) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else { continue };
        let Ok(first) = digits.parse() else { continue };
        // A file may go between being listed and being looked at.
        let Ok(metadata) = entry.metadata() else { continue };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        files.push(JournalFile { first, path: entry.path(), length: metadata.len(), modified });
    }
    files.sort_by_key(|file| file.first);
    Ok(files)
}

/// What of the last file is lines: (how many, their bytes, what was found). Cuts off the rest.
///
/// A killed process leaves at most an unfinished last line. A loss of power may leave pages that never reached the disk,
/// which read as zeros; from the first such line on, everything is set aside in a file of its own.
pub(super) fn recover(file: &File, dir: &Path, first: Seq) -> io::Result<(u64, u64, Found)> {
    let mut bytes = Vec::new();
    { file }.read_to_end(&mut bytes)?;
    let (mut lines, mut length, mut found) = (0, 0, Found::default());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(body) = line.strip_suffix(b"\n") else { break };
        if !is_line(body) {
            found.set_aside = Some(set_aside(dir, first + lines, &bytes[length..])?);
            break;
        }
        lines += 1;
        length += line.len();
        found.last_line = Some(body.to_vec());
    }
    if found.set_aside.is_none() {
        found.torn_bytes = (bytes.len() - length) as u64;
    }
    if length < bytes.len() {
        // Only then: it also gives back what was set aside, and what was promised is still needed.
        file.set_len(length as u64)?;
    }
    Ok((lines, length as u64, found))
}

/// Puts damaged bytes into a file of their own, beside those of earlier damage.
fn set_aside(dir: &Path, line: Seq, bytes: &[u8]) -> io::Result<PathBuf> {
    let name = |number| dir.join(format!("{line:020}-{number}.damaged"));
    let path = (1u64..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
    data_dir::create_file(&path)?.write_all(bytes)?;
    Ok(path)
}

fn is_line(body: &[u8]) -> bool {
    body.len() < super::reader::PIECE
        && body.first() == Some(&b'{')
        && body.last() == Some(&b'}')
        && memchr::memchr(0, body).is_none()
}

/// The last line of the files before the one that begins with `first`.
pub(super) fn last_line_before(dir: &Path, first: Seq) -> io::Result<Option<Vec<u8>>> {
    for file in list(dir)?.into_iter().rev().filter(|file| file.first < first) {
        let bytes = fs::read(&file.path)?;
        if let Some(line) = bytes.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()) {
            return Ok(Some(line.to_vec()));
        }
    }
    Ok(None)
}

/// Visits the lines from number `from` on, without their line feeds.
///
/// # Errors
/// The file system refused.
pub fn scan(dir: &Path, from: Seq, mut visit: impl FnMut(Seq, &[u8])) -> io::Result<()> {
    let files = list(dir)?;
    let start = files.iter().rposition(|file| file.first <= from).unwrap_or(0);
    for file in &files[start.min(files.len())..] {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(&file.path)?);
        let (mut seq, mut line) = (file.first, Vec::new());
        while reader.read_until(b'\n', &mut line)? > 0 {
            if let Some(body) = line.strip_suffix(b"\n").filter(|_| seq >= from) {
                visit(seq, body);
            }
            seq += 1;
            line.clear();
        }
    }
    Ok(())
}

/// The number that the next line will get, as far as another process can tell by reading.
///
/// # Errors
/// The file system refused.
pub fn next_line(dir: &Path) -> io::Result<Seq> {
    let files = list(dir)?;
    let Some(last) = files.last() else { return Ok(1) };
    let (mut file, mut buffer, mut lines) = (File::open(&last.path)?, vec![0; super::reader::PIECE], 0);
    loop {
        let filled = file.read(&mut buffer)?;
        if filled == 0 {
            return Ok(last.first + lines);
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..filled]).count() as Seq;
    }
}

/// What went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Files that were removed.
    pub files: u64,
    /// Lines that a follower had not seen yet.
    pub unseen_lines: u64,
    /// Bytes that are left, the file being written included.
    pub bytes: u64,
}

/// Removes old files: those that every follower has `passed` and that are older than `keep`, and beyond `max_bytes` the
/// oldest whatever their state. The file being written, which begins with `current`, always stays.
///
/// # Errors
/// The file system refused.
pub fn trim(dir: &Path, current: Seq, passed: Seq, keep: Option<Duration>, max_bytes: u64) -> io::Result<Trimmed> {
    let files = list(dir)?;
    let mut trimmed = Trimmed { bytes: files.iter().map(|file| file.length).sum(), ..Trimmed::default() };
    for (file, next) in files.iter().zip(files.iter().skip(1)) {
        if file.first >= current {
            break;
        }
        let age = file.modified.elapsed().unwrap_or_default();
        let done = next.first <= passed && keep.is_some_and(|keep| age > keep);
        if !done && trimmed.bytes <= max_bytes {
            break;
        }
        fs::remove_file(&file.path)?;
        trimmed.files += 1;
        trimmed.bytes -= file.length;
        trimmed.unseen_lines += next.first.saturating_sub(passed.max(file.first));
    }
    Ok(trimmed)
}

impl JournalFile {
    /// Its lines, from the first on, as far as they are whole.
    ///
    /// # Errors
    /// The file system refused.
    pub fn lines(&self) -> io::Result<Lines> {
        Ok(Lines { reader: BufReader::with_capacity(1 << 18, File::open(&self.path)?), line: Vec::new() })
    }
}

/// Lines of a file, one by one.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    /// The next line, without its line feed.
    ///
    /// # Errors
    /// The file system refused.
    #[allow(clippy::should_implement_trait, reason = "a line is lent until the next one is read")]
    pub fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        self.reader.read_until(b'\n', &mut self.line)?;
        Ok(self.line.strip_suffix(b"\n"))
    }
}
