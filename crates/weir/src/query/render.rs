//! Answers as Loki writes them.

use std::collections::BTreeMap;

use logql::Labels;
use logql::eval::{Answer, LogEntry, Outcome, Statistics};
use logql::stage::units::format_float;
use serde_json::{Map, Value, json};

const SECOND: i64 = 1_000_000_000;

/// What is told of an answer beside itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    /// The instant of a vector.
    pub(super) at: i64,
    /// Whether entries tell their metadata and what was parsed apart from their stream.
    pub(super) categorize: bool,
    /// How long it took, in nanoseconds.
    pub(super) took_ns: i64,
}

/// The body of an answer.
pub(super) fn outcome(outcome: &Outcome, about: About) -> String {
    let Outcome { answer, statistics } = outcome;
    let mut out = String::with_capacity(4096);
    let kind = match answer {
        Answer::Entries(_) => "streams",
        Answer::Matrix(_) => "matrix",
        Answer::Vector(_) => "vector",
        Answer::Scalar(_) => "scalar",
    };
    out += &format!(r#"{{"status":"success","data":{{"resultType":"{kind}","#);
    let mut returned = 0;
    if about.categorize && matches!(answer, Answer::Entries(_)) {
        out += r#""encodingFlags":["categorize-labels"],"#;
    }
    out += r#""result":["#;
    match answer {
        Answer::Entries(entries) => {
            returned = entries.len();
            streams(entries, about.categorize, &mut out);
        }
        Answer::Matrix(series) => separated(series, &mut out, |series, out| {
            *out += r#"{"metric":"#;
            labels(&series.labels, out);
            *out += r#","values":["#;
            separated(&series.points, out, |(at, value), out| point(*at, *value, out));
            *out += "]}";
        }),
        Answer::Vector(samples) => separated(samples, &mut out, |sample, out| {
            *out += r#"{"metric":"#;
            labels(&sample.labels, out);
            *out += r#","value":"#;
            point(about.at, sample.value, out);
            *out += "}";
        }),
        Answer::Scalar(value) => {
            out += &format!("{},", seconds(about.at));
            text(&format_float(*value), &mut out);
        }
    }
    out += r#"],"stats":"#;
    out += &stats(statistics, returned, about.took_ns).to_string();
    out += "}}";
    out
}

/// Writes with commas between.
fn separated<T>(items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// Entries by their stream; within one in the order they have.
pub(super) fn streams(entries: &[LogEntry], categorize: bool, out: &mut String) {
    let mut by_stream: BTreeMap<Labels, Vec<&LogEntry>> = BTreeMap::new();
    for entry in entries {
        let stream = if categorize { entry.labels.clone() } else { entry.all_labels() };
        by_stream.entry(stream).or_default().push(entry);
    }
    let streams: Vec<_> = by_stream.into_iter().collect();
    separated(&streams, out, |(stream, entries), out| {
        *out += r#"{"stream":"#;
        labels(stream, out);
        *out += r#","values":["#;
        separated(entries, out, |entry, out| self::entry(entry, categorize, out));
        *out += "]}";
    });
}

fn entry(entry: &LogEntry, categorize: bool, out: &mut String) {
    *out += &format!("[\"{}\",", entry.timestamp);
    text(&String::from_utf8_lossy(&entry.line), out);
    if categorize {
        *out += ",{";
        if !entry.metadata.is_empty() {
            *out += r#""structuredMetadata":"#;
            labels(&entry.metadata, out);
        }
        if !entry.parsed.is_empty() {
            *out += if entry.metadata.is_empty() { "" } else { "," };
            *out += r#""parsed":"#;
            labels(&entry.parsed, out);
        }
        out.push('}');
    }
    out.push(']');
}

fn labels(labels: &Labels, out: &mut String) {
    out.push('{');
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        text(name, out);
        out.push(':');
        text(value, out);
    }
    out.push('}');
}

/// Labels as an object.
pub(super) fn object(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>())
}

fn text(text: &str, out: &mut String) {
    *out += &Value::from(text).to_string();
}

fn point(at: i64, value: f64, out: &mut String) {
    *out += &format!("[{},\"{}\"]", seconds(at), format_float(value));
}

