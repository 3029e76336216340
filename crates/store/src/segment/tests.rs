use std::fs;

use proptest::prelude::*;

use super::*;
use crate::schema::{Field, Role};

pub(crate) struct Held(pub(crate) Vec<Vec<u8>>);

impl Source for Held {
    fn visit(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), SegmentError>) -> Result<(), SegmentError> {
        self.0.iter().try_for_each(|line| visit(line))
    }
}

pub(crate) fn schema() -> Schema {
    let always = |name: &str, kind| Field { always: true, ..Field::new(name, kind, Role::Line) };
    let kept = |name: &str, encoding| Field { encoding, ..Field::new(name, Type::Text, Role::Metadata) };
    let fields = vec![
        always("timestamp", Type::Time),
        Field { always: true, ..Field::new("level", Type::Text, Role::Label) },
        Field { always: true, ..kept("id", Encoding::Uuid) },
        always("tokens", Type::Integer),
        always("cost_usd", Type::Decimal(9)),
        Field::new("heat", Type::Number, Role::Line),
        kept("trace_id", Encoding::Hex(16)),
        Field::new("answer_id", Type::Text, Role::Line),
        Field::new("stream", Type::Flag, Role::Line),
        Field::new("truncated", Type::Flag, Role::Line),
    ];
    Schema::new(fields, 9).unwrap()
}

