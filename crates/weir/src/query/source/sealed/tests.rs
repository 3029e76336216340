//! Where Records lie makes no difference: each question is asked of the journal alone, and of segments and what of the journal is
//! not sealed yet.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use logql::eval::{Answer, Context, EvalError, Request, evaluate};
use logql::source::Direction;
use logql::syntax::ast::Expr;
use logql::syntax::parse;
use meter::record::render;
use proptest::prelude::*;
use store::library::Merging;
use store::{Journal, Library};

use super::Sealed;
use crate::panels::{PANELS, Selection};
use crate::query::label::Labeller;
use crate::query::source::{Journaled, Union, directory, recorded};
use crate::simulate::history::History;

const SECOND: u64 = 1_000_000_000;
/// 2026-01-02, in nanoseconds.
const START: u64 = 1_767_312_000 * SECOND;
const HOURS: u64 = 6;

/// The mission's, and what is likely to be asked otherwise.
const QUERIES: &[&str] = &[
    r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed""#,
    r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | total_tokens > 1000"#,
    r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | cost_usd > 0.10"#,
    r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | processing_time_seconds > 2"#,
    r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | model = "gpt-4""#,
    r#"{namespace="llm", app="llm-proxy"} |= "llm_request_failed""#,
    r#"{app="llm-proxy"}"#,
    r#"{app="llm-proxy"} | json"#,
    r#"{app="llm-proxy"} |~ "gpt-[0-9]" != "mini" | json | stream="true""#,
    r#"{app="llm-proxy"} !~ "ERROR|WARN" | organization != "" | line_format "{{.organization}} {{.cost_usd}}""#,
    r#"{app="llm-proxy"} |= "\"cached_input_tokens\":" | json cached="cached_input_tokens", raw="usage_raw""#,
    r#"{app="llm-proxy", level=~"warn|error"} | json | drop __error__"#,
    r#"{event=~".+"} | json | session_id=~".*7.*" | keep model, session_id_extracted, total_tokens"#,
    r#"{app="llm-proxy"} |= "null" != "Z\"" | json | temperature=`` or deep_er=`7`"#,
    r#"{app="llm-proxy"} |= "\"team\":\"a\"" | json | floor > 1"#,
    r#"{app="llm-proxy"} |= "n" != "u0001" |= "-7" | json | nowhere!="x""#,
    r#"{app="llm-proxy"} |= "0001" or "b\"" or "\"team\":\"\"""#,
    r#"{app="llm-proxy"} |= "\"timestamp\":\"2026" != "3,\"" | json | nowhere="x" or team="a""#,
    r#"{app="llm-proxy"} |= "00" | region="here" | user_id="user-0""#,
    r#"{app="llm-proxy"} | json | session_id="x" | total_tokens > 1"#,
    r#"{app="llm-proxy"} | json | simulated="true" | input_tokens <= 100 | team="" "#,
    r#"{app="llm-proxy"} | detected_level="error" | model=~"gpt.*" | status_code >= 400"#,
    r#"sum by (model, team) (sum_over_time({app="llm-proxy"} | json | unwrap total_tokens [7m]))"#,
    r#"sum by (organization) (sum_over_time({app="llm-proxy"} | unwrap cost_usd [20m]))"#,
    r#"avg_over_time({app="llm-proxy"} | json | unwrap floor | __error__="" [10m]) by (team, level)"#,
    r#"quantile_over_time(0.9, {app="llm-proxy"} | unwrap processing_time_seconds [30m]) by (model)"#,
    r#"topk(3, sum by (user_id) (count_over_time({app="llm-proxy"} | user_id != "" [1h])))"#,
    r#"count_over_time({app="llm-proxy"} |= "llm" [30m])"#,
    r#"sum(bytes_over_time({app="llm-proxy"} [15m])) by (event)"#,
    r#"sum by (day) (count_over_time({app="llm-proxy"} | label_format day=`{{.timestamp | substr 0 10}}` [15m]))"#,
    r#"sum by (timestamp) (count_over_time({app="llm-proxy"} | json | truncated="true" [3h]))"#,
    r#"sum by (level_extracted, model_extracted, detected_level) (count_over_time({app="llm-proxy"} | json [1h]))"#,
    r#"max_over_time({app="llm-proxy"} | json | unwrap cost_list_usd [1h]) by (provider)"#,
    r#"absent_over_time({app="llm-proxy"} | json | model="none" [1h])"#,
    r#"first_over_time({app="llm-proxy"} | json | unwrap input_tokens [5m]) by (status)"#,
    r#"sum by (carbon_zone) (sum_over_time({app="llm-proxy"} | unwrap carbon_gco2e [20m]))"#,
    r#"sum by (model) (sum_over_time({app="llm-proxy"} | json | cost_usd="" | floor!="" | unwrap floor | __error__="" [20m]))"#,
    r#"sum by (event) (count_over_time({app="llm-proxy"} | user_id="" | deep_er="" | model!="" [20m]))"#,
    r#"sum(sum_over_time({app="llm-proxy"} | json | request_id!="" | team!="" | unwrap cached_input_tokens [20m]))"#,
    r#"sum(sum_over_time({app="llm-proxy"} |= "7" | nowhere="" | unwrap nowhere [20m]))"#,
    r#"{app="llm-proxy"} | json | team="" | session_id!="" | nowhere!="x""#,
    r#"{app="llm-proxy"} | nowhere!="""#,
    r#"sum by (trace_id) (count_over_time({app="llm-proxy"} | trace_id=~"0.*" [1h]))"#,
];

