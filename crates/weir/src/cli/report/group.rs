//! Sums by the values of fields.

use std::collections::BTreeMap;

use meter::decimal;
use meter::record::{CustomValue, Line, Owned, field};
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

/// What sums are taken apart by beside fields: when a request ended, in UTC.
const DATES: [&str; 2] = ["day", "month"];

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

/// What is summed. Money is in nano-dollars, energy in pico-kilowatt-hours. A sum is of what is known; where nothing is, there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) requests: u64,
    /// Of these, those that failed.
    pub(super) errors: u64,
    /// And those whose caller went away.
    pub(super) cancelled: u64,
    pub(super) input_tokens: Option<u128>,
    /// Of the input, what was found in a cache.
    pub(super) cached_input_tokens: Option<u128>,
    pub(super) output_tokens: Option<u128>,
    pub(super) cost: Option<u128>,
    /// Requests with tokens and without a price.
    pub(super) unpriced: u64,
    pub(super) energy: Option<u128>,
    /// Requests with tokens and without an energy.
    pub(super) unknown_energy: u64,
    /// In microseconds.
    pub(super) processing_time: Option<u128>,
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
            input_tokens: number(line, "input_tokens"),
            cached_input_tokens: number(line, "cached_input_tokens"),
            output_tokens: number(line, "output_tokens"),
            cost: number(line, "cost_usd"),
            unpriced: u64::from(known && number(line, "cost_usd").is_none()),
            energy: number(line, "energy_consumption_kwh"),
            unknown_energy: u64::from(known && number(line, "energy_consumption_kwh").is_none()),
            processing_time: number(line, "processing_time_seconds"),
        }
    }

    /// The cost in nano-dollars, if it is known: no requests cost nothing.
    pub(super) fn cost(&self) -> Option<u128> {
        self.of_known(self.cost)
    }

    /// A sum of these Records, which is 0 where there are none.
    pub(super) fn of_known(&self, sum: Option<u128>) -> Option<u128> {
        sum.or((self.requests == 0).then_some(0))
    }

    pub(super) fn add(&mut self, other: &Sums) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.unpriced += other.unpriced;
        self.unknown_energy += other.unknown_energy;
        for (sum, more) in [
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.cached_input_tokens, other.cached_input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cost, other.cost),
            (&mut self.energy, other.energy),
            (&mut self.processing_time, other.processing_time),
        ] {
            *sum = sum.map_or(more, |sum| Some(sum + more.unwrap_or(0)));
        }
    }
}

/// A number, of its smallest unit, where it is known.
pub(super) fn number(line: &Line, name: &str) -> Option<u128> {
    match line.get(name) {
        Some(Owned::Integer(units) | Owned::Fixed(units, _)) => Some(u128::from(*units)),
        _ => None,
    }
}

/// Whether sums can be taken apart by it.
pub(super) fn check(field: &str) -> Result<(), String> {
    if DATES.contains(&field) || super::is_field(field) {
        return Ok(());
    }
    Err(format!("--by {field}: no Record can have such a field"))
}

/// Those of the fields `by` that are not Weir's own and that none of `keys`, their values, has.
pub(super) fn absent<'a>(by: &'a [String], keys: impl Iterator<Item = &'a Vec<String>> + Clone) -> Vec<&'a str> {
    let fields = by.iter().enumerate().filter(|(_, name)| field(name).is_none() && !DATES.contains(&name.as_str()));
    let absent = fields.filter(|(at, _)| keys.clone().next().is_some() && keys.clone().all(|key| key[*at].is_empty()));
    absent.map(|(_, name)| name.as_str()).collect()
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

    /// Fields of one's own by which sums are taken apart and which no Record has, where there are Records.
    pub(super) fn absent(&self) -> Vec<&str> {
        absent(&self.by, self.groups.keys())
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
