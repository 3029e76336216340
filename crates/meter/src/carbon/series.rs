//! The carbon of a zone's electricity by the hour, in the shapes in which Electricity Maps gives it: JSON of its API
//! (`history`, `data` or `forecast` with `datetime` and `carbonIntensity`, or one such object) and CSV of its data sets; and
//! plain CSV of two columns, a time and grams for a kilowatt-hour.

use std::sync::{Arc, PoisonError, RwLock};

use crate::time;

/// Hours that are kept: a little more than a year of them, by quarters.
const MOST: usize = 40_000;
/// What the head of a column of grams has in it, the surest first.
const GRAMS: [&str; 7] =
    ["(life cycle)", "lifecycle", "lca", "carbonintensity", "carbon intensity", "gco2", "intensity"];
/// Nanoseconds for which a value holds where the next one is missing.
const HOLDS: u64 = 3_600_000_000_000;

/// Grams of CO2e for a kilowatt-hour, from times on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Nanoseconds since 1970, rising; and grams.
    values: Vec<(u64, f64)>,
}

impl Series {
    /// Reads one. `zone` is the one that is meant, where a file of CSV has several.
    ///
    /// # Errors
    /// A sentence, where there is nothing in it that reads.
    pub fn parse(text: &str, zone: &str) -> Result<Series, String> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let mut values = if text.starts_with(['{', '[']) { of_json(text)? } else { of_csv(text, zone)? };
        values.retain(|(_, grams)| (0.0..5000.0).contains(grams));
        values.sort_by_key(|(at, _)| *at);
        values.dedup_by_key(|(at, _)| *at);
        if values.is_empty() {
            return Err("there is no time with a carbon intensity in it".to_owned());
        }
        let from = values.len().saturating_sub(MOST);
        Ok(Series { values: values.split_off(from) })
    }

    /// The grams that hold at a time; nothing before the first value and an hour after the last.
    #[must_use]
    pub fn at(&self, nanos: u64) -> Option<f64> {
        let next = self.values.partition_point(|(at, _)| *at <= nanos);
        let (at, grams) = *self.values.get(next.checked_sub(1)?)?;
        (nanos - at < HOLDS).then_some(grams)
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The same with those of `newer`, which go before its own.
    #[must_use]
    pub fn with(&self, newer: &Series) -> Series {
        let mut values: Vec<(u64, f64)> = newer.values.iter().chain(&self.values).copied().collect();
        values.sort_by_key(|(at, _)| *at);
        values.dedup_by_key(|(at, _)| *at);
        let from = values.len().saturating_sub(MOST);
        Series { values: values.split_off(from) }
    }
}

/// A series that grows while requests are served.
#[derive(Debug, Default)]
pub struct Hourly {
    series: RwLock<Arc<Series>>,
}

impl Hourly {
    /// With what is known at first.
    #[must_use]
    pub fn new(series: Series) -> Hourly {
        Hourly { series: RwLock::new(Arc::new(series)) }
    }

    /// The grams that hold at a time.
    #[must_use]
    pub fn at(&self, nanos: u64) -> Option<f64> {
        self.series.read().unwrap_or_else(PoisonError::into_inner).at(nanos)
    }

    /// What is known.
    #[must_use]
    pub fn series(&self) -> Arc<Series> {
        self.series.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds what became known.
    pub fn add(&self, newer: &Series) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        *series = Arc::new(series.with(newer));
    }
}

fn of_json(text: &str) -> Result<Vec<(u64, f64)>, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let list =
        ["history", "data", "forecast"].iter().find_map(|name| json[*name].as_array()).or_else(|| json.as_array());
    let one = |value: &serde_json::Value| {
        let at = moment(value["datetime"].as_str()?)?;
        Some((at, value["carbonIntensity"].as_f64()?))
    };
    Ok(match list {
        Some(list) => list.iter().filter_map(one).collect(),
        None => one(&json).into_iter().collect(),
    })
}