fn labeller() -> Labeller {
    let constant = [("app", "llm-proxy"), ("namespace", "llm"), ("region", "here")];
    let constant = constant.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Labeller::of(constant.into(), vec!["team".to_owned()])
}

/// What a line may have beside what Weir writes: none of these is what a column would give back, or is the usual.
const ODD: &[&str] = &[
    r#","team":"a","floor":2"#,
    r#","team":"","floor":-2.5"#,
    r#","team":"Ü \"b\"\n","floor":1e3"#,
    r#","floor":"none","deep":{"er":7,"est":{"x":"y"}}"#,
    r#","floor":0.10,"list":[1,2]"#,
    ",\"team\":\"a\u{fffd}b\"",
    r#","model":"twice""#,
    r#","total_tokens":null"#,
    r#","user_id":"","session_id":"7 \u0001\ud83d\ude00""#,
    r#","team":null,"cost_usd":123456789.123456789"#,
];

/// Lines that Weir might have written, and some that it would not have.
fn lines(count: u64, seed: u64, odd: &[usize]) -> Vec<Vec<u8>> {
    let history = History::new(count, START, START + HOURS * 3600 * SECOND, seed).unwrap();
    let mut lines = Vec::new();
    for (number, record) in history.enumerate() {
        let mut line = Vec::new();
        render(&record, &mut line);
        if let Some(odd) = odd.get(number % 40).and_then(|odd| ODD.get(*odd)) {
            line.truncate(line.len() - 2);
            line.extend_from_slice(odd.as_bytes());
            line.extend_from_slice(b"}\n");
        }
        match number % 97 {
            13 => line = b"{\"timestamp\":null,\"level\":\"INFO\"}\n".to_vec(),
            14 => line = b"no Record\n".to_vec(),
            15 => line = format!("{{\"level\":\"Warn\",\"timestamp\":\"2026-01-02T0{}:00:00Z\"}}\n", number % 6).into(),
            _ => {}
        }
        lines.push(line);
    }
    lines
}

/// A journal with all of its lines, of which the first `sealed` files are segments too.
struct Place {
    dir: tempfile::TempDir,
    journal: Journal,
    library: Library,
}

impl Place {
    fn new(rotate_bytes: u64) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let options = store::Options { rotate_bytes, ..store::Options::default() };
        let (journal, _) = Journal::open(&dir.path().join("journal"), options).unwrap();
        let (library, _) = Library::open(&dir.path().join("segments"), crate::seal::schema().unwrap()).unwrap();
        Place { dir, journal, library }
    }

    fn journal(&self) -> std::path::PathBuf {
        self.dir.path().join("journal")
    }

    fn append(&mut self, lines: &[Vec<u8>]) {
        for line in lines {
            self.journal.append(line, 1).unwrap();
            if self.journal.is_due() {
                self.journal.rotate(0).unwrap();
            }
        }
    }

    fn seal(&self) -> bool {
        let current = self.journal.first();
        self.library.seal(&self.journal(), current).unwrap().is_some()
    }

    fn merge(&self) {
        let merging = Merging { most_rows: 1 << 20, longest: Duration::from_secs(86_400) };
        while self.library.merge(merging, &AtomicBool::new(false)).unwrap().is_some() {}
    }

    /// All lines, from the journal alone.
    fn plain(&self) -> Union {
        Union::new(journaled(&self.journal()).parts(0).unwrap())
    }

    /// All lines, from where they belong.
    fn union(&self) -> Union {
        let (sealed, journaled) = (Arc::new(Sealed::new(labeller())), journaled(&self.journal()));
        Union::new(recorded(&|| Ok(self.library.shelf()), &journaled, &sealed).unwrap())
    }
}

fn journaled(dir: &Path) -> Arc<Journaled> {
    Arc::new(Journaled::new(dir, labeller(), 64 << 20).unwrap())
}

fn ask(union: &Union, query: &str, request: &Request, threads: usize) -> Result<Answer, EvalError> {
    let context = Context { threads, ..Context::default() };
    evaluate(union, &parse(query).unwrap(), request, &context).map(|outcome| outcome.answer)
}

