//! From lines to columns: what the store has to know of the Record's fields, and the thread that seals the journal's files,
//! merges what is small and lets go of what is old. It touches no request, and stands behind all others for the processor.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use meter::record::{FIELDS, Role, Unit};
use store::journal::{files, trim};
use store::library::{Libraries, Merging};
use store::schema::{Encoding, Field, SchemaError, Type};
use store::segment::Written;
use store::{Library, Lot, Schema, SegmentError, Seq};

/// Texts that are hexadecimal digits, and how many bytes they stand for.
const HEX: [(&str, u8); 2] = [("trace_id", 16), ("span_id", 8)];
/// Decimal places of money, energy and time on the line.
const USD_SCALE: u8 = meter::cost::NANO;
const KWH_SCALE: u8 = meter::energy::PICO;
const SECONDS_SCALE: u8 = 6;

/// How often complete files are looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How often old segments are, and those that can be merged.
const TIDY: Duration = Duration::from_secs(10);
/// How long a failure stands before it is said again.
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// Rows of a segment at most: some 100 MiB.
const MOST_ROWS: u64 = 1 << 20;
/// Parts into which the time that is kept is divided: lines go a segment at a time.
const PARTS: u32 = 30;
/// The shortest and the longest time of a segment that is merged.
const SPANS: (Duration, Duration) = (Duration::from_secs(86_400), Duration::from_secs(30 * 86_400));
/// How far behind others the thread stands for the processor: `nice`'s figure.
const NICENESS: i32 = 10;

/// The directory of segments in a data directory.
#[must_use]
pub fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("segments")
}

/// Opens the segments of a data directory that this process holds.
///
/// # Errors
/// The file system refused, or a newer Weir wrote them. What is damaged is put aside, and said.
pub fn open(data_dir: &Path) -> Result<Library, SegmentError> {
    open_library(&directory(data_dir))
}

/// Opens the segments of Records in a directory.
///
/// # Errors
/// As [`open`].
pub fn open_library(dir: &Path) -> Result<Library, SegmentError> {
    let schema = schema().map_err(|source| SegmentError::Schema { path: dir.to_owned(), source })?;
    let (library, aside) = Library::open(dir, schema)?;
    aside.iter().for_each(crate::log::say);
    Ok(library)
}

