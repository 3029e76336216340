//! Questions that were asked of a real Loki, asked of this crate: over rows and over columns. What counts as equal is what the
//! recording says of itself: entries as sets, values within 1e-9, of errors that there is one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(unreachable_pub, reason = "nobody else reaches a test's modules")]

mod columns;
mod data;
mod equal;

use data::Case;
use logql::eval::{Context, Limits, Request, evaluate};
use logql::source::{Direction, LabelMatcher, RowSource, Source};
use logql::syntax::{parse, parse_matchers, pretty};
use logql::{Labels, discover};
use serde_json::{Value, json};

#[test]
fn rows_answer_as_loki_does() {
    check(&RowSource::new(data::entries()));
}

#[test]
fn columns_answer_as_loki_does() {
    check(&columns::ColumnSource::new(&data::entries(), 512));
}

fn check(source: &dyn Source) {
    let mut failed = Vec::new();
    let cases = data::cases();
    for case in &cases {
        let outcome = match case.kind.as_str() {
            "log" | "metric" | "instant" | "error" => query(source, case),
            // The figures of `shape` are those of an engine's storage, which this crate has none of.
            _ => Ok(()),
        };
        if let Err(why) = outcome {
            failed.push(format!("{} {}: {}\n     {why}", case.kind, case.id, case.param("query")));
        }
    }
    assert!(cases.len() > 150, "{} cases", cases.len());
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

fn query(source: &dyn Source, case: &Case) -> Result<(), String> {
    let answer = answer(source, case);
    match (case.status, answer) {
        (200, Ok(answer)) => equal::answers(&case.expect["data"], &answer, case),
        (200, Err(error)) => Err(format!("failed: {error}")),
        (_, Ok(_)) => Err("has an answer".to_owned()),
        // Words are compared where they name no entry: which one is met first is chance.
        (_, Err(error)) => match case.expect.as_str() {
            Some(words) if !words.starts_with("pipeline error") && words != error => Err(error),
            _ => Ok(()),
        },
    }
}

fn answer(source: &dyn Source, case: &Case) -> Result<logql::eval::Answer, String> {
    let query = parse(case.param("query")).map_err(|error| error.to_string())?;
    let instant = case.params.get("time").map(|time| time.parse().unwrap());
    let mut request = match instant {
        Some(at) => Request::instant(at),
        None => Request::range(case.number("start"), case.number("end"), case.step()),
    };
    if let Some(limit) = case.params.get("limit") {
        request.limit = limit.parse().unwrap();
    }
    if case.params.get("direction").is_some_and(|direction| direction == "forward") {
        request.direction = Direction::Forward;
    }
    if case.kind == "metric" {
        request = request.aligned();
    }
    let context = Context { limits: Limits::default(), ..Context::default() };
    evaluate(source, &query, &request, &context).map(|outcome| outcome.answer).map_err(|error| error.to_string())
}

#[test]
fn what_there_is_to_ask_for_is_what_loki_says() {
    let source = RowSource::new(data::entries());
    for case in data::cases().iter().filter(|case| case.kind == "api") {
        let streams = matching(source.streams(), &case.params);
        let got = match case.path.rsplit('/').next().unwrap() {
            "values" => {
                let values = discover::label_values(&streams, case.path.rsplit('/').nth(1).unwrap());
                if values.is_empty() {
                    json!({"status": "success"})
                } else {
                    json!({"status": "success", "data": values})
                }
            }
            "series" => {
                let matchers = matchers(&case.params["match[]"]);
                let series = discover::series(source.streams(), &[matchers]);
                json!({"status": "success", "data": series.iter().map(data::to_json).collect::<Vec<_>>()})
            }
            "format_query" => match parse(case.param("query")) {
                Ok(query) => json!({"status": "success", "data": pretty::format(&query)}),
                Err(error) => {
                    let body = json!({"status": "invalid-query", "error": error.to_string()});
                    let wanted: Value = serde_json::from_str(case.expect.as_str().unwrap()).unwrap();
                    assert_eq!(wanted, body);
                    continue;
                }
            },
            "detected_labels" => {
                let labels = discover::detected_labels(&streams);
                let labels = labels.iter().map(|(name, count)| json!({"label": name, "cardinality": count}));
                json!({"detectedLabels": labels.collect::<Vec<_>>()})
            }
            other => panic!("nobody answers {other}"),
        };
        assert_eq!(equal::sorted(&got), equal::sorted(&case.expect), "{}", case.path);
    }
}

fn matchers(selector: &str) -> Vec<LabelMatcher> {
    parse_matchers(selector).unwrap().iter().map(|matcher| LabelMatcher::new(matcher).unwrap()).collect()
}

fn matching(streams: &[Labels], params: &std::collections::BTreeMap<String, String>) -> Vec<Labels> {
    match params.get("query").filter(|query| parse_matchers(query).is_ok()) {
        Some(query) => discover::series(streams, &[matchers(query)]),
        None => streams.to_vec(),
    }
}
