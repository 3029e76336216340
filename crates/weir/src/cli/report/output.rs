//! Statements as they are written.

use std::io::{self, Write};

use meter::time;
use serde_json::{Map, Value, json};

use super::group::{Period, Statement, Sums, decimal};
use super::join::{Joined, Unit, dollars, percent};
use crate::cli::csv::quote;

const NANO: u8 = 9;
const PICO: u8 = 12;
const MICRO: u8 = 6;
/// Where a Record has no such field.
const NONE: &str = "(none)";

/// In a table, where a number is unknown.
const UNKNOWN: &str = "-";

/// A sum as it is written, if it is known.
type Shown = fn(&Sums) -> Option<String>;

/// The columns behind those by which sums are taken apart: their names, and whether they are for people too.
const COLUMNS: [(&str, bool, Shown); 11] = [
    ("requests", true, |sums| Some(sums.requests.to_string())),
    ("errors", true, |sums| Some(sums.errors.to_string())),
    ("cancelled", false, |sums| Some(sums.cancelled.to_string())),
    ("input_tokens", true, |sums| shown(sums, sums.input_tokens, 0)),
    ("cached_input_tokens", false, |sums| shown(sums, sums.cached_input_tokens, 0)),
    ("output_tokens", true, |sums| shown(sums, sums.output_tokens, 0)),
    ("processing_time_seconds", false, |sums| shown(sums, sums.processing_time, MICRO)),
    ("unknown_energy_requests", true, |sums| Some(sums.unknown_energy.to_string())),
    ("energy_consumption_kwh", true, |sums| shown(sums, sums.energy, PICO)),
    ("unpriced_requests", true, |sums| Some(sums.unpriced.to_string())),
    ("cost_usd", true, |sums| shown(sums, sums.cost, NANO)),
];

fn shown(sums: &Sums, sum: Option<u128>, scale: u8) -> Option<String> {
    sums.of_known(sum).map(|units| decimal(units, scale))
}

/// Columns for people.
pub(super) fn table(
    out: &mut dyn Write,
    statement: &Statement,
    joined: Option<&Joined>,
    period: Period,
) -> io::Result<()> {
    let date = |at: u64| String::from_utf8_lossy(&time::format(at)[..19]).replace('T', " ");
    writeln!(out, "{} to {} (UTC)\n", date(period.since), date(period.until))?;
    let named = |name: &String| if name.is_empty() { NONE.to_owned() } else { name.clone() };
    let row = |key: Vec<String>, sums: &Sums| -> Vec<String> {
        let shown = COLUMNS.iter().filter(|(_, shown, _)| *shown);
        let values = shown.map(|(_, _, of)| of(sums).unwrap_or_else(|| UNKNOWN.to_owned()));
        key.into_iter().chain(values).collect()
    };
    let heading = statement.by.iter().map(String::as_str);
    let heading: Vec<_> =
        heading.chain(COLUMNS.iter().filter(|(_, shown, _)| *shown).map(|(name, ..)| *name)).collect();
    let mut rows: Vec<_> =
        statement.by_cost().into_iter().map(|(key, sums)| row(key.iter().map(named).collect(), sums)).collect();
    let mut all = vec![String::new(); statement.by.len()];
    if let Some(first) = all.first_mut() {
        "total".clone_into(first);
    }
    rows.push(row(all, &statement.total()));
    aligned(out, &heading, &rows, statement.by.len())?;
    let Some(joined) = joined else { return Ok(()) };
    writeln!(out)?;
    let mut rows: Vec<_> = joined.units.iter().map(|unit| of_unit(&named(&unit.name), unit)).collect();
    rows.push(of_unit("total", &joined.total));
    aligned(out, &[&joined.on, "cost_usd", "revenue_usd", "margin_usd", "return_percent"], &rows, 1)
}

fn of_unit(name: &str, unit: &Unit) -> Vec<String> {
    let known = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    vec![
        name.to_owned(),
        known(unit.sums.cost().map(|cost| decimal(cost, NANO))),
        known(unit.revenue.map(dollars)),
        known(unit.margin().map(dollars)),
        known(unit.return_on_investment().map(percent)),
    ]
}

