//! Durations, in nanoseconds: Go's (`1h30m`, `1.5s`) and Prometheus's (`1d`, `2w`, `1y`).

use crate::stage::quote::quote;

const SECOND: u64 = 1_000_000_000;
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];

/// Prometheus's units, from the largest down: each may stand once, in this order.
const CALENDAR: &[(&str, u64)] = &[
    ("y", 365 * 24 * 3600 * SECOND),
    ("w", 7 * 24 * 3600 * SECOND),
    ("d", 24 * 3600 * SECOND),
    ("h", 3600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
];

/// `time.ParseDuration`: signed numbers with units up to hours. Nanoseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    parse(text).ok()
}

/// What `time.ParseDuration` says of a text that it refuses.
pub fn duration_error(text: &str) -> String {
    let quoted = quote(text.as_bytes());
    match parse(text) {
        Err(Fault::MissingUnit) => format!("time: missing unit in duration {quoted}"),
        Err(Fault::UnknownUnit(unit)) => format!("time: unknown unit {} in duration {quoted}", quote(unit.as_bytes())),
        _ => format!("time: invalid duration {quoted}"),
    }
}

enum Fault {
    Invalid,
    MissingUnit,
    UnknownUnit(String),
}

fn parse(text: &str) -> Result<i64, Fault> {
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(Fault::Invalid);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = part(rest)?;
        total = total.checked_add(nanoseconds).filter(|sum| *sum <= 1 << 63).ok_or(Fault::Invalid)?;
        rest = after;
    }
    match (negative, total) {
        (true, _) => Ok((total as i64).wrapping_neg()),
        (false, total) => i64::try_from(total).map_err(|_| Fault::Invalid),
    }
}

/// One number with its unit.
fn part(text: &str) -> Result<(u64, &str), Fault> {
    let (whole, after) = digits(text);
    let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(Fault::Invalid);
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Fault::Invalid)? };
    let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
    let (name, rest) = after.split_at(end);
    if name.is_empty() {
        return Err(Fault::MissingUnit);
    }
    let unit = UNITS.iter().find(|(unit, _)| *unit == name).ok_or_else(|| Fault::UnknownUnit(name.to_owned()))?.1;
    let nanoseconds = whole.checked_mul(unit).and_then(|n| n.checked_add(share(fraction, unit)));
    Ok((nanoseconds.filter(|n| *n <= 1 << 63).ok_or(Fault::Invalid)?, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// What a fraction of a unit is in nanoseconds, cut off. Digits beyond what matters are not read.
fn share(fraction: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1f64);
    for digit in fraction.bytes() {
        match value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))).filter(|v| *v < 1 << 63) {
            Some(next) => (value, scale) = (next, scale * 10.0),
            None => break,
        }
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

/// `model.ParseDuration` of Prometheus: whole numbers with units from years to milliseconds. Nanoseconds.
pub fn parse_prometheus_duration(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut next) = (text, 0u64, 0);
    while !rest.is_empty() {
        let (number, after) = digits(rest);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let at = next + CALENDAR[next..].iter().position(|(unit, _)| *unit == name)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(CALENDAR[at].1)?)?;
        (rest, next) = (after, at + 1);
    }
    if text.is_empty() { None } else { i64::try_from(total).ok() }
}

/// A duration as a query may write it: Go's, else Prometheus's. Nanoseconds.
pub fn parse_literal_duration(text: &str) -> Option<i64> {
    parse_duration(text).or_else(|| parse_prometheus_duration(text))
}

/// Go's `Duration.String()`: `1h30m0s`, `1.5s`, `100ms`, `0s`.
pub fn format_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let value = nanoseconds.unsigned_abs();
    match value {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{value}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(value, 1_000)),
        1_000_000..SECOND => format!("{sign}{}ms", decimal(value, 1_000_000)),
        _ => {
            let (minutes, rest) = (value / (60 * SECOND), value % (60 * SECOND));
            let seconds = decimal(rest, SECOND);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// `value / unit` with as many decimals as it needs; a unit is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let fraction = format!("{:0width$}", value % unit);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { (value / unit).to_string() } else { format!("{}.{fraction}", value / unit) }
}

/// Prometheus's `model.Duration.String()`, as Loki prints ranges: `5m`, `1h30m`, `1d`. Below a millisecond is cut off.
pub fn format_prometheus_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let mut rest = nanoseconds.unsigned_abs() / 1_000_000 * 1_000_000;
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = sign.to_owned();
    for (index, (name, unit)) in CALENDAR.iter().enumerate() {
        // Years and weeks are printed only where nothing would be left over.
        let exact = index > 1 || rest.is_multiple_of(*unit);
        if rest >= *unit && exact {
            out.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_reads_them() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("-80ms", -80_000_000),
            ("+.5h", 1_800_000_000_000),
            ("1µs2ns", 1_002),
            ("1μs", 1_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("1.00000000000000000000000000000000000s", 1_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Some(nanoseconds), "{text}");
        }
    }

    #[test]
    fn errors_as_go_words_them() {
        for (text, error) in [
            ("", "time: invalid duration \"\""),
            ("-", "time: invalid duration \"-\""),
            ("s", "time: invalid duration \"s\""),
            (".s", "time: invalid duration \".s\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
            ("3000000h", "time: invalid duration \"3000000h\""),
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
            assert_eq!(duration_error(text), error);
        }
    }

    #[test]
    fn durations_as_queries_write_them() {
        const HOUR: i64 = 3_600_000_000_000;
        for (text, nanoseconds) in
            [("1d", 24 * HOUR), ("2w", 336 * HOUR), ("1y", 8760 * HOUR), ("1d12h", 36 * HOUR), ("1.5h", HOUR * 3 / 2)]
        {
            assert_eq!(parse_literal_duration(text), Some(nanoseconds), "{text}");
        }
        for text in ["", "d", "1h1d", "1d1d", "1.5d", "99999999999y", "-1d"] {
            assert_eq!(parse_literal_duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_as_go_and_prometheus_print_them() {
        for (nanoseconds, go, prometheus) in [
            (0, "0s", "0s"),
            (1, "1ns", "0s"),
            (1_100, "1.1µs", "0s"),
            (2_200_000, "2.2ms", "2ms"),
            (3_300_000_000, "3.3s", "3s300ms"),
            (300_000_000_000, "5m0s", "5m"),
            (5_400_000_000_000, "1h30m0s", "1h30m"),
            (86_400_000_000_000, "24h0m0s", "1d"),
            (604_800_000_000_000, "168h0m0s", "1w"),
            (129_600_000_000_000, "36h0m0s", "1d12h"),
            (777_600_000_000_000, "216h0m0s", "9d"),
        ] {
            assert_eq!(format_duration(nanoseconds), go);
            assert_eq!(format_prometheus_duration(nanoseconds), prometheus);
        }
        assert_eq!(format_duration(i64::MIN), "-2562047h47m16.854775808s");
    }
}
