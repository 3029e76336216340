//! Where the Records come from: a data directory, also while Weir writes there, or files of lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use meter::record::Line;
use store::lot::{self, Wanted};

use super::Failure;
use super::group::Period;

/// A longer line is an error, lest a file that is no text fills the memory.
const LONGEST_LINE_BYTES: u64 = 16 << 20;

/// Shows each Record of a data directory that ended within the period to `visit`, and others perhaps, with these fields at least; how
/// many lines were none.
pub(super) fn of_data_dir(
    dir: &Path,
    period: Period,
    fields: &[&str],
    mut visit: impl FnMut(&Line),
) -> Result<u64, Failure> {
    if lot::lots(dir)?.is_empty() {
        return Err(format!("{} has no journal; say --data-dir or --config", dir.display()).into());
    }
    let nanos = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
    let times = nanos(period.since)..nanos(period.until);
    let mut unread = 0;
    each_line(dir, &Wanted { from: 1, times, fields: Some(fields) }, &mut |line| unread += show(line, &mut visit))?;
    Ok(unread)
}

/// Shows each line that a data directory holds to `visit`: Weir's own, those that were imported, and those of other Weirs. Lines that
/// are damaged are said and left out.
pub(in crate::cli) fn each_line(dir: &Path, wanted: &Wanted, visit: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
    for lot in lot::lots(dir)? {
        let damaged = lot.read(wanted, &mut |_, line| {
            visit(line);
            ControlFlow::Continue(())
        })?;
        for error in damaged {
            crate::log::say(format_args!("{error}; lines of it that the journal no longer has are left out"));
        }
    }
    Ok(())
}

/// Shows each Record of the files to `visit`; how many lines were none.
pub(super) fn of_files(files: &[PathBuf], mut visit: impl FnMut(&Line)) -> Result<u64, Failure> {
    let mut unread = 0;
    for path in files {
        let named = |error: io::Error| format!("{}: {error}", path.display());
        let mut from: Box<dyn BufRead> = match path == Path::new("-") {
            true => Box::new(io::stdin().lock()),
            false => Box::new(BufReader::new(File::open(path).map_err(named)?)),
        };
        let mut line = Vec::new();
        while from.by_ref().take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line).map_err(named)? > 0 {
            if line.len() as u64 == LONGEST_LINE_BYTES {
                return Err(format!("{}: a line is longer than 16 MiB", path.display()).into());
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                unread += show(text, &mut visit);
            }
            line.clear();
        }
    }
    Ok(unread)
}

fn show(line: &[u8], visit: &mut impl FnMut(&Line)) -> u64 {
    match Line::parse(line) {
        Some(line) => visit(&line),
        None => return 1,
    }
    0
}
