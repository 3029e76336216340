//! What was earned beside what was spent: return on investment.

use std::collections::BTreeMap;
use std::path::Path;

use super::Failure;
use super::group::{Statement, Sums};
use crate::cli::csv;

/// Decimal places that revenue is kept with.
const NANO: u32 = 9;

/// What was earned, by the value of a field: in nano-dollars, losses below zero.
pub(super) type Revenue = BTreeMap<String, i128>;

/// Reads a CSV file with a heading. Several rows of one value add up.
pub(super) fn read(path: &Path, on: &str) -> Result<Revenue, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text, on).map_err(|error| format!("{}: {error}", path.display()).into())
}

pub(super) fn parse(text: &str, on: &str) -> Result<Revenue, String> {
    let mut rows = csv::rows(text)?.into_iter();
    let (_, heading) = rows.next().ok_or("it is empty; its first row names its columns")?;
    let column = |names: &[&str]| heading.iter().position(|name| names.contains(&name.trim()));
    let key = column(&[on]).ok_or_else(|| format!("it has no column {on}"))?;
    let value = column(&["revenue", "revenue_usd"]).ok_or("it has no column revenue or revenue_usd")?;
    let mut revenue = Revenue::new();
    for (line, row) in rows {
        let (Some(key), Some(text)) = (row.get(key), row.get(value)) else {
            return Err(format!("line {line}: it has fewer values than there are columns"));
        };
        let amount = amount(text.trim()).ok_or_else(|| format!("line {line}: the revenue is no decimal number"))?;
        let sum = revenue.entry(key.trim().to_owned()).or_default();
        *sum = sum.checked_add(amount).ok_or("revenue is too large")?;
    }
    Ok(revenue)
}

/// A decimal in nano-dollars, with a sign, a dollar's sign, and commas between thousands, if it has them. Exact, or none.
fn amount(text: &str) -> Option<i128> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.replace(',', "");
    let fraction = fraction.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || fraction.len() > NANO as usize || !digits(&whole) || !digits(fraction) {
        return None;
    }
    let nanos = if fraction.is_empty() {
        0
    } else {
        fraction.parse::<i128>().ok()? * 10_i128.pow(NANO - fraction.len() as u32)
    };
    let amount = whole.parse::<i128>().ok()? * 10_i128.pow(NANO) + nanos;
    Some(if negative { -amount } else { amount })
}

/// Cost and revenue of each value of a field.
#[derive(Debug)]
pub(super) struct Joined {
    /// The field.
    pub(super) on: String,
    /// Value, sums, revenue if any is known. Those that cost most first.
    pub(super) units: Vec<Unit>,
    /// All of them.
    pub(super) total: Unit,
}

/// A business unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) sums: Sums,
    /// In nano-dollars.
    pub(super) revenue: Option<i128>,
}

impl Unit {
    fn cost(&self) -> Option<i128> {
        self.sums.cost().map(|cost| i128::try_from(cost).unwrap_or(i128::MAX))
    }

    /// What is left of the revenue, in nano-dollars; none where nothing is known of what was spent.
    pub(super) fn margin(&self) -> Option<i128> {
        Some(self.revenue? - self.cost()?)
    }

    /// What each dollar that was spent brought beyond itself, in hundredths of a per cent; none where nothing was spent.
    pub(super) fn return_on_investment(&self) -> Option<i128> {
        let (margin, cost) = (self.margin()?, self.cost()?);
        if cost == 0 {
            return None;
        }
        let (scaled, half) = (margin.checked_mul(10_000)?, cost / 2);
        // Rounded half away from zero.
        Some(if scaled < 0 { (scaled - half) / cost } else { (scaled + half) / cost })
    }
}

impl Joined {
    /// `on` is the field's place among those of the statement.
    pub(super) fn new(statement: &Statement, on: usize, revenue: Revenue) -> Joined {
        let mut units: BTreeMap<String, Unit> = BTreeMap::new();
        for (key, sums) in &statement.groups {
            units.entry(key[on].clone()).or_default().sums.add(sums);
        }
        let mut total = Unit { sums: statement.total(), ..Unit::default() };
        for (name, amount) in revenue {
            units.entry(name).or_default().revenue = Some(amount);
            total.revenue = Some(total.revenue.unwrap_or(0) + amount);
        }
        let mut units: Vec<_> = units.into_iter().map(|(name, unit)| Unit { name, ..unit }).collect();
        units.sort_by_key(|unit| std::cmp::Reverse(unit.sums.cost));
        Joined { on: statement.by[on].clone(), units, total }
    }
}

/// An amount in nano-dollars as a decimal.
pub(super) fn dollars(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}", super::group::decimal(amount.unsigned_abs(), NANO as u8))
}

/// Hundredths of a per cent as per cents.
pub(super) fn percent(hundredths: i128) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}
