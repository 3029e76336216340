//! Sums by the values of fields.

use std::collections::BTreeMap;

use meter::decimal;
use meter::record::{CustomValue, Line, Owned};
use meter::time;

/// From an instant on and before another, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) since: u64,
    pub(super) until: u64,
}

impl Period {
    /// The time of a Record's end, if it lies within.
    pub(super) fn holds(self, line: &Line) -> Option<u64> {
        let Some(Owned::Time(at)) = line.get("timestamp") else { return None };
        let is_request = matches!(line.get("event"), Some(Owned::Text(event)) if event.starts_with("llm_request_"));
        (is_request && (self.since..self.until).contains(at)).then_some(*at)
    }
}

/// What is looked at of a Record, besides what tells groups apart.
pub(super) const FIELDS: &[&str] = &[
    "timestamp",
    "event",
    "status",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "total_tokens",
    "cost_usd",
    "energy_consumption_kwh",
    "processing_time_seconds",
];

/// What is summed. Money is in nano-dollars, energy in pico-kilowatt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) requests: u64,
    /// Of these, those that failed.
    pub(super) errors: u64,
    /// And those whose caller went away.
    pub(super) cancelled: u64,
    pub(super) input_tokens: u64,
    /// Of the input, what was found in a cache.
    pub(super) cached_input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cost: u128,
    /// Requests with tokens and without a price.
    pub(super) unpriced: u64,
    pub(super) energy: u128,
    /// In microseconds.
    pub(super) processing_time: u128,
}

impl Sums {
    pub(super) fn of(line: &Line) -> Sums {
        let status = match line.get("status") {
            Some(Owned::Text(status)) => status.as_str(),
            _ => "",
        };
        let known = line.get("total_tokens").is_some();
        Sums {
            requests: 1,
            errors: u64::from(status == "error"),
            cancelled: u64::from(status == "cancelled"),
            input_tokens: integer(line, "input_tokens"),
            cached_input_tokens: integer(line, "cached_input_tokens"),
            output_tokens: integer(line, "output_tokens"),
            cost: units(line, "cost_usd"),
            unpriced: u64::from(known && line.get("cost_usd").is_none()),
            energy: units(line, "energy_consumption_kwh"),
            processing_time: units(line, "processing_time_seconds"),
        }
    }

    pub(super) fn add(&mut self, other: &Sums) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost += other.cost;
        self.unpriced += other.unpriced;
        self.energy += other.energy;
        self.processing_time += other.processing_time;
    }
}

pub(super) fn integer(line: &Line, name: &str) -> u64 {
    match line.get(name) {
        Some(Owned::Integer(number)) => *number,
        _ => 0,
    }
}

/// A number of its smallest unit; 0 where it is unknown.
pub(super) fn units(line: &Line, name: &str) -> u128 {
    match line.get(name) {
        Some(Owned::Fixed(units, _)) => u128::from(*units),
        _ => 0,
    }
}

/// Whether sums can be taken apart by it.
pub(super) fn check(field: &str) -> Result<(), String> {
    if ["day", "month"].contains(&field) || super::is_field(field) {
        return Ok(());
    }
    Err(format!("--by {field}: no Record can have such a field"))
}

/// The value of a field as text; empty where there is none.
pub(super) fn value(line: &Line, field: &str, at: u64) -> String {
    let date = || String::from_utf8_lossy(&time::format(at)[..10]).into_owned();
    match (line.get(field), field) {
        (Some(value), _) => shown(value),
        (None, "day") => date(),
        (None, "month") => date()[..7].to_owned(),
        (None, _) => line.custom(field).map(declared).unwrap_or_default(),
    }
}

fn shown(value: &Owned) -> String {
    match value {
        Owned::Null => String::new(),
        Owned::Text(text) => text.clone(),
        Owned::Integer(number) => number.to_string(),
        Owned::Fixed(units, scale) => decimal::to_string(*units, *scale),
        Owned::Float(number) => number.to_string(),
        Owned::Bool(flag) => flag.to_string(),
        Owned::Time(nanos) => String::from_utf8_lossy(&time::format(*nanos)).into_owned(),
        Owned::Id(id) => String::from_utf8_lossy(&meter::record::id_text(id)).into_owned(),
    }
}

fn declared(value: &CustomValue) -> String {
    match value {
        CustomValue::Text(text) => text.clone(),
        CustomValue::Integer(number) => number.to_string(),
        CustomValue::Float(number) => number.to_string(),
        CustomValue::Bool(flag) => flag.to_string(),
    }
}

/// Sums by the values of fields.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) by: Vec<String>,
    pub(super) groups: BTreeMap<Vec<String>, Sums>,
}

impl Statement {
    pub(super) fn new(by: &[String]) -> Statement {
        Statement { by: by.to_vec(), groups: BTreeMap::new() }
    }

    /// Adds a Record, if it is within the period.
    pub(super) fn add(&mut self, line: &Line, period: Period) {
        let Some(at) = period.holds(line) else { return };
        let key = self.by.iter().map(|field| value(line, field, at)).collect();
        self.groups.entry(key).or_default().add(&Sums::of(line));
    }

    /// Of all groups.
    pub(super) fn total(&self) -> Sums {
        self.groups.values().fold(Sums::default(), |mut total, sums| {
            total.add(sums);
            total
        })
    }

    /// The groups, those that cost most first.
    pub(super) fn by_cost(&self) -> Vec<(&Vec<String>, &Sums)> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.cost, sums.requests)));
        groups
    }
}

/// A number of 10^-scale as a decimal.
pub(super) fn decimal(units: u128, scale: u8) -> String {
    let unit = 10_u128.pow(u32::from(scale));
    let (whole, fraction) = (units / unit, units % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = format!("{fraction:0width$}", width = usize::from(scale));
    format!("{whole}.{}", digits.trim_end_matches('0'))
}
