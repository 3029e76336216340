//! The recorded set and its questions.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use logql::Labels;
use logql::source::Entry;
use serde_json::Value;

/// A question, and what Loki answered.
pub struct Case {
    pub id: String,
    pub kind: String,
    pub path: String,
    pub params: BTreeMap<String, String>,
    pub status: u64,
    pub expect: Value,
}

impl Case {
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub fn number(&self, name: &str) -> i64 {
        self.param(name).parse().unwrap()
    }

    /// In nanoseconds.
    pub fn step(&self) -> i64 {
        let text = self.param("step");
        match text.parse::<i64>() {
            Ok(seconds) => seconds * 1_000_000_000,
            Err(_) => logql::stage::units::parse_prometheus_duration(text).unwrap_or(60_000_000_000),
        }
    }
}

fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/logql").join(name);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn cases() -> Vec<Case> {
    let case = |value: Value| Case {
        id: value["id"].as_str().unwrap().to_owned(),
        kind: value["kind"].as_str().unwrap().to_owned(),
        path: value["path"].as_str().unwrap().to_owned(),
        params: value["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect(),
        status: value["status"].as_u64().unwrap(),
        expect: value["expect"].clone(),
    };
    lines("cases.jsonl.gz").into_iter().map(case).collect()
}

/// The entries as Loki has stored them: with what it derives when they are pushed.
pub fn entries() -> Vec<Entry> {
    let labels = |value: &Value| {
        Labels::new(value.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
    };
    let entry = |value: Value| {
        let stream = labels(&value["labels"]);
        let service = ["service_name", "service", "app"].into_iter().find_map(|name| stream.get(name));
        let level = stream.get("level").unwrap_or("unknown").to_owned();
        Entry {
            labels: stream.with("service_name", service.unwrap_or("unknown_service")),
            timestamp: value["ts"].as_str().unwrap().parse().unwrap(),
            line: value["line"].as_str().unwrap().as_bytes().to_vec(),
            metadata: labels(&value["metadata"]).with("detected_level", &level),
        }
    };
    lines("dataset.jsonl.gz").into_iter().map(entry).collect()
}

pub fn to_json(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect())
}