fn queries() -> Vec<String> {
    let (selection, step) = (Selection::default(), "30m");
    let panels = PANELS.iter().flat_map(|panel| {
        let asked = panel.logql.iter().map(|query| query.expr).chain(panel.lines);
        asked.map(|expr| selection.expand(expr)).collect::<Vec<_>>()
    });
    let variables = [("$__auto", step), ("$__range", step), ("$slo_seconds", "2"), ("$search", "support")];
    let filled = |query: String| variables.iter().fold(query, |query, (name, value)| query.replace(name, value));
    let panels = panels.map(filled);
    QUERIES.iter().map(|query| (*query).to_owned()).chain(panels).collect()
}

/// The same series and entries; figures as close as sums of floats in another order are.
fn assert_same(found: &Answer, wanted: &Answer, about: &str) {
    let close = |found: f64, wanted: f64| {
        found == wanted || (found.is_nan() && wanted.is_nan()) || (found - wanted).abs() <= wanted.abs() * 1e-12
    };
    match (found, wanted) {
        (Answer::Matrix(found), Answer::Matrix(wanted)) => {
            let names = |all: &[logql::eval::Series]| all.iter().map(|one| one.labels.clone()).collect::<Vec<_>>();
            assert_eq!(names(found), names(wanted), "{about}");
            for (found, wanted) in found.iter().zip(wanted) {
                let same = found.points.len() == wanted.points.len()
                    && found.points.iter().zip(&wanted.points).all(|(f, w)| f.0 == w.0 && close(f.1, w.1));
                assert!(same, "{about}: {} is {:?} and not {:?}", found.labels, found.points, wanted.points);
            }
        }
        (Answer::Vector(found), Answer::Vector(wanted)) => {
            assert_eq!(found.len(), wanted.len(), "{about}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert_eq!(found.labels, wanted.labels, "{about}");
                assert!(close(found.value, wanted.value), "{about}: {} and not {}", found.value, wanted.value);
            }
        }
        _ => assert_eq!(found, wanted, "{about}"),
    }
}

