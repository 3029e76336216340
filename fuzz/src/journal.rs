//! The journal: whatever a crash left in its files it opens, keeps every whole line, and is sound from then on.

use std::fs;
use std::io;
use std::path::Path;

use store::journal::{Options, Reader, scan};
use store::{Journal, Seq};

/// Parts an input into an older file and the last one; UTF-8 never has it.
const NEXT_FILE: u8 = 0xff;
const APPENDED: &[u8] = b"{\"appended\":true}\n";

/// Checks one state of the files.
pub fn check(bytes: &[u8]) {
    let outcome = opened(bytes);
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn opened(bytes: &[u8]) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    let (older, last) = match bytes.iter().position(|byte| *byte == NEXT_FILE) {
        // A file is left for the next one only with lines in it, all of them whole.
        Some(at) if at > 0 && bytes[at - 1] == b'\n' => (&bytes[..at], &bytes[at + 1..]),
        _ => (&b""[..], bytes),
    };
    let first = 1 + count(older);
    if !older.is_empty() {
        fs::write(file(dir, 1), older)?;
    }
    fs::write(file(dir, first), last)?;

    let (kept, damaged) = naive(last);
    let (mut journal, found) = Journal::open(dir, Options::default())?;
    assert_eq!(journal.next(), first + count(kept));
    assert_eq!(fs::read(file(dir, first))?, kept);
    let rest = &last[kept.len()..];
    assert_eq!(found.torn_bytes, if damaged { 0 } else { rest.len() as u64 });
    assert_eq!(found.set_aside.map(fs::read).transpose()?, damaged.then(|| rest.to_vec()));
    let body = kept.strip_suffix(b"\n").and_then(|lines| lines.split(|byte| *byte == b'\n').next_back());
    if body.is_some() {
        assert_eq!(found.last_line.as_deref(), body);
    }

    let seq = journal.append(APPENDED, 1)?;
    assert_eq!(seq, first + count(kept));
    journal.close()?;
    drop(journal);
    let (journal, found) = Journal::open(dir, Options::default())?;
    assert_eq!((journal.next(), found.torn_bytes, &found.set_aside), (seq + 1, 0, &None));
    assert_eq!(found.last_line.as_deref(), APPENDED.strip_suffix(b"\n"));
    everything_reads_back(dir, &[older, kept, APPENDED].concat(), seq)
}

fn everything_reads_back(dir: &Path, lines: &[u8], last: Seq) -> io::Result<()> {
    let (mut reader, mut read) = (Reader::new(dir, 1), Vec::new());
    while let Some(batch) = reader.read()? {
        assert_eq!((batch.count, batch.skipped), (count(batch.lines), 0));
        read.extend_from_slice(batch.lines);
    }
    assert_eq!((reader.next(), read.as_slice()), (last + 1, lines));
    let mut scanned = Vec::new();
    let mut next = 1;
    scan(dir, 1, |seq, body| {
        assert_eq!(seq, next);
        next += 1;
        scanned.extend_from_slice(body);
        scanned.push(b'\n');
    })?;
    assert_eq!(scanned, lines);
    // From the middle on, too.
    let middle = 1 + last / 2;
    let mut reader = Reader::new(dir, middle);
    let mut seen = 0;
    while let Some(batch) = reader.read()? {
        seen += batch.count;
    }
    assert_eq!(seen, last + 1 - middle);
    Ok(())
}

/// The lines at the beginning that are lines, and whether what follows them is damage, not just an unfinished line.
fn naive(bytes: &[u8]) -> (&[u8], bool) {
    let mut kept = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line {
            [b'{', body @ .., b'}', b'\n'] if !body.contains(&0) => kept += line.len(),
            _ => return (&bytes[..kept], line.ends_with(b"\n")),
        }
    }
    (bytes, false)
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn file(dir: &Path, first: Seq) -> std::path::PathBuf {
    dir.join(format!("{first:020}.jsonl"))
}
