//! What an earlier Weir has written stays readable. The directories under `fixtures/` were left by real processes that were
//! killed, and are never written anew: a change that needs other bytes there is a change that needs another version.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::audit::{Audit, bytes};
use crate::process::{Setup, read_all};
use crate::recovery::copy;
use crate::upstream::Upstream;

/// Records in the journal's two files, behind which stands a part of a line.
const RECORDED: [&str; 6] = [
    "01a208e3-54a2-781e-9648-f35ec1c11631",
    "01a208e3-5786-7b1f-9e10-ca5ea0489277",
    "01a208e3-598a-7e08-9b77-0a7b48687334",
    "01a208e3-59f2-7d67-aff1-cca8955c6591",
    "01a208e3-59f4-7882-a216-7df8772c43e1",
    "01a208e3-5a0f-7817-894d-29297cea43b2",
];
/// In the table, beside one of those above.
const IN_FLIGHT: [&str; 2] = ["01a208e3-5e1e-7c1d-97b0-3fd6bc4055c0", "01a208e3-5e60-7b91-82d3-29c0d98efcb1"];
/// Lines that its stdout has had.
const PRINTED: usize = 4;

#[test]
fn a_directory_of_version_1_gives_back_every_record() {
    let root = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/fixtures/v1");
    let data_dir = copy(&fixture, &root.path().join("data"));
    let before = bytes(&data_dir);
    let whole = memchr::memrchr(b'\n', &before).unwrap() + 1;
    assert!(whole < before.len(), "there is no part of a line any more");

    let upstream = Upstream::start();
    let setup = Setup::new(root.path(), &data_dir, upstream.address, "", "");
    let mut weir = setup.start_with(Stdio::piped());
    let printed = read_all(weir.stdout());
    assert!(weir.said().contains("cut off 230 bytes"), "{}", weir.said());
    let new = weir.connect().chat(false).unwrap().id().unwrap();
    weir.stop();

    let (after, audit) = (bytes(&data_dir), Audit::of(&data_dir));
    assert!(after.starts_with(&before[..whole]), "what stood there stands there");
    assert_eq!(audit.facts.len(), RECORDED.len() + IN_FLIGHT.len() + 1);
    RECORDED.iter().for_each(|id| assert!(!audit.fact(id).is_killed()));
    IN_FLIGHT.iter().for_each(|id| assert!(audit.fact(id).is_killed()));
    assert!(audit.fact(&new).priced);
    let event = |number: usize| audit.fact(RECORDED[number]).event.as_str();
    assert_eq!(
        (event(0), event(3), event(5)),
        ("llm_request_completed", "llm_request_failed", "llm_request_cancelled")
    );
    assert_eq!((audit.fact(RECORDED[0]).cost, audit.fact(RECORDED[2]).cost), (1_110_000, 29_500));
    let unprinted: Vec<u8> = after.split_inclusive(|byte| *byte == b'\n').skip(PRINTED).flatten().copied().collect();
    assert_eq!(printed.join().unwrap(), unprinted);
    assert_eq!(fs::read_to_string(data_dir.join("version")).unwrap(), "1\n");
}

/// Ten lines, one with fields that an operator declared and one that the columns do not give back.
#[test]
fn segments_of_version_1_give_back_every_line() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/fixtures/segments-v1");
    let root = tempfile::tempdir().unwrap();
    let segments = copy(&fixture, &root.path().join("segments"));
    let expected = fs::read_to_string(segments.join("lines.jsonl")).unwrap();
    let (_library, aside) = store::Library::open(&segments, weir::seal::schema().unwrap()).unwrap();
    assert!(aside.is_empty(), "{aside:?}");
    let shelf = store::Shelf::read(&segments).unwrap();
    assert_eq!((shelf.begins(), shelf.sealed()), (1, 11));
    let segment = &shelf.segments()[0];
    let lines = segment.lines(0, 0..10).unwrap();
    let mut found = Vec::new();
    for row in 0..10 {
        lines.write(row, &mut found);
        found.push(b'\n');
    }
    assert_eq!(String::from_utf8(found).unwrap(), expected);
    let team = segment.read(0, segment.schema().position("team").unwrap()).unwrap();
    assert_eq!((team.text(8), team.text(7)), (Some("blue"), None));
    let kept = segment.spilled(0, 0..10).unwrap();
    assert_eq!((0..10).filter(|row| kept.is_valid(*row)).collect::<Vec<_>>(), [9]);
}

