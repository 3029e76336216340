//! What a Loki gave back, compared with the Records that were looked for.

use std::collections::{BTreeMap, BTreeSet};

use meter::record::{FIELDS, Role};
use serde_json::{Map, Value};

use crate::cli::doctor::journal::{Line, parse};

/// Fields that every Record has and that are labels: what a collector does not make labels of, it has not read.
const NEEDED: [&str; 2] = ["event", "level"];

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arrived {
    /// How many lines there are.
    pub(super) lines: usize,
    /// Records that were looked for and are not there.
    pub(super) missing: usize,
    /// Records that are there more than once.
    pub(super) doubled: usize,
    /// Labels in which the copies differ.
    pub(super) differ: Vec<String>,
    /// Labels that lines should have and lack.
    pub(super) lacking: Vec<String>,
    /// Lines that are no JSON objects.
    pub(super) wrapped: usize,
}

/// Reads the answer to a log query.
pub(super) fn arrived(answer: &Value, wanted: &[Line]) -> Arrived {
    let mut found = Arrived::default();
    let mut copies: BTreeMap<(String, u64), Vec<&Map<String, Value>>> = BTreeMap::new();
    let mut lacking: BTreeSet<&str> = BTreeSet::new();
    for stream in answer["data"]["result"].as_array().into_iter().flatten() {
        let Some(labels) = stream["stream"].as_object() else { continue };
        debug_assert!(
            NEEDED.iter().all(|name| FIELDS.iter().any(|field| field.name == *name && field.role == Role::Label))
        );
        lacking.extend(NEEDED.into_iter().filter(|name| !labels.contains_key(*name)));
        for line in stream["values"].as_array().into_iter().flatten().filter_map(|entry| entry[1].as_str()) {
            found.lines += 1;
            match serde_json::from_str::<Value>(line).ok().filter(Value::is_object) {
                Some(value) => {
                    // What is no Record's own line is not looked for.
                    if let Some(line) = parse(&value) {
                        copies.entry((line.id, line.at)).or_default().push(labels);
                    }
                }
                None => found.wrapped += 1,
            }
        }
    }
    found.missing = wanted.iter().filter(|line| !copies.contains_key(&(line.id.clone(), line.at))).count();
    let doubled = copies.values().filter(|labels| labels.len() > 1);
    found.doubled = doubled.clone().count();
    found.differ = doubled.flat_map(|labels| differing(labels)).collect::<BTreeSet<_>>().into_iter().collect();
    found.lacking = lacking.into_iter().map(str::to_owned).collect();
    found
}

/// The labels that are not the same in all of them.
fn differing(copies: &[&Map<String, Value>]) -> BTreeSet<String> {
    let names = copies.iter().flat_map(|labels| labels.keys());
    names.filter(|name| copies.iter().any(|labels| labels.get(*name) != copies[0].get(*name))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(id: &str) -> String {
        let time = "2026-11-23T10:00:00.000000001Z";
        json!({"timestamp": time, "event": "llm_request_completed", "request_id": id}).to_string()
    }

    fn answer(streams: &[(Value, &[String])]) -> Value {
        let stream = |(labels, lines): &(Value, &[String])| {
            let values: Vec<Value> = lines.iter().map(|line| json!(["1", line, {}])).collect();
            json!({"stream": labels, "values": values})
        };
        json!({"data": {"result": streams.iter().map(stream).collect::<Vec<_>>()}})
    }

    fn wanted(ids: &[&str]) -> Vec<Line> {
        ids.iter().map(|id| parse(&serde_json::from_str(&record(id)).unwrap()).unwrap()).collect()
    }

    #[test]
    fn each_record_once_with_its_labels() {
        let labels = json!({"app": "llm-proxy", "event": "llm_request_completed", "level": "info"});
        let found = arrived(&answer(&[(labels, &[record("a"), record("b")])]), &wanted(&["a", "b"]));
        assert_eq!(found, Arrived { lines: 2, ..Arrived::default() });
    }

    #[test]
    fn what_is_wrong_is_noticed() {
        let one = json!({"app": "llm-proxy", "event": "x", "level": "info", "instance": "a"});
        let other = json!({"app": "llm-proxy", "event": "x", "level": "info", "pod": "weir-0"});
        let raw = json!({"app": "llm-proxy"});
        let found = arrived(
            &answer(&[
                (one, &[record("a"), record("b")]),
                (other, &[record("a")]),
                (raw, &["2026-11-23T10:00:00Z stdout F {}".to_owned()]),
            ]),
            &wanted(&["a", "b", "c"]),
        );
        assert_eq!((found.lines, found.missing, found.doubled, found.wrapped), (4, 1, 1, 1));
        assert_eq!(
            (found.differ, found.lacking),
            (vec!["instance".to_owned(), "pod".to_owned()], vec!["event".to_owned(), "level".to_owned()])
        );
    }
}
