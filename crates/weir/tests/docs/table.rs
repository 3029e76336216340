//! Tables of fields and of metrics, as the code has them.

use std::collections::BTreeSet;

use meter::carbon::Carbon;
use meter::cost::{Price, Tariff};
use meter::energy::{Basis, Energy};
use meter::record::{FIELDS, Record, Unit};
use meter::usage::{Parts, Usage};
use store::library::Held;
use weir::config::{Durability, OnJournalFailure};
use weir::metrics::{self, FollowerState, Gauges, StoreState};
use weir::recorder::{OVERHEAD_BUCKETS, Options, Recorder, SECONDS_BUCKETS};

use crate::{check_table, read};

fn unit(unit: Unit) -> String {
    match unit {
        Unit::Text(bytes) => return format!("string, at most {bytes} bytes"),
        Unit::Count => "integer",
        Unit::Usd => "number, US dollars",
        Unit::Kwh => "number, kilowatt-hours",
        Unit::Grams => "number, grams of CO2e",
        Unit::Millilitres => "number, millilitres",
        Unit::Seconds => "number, seconds",
        Unit::Number => "number",
        Unit::Bool => "boolean",
        Unit::Time => "string, a time",
        Unit::Id => "string, a UUID",
    }
    .to_owned()
}

#[test]
fn the_fields_are_those_of_the_table() {
    let mut table = String::from("| Field | Type | Where unknown | Meaning |\n|---|---|---|---|\n");
    for field in FIELDS {
        let unknown = if field.always { "`null`" } else { "left out" };
        table += &format!("| `{}` | {} | {unknown} | {} |\n", field.name, unit(field.unit), field.doc);
    }
    check_table("docs/record.md", &table);
}

/// A page of metrics on which every series there is shows.
fn a_full_page() -> String {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        max_in_flight: 4,
        durability: Durability::Flush,
        on_failure: OnJournalFailure::Refuse,
        journal: store::Options::default(),
    };
    let (recorder, _) = Recorder::open(dir.path(), options).unwrap();
    let usage = Usage::from_inclusive(25, 150, Parts::default());
    let mut record = Box::new(Record { usage: Some(usage), ..Record::default() });
    record.cost = Price::from_tariff("config:m", &Tariff::default()).unwrap().cost(&usage);
    record.energy = Some(Energy { low: 1, mid: 1, high: 1, method: "rates/1", basis: Basis::Rate });
    record.carbon = Some(Carbon { zone: "WOR".into(), location: Some(1), market: None, embodied: 1, water: None });
    record.times.first_token = Some(1);
    record.times.overhead = Some(1);
    recorder.finish(recorder.admit().unwrap(), record);
    let (balance, ledger) = recorder.snapshot();
    metrics::render(
        &balance,
        &ledger,
        &Gauges {
            store: StoreState {
                held: vec![("records", Held { oldest: Some(1), newest: Some(1), ..Held::default() })],
                ..StoreState::default()
            },
            followers: vec![FollowerState::default()],
            wrong_fields: vec![("team".to_owned(), 0)],
            ..Gauges::default()
        },
    )
}

/// The names of the labels of a metric's rows.
fn labels(page: &str, metric: &str) -> BTreeSet<String> {
    let of_metric = |row: &&str| {
        let name = row.split(['{', ' ']).next().unwrap_or_default();
        ["", "_bucket", "_sum", "_count"].iter().any(|suffix| name.strip_suffix(suffix) == Some(metric))
    };
    let names = |row: &str| -> Vec<String> {
        let inside = row.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
        inside.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect()
    };
    page.lines().filter(of_metric).flat_map(names).filter(|name| name != "le").collect()
}

#[test]
fn the_metrics_are_those_of_the_page() {
    let page = a_full_page();
    let mut table = String::from("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n");
    let mut heads = page.lines().filter_map(|line| line.strip_prefix("# "));
    while let (Some(help), Some(kind)) = (heads.next(), heads.next()) {
        let (name, help) = help.strip_prefix("HELP ").unwrap().split_once(' ').unwrap();
        let kind = kind.strip_prefix(&format!("TYPE {name} ")).unwrap();
        let labels: Vec<String> = labels(&page, name).iter().map(|label| format!("`{label}`")).collect();
        table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
    }
    check_table("docs/metrics.md", &table);
    let words = read("docs/metrics.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for buckets in [SECONDS_BUCKETS, OVERHEAD_BUCKETS] {
        let buckets = buckets.map(|bound| bound.to_string()).join(", ");
        assert!(words.contains(&buckets), "docs/metrics.md lacks the buckets {buckets}");
    }
}
