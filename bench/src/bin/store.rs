//! What the columnar store costs: bytes a Record by column, how fast journal files become segments, how long opening takes, and
//! how fast columns are read. Over a data directory that `weir simulate history` has filled and `weir serve` has begun to seal.
//!
//!     cargo run --release --bin store -- DATA_DIR [WORK_DIR]
//!
//! Everything is written into WORK_DIR (a temporary one if not given); DATA_DIR stays as it is.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use store::library::Merging;
use store::segment::Segment;
use store::{Library, Shelf, journal};

/// Columns that panels read, and those that a needle is looked for in.
const READ: [&str; 9] = [
    "timestamp",
    "model",
    "organization",
    "cost_usd",
    "total_tokens",
    "processing_time_seconds",
    "session_id",
    "request_id",
    "response_id",
];
/// How often a column is read; the quickest counts.
const TIMES: usize = 5;
/// As large as segments become.
const MERGING: Merging = Merging { most_rows: 1 << 20, longest: Duration::from_secs(400 * 86_400) };

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let data_dir = arguments.next().context("which data directory? weir simulate history --to DIR makes one")?;
    let work = arguments.next().unwrap_or_else(|| std::env::temp_dir().join("weir-bench-store"));
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    let start = Instant::now();
    let known = Shelf::read(&data_dir.join("segments"))?;
    opened(&known, start);
    let schema = known.segments().first().context("no segment yet: run weir serve on it for a second")?.schema().clone();
    drop(known);
    let (library, _) = Library::open(&work, schema.clone())?;
    let rows = seal(&library, &data_dir.join("journal"))?;
    merge(&library)?;
    drop(library);
    let start = Instant::now();
    let (library, _) = Library::open(&work, schema)?;
    let shelf = library.shelf();
    opened(&shelf, start);
    sizes(&shelf, rows);
    read(&shelf)?;
    needle(&shelf)
}

/// Says how long opening took: of what DATA_DIR has, and of what was made of its journal.
fn opened(shelf: &Shelf, start: Instant) {
    let took = start.elapsed().as_secs_f64() * 1e3;
    let rows: u64 = shelf.segments().iter().map(|segment| segment.next() - segment.first()).sum();
    println!("open     {} segments, {rows} Records in {took:.1} ms", shelf.segments().len());
}

/// Makes segments of all files but the newest, and says how fast.
fn seal(library: &Library, journal: &Path) -> Result<u64> {
    let files = journal::files(journal)?;
    let current = files.last().context("the journal is empty")?.first;
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let (mut rows, mut spilled) = (0, 0);
    while let Some(written) = library.seal(journal, current)? {
        rows += written.rows;
        spilled += written.spilled;
    }
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let each = library.shelf().bytes() as f64 / rows as f64;
    println!("seal     {rows} Records, {spilled} kept as they are, in {wall:.1} s: {:.0} a second and core", rows as f64 / cpu);
    println!("         {each:.1} bytes a Record in {} segments", library.shelf().segments().len());
    Ok(rows)
}

fn merge(library: &Library) -> Result<()> {
    let (cpu, mut rows) = (cpu_seconds(), 0);
    while let Some(written) = library.merge(MERGING, &AtomicBool::new(false))? {
        rows += written.rows;
    }
    println!("merge    {rows} Records: {:.0} a second and core", rows as f64 / (cpu_seconds() - cpu).max(0.01));
    Ok(())
}

fn sizes(shelf: &Shelf, rows: u64) {
    println!("bytes    {:.1} a Record in all; by column:", shelf.bytes() as f64 / rows as f64);
    let Some(schema) = shelf.segments().first().map(|segment| segment.schema()) else { return };
    let of = |name: &str| -> u64 {
        let stored = |segment: &Segment| segment.schema().position(name).map_or(0, |field| segment.stored_bytes(field));
        shelf.segments().iter().map(|segment| stored(segment)).sum()
    };
    let mut columns: Vec<_> = schema.fields().iter().map(|field| (of(&field.name), field.name.as_str())).collect();
    columns.sort_unstable_by(|one, other| other.cmp(one));
    for (bytes, name) in columns.iter().filter(|(bytes, _)| *bytes * 100 > rows) {
        println!("         {:6.2}  {name}", *bytes as f64 / rows as f64);
    }
}

fn read(shelf: &Shelf) -> Result<()> {
    for name in READ {
        let (mut best, mut rows) = (f64::MAX, 0);
        for _ in 0..TIMES {
            let start = Instant::now();
            rows = 0;
            for segment in shelf.segments() {
                let Some(field) = segment.schema().position(name) else { continue };
                for group in 0..segment.groups().len() {
                    rows += std::hint::black_box(segment.read(group, field)?).len();
                }
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("read     {name}: {:.2} ns a row", best * 1e9 / rows as f64);
    }
    Ok(())
}

/// The line of one request, by its identifier alone.
fn needle(shelf: &Shelf) -> Result<()> {
    let Some(segment) = shelf.segments().get(shelf.segments().len() / 2) else { return Ok(()) };
    let field = segment.schema().position("request_id").context("no request_id")?;
    let id = segment.read(0, field)?.bytes(1234).context("few rows")?.to_vec();
    let start = Instant::now();
    let (mut found, mut looked) = (None, 0);
    for segment in shelf.segments() {
        for (group, of) in segment.groups().iter().enumerate() {
            if !segment.may_hold(group, field, &id)? {
                continue;
            }
            looked += 1;
            let column = segment.read(group, field)?;
            if let Some(row) = (0..of.rows).find(|row| column.bytes(*row) == Some(&id)) {
                let mut line = Vec::new();
                segment.lines(group, row..row + 1)?.write(row, &mut line);
                found = Some(line.len());
            }
        }
    }
    println!("needle   {:.1} ms, {looked} groups looked at, line of {found:?} bytes", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// Processor time of this process.
fn cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
