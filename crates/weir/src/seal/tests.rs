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