/// Texts to the left, numbers to the right; the first `texts` columns are texts.
fn aligned(out: &mut dyn Write, heading: &[&str], rows: &[Vec<String>], texts: usize) -> io::Result<()> {
    let safe = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let heading: Vec<String> = heading.iter().map(|name| (*name).to_owned()).collect();
    let all = || std::iter::once(&heading).chain(rows);
    let widths: Vec<usize> =
        (0..heading.len()).map(|at| all().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    for row in all() {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().map(|cell| safe(cell)).zip(&widths).enumerate() {
            let gap = if at > 0 { "  " } else { "" };
            line += &if at < texts { format!("{gap}{cell:<width$}") } else { format!("{gap}{cell:>width$}") };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A row for each group; with revenue, one for each value of the field that it is joined on.
pub(super) fn csv(out: &mut dyn Write, statement: &Statement, joined: Option<&Joined>) -> io::Result<()> {
    let mut line =
        |cells: Vec<String>| writeln!(out, "{}", cells.iter().map(|cell| quote(cell)).collect::<Vec<_>>().join(","));
    let names = || COLUMNS.iter().map(|(name, ..)| (*name).to_owned());
    let values = |sums: &Sums| COLUMNS.iter().map(|(_, _, of)| of(sums).unwrap_or_default()).collect::<Vec<_>>();
    let Some(joined) = joined else {
        line(statement.by.iter().cloned().chain(names()).collect())?;
        return statement
            .by_cost()
            .into_iter()
            .try_for_each(|(key, sums)| line(key.iter().cloned().chain(values(sums)).collect()));
    };
    let more = ["revenue_usd", "margin_usd", "return_percent"].map(str::to_owned);
    line(std::iter::once(joined.on.clone()).chain(names()).chain(more).collect())?;
    joined.units.iter().try_for_each(|unit| {
        let of = [unit.revenue.map(dollars), unit.margin().map(dollars), unit.return_on_investment().map(percent)];
        let of = of.into_iter().map(Option::unwrap_or_default);
        line(std::iter::once(unit.name.clone()).chain(values(&unit.sums)).chain(of).collect())
    })
}

/// One object. Decimals are texts, so that no reader rounds them.
pub(super) fn json(
    out: &mut dyn Write,
    statement: &Statement,
    joined: Option<&Joined>,
    period: Period,
) -> io::Result<()> {
    let date = |at: u64| String::from_utf8_lossy(&time::format(at)).into_owned();
    let rows: Vec<Value> = statement
        .by_cost()
        .into_iter()
        .map(|(key, sums)| {
            let named = statement.by.iter().cloned().zip(key.iter().map(|value| text_or_null(value)));
            Value::Object(named.chain(members(sums)).collect())
        })
        .collect();
    let mut whole = json!({
        "since": date(period.since),
        "until": date(period.until),
        "by": statement.by,
        "rows": rows,
        "total": Value::Object(members(&statement.total()).collect()),
    });
    if let Some(joined) = joined {
        let units: Vec<Value> = joined.units.iter().map(|unit| unit_json(Some(&joined.on), unit)).collect();
        whole["on"] = joined.on.clone().into();
        whole["units"] = units.into();
        whole["return"] = unit_json(None, &joined.total);
    }
    writeln!(out, "{whole:#}")
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn members(sums: &Sums) -> impl Iterator<Item = (String, Value)> {
    COLUMNS.iter().map(|(name, _, of)| {
        let is_decimal = name.ends_with("_usd") || name.ends_with("_kwh") || name.ends_with("_seconds");
        let value = of(sums).map_or(Value::Null, |text| match text.parse::<u64>() {
            Ok(number) if !is_decimal => number.into(),
            _ => text.into(),
        });
        ((*name).to_owned(), value)
    })
}

fn unit_json(on: Option<&String>, unit: &Unit) -> Value {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::from);
    let mut object: Map<String, Value> = on.map(|on| (on.clone(), text_or_null(&unit.name))).into_iter().collect();
    object.insert("cost_usd".to_owned(), text(unit.sums.cost().map(|cost| decimal(cost, NANO))));
    object.insert("revenue_usd".to_owned(), text(unit.revenue.map(dollars)));
    object.insert("margin_usd".to_owned(), text(unit.margin().map(dollars)));
    object.insert("return_percent".to_owned(), text(unit.return_on_investment().map(percent)));
    Value::Object(object)
}
