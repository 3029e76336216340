//! What counts as the same answer.

use std::collections::BTreeMap;

use logql::Labels;
use logql::eval::{Answer, LogEntry};
use serde_json::Value;

use crate::data::{Case, to_json};

/// Why an answer is another one than Loki's.
pub fn answers(wanted: &Value, got: &Answer, case: &Case) -> Result<(), String> {
    let result = &wanted["result"];
    let name = match got {
        Answer::Entries(_) => "streams",
        Answer::Matrix(_) => "matrix",
        Answer::Vector(_) => "vector",
        Answer::Scalar(_) => "scalar",
    };
    if wanted["resultType"] != name {
        return Err(format!("{name} instead of {}", wanted["resultType"]));
    }
    match got {
        Answer::Entries(entries) => streams(result, entries, case),
        Answer::Scalar(value) => close(result[1].as_str().unwrap(), *value),
        Answer::Matrix(matrix) => {
            let got = matrix.iter().map(|series| (key(&series.labels), series.points.clone())).collect();
            series(&by_key(result, "values"), &got)
        }
        Answer::Vector(samples) => {
            let at = case.number("time");
            let got = samples.iter().map(|sample| (key(&sample.labels), vec![(at, sample.value)])).collect();
            series(&by_key(result, "value"), &got)?;
            let order: Vec<_> = samples.iter().map(|sample| key(&sample.labels)).collect();
            let wanted: Vec<_> = result.as_array().unwrap().iter().map(|sample| sample["metric"].to_string()).collect();
            let sorts = ["sort(", "sort_desc("].iter().any(|sort| case.param("query").contains(sort));
            if sorts && order != wanted { Err("the order is another one".to_owned()) } else { Ok(()) }
        }
    }
}

fn key(labels: &Labels) -> String {
    to_json(labels).to_string()
}

type Points = BTreeMap<String, Vec<(i64, f64)>>;

fn by_key(result: &Value, points: &str) -> BTreeMap<String, Vec<(i64, String)>> {
    let point = |point: &Value| ((point[0].as_f64().unwrap() * 1e9) as i64, point[1].as_str().unwrap().to_owned());
    let points = |series: &Value| match points {
        "value" => vec![point(&series["value"])],
        _ => series["values"].as_array().unwrap().iter().map(point).collect(),
    };
    result.as_array().unwrap().iter().map(|series| (series["metric"].to_string(), points(series))).collect()
}

fn series(wanted: &BTreeMap<String, Vec<(i64, String)>>, got: &Points) -> Result<(), String> {
    let missing: Vec<_> = wanted.keys().filter(|key| !got.contains_key(*key)).take(2).collect();
    let extra: Vec<_> = got.keys().filter(|key| !wanted.contains_key(*key)).take(2).collect();
    if !missing.is_empty() || !extra.is_empty() {
        return Err(format!("missing {missing:?} extra {extra:?}"));
    }
    for (key, wanted) in wanted {
        let got = &got[key];
        let times = |points: &[(i64, f64)]| points.iter().map(|point| point.0 / 1_000_000).collect::<Vec<_>>();
        let wanted_times: Vec<_> = wanted.iter().map(|point| point.0 / 1_000_000).collect();
        if times(got) != wanted_times {
            let (got, wanted) = (times(got), wanted_times);
            return Err(format!(
                "{key}: {} points instead of {}: {:?} {:?}",
                got.len(),
                wanted.len(),
                got.first(),
                wanted.first()
            ));
        }
        for ((at, wanted), (_, got)) in wanted.iter().zip(got) {
            close(wanted, *got).map_err(|why| format!("{key} at {at}: {why}"))?;
        }
    }
    Ok(())
}

fn close(wanted: &str, got: f64) -> Result<(), String> {
    let number: f64 = wanted.parse().unwrap();
    let near = (number - got).abs() <= 1e-9 * number.abs().max(got.abs()).max(1e-12);
    if near || number == got || (number.is_nan() && got.is_nan()) {
        Ok(())
    } else {
        Err(format!("{got} instead of {wanted}"))
    }
}

fn streams(result: &Value, entries: &[LogEntry], case: &Case) -> Result<(), String> {
    let mut wanted = Vec::new();
    for stream in result.as_array().unwrap() {
        for value in stream["values"].as_array().unwrap() {
            wanted.push((
                value[0].as_str().unwrap().to_owned(),
                stream["stream"].to_string(),
                value[1].as_str().unwrap().to_owned(),
            ));
        }
    }
    let mut got: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry.timestamp.to_string(), key(&entry.all_labels()), String::from_utf8_lossy(&entry.line).into_owned())
        })
        .collect();
    if wanted.len() != got.len() {
        return Err(format!("{} entries instead of {}", got.len(), wanted.len()));
    }
    // Of the entries of the instant where the limit cuts, any may be given.
    if wanted.len() == case.param("limit").parse().unwrap_or(100) {
        let times = wanted.iter().map(|(at, ..)| at.clone());
        let cut = if case.param("direction") == "forward" { times.max() } else { times.min() };
        wanted.retain(|(at, ..)| Some(at) != cut.as_ref());
        got.retain(|(at, ..)| Some(at) != cut.as_ref());
    }
    wanted.sort();
    got.sort();
    match wanted.iter().zip(&got).find(|(wanted, got)| wanted != got) {
        Some((wanted, got)) => Err(format!("got {got:?}\n  wanted {wanted:?}")),
        None => Ok(()),
    }
}

/// With all lists sorted.
pub fn sorted(value: &Value) -> Value {
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