/// Seconds since 1970, to the millisecond.
pub(super) fn seconds(at: i64) -> String {
    let millis = at.div_euclid(1_000_000);
    let (whole, part) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}").trim_end_matches('0').to_owned() }
}

/// What it took, in the shape of Loki's figures; what only a cluster has is 0.
pub(super) fn stats(statistics: &Statistics, returned: usize, took_ns: i64) -> Value {
    let took = took_ns as f64 / SECOND as f64;
    let rate = |amount: f64| if took > 0.0 { (amount / took).round() } else { 0.0 };
    let store = json!({
        "totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0,
        "chunk": {
            "headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": statistics.bytes,
            "decompressedLines": statistics.entries, "compressedBytes": 0, "totalDuplicates": 0,
        },
    });
    let none = json!({
        "totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0,
        "chunk": {
            "headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": 0,
            "decompressedLines": 0, "compressedBytes": 0, "totalDuplicates": 0,
        },
    });
    json!({
        "summary": {
            "bytesProcessedPerSecond": rate(statistics.bytes as f64),
            "linesProcessedPerSecond": rate(statistics.entries as f64),
            "totalBytesProcessed": statistics.bytes,
            "totalLinesProcessed": statistics.entries,
            "execTime": took,
            "queueTime": 0,
            "subqueries": 0,
            "totalEntriesReturned": returned,
            "splits": 0,
            "shards": 0,
        },
        "querier": { "store": store },
        "ingester": {
            "totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0, "store": none,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use logql::eval::{Sample, Series};

    fn rendered(answer: Answer, categorize: bool) -> Value {
        let about = About { at: 4_000_000_000, categorize, took_ns: 2 * SECOND };
        let text = outcome(&Outcome { answer, statistics: Statistics::default() }, about);
        let mut body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["status"], "success");
        assert!(body["data"]["stats"]["summary"].is_object());
        body["data"].as_object_mut().unwrap().remove("stats");
        body["data"].clone()
    }

    #[test]
    fn numbers_are_texts_and_times_are_seconds() {
        let vector = Answer::Vector(vec![Sample { labels: Labels::default(), value: 2.0 }]);
        let wanted = json!({"resultType": "vector", "result": [{"metric": {}, "value": [4, "2"]}]});
        assert_eq!(rendered(vector, true), wanted);
        let points = vec![(1_500_000_000, f64::NAN), (2_001_000_000, f64::INFINITY)];
        let matrix = Answer::Matrix(vec![Series { labels: Labels::new([("a", "\"\n")]), points }]);
        let values = json!([[1.5, "NaN"], [2.001, "+Inf"]]);
        let wanted = json!({"resultType": "matrix", "result": [{"metric": {"a": "\"\n"}, "values": values}]});
        assert_eq!(rendered(matrix, false), wanted);
        assert_eq!(rendered(Answer::Scalar(0.5), false), json!({"resultType": "scalar", "result": [4, "0.5"]}));
    }

    #[test]
    fn metadata_is_told_apart_where_that_is_wanted() {
        let entry = |at, parsed: Labels| LogEntry {
            labels: Labels::new([("app", "x")]),
            metadata: Labels::new([("user", "é")]),
            parsed,
            timestamp: at,
            line: b"l\xff".to_vec(),
        };
        let entries = vec![entry(2, Labels::default()), entry(1, Labels::new([("p", "1")]))];
        let folded = json!([
            {"stream": {"app": "x", "p": "1", "user": "é"}, "values": [["1", "l\u{fffd}"]]},
            {"stream": {"app": "x", "user": "é"}, "values": [["2", "l\u{fffd}"]]},
        ]);
        assert_eq!(rendered(Answer::Entries(entries.clone()), false)["result"], folded);
        let apart = json!([{"stream": {"app": "x"}, "values": [
            ["2", "l\u{fffd}", {"structuredMetadata": {"user": "é"}}],
            ["1", "l\u{fffd}", {"structuredMetadata": {"user": "é"}, "parsed": {"p": "1"}}],
        ]}]);
        let body = rendered(Answer::Entries(entries), true);
        assert_eq!((&body["result"], &body["encodingFlags"]), (&apart, &json!(["categorize-labels"])));
    }
}
