//! Whether an answer is the one that a script expects.

use std::collections::BTreeMap;

use logql::Labels;
use logql::eval::{Answer, LogEntry};

use crate::script::{Eval, When, clause, labels, pairs, quoted, time};

pub fn check(eval: &Eval, answer: Result<Answer, String>) -> Result<(), String> {
    let told = |line: &&String| !line.starts_with("skip ") && !line.starts_with("expect values-toleration");
    let mut expected: Vec<&str> = eval.expected.iter().filter(told).map(String::as_str).collect();
    let ordered = expected.first() == Some(&"expect ordered");
    if ordered {
        expected.remove(0);
    }
    match (expected.first(), answer) {
        (None, _) => Err("nothing is expected".to_owned()),
        (Some(first), answer) if first.starts_with("expect fail") => fails(first, answer),
        (_, Err(error)) => Err(format!("failed: {error}")),
        (Some(&"expect empty"), Ok(answer)) => match &answer {
            Answer::Matrix(series) if series.is_empty() => Ok(()),
            Answer::Vector(samples) if samples.is_empty() => Ok(()),
            Answer::Entries(entries) if entries.is_empty() => Ok(()),
            other => Err(format!("is not empty: {other:?}")),
        },
        (_, Ok(Answer::Scalar(value))) => same(number(expected[0]), value).then_some(()).ok_or(format!("{value}")),
        (_, Ok(Answer::Entries(found))) => entries(&expected, &found),
        (_, Ok(answer)) => series(eval, &expected, &answer, ordered),
    }
}

fn fails(expected: &str, answer: Result<Answer, String>) -> Result<(), String> {
    let Err(error) = answer else { return Err("has an answer".to_owned()) };
    let words = expected.split_once("msg: ").or_else(|| expected.split_once("regex: ")).map_or("", |(_, words)| words);
    if error.contains(words) { Ok(()) } else { Err(format!("{error:?} does not have {words:?}")) }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn same(wanted: f64, got: f64) -> bool {
    let near = (wanted - got).abs() <= 1e-9 * wanted.abs().max(got.abs()).max(1.0);
    near || wanted == got || (wanted.is_nan() && got.is_nan())
}

type Points = Vec<(i64, f64)>;

fn series(eval: &Eval, expected: &[&str], answer: &Answer, ordered: bool) -> Result<(), String> {
    let (got, at): (Vec<(Labels, Points)>, Vec<i64>) = match (answer, &eval.when) {
        (Answer::Vector(samples), When::Instant(at)) => {
            (samples.iter().map(|sample| (sample.labels.clone(), vec![(*at, sample.value)])).collect(), vec![*at])
        }
        (Answer::Matrix(series), When::Range { start, end, step }) => {
            let steps = (0..=(end - start) / step).map(|number| start + number * step).collect();
            (series.iter().map(|series| (series.labels.clone(), series.points.clone())).collect(), steps)
        }
        _ => return Err(format!("{answer:?} is another kind of answer")),
    };
    let wanted: Vec<(Labels, Points)> = expected
        .iter()
        .map(|line| {
            let (labels, values) = labels(line);
            let points = at.iter().zip(values.split_whitespace().flat_map(expand));
            (labels, points.filter_map(|(at, value)| Some((*at, value?))).collect())
        })
        .filter(|(_, points): &(Labels, Points)| !points.is_empty())
        .collect();
    if ordered && wanted.iter().map(|(labels, _)| labels).ne(got.iter().map(|(labels, _)| labels)) {
        return Err(format!("the order is {:?}", got.iter().map(|(labels, _)| labels.to_string()).collect::<Vec<_>>()));
    }
    let wanted: BTreeMap<Labels, Points> = wanted.into_iter().collect();
    let count = got.len();
    let got: BTreeMap<Labels, Points> = got.into_iter().collect();
    let alike = |(wanted, got): (&(i64, f64), &(i64, f64))| wanted.0 == got.0 && same(wanted.1, got.1);
    let equal = count == wanted.len()
        && wanted.iter().all(|(labels, wanted)| {
            got.get(labels).is_some_and(|got| got.len() == wanted.len() && wanted.iter().zip(got).all(alike))
        });
    if equal { Ok(()) } else { Err(format!("got {}", show(&got))) }
}

fn show(series: &BTreeMap<Labels, Points>) -> String {
    let points = |points: &Points| {
        points.iter().map(|(at, value)| format!("{value}@{}", at / 1_000_000_000)).collect::<Vec<_>>()
    };
    series.iter().map(|(labels, found)| format!("{labels} {:?}", points(found))).collect::<Vec<_>>().join("; ")
}

/// `_`, `5`, `1+2x3`.
fn expand(text: &str) -> Vec<Option<f64>> {
    if text == "_" {
        return vec![None];
    }
    let Some((base, times)) = text.split_once('x') else { return vec![Some(number(text))] };
    let times: u32 = times.parse().unwrap();
    let sign = base[1..].find(['+', '-']).map(|at| at + 1);
    let (base, step) = sign.map_or((number(base), 0.0), |at| (number(&base[..at]), number(&base[at..])));
    (0..=times).map(|at| Some(base + f64::from(at) * step)).collect()
}

fn entries(expected: &[&str], found: &[LogEntry]) -> Result<(), String> {
    let mut wanted: BTreeMap<Labels, Vec<(i64, String, Labels, Labels)>> = BTreeMap::new();
    for line in expected {
        let (labels, rest) = labels(line);
        let (text, rest) = quoted(rest);
        let rest = rest.strip_prefix("@ ").unwrap();
        let (at, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = rest.trim_start();
        let metadata = clause(&mut rest, "metadata").map_or(Labels::default(), pairs);
        let parsed = clause(&mut rest, "parsed").map_or(Labels::default(), pairs);
        wanted.entry(labels).or_default().push((time(at), text, metadata, parsed));
    }
    let mut got: BTreeMap<Labels, Vec<(i64, String, Labels, Labels)>> = BTreeMap::new();
    for entry in found {
        let line = String::from_utf8_lossy(&entry.line).into_owned();
        got.entry(entry.labels.clone()).or_default().push((
            entry.timestamp,
            line,
            entry.metadata.clone(),
            entry.parsed.clone(),
        ));
    }
    if wanted == got { Ok(()) } else { Err(format!("got {got:?}\n  wanted {wanted:?}")) }
}