/// The lines that the directory's two Weirs printed, as digests: its own, and those that the other one brought.
const LINES: [&str; 2] = [
    "551536f1634a07fb6e5122fc702d0efee20382dc9a1b8a93c608b372c1573296",
    "e813f12294af66ae19de65836c299e0eb28938965f6228245f2fedd5ff47a032",
];

/// Of all lines of a lot.
fn digest(lot: &Path) -> String {
    let mut lines = Vec::new();
    let damaged = store::Lot::new(lot).read(&store::lot::Wanted::from(1), &mut |_, line| {
        lines.extend_from_slice(line);
        lines.push(b'\n');
        std::ops::ControlFlow::Continue(())
    });
    assert!(damaged.unwrap().is_empty());
    weir::config::sha256(&lines).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All that a directory holds: segments and journals of Weir's own Records, of imported ones and of another Weir's, what others pushed in
/// a segment and in the log, and how far standard output had come.
#[test]
fn a_whole_directory_of_version_1_is_answered_from() {
    let root = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/fixtures/data-v1");
    let data_dir = copy(&fixture, &root.path().join("data"));
    let upstream = Upstream::start();
    let tables = "[store]\nretention = \"0s\"\n[push]\nretention = \"36500d\"\n\
                  [[fields]]\nname = \"team\"\nfrom = \"header:x-team\"\n";
    let setup = Setup::new(root.path(), &data_dir, upstream.address, "instance = \"fixture\"", tables);
    let mut weir = setup.start_with(Stdio::piped());
    let printed = read_all(weir.stdout());
    let trace = r#"sum(count_over_time({instance="fixture"} | trace_id="4bf92f3577b34da6a3ce929d0e0e4705" [2h]))"#;
    for (at, query, wanted) in [
        // Its own: 38 in two segments, 7 in the journal.
        (1_795_488_000, r#"sum(count_over_time({instance="fixture"}[2h]))"#, "45"),
        (1_795_488_000, r#"sum(sum_over_time({instance="fixture"} | unwrap cost_usd [2h]))"#, "0.0002904"),
        (1_795_488_000, r#"sum(count_over_time({instance="fixture"} | json | team="t0" [2h]))"#, "15"),
        (1_795_488_000, trace, "1"),
        // Another's: 12 in a segment, 3 in the journal.
        (1_795_488_000, r#"sum(count_over_time({instance="other"}[2h]))"#, "15"),
        (1_786_012_260, r#"sum(count_over_time({app="llm-proxy"} | json | origin="log" [10m]))"#, "1"),
        (1_795_400_060, r#"sum(count_over_time({app="old"}[10m]))"#, "46"),
        (1_795_400_060, r#"sum(count_over_time({ship="Ærø \"1\""} |= "sealed" | number="7" [10m]))"#, "1"),
        (1_795_400_060, r#"sum(count_over_time({app="old"} |= "in the log" | who="Bjørn" [10m]))"#, "1"),
    ] {
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (status, body) = weir.operator(&format!("/loki/api/v1/query?query={query}&time={at}"));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        assert_eq!((status, body["data"]["result"][0]["value"][1].as_str()), (200, Some(wanted)), "{query}");
    }
    weir.stop();
    assert_eq!(printed.join().unwrap(), b"", "what was printed is printed again");
    let brought = store::lot::lots(&data_dir).unwrap();
    let brought = brought.iter().find(|lot| lot.dir().starts_with(data_dir.join("hub"))).unwrap();
    assert_eq!([digest(&data_dir), digest(brought.dir())], LINES);
    let arguments = ["report", "--since", "2026-01-01", "--until", "2027-01-01", "--format", "json", "--data-dir"];
    let statement = crate::process::weir().args(arguments).arg(&data_dir).output().unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&statement.stdout).unwrap();
    assert_eq!((&statement["total"]["requests"], &statement["total"]["cost_usd"]), (&61.into(), &"0.0108894".into()));
}
