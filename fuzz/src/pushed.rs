//! The log of what was pushed: whatever a crash left in its file it opens, keeps every whole frame, and is sound from then on.

use std::fs;
use std::io;
use std::sync::Arc;

use store::pushed::{Entry, PushedLog, PushedOptions, Stream, decode};

/// Checks one state of the file.
pub fn check(bytes: &[u8]) {
    let outcome = opened(bytes);
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn opened(bytes: &[u8]) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("00000000000000000001.log");
    fs::write(&file, bytes)?;
    let (mut kept, mut frames) = (0, 0);
    while let Ok((entries, length)) = decode(&bytes[kept..]) {
        kept += length;
        frames += entries.len() as u64;
    }
    let (log, found) = PushedLog::open(dir.path(), PushedOptions::default(), 1)?;
    // What is in it twice is there once.
    assert!(found.entries <= frames);
    assert_eq!(fs::read(&file)?, &bytes[..kept]);
    let aside: u64 = found.set_aside.iter().map(|path| fs::metadata(path).map_or(0, |metadata| metadata.len())).sum();
    assert_eq!(found.torn_bytes + aside, (bytes.len() - kept) as u64);

    let stream = Arc::new(Stream::new([("appended", "by the test")]));
    log.append(vec![Entry::new(stream, 7, [("a", "b")], b"line")])?;
    drop(log);
    let (_, again) = PushedLog::open(dir.path(), PushedOptions::default(), 1)?;
    assert_eq!((again.entries, again.torn_bytes, again.set_aside.len()), (found.entries + 1, 0, 0));
    Ok(())
}
