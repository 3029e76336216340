//! Charges as FOCUS 1.2 has them (FinOps Open Cost and Usage Specification, <https://focus.finops.org/focus-specification/v1-2/>).
//!
//! A row is what one day (UTC) cost of one kind of usage of one model, apart by the values of the statement's fields. `BilledCost` of
//! all rows adds up to the Records' `cost_usd` to the nano-dollar. All columns that the specification makes mandatory are there, and
//! of the conditional ones those that Records can fill; unit prices are not, since a day may have seen several.

use std::collections::BTreeMap;
use std::io::{self, Write};

use meter::record::Line;
use meter::time;
use serde_json::{Map, Value};

use super::group::{self, Period, decimal, number};
use crate::cli::csv::quote;

const NANO: u8 = 9;
const DAY: u64 = 86_400 * 1_000_000_000;

/// What is looked at of a Record, besides what tells charges apart.
pub(super) const FIELDS: &[&str] = &[
    "timestamp",
    "event",
    "model",
    "provider",
    "region",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "total_tokens",
    "search_calls",
    "cost_usd",
    "cost_list_usd",
    "cost_input_usd",
    "cost_cache_usd",
    "cost_output_usd",
    "cost_tools_usd",
];

/// What is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meter {
    Input,
    Cache,
    Output,
    Tools,
    /// Where the parts of a cost are not known.
    Whole,
}

impl Meter {
    /// Name, unit.
    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Meter::Input => ("Input tokens", "Tokens"),
            Meter::Cache => ("Input tokens from and to a cache", "Tokens"),
            Meter::Output => ("Output tokens", "Tokens"),
            Meter::Tools => ("Tools", "Requests"),
            Meter::Whole => ("Requests", "Requests"),
        }
    }
}

/// What tells charges apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The day's first instant, in nanoseconds since 1970.
    day: u64,
    provider: String,
    model: String,
    region: String,
    meter: Meter,
    /// The values of the statement's fields.
    tags: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Charge {
    /// In nano-dollars.
    cost: u128,
    /// What it would have cost by the published price.
    list: u128,
    quantity: u128,
}

/// Charges by day.
#[derive(Debug)]
pub(super) struct Charges {
    by: Vec<String>,
    charges: BTreeMap<Key, Charge>,
    unpriced: u64,
}

impl Charges {
    pub(super) fn new(by: &[String]) -> Charges {
        Charges { by: by.to_vec(), charges: BTreeMap::new(), unpriced: 0 }
    }

    /// Adds a Record, if it is within the period.
    pub(super) fn add(&mut self, line: &Line, period: Period) {
        let Some(at) = period.holds(line) else { return };
        let Some(whole) = number(line, "cost_usd") else {
            self.unpriced += u64::from(line.get("total_tokens").is_some());
            return;
        };
        let value = |field: &str| group::value(line, field, at);
        let tags: Vec<String> = self.by.iter().map(|field| value(field)).collect();
        let base = Key {
            day: at - at % DAY,
            provider: value("provider"),
            model: value("model"),
            region: value("region"),
            meter: Meter::Whole,
            tags,
        };
        let list = number(line, "cost_list_usd").unwrap_or(whole);
        let parts = parts(line);
        let known: u128 = parts.iter().map(|(_, cost, _)| cost).sum();
        // Where parts do not make up the whole, as where a provider says only what a request cost, it is one charge.
        let parts = if known == whole && !parts.is_empty() { parts } else { vec![(Meter::Whole, whole, 1)] };
        let last = parts.len() - 1;
        let mut listed = 0;
        for (at, (meter, cost, quantity)) in parts.into_iter().enumerate() {
            // The published price is known as a whole: it is shared out as the cost is, and the last part has what is left.
            let share = if at == last { list - listed } else { (list * cost).checked_div(whole).unwrap_or(0) };
            listed += share;
            let charge = self.charges.entry(Key { meter, ..base.clone() }).or_default();
            charge.cost += cost;
            charge.list += share;
            charge.quantity += quantity;
        }
    }

    /// Fields of one's own that tell charges apart and that none has, where there are charges.
    pub(super) fn absent(&self) -> Vec<&str> {
        group::absent(&self.by, self.charges.keys().map(|key| &key.tags))
    }

    /// Says what is not among the charges.
    pub(super) fn say_unpriced(&self) {
        if self.unpriced > 0 {
            let count = self.unpriced;
            crate::log::say(format_args!("{count} requests have no price and are not among the charges"));
        }
    }

    /// Writes CSV.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let heading: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        writeln!(out, "{}", heading.join(","))?;
        for (key, charge) in &self.charges {
            let row = Row { key, charge, by: &self.by };
            let cells: Vec<_> = COLUMNS.iter().map(|(_, cell)| quote(&cell(&row))).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
        Ok(())
    }
}