/// Every question, in every way in which it may be asked.
fn compare(place: &Place, limit: usize, direction: Direction, (from, to): (u64, u64), queries: &[String]) {
    let (plain, union) = (place.plain(), place.union());
    let at = |minutes: u64| i64::try_from(START + minutes * 60 * SECOND).unwrap();
    let step = i64::try_from(1800 * SECOND).unwrap();
    let range = Request { limit, direction, ..Request::range(at(from), at(to), step) };
    let instant = Request { limit, direction, ..Request::instant(at(to)) };
    for query in queries {
        let parsed = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let is_log = matches!(parsed, Expr::Log(_));
        for request in [range, instant].into_iter().take(if is_log { 1 } else { 2 }) {
            let about = format!("{query} ({request:?})");
            match (ask(&union, query, &request, 2), ask(&plain, query, &request, 1)) {
                (Ok(found), Ok(wanted)) => assert_same(&found, &wanted, &about),
                // Which entry is met first is open; what is wrong with it is not.
                (Err(found), Err(wanted)) => {
                    assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&wanted), "{about}");
                }
                (found, wanted) => panic!("{about}: {found:?} and not {wanted:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sealed_records_answer_as_the_journal_does(
        seed in any::<u64>(),
        odd in prop::collection::vec(0..ODD.len() * 4, 40),
        limit in 1usize..400,
        forward in any::<bool>(),
        times in (0u64..200, 200u64..370),
        merges in any::<bool>(),
    ) {
        let mut place = Place::new(64 << 10);
        place.append(&lines(300, seed, &odd));
        while place.seal() {}
        if merges {
            place.merge();
        }
        prop_assert!(!place.library.shelf().segments().is_empty());
        let direction = if forward { Direction::Forward } else { Direction::Backward };
        compare(&place, limit, direction, times, &queries());
    }
}

/// Groups of many pages, of which a limit needs few.
#[test]
fn pages_are_read_in_the_order_that_is_asked_for() {
    let mut place = Place::new(64 << 20);
    place.append(&lines(17_000, 7, &[3, 90, 90, 90, 6]));
    place.journal.rotate(0).unwrap();
    while place.seal() {}
    place.merge();
    assert!(place.library.shelf().segments()[0].groups()[0].rows > 2 * store::segment::PAGE_ROWS);
    let queries = [QUERIES[3], QUERIES[6], QUERIES[15]].map(str::to_owned);
    for direction in [Direction::Forward, Direction::Backward] {
        compare(&place, 150, direction, (30, 340), &queries);
        compare(&place, 12_000, direction, (0, 360), &queries[1..2]);
    }
}

/// What turns out to be damaged is told, and the rest answers without it.
#[test]
fn a_directory_is_asked_without_what_is_damaged() {
    let mut place = Place::new(64 << 10);
    place.append(&lines(300, 5, &[]));
    while place.seal() {}
    let segments: Vec<_> = place.library.shelf().segments().to_vec();
    let middle = &segments[1];
    let mut bytes = std::fs::read(middle.path()).unwrap();
    let footer = bytes.len() - 8;
    let footer = footer - u32::from_le_bytes(bytes[footer..footer + 4].try_into().unwrap()) as usize;
    bytes[4..footer].fill(0xff);
    std::fs::write(middle.path(), bytes).unwrap();
    // Where the journal has the lines they are read from there.
    std::fs::remove_dir_all(place.journal()).unwrap();
    std::fs::create_dir(place.journal()).unwrap();
    let request = Request::instant(i64::try_from(START + HOURS * 3600 * SECOND).unwrap());
    let count = |without: &BTreeSet<PathBuf>| {
        let union = directory(place.dir.path(), &labeller(), without).unwrap();
        let answer = ask(&union, r#"sum(count_over_time({app="llm-proxy"} | model != "" [1d]))"#, &request, 1);
        (answer, union.damaged())
    };
    let (answer, damaged) = count(&BTreeSet::new());
    assert!(matches!(answer, Err(EvalError::Source(_))), "{answer:?}");
    assert_eq!(damaged.iter().map(|error| error.path()).collect::<Vec<_>>(), [middle.path()]);
    let (answer, damaged) = count(&[middle.path().to_owned()].into());
    let Ok(Answer::Vector(found)) = answer else { panic!("{answer:?}") };
    assert!(found[0].value > 50.0 && damaged.is_empty());
}

/// The line of a Record that says which one it is.
fn numbered(number: u64) -> Vec<u8> {
    let (seconds, tenth) = (number / 10, number % 10);
    let filling = "x".repeat(200);
    format!(
        "{{\"timestamp\":\"2026-01-02T00:{:02}:{:02}.{tenth}00000000Z\",\"level\":\"INFO\",\"event\":\"llm_request_completed\",\
         \"total_tokens\":{number},\"error_message\":\"{filling}\"}}\n",
        seconds / 60 % 60,
        seconds % 60,
    )
    .into_bytes()
}

/// Sets a flag in the end, however it comes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Each Record is there once, whatever becomes of files while it is asked for.
#[test]
fn questions_see_each_record_once_while_files_come_and_go() {
    const RECORDS: u64 = 1_500;
    let mut place = Place::new(48 << 10);
    let (written, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let (dir, other) = (place.journal(), Place::new(1 << 20));
    let library = other.library;
    let current = AtomicU64::new(place.journal.first());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=RECORDS {
                place.append(&[numbered(number)]);
                written.store(number, Ordering::Release);
                current.store(place.journal.first(), Ordering::Release);
            }
        });
        scope.spawn(|| {
            let merging = Merging { most_rows: 1 << 20, longest: Duration::from_secs(86_400) };
            while !done.load(Ordering::Acquire) {
                while library.seal(&dir, current.load(Ordering::Acquire)).unwrap().is_some() {}
                library.merge(merging, &AtomicBool::new(false)).unwrap();
                let sealed = library.shelf().sealed();
                store::journal::trim(&dir, current.load(Ordering::Acquire), sealed, Some(Duration::ZERO), u64::MAX)
                    .unwrap();
                // What is a minute old goes.
                let newest = i64::try_from(START + sealed * SECOND / 10).unwrap();
                library.expire(newest - 60_000_000_000).unwrap();
                std::thread::yield_now();
            }
        });
        let _ends = Ends(&done);
        let (sealed, journaled) = (Arc::new(Sealed::new(labeller())), journaled(&dir));
        let request = Request { limit: 5000, ..Request::range(0, i64::MAX - 1, 1) };
        let mut last = 0;
        while last < RECORDS {
            let (first, least) = (library.shelf().begins(), written.load(Ordering::Acquire));
            let union = Union::new(recorded(&|| Ok(library.shelf()), &journaled, &sealed).unwrap());
            let query = r#"{app="llm-proxy"} | json | line_format "{{.total_tokens}}""#;
            let Answer::Entries(entries) = ask(&union, query, &request, 2).unwrap() else { panic!("no entries") };
            let number = |line: &[u8]| std::str::from_utf8(line).unwrap().parse::<u64>().unwrap();
            let numbers: Vec<u64> = entries.iter().rev().map(|entry| number(&entry.line)).collect();
            let (from, to) = (numbers.first().copied().unwrap_or(1), numbers.last().copied().unwrap_or(0));
            assert!(numbers.iter().copied().eq(from..=to), "{numbers:?}");
            assert!(
                to >= least && from >= first && from <= library.shelf().begins().max(1),
                "{first} {from} {to} {least}"
            );
            last = to;
        }
    });
}
