//! Random entries and random queries: columns answer as rows do, and a query that is written reads the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(unreachable_pub, reason = "nobody else reaches a test's modules")]

#[path = "../conformance/columns.rs"]
mod columns;
mod queries;

use logql::Labels;
use logql::eval::{Answer, Context, Request, evaluate};
use logql::source::{Entry, RowSource, Source};
use logql::syntax::{parse, pretty};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

/// A line of one of the kinds that logs have: JSON flat, nested, broken; logfmt; anything.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word =
        prop::sample::select(vec!["x", "gpt-4", "", "null", "done well", "ünï", "5", "1.50", "2s", "3KB", "10.0.0.1"]);
    let number = prop_oneof![
        (-5_i64..500).prop_map(|number| number.to_string()),
        (0_u32..10_000).prop_map(|number| (f64::from(number) / 64.0).to_string()),
        prop::sample::select(vec!["1.0", "1e3", "0.5", "12345678901234567"]).prop_map(str::to_owned),
    ];
    let value = prop_oneof![
        3 => word.clone().prop_map(|word| format!("{word:?}")),
        4 => number,
        1 => prop::sample::select(vec!["true", "false", "null", "[1,\"x\"]", "{\"k\":\"x\",\"n\":2}"]).prop_map(str::to_owned),
    ];
    let name = prop::sample::select(vec!["model", "n", "m", "level", "app", "a.b", "done"]);
    let members = prop::collection::vec((name, value), 0..6);
    let object = members.prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    prop_oneof![
        8 => object.clone().prop_map(String::into_bytes),
        1 => (object, 0_usize..40).prop_map(|(text, at)| text.into_bytes().into_iter().take(at).collect()),
        2 => (word, 0..100).prop_map(|(word, number)| format!("model={word} n={number}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let stream = prop::sample::select(vec![
        Labels::new([("app", "a"), ("level", "info")]),
        Labels::new([("app", "a"), ("level", "error")]),
        Labels::new([("app", "b"), ("n", "3")]),
    ]);
    let metadata = prop::sample::select(vec![
        Labels::default(),
        Labels::new([("m", "1")]),
        Labels::new([("m", "2"), ("level", "warn")]),
        Labels::new([("m", "")]),
    ]);
    (stream, 0_i64..60, line(), metadata).prop_map(|(labels, at, line, metadata)| Entry {
        labels,
        timestamp: at * SECOND,
        line,
        metadata,
    })
}

/// One entry an instant: which of several comes first is nobody's promise.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(entry(), 0..40).prop_map(|mut entries| {
        entries.sort_by_key(|entry| entry.timestamp);
        entries.dedup_by_key(|entry| entry.timestamp);
        entries
    })
}

fn ask(source: &dyn Source, query: &str, request: &Request, threads: usize) -> Result<Answer, String> {
    let query = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let context = Context { threads, ..Context::default() };
    evaluate(source, &query, request, &context).map(|outcome| outcome.answer).map_err(|error| {
        // Which entry is met first is chance.
        error.to_string().split(':').next().unwrap_or_default().to_owned()
    })
}

fn values(answer: &Answer) -> (String, Vec<f64>) {
    match answer {
        Answer::Matrix(series) => {
            let at = |series: &logql::eval::Series| series.points.iter().map(|(at, _)| *at).collect::<Vec<_>>();
            let shape: Vec<_> = series.iter().map(|series| (series.labels.to_string(), at(series))).collect();
            (
                format!("{shape:?}"),
                series.iter().flat_map(|series| series.points.iter().map(|(_, value)| *value)).collect(),
            )
        }
        Answer::Vector(samples) => {
            let labels: Vec<_> = samples.iter().map(|sample| sample.labels.to_string()).collect();
            (format!("{labels:?}"), samples.iter().map(|sample| sample.value).collect())
        }
        Answer::Scalar(value) => (String::new(), vec![*value]),
        Answer::Entries(entries) => (format!("{entries:?}"), Vec::new()),
    }
}

fn alike(left: f64, right: f64) -> bool {
    left == right
        || (left.is_nan() && right.is_nan())
        || (left - right).abs() <= 1e-12 * left.abs().max(right.abs()).max(1.0)
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(600), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn columns_answer_as_rows_do(
        entries in entries(), query in queries::any_query(), size in 1_usize..50, step in 0_i64..20
    ) {
        let rows = RowSource::new(entries.clone());
        let columns = columns::ColumnSource::new(&entries, size);
        let is_log = query.starts_with('{');
        let request = match step {
            0 if !is_log => Request::instant(45 * SECOND),
            step => Request { limit: 1000, ..Request::range(5 * SECOND, 60 * SECOND, step.max(1) * SECOND) },
        };
        match (ask(&rows, &query, &request, 1), ask(&columns, &query, &request, 3)) {
            (Ok(rows), Ok(columns)) => {
                let ((shape, rows), (other, columns)) = (values(&rows), values(&columns));
                prop_assert_eq!(&shape, &other, "{}", query);
                let equal = rows.len() == columns.len() && rows.iter().zip(&columns).all(|(left, right)| alike(*left, *right));
                prop_assert!(equal, "{}: {:?} and {:?}", query, rows, columns);
            }
            (Err(rows), Err(columns)) => prop_assert_eq!(rows, columns, "{}", query),
            (rows, columns) => prop_assert!(false, "{query}: {rows:?} and {columns:?}"),
        }
    }

    #[test]
    fn what_is_written_reads_the_same(query in queries::any_query()) {
        let parsed = parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
        for text in [parsed.to_string(), pretty::format(&parsed)] {
            let again = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            prop_assert_eq!(&again, &parsed, "{} became {}", query, text);
        }
    }
}