/// A line as a meter would write it.
pub(crate) fn line(number: u64) -> Vec<u8> {
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut line = format!(
        r#"{{"timestamp":"2026-11-{:02}T{:02}:33:43.{:09}Z","level":"{}","id":"019a0000-{:04x}-7{:03x}-8{:03x}-{:012x}""#,
        1 + number / 86_400 % 28,
        number / 3600 % 24,
        next() % 1_000_000_000,
        ["INFO", "WARN", "ERROR"][(next() % 3) as usize],
        number % 65_536,
        next() % 4096,
        next() % 4096,
        next() % (1 << 48),
    );
    match next() % 4 {
        0 => line += r#","tokens":null,"cost_usd":null"#,
        1 => line += &format!(r#","tokens":{},"cost_usd":0"#, next() % 5000),
        _ => line += &format!(r#","tokens":{},"cost_usd":0.{:08}1"#, next() % 5000, next() % 100_000_000),
    }
    if next() % 3 == 0 {
        line += &format!(r#","heat":0.{}"#, 1 + next() % 9);
    }
    if next() % 2 == 0 {
        line += &format!(r#","trace_id":"{:016x}{:016x}""#, next(), next());
    }
    if next() % 5 != 0 {
        line += &format!(r#","answer_id":"chatcmpl-{:x}\"\\\u0001 Ü""#, next());
    }
    if next() % 2 == 0 {
        line += r#","stream":true"#;
    }
    match next() % 4 {
        0 => line += &format!(r#","team":"t{}","floor":{}"#, next() % 5, next() % 9),
        1 => line += r#","floor":-2.5"#,
        _ => {}
    }
    line += "}";
    line.into_bytes()
}

fn written(lines: &[Vec<u8>]) -> (tempfile::TempDir, Written, Segment) {
    let dir = tempfile::tempdir().unwrap();
    let written = write(dir.path(), &schema(), 7, &Held(lines.to_vec())).unwrap();
    let segment = Segment::open(&written.path).unwrap();
    (dir, written, segment)
}

fn all(segment: &Segment) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for (group, of) in segment.groups().iter().enumerate() {
        let read = segment.lines(group, 0..of.rows).unwrap();
        let lengths = segment.lengths(group, 0..of.rows).unwrap();
        assert_eq!(lengths.len(), of.rows);
        for (row, length) in lengths.into_iter().enumerate() {
            let mut line = Vec::new();
            read.write(row, &mut line);
            assert_eq!(length as usize, line.len());
            lines.push(line);
        }
    }
    lines
}

fn texts(lines: &[Vec<u8>]) -> Vec<&str> {
    lines.iter().map(|line| std::str::from_utf8(line).unwrap()).collect()
}

#[test]
fn lines_come_back_from_columns() {
    let lines: Vec<_> = (0..3000).map(line).collect();
    let (_dir, written, segment) = written(&lines);
    assert_eq!((written.rows, written.spilled, written.mended), (3000, 0, 0));
    assert_eq!(texts(&all(&segment)), texts(&lines));
    assert_eq!((segment.first(), segment.next()), (7, 3007));
    assert!(written.path.ends_with("00000000000000000007-00000000000000003006.parquet"));
    // What was found on lines has columns of its own, where it stands on the line.
    let names: Vec<_> = segment.schema().fields().iter().map(|field| (field.name.as_str(), field.kind)).collect();
    assert_eq!(
        names[8..],
        [("stream", Type::Flag), ("team", Type::Text), ("floor", Type::Number), ("truncated", Type::Flag)]
    );
}

#[test]
fn the_same_lines_give_the_same_file() {
    let lines: Vec<_> = (0..500).map(line).collect();
    let (dir, first, _) = written(&lines);
    let bytes = fs::read(&first.path).unwrap();
    assert_eq!(write(dir.path(), &schema(), 7, &Held(lines)).unwrap(), first);
    assert_eq!(fs::read(&first.path).unwrap(), bytes);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_the_columns_would_not_give_back_is_kept() {
    let mut lines: Vec<_> = (0..40).map(line).collect();
    let timestamp = r#"{"timestamp":"2026-11-23T19:33:43.000000001Z","level":"INFO","id":null,"tokens":"#;
    for odd in [
        r#"1,"cost_usd":0.10}"#,
        r#"1,"cost_usd":1e3}"#,
        r#"01,"cost_usd":1}"#,
        r#"-0,"cost_usd":1}"#,
        r#"99999999999999999999,"cost_usd":1}"#,
        r#"1,"cost_usd":0.0000000001}"#,
        r#"1,"cost_usd":1000000000}"#,
        r#"1,"cost_usd":1,"stream":null}"#,
        r#"1,"cost_usd":1,"stream":1}"#,
        r#"1,"cost_usd":1,"stream":true,"stream":true}"#,
        r#"1,"cost_usd":1,"stream":true,"answer_id":"out of order"}"#,
        r#"1,"cost_usd":1,"answer_id":"\u00e4"}"#,
        r#"1,"cost_usd":1,"answer_id":"\/"}"#,
        r#"1,"cost_usd":1,"trace_id":"ABCDEFABCDEFABCDEFABCDEFABCDEFAB"}"#,
        r#"1,"cost_usd":1,"heat":NaN}"#,
        r#"1,"cost_usd":1,"heat":1.0}"#,
        r#"1,"cost_usd":1,"nested":{"a":1}}"#,
        r#"1,"cost_usd":1,"no name":1}"#,
        r#"1, "cost_usd":1}"#,
        r#"1,"cost_usd":1} "#,
        r#"1}"#,
        r#"1,"cost_usd":1"#,
    ] {
        lines.push(format!("{timestamp}{odd}").into_bytes());
    }
    lines.extend([&b"{}"[..], b"", b"{", b"}", b"no json"].map(<[u8]>::to_vec));
    let odd = lines.len() - 40;
    lines.extend((40..80).map(line));
    let (_dir, written, segment) = written(&lines);
    assert_eq!(texts(&all(&segment)), texts(&lines));
    assert_eq!(written.spilled, odd as u64);
    let kept = segment.spilled(0, 0..lines.len()).unwrap();
    let rows: Vec<_> = (0..lines.len()).filter(|row| kept.is_valid(*row)).collect();
    assert_eq!(rows, (40..40 + odd).collect::<Vec<_>>());
    // What could be read of such a line can be asked for.
    let tokens = segment.read(0, segment.schema().position("tokens").unwrap()).unwrap();
    assert_eq!(tokens.integer(40), Some(1));
}

#[test]
fn a_line_that_is_no_text_is_mended_and_counted() {
    let lines = vec![line(1), b"{\"level\":\"\xff\"}".to_vec(), line(2)];
    let (_dir, written, segment) = written(&lines);
    assert_eq!((written.mended, written.spilled), (1, 1));
    assert_eq!(all(&segment)[1], "{\"level\":\"\u{fffd}\"}".as_bytes());
    assert_eq!(all(&segment)[2], lines[2]);
}

#[test]
fn rows_are_read_by_pages() {
    let count = GROUP_ROWS as u64 + 20_000;
    let lines: Vec<_> = (0..count).map(line).collect();
    let (_dir, _, segment) = written(&lines);
    assert_eq!(segment.groups().iter().map(|group| group.rows).collect::<Vec<_>>(), [GROUP_ROWS, 20_000]);
    assert_eq!(segment.groups()[1].first, 7 + GROUP_ROWS as u64);
    for rows in [0..1, 8191..8193, 8192..16_384, 100..100, 65_000..65_536, 60_000..99_999] {
        for field in 0..segment.schema().fields().len() {
            let whole = segment.read(0, field).unwrap();
            let part = segment.read_rows(0, field, rows.clone()).unwrap();
            assert_eq!(part.len(), rows.end.min(GROUP_ROWS) - rows.start);
            for row in 0..part.len() {
                assert_eq!(part.is_valid(row), whole.is_valid(rows.start + row));
                assert_eq!(part.text(row), whole.text(rows.start + row));
                assert_eq!(part.integer(row), whole.integer(rows.start + row));
                assert_eq!(part.bytes(row), whole.bytes(rows.start + row));
            }
        }
    }
    let read = segment.lines(0, 30_000..30_010).unwrap();
    let mut out = Vec::new();
    read.write(30_009, &mut out);
    assert_eq!(out, lines[30_009]);
    out.clear();
    read.write(30_010, &mut out);
    assert!(out.is_empty());
}

#[test]
fn bounds_hold_and_absent_values_are_not_looked_for() {
    let lines: Vec<_> = (0..5000).map(line).collect();
    let (_dir, _, segment) = written(&lines);
    let times = segment.read(0, 0).unwrap();
    let range = (0..5000)
        .filter_map(|row| times.integer(row))
        .fold((i64::MAX, i64::MIN), |(least, most), time| (least.min(time), most.max(time)));
    assert_eq!(segment.times(), Some(range));
    assert_eq!(segment.bounds(0, 0).integers, Some(range));
    let field = segment.schema().position("id").unwrap();
    let ids = segment.read(0, field).unwrap();
    for row in (0..5000).filter(|row| ids.is_valid(*row)) {
        assert!(segment.may_hold(0, field, ids.bytes(row).unwrap()).unwrap());
    }
    assert!(!segment.may_hold(0, field, &[0; 16]).unwrap());
}

#[test]
fn damage_is_an_error_and_never_a_wrong_line_without_one() {
    let lines: Vec<_> = (0..300).map(line).collect();
    let (dir, written, _) = written(&lines);
    let bytes = fs::read(&written.path).unwrap();
    let path = dir.path().join("damaged.parquet");
    for cut in [0, 1, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..cut]).unwrap();
        assert!(Segment::open(&path).is_err());
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 120) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        fs::write(&path, &changed).unwrap();
        let Ok(segment) = Segment::open(&path) else { continue };
        for group in 0..segment.groups().len() {
            let _ = segment.lines(group, 0..300);
            let _ = segment.lines(group, 10..20);
        }
    }
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number}")),
        (0_u64..10_u64.pow(12)).prop_map(|nano| format!("{}", nano as f64 / 1e9)),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "[0-9a-f]{32}".prop_map(|text| format!("\"{text}\"")),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9]{9}Z"
            .prop_map(|text| format!("\"{text}\"")),
    ];
    let name = prop_oneof![
        proptest::sample::select(vec![
            "timestamp",
            "level",
            "id",
            "tokens",
            "cost_usd",
            "heat",
            "trace_id",
            "answer_id",
            "stream",
            "truncated"
        ])
        .prop_map(str::to_owned),
        "[a-d]{1,2}",
    ];
    let members = proptest::collection::vec((name, value), 0..8).prop_map(|members| {
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    });
    prop_oneof![3 => any::<u64>().prop_map(|number| line(number % 1_000_000)), 2 => members]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_lines_come_back(lines in proptest::collection::vec(any_line(), 1..60)) {
        let (_dir, _, segment) = written(&lines);
        let back = all(&segment);
        prop_assert_eq!(texts(&back), texts(&lines));
        let half = lines.len() / 2;
        let read = segment.lines(0, half..lines.len()).unwrap();
        for (row, line) in lines.iter().enumerate().skip(half) {
            let mut out = Vec::new();
            read.write(row, &mut out);
            prop_assert_eq!(&out, line);
        }
    }

    #[test]
    fn what_is_no_segment_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("any.parquet");
        fs::write(&path, &bytes).unwrap();
        prop_assert!(Segment::open(&path).is_err());
    }
}

#[test]
fn identifiers_that_are_not_there_are_not_looked_for() {
    let lines: Vec<_> = (0..3000).map(line).collect();
    let (_dir, _, segment) = written(&lines);
    let trace = segment.schema().position("trace_id").unwrap();
    let column = segment.read(0, trace).unwrap();
    let there: Vec<&[u8]> = (0..column.len()).filter_map(|row| column.bytes(row)).collect();
    assert!(there.iter().all(|id| segment.may_hold(0, trace, id).unwrap()));
    let others =
        (0..1000_u128).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes());
    let mistaken = others.filter(|id| segment.may_hold(0, trace, id).unwrap()).count();
    assert!(mistaken < 300, "{mistaken} of 1000");
    let answer = segment.schema().position("answer_id").unwrap();
    let column = segment.read(0, answer).unwrap();
    let there: Vec<&str> = (0..column.len()).filter_map(|row| column.text(row)).collect();
    assert!(there.iter().all(|id| segment.may_hold(0, answer, id.as_bytes()).unwrap()));
}
