//! What a real Loki was pushed and asked, pushed to Weir and asked of it, over HTTP. The questions and what counts as equal stand
//! in `tests/conformance/logql`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use super::harness::{Upstream, Weir, request};

fn lines(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/logql").join(name);
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn push(weir: &Weir, entries: &[Value]) {
    let mut streams: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in entries {
        let value = json!([entry["ts"], entry["line"], entry["metadata"]]);
        streams.entry(entry["labels"].to_string()).or_default().push(value);
    }
    let streams: Vec<Value> = streams
        .into_iter()
        .map(|(labels, values)| json!({"stream": serde_json::from_str::<Value>(&labels).unwrap(), "values": values}))
        .collect();
    let body = json!({ "streams": streams }).to_string();
    let headers = [("content-type", "application/json")];
    let answer = weir.ask_admin(request("POST /loki/api/v1/push", &headers, &body));
    assert_eq!(answer.status(), 204, "{}", answer.text());
}

#[test]
fn what_was_asked_of_loki_is_answered_over_http_as_by_loki() {
    let upstream = Upstream::answering("");
    let weir = Weir::before(&upstream);
    lines("dataset.jsonl.gz").chunks(500).for_each(|entries| push(&weir, entries));
    let cases = lines("cases.jsonl.gz");
    let mut failed = Vec::new();
    for case in &cases {
        let params = case["params"].as_object().unwrap().iter();
        let params = params.map(|(name, value)| format!("{name}={}", escaped(value.as_str().unwrap())));
        let path = format!("GET {}?{}", case["path"].as_str().unwrap(), params.collect::<Vec<_>>().join("&"));
        let answer = weir.ask_admin(request(&path, &[], ""));
        let status = u64::from(answer.status());
        let outcome = match () {
            () if Some(status) != case["status"].as_u64() => Err(format!("{status}: {}", answer.text())),
            () if status != 200 => Ok(()),
            () => same(case, &answer.json()),
        };
        if let Err(why) = outcome {
            failed.push(format!("{} {} {}\n     {why}", case["kind"], case["id"], case["params"]["query"]));
        }
    }
    assert!(cases.len() > 150, "{} cases", cases.len());
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn same(case: &Value, got: &Value) -> Result<(), String> {
    let wanted = &case["expect"];
    match case["kind"].as_str().unwrap() {
        "shape" => shape(wanted, got, "$"),
        "api" if sorted(wanted) == sorted(got) => Ok(()),
        "api" => Err(format!("{got} instead of {wanted}")),
        _ => {
            let (wanted, got) = (&wanted["data"], &got["data"]);
            if wanted["resultType"] != got["resultType"] {
                return Err(format!("{} instead of {}", got["resultType"], wanted["resultType"]));
            }
            match wanted["resultType"].as_str().unwrap() {
                "streams" => streams(&wanted["result"], &got["result"], &case["params"]),
                // Loki gives the time of a constant in milliseconds, which nobody reads.
                "scalar" => value(&wanted["result"], &got["result"]),
                _ => series(&wanted["result"], &got["result"], &case["params"]),
            }
        }
    }
}

/// Entries as a set; of those at the instant where the limit cuts, any.
fn streams(wanted: &Value, got: &Value, params: &Value) -> Result<(), String> {
    let entries = |result: &Value| {
        let mut entries = Vec::new();
        for stream in result.as_array().unwrap() {
            let values = stream["values"].as_array().unwrap().iter();
            entries.extend(values.map(|value| (value[0].to_string(), stream["stream"].to_string(), value.to_string())));
        }
        entries.sort();
        entries
    };
    let (mut wanted, mut got) = (entries(wanted), entries(got));
    if wanted.len() != got.len() {
        return Err(format!("{} entries instead of {}", got.len(), wanted.len()));
    }
    let limit = params["limit"].as_str().map_or(100, |limit| limit.parse().unwrap());
    if wanted.len() >= limit {
        let cut = if params["direction"] == "forward" { wanted.last() } else { wanted.first() };
        let cut = cut.unwrap().0.clone();
        wanted.retain(|(at, ..)| *at != cut);
        got.retain(|(at, ..)| *at != cut);
    }
    match wanted.iter().zip(&got).find(|(wanted, got)| wanted != got) {
        Some((wanted, got)) => Err(format!("{got:?} instead of {wanted:?}")),
        None if wanted.len() != got.len() => Err("other times where the limit cuts".to_owned()),
        None => Ok(()),
    }
}

fn series(wanted: &Value, got: &Value, params: &Value) -> Result<(), String> {
    let keys =
        |result: &Value| result.as_array().unwrap().iter().map(|one| one["metric"].to_string()).collect::<Vec<_>>();
    let (wanted_keys, got_keys) = (keys(wanted), keys(got));
    let query = params["query"].as_str().unwrap();
    if wanted_keys.iter().collect::<BTreeSet<_>>() != got_keys.iter().collect() {
        return Err(format!("series {got_keys:?} instead of {wanted_keys:?}"));
    }
    if (query.contains("sort(") || query.contains("sort_desc(")) && wanted_keys != got_keys {
        return Err("the order is another one".to_owned());
    }
    for one in wanted.as_array().unwrap() {
        let other = got.as_array().unwrap().iter().find(|other| other["metric"] == one["metric"]).unwrap();
        let points = |series: &Value| match &series["values"] {
            Value::Array(points) => points.clone(),
            _ => vec![series["value"].clone()],
        };
        let (wanted, got) = (points(one), points(other));
        if wanted.len() != got.len() {
            return Err(format!("{}: {} points instead of {}", one["metric"], got.len(), wanted.len()));
        }
        wanted.iter().zip(&got).try_for_each(|(wanted, got)| point(wanted, got))?;
    }
    Ok(())
}

fn point(wanted: &Value, got: &Value) -> Result<(), String> {
    if wanted[0].as_f64() != got[0].as_f64() {
        return Err(format!("{got} instead of {wanted}"));
    }
    value(wanted, got)
}

fn value(wanted: &Value, got: &Value) -> Result<(), String> {
    let number = |point: &Value| point[1].as_str().unwrap().parse::<f64>().unwrap();
    let (a, b) = (number(wanted), number(got));
    let near = (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-12) || a == b || (a.is_nan() && b.is_nan());
    if near { Ok(()) } else { Err(format!("{got} instead of {wanted}")) }
}

/// The same names and kinds of values.
fn shape(wanted: &Value, got: &Value, at: &str) -> Result<(), String> {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => wanted.iter().try_for_each(|(name, value)| {
            let other = got.get(name).ok_or_else(|| format!("{at}.{name} is missing"))?;
            shape(value, other, &format!("{at}.{name}"))
        }),
        (Value::Array(wanted), Value::Array(got)) => match (wanted.first(), got.first()) {
            (Some(wanted), Some(got)) => shape(wanted, got, &format!("{at}[0]")),
            (Some(_), None) => Err(format!("{at} is empty")),
            (None, _) => Ok(()),
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => Ok(()),
        (Value::Null, _) => Ok(()),
        _ => Err(format!("{at} is another kind of value")),
    }
}

/// With all lists sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect(),
        other => other.clone(),
    }
}
