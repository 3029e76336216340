use meter::record::{Record, Status, render};
use store::segment::{Source, write};
use store::{Segment, SegmentError};

use super::*;

struct Lines(Vec<Vec<u8>>);

impl Source for Lines {
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError> {
        self.0.iter().try_for_each(|line| visit(line))
    }
}

fn line(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    render(record, &mut out);
    out.pop();
    out
}

#[test]
fn every_field_of_the_table_comes_back_from_a_column_of_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let empty = Record::default();
    let mut full = Record { timestamp: 1_754_476_215_123_456_789, status: Status::Error, ..Record::default() };
    full.who.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
    full.who.span_id = Some("00f067aa0ba902b7".to_owned());
    full.who.organization = Some("Ünïcode \"quoted\" \u{7f}\n".to_owned());
    full.what.temperature = Some(0.7);
    full.what.top_p = Some(1.0 / 3.0);
    full.what.stream = Some(false);
    full.times.processing = 2_345_678_999;
    full.outcome.status_code = Some(502);
    let lines = vec![line(&empty), line(&full), line(&empty)];
    let written = write(dir.path(), &schema().unwrap(), 1, &Lines(lines.clone())).unwrap();
    assert_eq!((written.rows, written.spilled), (3, 0));
    let segment = Segment::open(&written.path).unwrap();
    let read = segment.lines(0, 0..3).unwrap();
    for (row, line) in lines.iter().enumerate() {
        let mut out = Vec::new();
        read.write(row, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(line));
    }
    let integer = |name: &str| {
        let field = segment.schema().position(name).unwrap();
        segment.read(0, field).unwrap().integer(1)
    };
    assert_eq!(integer("timestamp"), Some(1_754_476_215_123_456_789));
    assert_eq!(integer("processing_time_seconds"), Some(2_345_678));
    assert_eq!(integer("status_code"), Some(502));
    let trace = segment.read(0, segment.schema().position("trace_id").unwrap()).unwrap();
    assert_eq!(trace.bytes(1).map(|bytes| bytes[..2].to_vec()), Some(vec![0x4b, 0xf9]));
}

/// Imported Records and those of other Weirs are sealed and leave their journals as Weir's own do.
#[test]
fn lots_of_others_are_sealed_too() {
    const LINES: u64 = 250;
    let dir = tempfile::tempdir().unwrap();
    let places =
        ["imported", "hub/a.1.00000000000000000001", "hub/b.7.00000000000000000001"].map(|at| dir.path().join(at));
    let mut all = Vec::new();
    for place in &places {
        let options = store::Options { rotate_bytes: 64 << 10, ..store::Options::default() };
        let (mut journal, _) = store::Journal::open(&place.join("journal"), options).unwrap();
        for record in crate::simulate::history::History::new(LINES, 1 << 60, (1 << 60) + (1 << 50), 5).unwrap() {
            let mut line = Vec::new();
            meter::record::render(&record, &mut line);
            journal.append(&line, 1).unwrap();
            all.push(line);
            if journal.is_due() {
                journal.rotate(0).unwrap().give_back().unwrap();
            }
        }
    }
    let others = Arc::new(Libraries::new(dir.path(), open_library));
    let sealing = Sealing {
        library: Arc::new(open(dir.path()).unwrap()),
        journal: dir.path().join("journal"),
        current: || 1,
        retention: || None,
        others: others.clone(),
        keep: || Some(Duration::ZERO),
        sound: Arc::default(),
    };
    sealing.tidy(&AtomicBool::new(false)).unwrap();
    assert_eq!(others.all().unwrap().len(), places.len());
    let mut found = Vec::new();
    for (lot, library) in others.all().unwrap() {
        assert!(library.shelf().sealed() > LINES / 2);
        assert_eq!(files(&lot.journal()).unwrap().len(), 1, "what is sealed has left the journal");
        lot.read(&store::lot::Wanted::from(1), &mut |_, line| {
            found.push([line, b"\n"].concat());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    }
    assert!(found == all, "{} lines instead of {}", found.len(), all.len());
}
