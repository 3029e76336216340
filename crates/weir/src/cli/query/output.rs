//! Answers as tables, as lines of JSON, and as CSV.

use std::collections::BTreeSet;
use std::io::{self, Write};

use logql::Labels;
use logql::eval::{Answer, Request};
use logql::stage::units::format_float;
use serde_json::{Map, Value, json};

use super::when;

/// One line of an answer.
struct Line {
    at: i64,
    labels: Labels,
    /// A number, or an entry's line.
    what: Result<f64, String>,
}

/// The lines of an answer, by time; samples of one instant in the answer's order.
fn lines(answer: Answer, request: &Request) -> Vec<Line> {
    let mut lines: Vec<Line> = match answer {
        Answer::Entries(entries) => {
            let line = |entry: logql::eval::LogEntry| Line {
                at: entry.timestamp,
                labels: entry.all_labels(),
                what: Err(String::from_utf8_lossy(&entry.line).into_owned()),
            };
            entries.into_iter().rev().map(line).collect()
        }
        Answer::Matrix(series) => series
            .into_iter()
            .flat_map(|series| {
                let labels = series.labels;
                series.points.into_iter().map(move |(at, value)| Line { at, labels: labels.clone(), what: Ok(value) })
            })
            .collect(),
        Answer::Vector(samples) => samples
            .into_iter()
            .map(|sample| Line { at: request.end, labels: sample.labels, what: Ok(sample.value) })
            .collect(),
        Answer::Scalar(value) => vec![Line { at: request.end, labels: Labels::default(), what: Ok(value) }],
    };
    lines.sort_by_key(|line| line.at);
    lines
}

/// One object a line: `{"timestamp":…,"labels":{…},"value":…}`, or `"line"`. What JSON has no number for is a text.
pub(super) fn json(out: &mut impl Write, answer: Answer, request: &Request) -> io::Result<()> {
    for Line { at, labels, what } in lines(answer, request) {
        let labels: Map<String, Value> = labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let mut object = json!({"timestamp": when::write(at), "labels": labels});
        match what {
            Ok(value) if value.is_finite() => object["value"] = json!(value),
            Ok(value) => object["value"] = json!(format_float(value)),
            Err(line) => object["line"] = json!(line),
        }
        writeln!(out, "{object}")?;
    }
    Ok(())
}

/// The header, and the cells of each line: the time, a column for each label, and the value or the line.
fn cells(lines: &[Line]) -> (Vec<String>, Vec<Vec<String>>) {
    let names: BTreeSet<&str> = lines.iter().flat_map(|line| line.labels.iter().map(|(name, _)| name)).collect();
    let last = if lines.iter().any(|line| line.what.is_err()) { "line" } else { "value" };
    let header = ["timestamp"].into_iter().chain(names.iter().copied()).chain([last]).map(str::to_owned).collect();
    let row = |line: &Line| {
        let labels = names.iter().map(|name| line.labels.get(name).unwrap_or_default().to_owned());
        let what = match &line.what {
            Ok(value) => format_float(*value),
            Err(text) => text.clone(),
        };
        [when::write(line.at)].into_iter().chain(labels).chain([what]).collect()
    };
    (header, lines.iter().map(row).collect())
}

/// As RFC 4180 has it, with a header.
pub(super) fn csv(out: &mut impl Write, answer: Answer, request: &Request) -> io::Result<()> {
    let (header, rows) = cells(&lines(answer, request));
    let cell = |text: &String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    for row in [header].iter().chain(&rows) {
        let row: Vec<String> = row.iter().map(cell).collect();
        write!(out, "{}\r\n", row.join(","))?;
    }
    Ok(())
}

/// Columns for people. An entry has its labels in front of its line only where a stage has made some of them.
pub(super) fn table(out: &mut impl Write, answer: Answer, request: &Request) -> io::Result<()> {
    if let Answer::Entries(entries) = answer {
        for entry in entries.iter().rev() {
            let made = if entry.parsed.is_empty() { String::new() } else { format!("{} ", entry.parsed) };
            writeln!(out, "{}  {made}{}", when::write(entry.timestamp), String::from_utf8_lossy(&entry.line))?;
        }
        return Ok(());
    }
    let (header, rows) = cells(&lines(answer, request));
    let widest = |column: usize| {
        let cells = [&header].into_iter().chain(&rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(widest).collect();
    for row in [&header].into_iter().chain(&rows) {
        let (last, first) = row.split_last().map_or(("", &row[..]), |(last, first)| (last.as_str(), first));
        for (cell, width) in first.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{last:>width$}", width = widths.last().copied().unwrap_or(0))?;
    }
    Ok(())
}
