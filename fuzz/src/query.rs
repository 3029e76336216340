//! Queries: the first line of the input is one, what follows are the lines that it is asked of.

use logql::Labels;
use logql::eval::{Context, Request, evaluate};
use logql::source::{Entry, RowSource};
use logql::syntax::{parse, pretty};

const SECOND: i64 = 1_000_000_000;

/// Checks one query: what is written reads the same, and there is an answer or an error.
pub fn check(bytes: &[u8]) {
    let (query, lines) = super::parted(bytes);
    let Ok(text) = std::str::from_utf8(query) else { return };
    let query = match parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.to_string().starts_with("parse error"), "{error}");
            return;
        }
    };
    for written in [query.to_string(), pretty::format(&query)] {
        let again = parse(&written).unwrap_or_else(|error| panic!("{text} became {written}: {error}"));
        // NaN is not equal to itself, but is written the same.
        assert!(again == query || again.to_string() == query.to_string(), "{text} became {written}");
    }
    let entries = lines.split(|byte| *byte == b'\n').zip(1..).map(|(line, at)| Entry {
        labels: Labels::new([("app", "a")]),
        timestamp: at * SECOND,
        line: line.to_vec(),
        metadata: Labels::new([("m", "1")]),
    });
    let source = RowSource::new(entries);
    for request in [Request::instant(10 * SECOND), Request::range(0, 20 * SECOND, 7 * SECOND)] {
        if let Err(error) = evaluate(&source, &query, &request, &Context::default()) {
            assert!(!error.to_string().is_empty());
        }
    }
}
