//! Times and durations as they are typed.

use jiff::Timestamp;

/// RFC 3339, or nanoseconds since 1970.
pub(super) fn time(text: &str) -> Result<i64, String> {
    if let Ok(ns) = text.parse() {
        return Ok(ns);
    }
    read(text).ok_or_else(|| format!("{text} is no time: 2026-11-23T03:00:00Z, or nanoseconds since 1970"))
}

/// RFC 3339 with any number of digits behind the second, in nanoseconds since 1970.
pub(super) fn read(text: &str) -> Option<i64> {
    let time: Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// A point in time as people say it: so long before `now` (`30d`), a day in UTC, RFC 3339, or nanoseconds since 1970.
pub(in crate::cli) fn since(text: &str, now: u64) -> Result<u64, String> {
    if let Ok(nanos) = text.parse() {
        return Ok(nanos);
    }
    if let Some(day) = meter::time::parse_day(text) {
        return Ok(u64::from(day) * 86_400 * 1_000_000_000);
    }
    if let Ok(before) = duration(text) {
        return Ok(now.saturating_sub(before.unsigned_abs()));
    }
    let at = read(text).and_then(|at| u64::try_from(at).ok());
    at.ok_or_else(|| format!("{text} is no time: 30d, 2026-11-23, 2026-11-23T03:00:00Z, or nanoseconds since 1970"))
}

/// As the line of an answer has it.
pub(super) fn write(ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| ns.to_string(), |time| time.to_string())
}

/// `5m`, `1h30m`, `7d`, in nanoseconds.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    let ns = logql::stage::units::parse_prometheus_duration(text).filter(|ns| *ns > 0);
    ns.ok_or_else(|| format!("{text} is no duration: 30s, 5m, 1h30m, 7d"))
}

/// A step that people count in, so that `width` has about sixty of them.
pub(super) fn even_step(width: i64) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    const STEPS: [i64; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 10_800, 21_600];
    let wanted = width / 60 / SECOND;
    let days = || (wanted / 86_400 + 1) * 86_400;
    STEPS.into_iter().find(|step| *step >= wanted).unwrap_or_else(days) * SECOND
}