/// The parts of a cost that are known, each with how much was used.
fn parts(line: &Line) -> Vec<(Meter, u128, u128)> {
    // What a Record does not say of a class of tokens is none of it: the classes are disjoint, and each that cost is there.
    let used = |name: &str| number(line, name).unwrap_or(0);
    let cached = used("cached_input_tokens") + used("cache_write_tokens");
    let input = used("input_tokens").saturating_sub(cached);
    let all = [
        (Meter::Input, "cost_input_usd", input),
        (Meter::Cache, "cost_cache_usd", cached),
        (Meter::Output, "cost_output_usd", used("output_tokens")),
        (Meter::Tools, "cost_tools_usd", used("search_calls").max(1)),
    ];
    let parts = all.into_iter().filter_map(|(meter, field, quantity)| Some((meter, number(line, field)?, quantity)));
    parts.filter(|(_, cost, quantity)| *cost > 0 || *quantity > 0).collect()
}

struct Row<'a> {
    key: &'a Key,
    charge: &'a Charge,
    by: &'a [String],
}

impl Row<'_> {
    fn tag(&self, name: &str) -> String {
        let place = self.by.iter().position(|field| field == name);
        place.map(|at| self.key.tags[at].clone()).unwrap_or_default()
    }

    fn provider(&self) -> String {
        if self.key.provider.is_empty() { "unknown".to_owned() } else { self.key.provider.clone() }
    }

    fn tags(&self) -> String {
        let known = self.by.iter().zip(&self.key.tags).filter(|(_, value)| !value.is_empty());
        let tags: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone().into())).collect();
        Value::Object(tags).to_string()
    }
}

fn instant(nanos: u64) -> String {
    format!("{}Z", String::from_utf8_lossy(&time::format(nanos)[..19]))
}

/// The first instant of the month of a day, and of the one after it.
fn month(day: u64) -> (String, String) {
    let text = String::from_utf8_lossy(&time::format(day)[..7]).into_owned();
    let (year, month) = (text[..4].parse().unwrap_or(1970_u32), text[5..].parse().unwrap_or(1_u32));
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (format!("{text}-01T00:00:00Z"), format!("{next_year:04}-{next:02}-01T00:00:00Z"))
}

type Cell = fn(&Row<'_>) -> String;

/// Mandatory columns and those that Records can fill, by name.
const COLUMNS: [(&str, Cell); 34] = [
    ("BilledCost", |row| decimal(row.charge.cost, NANO)),
    ("BillingAccountId", |row| row.provider()),
    ("BillingAccountName", |row| row.provider()),
    ("BillingCurrency", |_| "USD".to_owned()),
    ("BillingPeriodEnd", |row| month(row.key.day).1),
    ("BillingPeriodStart", |row| month(row.key.day).0),
    ("ChargeCategory", |_| "Usage".to_owned()),
    ("ChargeClass", |_| String::new()),
    ("ChargeDescription", |row| format!("{} of {}", row.key.meter.describe().0, row.key.model)),
    ("ChargeFrequency", |_| "Usage-Based".to_owned()),
    ("ChargePeriodEnd", |row| instant(row.key.day + DAY)),
    ("ChargePeriodStart", |row| instant(row.key.day)),
    ("ConsumedQuantity", |row| row.charge.quantity.to_string()),
    ("ConsumedUnit", |row| row.key.meter.describe().1.to_owned()),
    ("ContractedCost", |row| decimal(row.charge.cost, NANO)),
    ("EffectiveCost", |row| decimal(row.charge.cost, NANO)),
    ("InvoiceIssuerName", |row| row.provider()),
    ("ListCost", |row| decimal(row.charge.list, NANO)),
    ("PricingCategory", |_| "Standard".to_owned()),
    ("PricingQuantity", |row| row.charge.quantity.to_string()),
    ("PricingUnit", |row| row.key.meter.describe().1.to_owned()),
    ("ProviderName", |row| row.provider()),
    ("PublisherName", |row| row.provider()),
    ("RegionId", |row| row.key.region.clone()),
    ("ResourceId", |row| row.key.model.clone()),
    ("ResourceName", |row| row.key.model.clone()),
    ("ResourceType", |_| "Model".to_owned()),
    ("ServiceCategory", |_| "AI and Machine Learning".to_owned()),
    ("ServiceName", |row| row.provider()),
    ("ServiceSubcategory", |_| "Generative AI".to_owned()),
    ("SkuMeter", |row| row.key.meter.describe().0.to_owned()),
    ("SubAccountId", |row| row.tag("organization")),
    ("SubAccountName", |row| row.tag("organization")),
    ("Tags", |row| row.tags()),
];