fn of_csv(text: &str, zone: &str) -> Result<Vec<(u64, f64)>, String> {
    let mut lines = text.lines();
    let head = cells(lines.next().unwrap_or_default());
    let column = |words: &[&str]| {
        words.iter().find_map(|word| head.iter().position(|name| name.to_ascii_lowercase().contains(word)))
    };
    let at = column(&["datetime", "time"]).ok_or("its head names no column with a time in it, such as datetime")?;
    // Of two columns the other one has the grams, whatever it is called.
    let other = (head.len() == 2).then_some(1_usize.abs_diff(at));
    let grams = column(&GRAMS).or(other).ok_or("its head names no column of carbon intensity, such as gco2")?;
    let zones = column(&["zone id", "zoneid", "zone_id"]);
    let value = |line: &str| {
        let row = cells(line);
        if zones.and_then(|place| row.get(place)).is_some_and(|other| !other.eq_ignore_ascii_case(zone)) {
            return None;
        }
        Some((moment(row.get(at)?)?, row.get(grams)?.parse().ok()?))
    };
    Ok(lines.filter_map(value).collect())
}

/// A line's cells; quotes keep commas together.
fn cells(line: &str) -> Vec<String> {
    let mut quoted = false;
    let split = |character: char| {
        quoted ^= character == '"';
        character == ',' && !quoted
    };
    line.split(split).map(|cell| cell.trim().trim_matches('"').to_owned()).collect()
}

/// `2026-11-23T10:00:00.000Z`, `2026-11-23 10:00:00`, `2026-11-23T10:00+00:00`: all in UTC.
fn moment(text: &str) -> Option<u64> {
    let text = text.trim().trim_end_matches('Z').trim_end_matches("+00:00");
    let (day, clock) = text.split_once(['T', ' '])?;
    let (clock, _) = clock.split_once('.').unwrap_or((clock, ""));
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    time::parse(format!("{day}T{clock}{seconds}.000000000Z").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    #[test]
    fn the_shapes_of_electricity_maps() {
        let ten = moment("2026-11-23T10:00:00.000Z").unwrap();
        let history = r#"{"zone":"DE","history":[
            {"zone":"DE","carbonIntensity":302,"datetime":"2026-11-23T10:00:00.000Z","isEstimated":false},
            {"zone":"DE","carbonIntensity":280.5,"datetime":"2026-11-23T11:00:00.000Z"}]}"#;
        let latest = r#"{"zone":"DE","carbonIntensity":302,"datetime":"2026-11-23T10:00:00.000Z"}"#;
        let csv = "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle)\n\
                   2026-11-23 10:00:00,Germany,\"Germany, all\",DE,250,302\n2026-11-23 10:00:00,France,France,FR,20,41\n";
        let plain = "datetime,gco2e_per_kwh\n2026-11-23T10:00,302\n";
        let two = "time,g\n2026-11-23T10:00,302\n";
        let other_way = "grams per kWh,time\n302,2026-11-23T10:00\n";
        for text in [history, latest, csv, plain, two, other_way] {
            let series = Series::parse(text, "DE").unwrap();
            assert_eq!(series.at(ten), Some(302.0), "{text}");
            assert_eq!(series.at(ten - 1), None);
        }
        let series = Series::parse(history, "DE").unwrap();
        assert_eq!((series.at(ten + HOUR - 1), series.at(ten + HOUR)), (Some(302.0), Some(280.5)));
        assert_eq!(series.at(ten + 2 * HOUR), None, "the year's average holds again");
    }

    #[test]
    fn what_does_not_read_says_so() {
        for text in [
            "",
            "{}",
            "[1,2]",
            "a,b\n1,2\n",
            "time,a,b\n2026-11-23 10:00,1,2\n",
            "datetime,gco2\nyesterday,5\n",
            "datetime,gco2\n2026-11-23 10:00,-5\n",
        ] {
            assert!(Series::parse(text, "DE").is_err(), "{text}");
        }
    }

    #[test]
    fn it_grows() {
        let of = |grams: f64| Series::parse(&format!("datetime,gco2\n2026-11-23 10:00,{grams}\n"), "").unwrap();
        let hourly = Hourly::new(of(1.0));
        hourly.add(&of(2.0));
        assert_eq!(hourly.at(moment("2026-11-23T10:30:00Z").unwrap()), Some(2.0));
        assert_eq!(of(1.0).with(&of(2.0)).len(), 1);
    }
}