/// Puts the thread that asks for it behind the others for the processor.
pub fn stand_behind() {
    // Where the system refuses this, it stands beside them.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

/// What the thread works on.
pub struct Sealing<C, R, K> {
    /// The segments.
    pub library: Arc<Library>,
    /// Where the journal lies.
    pub journal: PathBuf,
    /// With which line the file begins that is being written.
    pub current: C,
    /// How long lines are kept, as it is set now.
    pub retention: R,
    /// The segments of Records that are not Weir's own.
    pub others: Arc<Libraries>,
    /// How long a sealed file stays in their journals, as it is set now; `None`: for good.
    pub keep: K,
    /// Whether it went well the last time.
    pub sound: Arc<AtomicBool>,
}

impl<C, R, K> Sealing<C, R, K>
where
    C: Fn() -> Seq,
    R: Fn() -> Option<Duration>,
    K: Fn() -> Option<Duration>,
{
    /// Seals, merges and expires until `stop` is set.
    pub fn run(&self, stop: &AtomicBool) {
        stand_behind();
        let (mut tidied, mut said): (Option<Instant>, Option<Instant>) = (None, None);
        while !stop.load(Ordering::Acquire) {
            let tidies = tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY);
            let done = self.seal(stop).and_then(|()| if tidies { self.tidy(stop) } else { Ok(()) });
            if tidies {
                tidied = Some(Instant::now());
            }
            self.sound.store(done.as_ref().err().is_none_or(is_stopped), Ordering::Relaxed);
            if let Err(error) = done
                && !is_stopped(&error)
                && said.is_none_or(|said| said.elapsed() >= SAY_AGAIN)
            {
                said = Some(Instant::now());
                crate::log::say(format_args!("segments: {error}; the journal has the lines, trying again"));
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn seal(&self, stop: &AtomicBool) -> Result<(), SegmentError> {
        while !stop.load(Ordering::Acquire) {
            let Some(written) = self.library.seal(&self.journal, (self.current)())? else { break };
            say_mended(&written);
        }
        Ok(())
    }

    pub(crate) fn tidy(&self, stop: &AtomicBool) -> Result<(), SegmentError> {
        let retention = (self.retention)();
        tidy(&self.library, retention, stop)?;
        for (lot, library) in self.others.all()? {
            // Where Weir's own files are not sealed, no others are.
            if (self.current)() > 0 {
                self.seal_other(&lot, &library, stop)?;
            }
            tidy(&library, retention, stop)?;
        }
        Ok(())
    }

    /// Seals a lot that others write: whoever brings Records begins a file, and leaves it for the next one.
    fn seal_other(&self, lot: &Lot, library: &Library, stop: &AtomicBool) -> Result<(), SegmentError> {
        let journal = lot.journal();
        let refused = |source| SegmentError::Io { path: journal.clone(), source };
        let Some(current) = files(&journal).map_err(refused)?.last().map(|file| file.first) else { return Ok(()) };
        while !stop.load(Ordering::Acquire)
            && let Some(written) = library.seal(&journal, current)?
        {
            say_mended(&written);
        }
        trim(&journal, current, library.shelf().sealed(), (self.keep)(), u64::MAX).map_err(refused)?;
        Ok(())
    }
}

fn tidy(library: &Library, retention: Option<Duration>, stop: &AtomicBool) -> Result<(), SegmentError> {
    if let Some(retention) = retention {
        library.expire(since(retention))?;
    }
    let longest = retention.map_or(SPANS.1, |retention| (retention / PARTS).clamp(SPANS.0, SPANS.1));
    library.tidy(Merging { most_rows: MOST_ROWS, longest }, stop)?.iter().for_each(crate::log::say);
    Ok(())
}

fn say_mended(written: &Written) {
    if written.mended > 0 {
        let (lines, path) = (written.mended, written.path.display());
        crate::log::say(format_args!("{lines} lines of the journal were no text; they are mended in {path}"));
    }
}

fn is_stopped(error: &SegmentError) -> bool {
    matches!(error, SegmentError::Io { source, .. } if source.kind() == io::ErrorKind::Interrupted)
}

/// So long ago, in nanoseconds since 1970.
fn since(ago: Duration) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(ago).as_nanos()).unwrap_or(i64::MAX)
}

/// The schema of Weir's own lines. What an operator declares is found on the lines themselves, in front of the table's last
/// field.
///
/// # Errors
/// None, as long as the table has a timestamp and each name once.
pub fn schema() -> Result<Schema, SchemaError> {
    let fields: Vec<Field> = FIELDS.iter().map(field).collect();
    let last = fields.len().saturating_sub(1);
    Schema::new(fields, last)
}

fn field(of: &meter::record::Field) -> Field {
    let (kind, encoding) = match of.unit {
        Unit::Text(_) => {
            let hex = HEX.iter().find(|(name, _)| *name == of.name);
            (Type::Text, hex.map_or(Encoding::Plain, |(_, bytes)| Encoding::Hex(*bytes)))
        }
        Unit::Id => (Type::Text, Encoding::Uuid),
        Unit::Count => (Type::Integer, Encoding::Plain),
        Unit::Usd => (Type::Decimal(USD_SCALE), Encoding::Plain),
        Unit::Kwh => (Type::Decimal(KWH_SCALE), Encoding::Plain),
        Unit::Grams => (Type::Decimal(meter::carbon::NANO), Encoding::Plain),
        Unit::Millilitres => (Type::Decimal(meter::carbon::MICRO), Encoding::Plain),
        Unit::Seconds => (Type::Decimal(SECONDS_SCALE), Encoding::Plain),
        Unit::Number => (Type::Number, Encoding::Plain),
        Unit::Bool => (Type::Flag, Encoding::Plain),
        Unit::Time => (Type::Time, Encoding::Plain),
    };
    let role = match of.role {
        Role::Label => store::schema::Role::Label,
        Role::Metadata => store::schema::Role::Metadata,
        Role::Line => store::schema::Role::Line,
    };
    Field { encoding, always: of.always, ..Field::new(of.name, kind, role) }
}

#[cfg(test)]
mod tests;
