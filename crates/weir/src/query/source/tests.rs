use std::sync::Arc;

use logql::Labels;
use logql::eval::{Answer, Context, Request, evaluate};
use logql::source::{Batches, Direction, Entry, RowSource, Scan, Source, SourceError};
use logql::syntax::parse;
use proptest::prelude::*;
use store::Journal;

use super::{Journaled, Part, Union};
use crate::query::label::Labeller;

#[derive(Debug)]
struct Held {
    source: RowSource,
    span: Option<(i64, i64)>,
}

impl Source for Held {
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        // A source that cannot be divided gives everything to whoever asks.
        assert_eq!((scan.share.number, scan.share.of), (0, 1));
        self.source.scan(scan)
    }
}

impl Part for Held {
    fn span(&self) -> Option<(i64, i64)> {
        self.span
    }
}

fn part(entries: Vec<Entry>) -> Arc<dyn Part> {
    let times = || entries.iter().map(|entry| entry.timestamp);
    let span = times().min().zip(times().max());
    Arc::new(Held { span, source: RowSource::new(entries) })
}

const MS: i64 = 1_000_000;

fn ask(source: &dyn Source, query: &str, request: Request, threads: usize) -> Answer {
    let context = Context { threads, ..Context::default() };
    evaluate(source, &parse(query).unwrap(), &request, &context).unwrap().answer
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_together_answer_as_one(
        entries in prop::collection::vec((0i64..200, 0usize..3, 0usize..4), 0..120),
        limit in 1usize..30,
        forward in any::<bool>(),
    ) {
        // Lines differ, so that what is cut off by a limit can be told.
        let entry = |(number, (at, stream, part)): (usize, &(i64, usize, usize))| {
            let labels = Labels::new([("app", ["a", "b", "c"][*stream])]);
            let line = format!("{number}").into_bytes();
            (*part, Entry { labels, timestamp: *at * MS, line, metadata: Labels::default() })
        };
        let all: Vec<(usize, Entry)> = entries.iter().enumerate().map(entry).collect();
        let of = |wanted: usize| part(all.iter().filter(|(part, _)| *part == wanted).map(|(_, entry)| entry.clone()).collect());
        let union = Union::new((0..4).map(of).collect());
        let whole = RowSource::new(all.iter().map(|(_, entry)| entry.clone()));
        let direction = if forward { Direction::Forward } else { Direction::Backward };
        let range = Request { limit, direction, ..Request::range(20 * MS, 150 * MS, 10 * MS) };
        let (Answer::Entries(found), Answer::Entries(wanted)) =
            (ask(&union, r#"{app=~"a|b"}"#, range, 1), ask(&whole, r#"{app=~"a|b"}"#, range, 1))
        else { panic!("no entries") };
        let times = |entries: &[logql::eval::LogEntry]| entries.iter().map(|entry| entry.timestamp).collect::<Vec<_>>();
        prop_assert_eq!(times(&found), times(&wanted));
        let query = r#"sum by (app) (count_over_time({app=~"[ab]"}[30ms]))"#;
        prop_assert_eq!(ask(&union, query, range, 3), ask(&whole, query, range, 1));
        let streams = union.streams(&[], 20 * MS, 150 * MS).unwrap();
        let met: std::collections::BTreeSet<Labels> =
            all.iter().filter(|(_, entry)| (20 * MS..150 * MS).contains(&entry.timestamp)).map(|(_, entry)| entry.labels.clone()).collect();
        prop_assert_eq!(streams, met);
    }
}

fn line(number: u64) -> String {
    let seconds = number / 10;
    let (minutes, seconds, tenth) = (seconds / 60, seconds % 60, number % 10);
    let level = if number.is_multiple_of(7) { "WARN" } else { "INFO" };
    let user = if number.is_multiple_of(3) { format!(",\"user_id\":\"user-{number}\"") } else { String::new() };
    let cost = number as f64 / 8.0;
    format!(
        "{{\"timestamp\":\"2026-01-02T00:{minutes:02}:{seconds:02}.{tenth}00000000Z\",\"level\":\"{level}\",\
         \"event\":\"llm_request_completed\",\"model\":\"gpt-{}\",\"total_tokens\":{number},\"cost_usd\":{cost}{user},\
         \"provider\":\"openai\"}}\n",
        number % 5
    )
}

/// What there is at the beginning of 2026-01-02, in nanoseconds.
const START: i64 = 1_767_312_000_000_000_000;

fn entries(labeller: &Labeller, numbers: std::ops::Range<u64>) -> RowSource {
    let names: Vec<&str> = crate::query::label::metadata_names().collect();
    RowSource::new(numbers.map(|number| {
        let line = line(number);
        let line = line.trim_end();
        let found = labeller.read(line.as_bytes()).unwrap();
        let constant = labeller.constant().iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = found.labels.iter().map(|(name, value)| (*name, value.as_ref()));
        let metadata = found.metadata.iter().map(|(at, value)| (names[*at], value.as_ref()));
        let labels = Labels::new(constant.chain(own));
        Entry { labels, timestamp: found.timestamp, line: line.as_bytes().to_vec(), metadata: Labels::new(metadata) }
    }))
}

const QUERIES: [&str; 7] = [
    r#"{app="llm-proxy"}"#,
    r#"{namespace="llm", level="warn"} | json | total_tokens > 100"#,
    r#"{service_name="llm-proxy"} | user_id != "" | detected_level="info""#,
    r#"sum by (model) (sum_over_time({app="llm-proxy"} | unwrap cost_usd [1m]))"#,
    r#"sum(count_over_time({level="warn"} [30s]))"#,
    r#"quantile_over_time(0.9, {provider="openai"} | unwrap total_tokens [2m]) by ()"#,
    r#"topk(2, sum by (user_id) (sum_over_time({app="llm-proxy"} | user_id != "" | unwrap total_tokens [1m])))"#,
];

/// Lines are answered for alike, whether they lie in memory, in files, or partly there: with little room most are in files.
#[test]
fn lines_of_the_journal_are_all_there_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let options = store::Options { rotate_bytes: 64 << 10, ..store::Options::default() };
    let (mut journal, _) = Journal::open(dir.path(), options).unwrap();
    let labeller = Labeller::of(
        [("app".to_owned(), "llm-proxy".to_owned()), ("namespace".to_owned(), "llm".to_owned())].into(),
        Vec::new(),
    );
    let small = Arc::new(Journaled::new(dir.path(), labeller.clone(), 80 << 10).unwrap());
    let large = Arc::new(Journaled::new(dir.path(), labeller.clone(), 64 << 20).unwrap());
    let mut written = 0;
    for upto in [1, 2, 500, 501, 2_000, 3_000] {
        for number in written..upto {
            journal.append(line(number).as_bytes(), 1).unwrap();
            if journal.is_due() {
                journal.rotate(0).unwrap();
            }
        }
        written = upto;
        // Lines are numbered from 1 on; a question may leave out the first ones.
        for (from, first) in [(0, 0), (1_001.min(upto), 1_001.min(upto) - 1)] {
            let wanted = entries(&labeller, first..upto);
            for journaled in [&small, &large] {
                let union = Union::new(journaled.parts(from).unwrap());
                for query in QUERIES {
                    for direction in [Direction::Forward, Direction::Backward] {
                        let range = Request::range(START + 20_000_000_000, START + 290_000_000_000, 20_000_000_000);
                        let range = Request { limit: 700, direction, ..range };
                        assert_eq!(ask(&union, query, range, 2), ask(&wanted, query, range, 1), "{query} {upto}");
                    }
                }
            }
        }
    }
}

#[test]
fn lines_that_are_no_records_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), store::Options::default()).unwrap();
    for text in ["{\"x\":1}\n", &line(1), "{\"timestamp\":7}\n", &line(2), "{}\n"] {
        journal.append(text.as_bytes(), 1).unwrap();
    }
    let labeller = Labeller::of([("app".to_owned(), "a".to_owned())].into(), Vec::new());
    let union = Union::new(Arc::new(Journaled::new(dir.path(), labeller, 1 << 20).unwrap()).parts(0).unwrap());
    let Answer::Entries(found) = ask(&union, r#"{app="a"}"#, Request::range(0, i64::MAX - 1, i64::MAX), 1) else {
        panic!("no entries")
    };
    assert_eq!(found.len(), 2);
}
