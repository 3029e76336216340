//! What is asked over HTTP: the parameters of an address or of a form, and what Loki makes of them.

use std::borrow::Cow;

use jiff::Timestamp;
use logql::source::Direction;
use logql::stage::units::parse_prometheus_duration;

use super::Failure;

/// A second in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// How far back a question goes that does not say.
const USUAL_SINCE: i64 = 3600 * SECOND;
/// Entries that a question gets that does not say.
const USUAL_LIMIT: usize = 100;
/// More steps than this have no answer.
pub(crate) const MOST_POINTS: usize = 11_000;

/// Names and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of an address's query and of a form, whose values come first, as in Go.
    ///
    /// # Errors
    /// An escape is none.
    pub fn read(query: &str, form: &[u8]) -> Result<Parameters, Failure> {
        let mut pairs = Vec::new();
        for pair in form.split(|byte| *byte == b'&').chain(query.as_bytes().split(|byte| *byte == b'&')) {
            if pair.is_empty() {
                continue;
            }
            let at = memchr::memchr(b'=', pair);
            let (name, value) = at.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
            pairs.push((unescape(name)?, unescape(value)?));
        }
        Ok(Parameters(pairs))
    }

    /// The first value of a name, or "".
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number, or what is usual.
    pub(crate) fn number(&self, name: &str, usual: usize) -> Result<usize, Failure> {
        match self.get(name) {
            "" => Ok(usual),
            text => match text.parse::<i64>() {
                Ok(number) => Ok(usize::try_from(number).unwrap_or(0)),
                Err(_) => Err(Failure::bad(format!("strconv.Atoi: parsing {text:?}: invalid syntax"))),
            },
        }
    }

    /// The most entries that are wanted.
    pub(crate) fn limit(&self) -> Result<usize, Failure> {
        match self.number("limit", USUAL_LIMIT)? {
            0 => Err(Failure::bad("limit must be a positive value")),
            limit => Ok(limit),
        }
    }

    /// Which entries come first.
    pub(crate) fn direction(&self) -> Result<Direction, Failure> {
        match self.get("direction").to_ascii_uppercase().as_str() {
            "" | "BACKWARD" => Ok(Direction::Backward),
            "FORWARD" => Ok(Direction::Forward),
            other => Err(Failure::bad(format!("invalid direction '{}'", other.to_lowercase()))),
        }
    }

    /// From when on and until when, in nanoseconds since 1970.
    pub(crate) fn bounds(&self, now: i64) -> Result<(i64, i64), Failure> {
        let named = |name: &str, error: Failure| Failure {
            text: format!("could not parse '{name}' parameter: {}", error.text),
            ..error
        };
        let since = match self.get("since") {
            "" => USUAL_SINCE,
            text => parse_prometheus_duration(text)
                .ok_or_else(|| named("since", Failure::bad(format!("not a valid duration string: {text:?}"))))?,
        };
        let end = self.time("end", now).map_err(|error| named("end", error))?;
        let start = self.time("start", end.min(now).saturating_sub(since)).map_err(|error| named("start", error))?;
        Ok((start, end))
    }

    /// A point in time, in nanoseconds since 1970.
    pub(crate) fn time(&self, name: &str, usual: i64) -> Result<i64, Failure> {
        match self.get(name) {
            "" => Ok(usual),
            text => time(text).ok_or_else(|| {
                Failure::bad(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax; a time is nanoseconds or seconds since 1970, or RFC 3339"
                ))
            }),
        }
    }

    /// The distance of steps in nanoseconds; without any a 250th of the whole, in whole seconds.
    pub(crate) fn step(&self, start: i64, end: i64) -> Result<i64, Failure> {
        let step = match self.get("step") {
            "" => (end.saturating_sub(start) / SECOND / 250).max(1) * SECOND,
            text => span(text)?,
        };
        if step <= 0 {
            let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(Failure::bad(text));
        }
        if end.saturating_sub(start) / step > MOST_POINTS as i64 {
            let text = "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter";
            return Err(Failure::bad(text));
        }
        Ok(step)
    }

    /// Nanoseconds that must lie between two entries; 0 for any.
    pub(crate) fn interval(&self) -> Result<i64, Failure> {
        match self.get("interval") {
            "" => Ok(0),
            text => match span(text)? {
                ..0 => Err(Failure::bad("interval must be >= 0")),
                interval => Ok(interval),
            },
        }
    }
}

/// Seconds, or a duration such as `5m`, in nanoseconds.
fn span(text: &str) -> Result<i64, Failure> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ns = seconds * SECOND as f64;
        if !ns.is_finite() || ns.abs() >= i64::MAX as f64 {
            return Err(Failure::bad(format!("cannot parse {text:?} to a valid duration. It overflows int64")));
        }
        #[allow(clippy::cast_possible_truncation, reason = "a part of a nanosecond is nothing")]
        return Ok(ns as i64);
    }
    parse_prometheus_duration(text).ok_or_else(|| Failure::bad(format!("cannot parse {text:?} to a valid duration")))
}

/// Seconds with a point, seconds of up to ten digits, nanoseconds, or RFC 3339.
#[must_use]
pub fn time(text: &str) -> Option<i64> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        // To the millisecond, as Loki has it.
        let (whole, part) = (seconds.trunc(), (seconds.fract() * 1000.0).round());
        #[allow(clippy::cast_possible_truncation, reason = "saturates")]
        return Some((whole as i64).saturating_mul(SECOND).saturating_add(part as i64 * 1_000_000));
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(if text.len() <= 10 { number.saturating_mul(SECOND) } else { number });
    }
    let time: Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// `%20` and `+` as what they stand for.
fn unescape(text: &[u8]) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, next) = match first {
            b'+' => (b' ', after),
            b'%' => match after.split_at_checked(2).and_then(|(digits, next)| Some((hex(digits)?, next))) {
                Some(found) => found,
                None => {
                    let escape = String::from_utf8_lossy(&rest[..rest.len().min(3)]).into_owned();
                    return Err(Failure::bad(format!("invalid URL escape {escape:?}")));
                }
            },
            other => (*other, after),
        };
        bytes.push(byte);
        rest = next;
    }
    Ok(match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(_) => String::from_utf8(bytes).unwrap_or_default(),
        Cow::Owned(text) => text,
    })
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Parameters {
        Parameters::read(query, b"").unwrap()
    }

    #[test]
    fn what_a_form_says_comes_before_the_address() {
        let both = Parameters::read("query=b&match%5B%5D=x&match[]=y+z", b"query=%7Ba%3D%22%C3%A9%22%7D").unwrap();
        assert_eq!(both.get("query"), "{a=\"é\"}");
        assert_eq!(both.all("query").count(), 2);
        assert_eq!(both.all("match[]").collect::<Vec<_>>(), ["x", "y z"]);
        assert_eq!(both.get("nothing"), "");
        assert_eq!(Parameters::read("a=%zz", b"").unwrap_err().text, "invalid URL escape \"%zz\"");
    }

    #[test]
    fn times_come_in_five_ways() {
        for (text, ns) in [
            ("1795402800000000000", 1_795_402_800_000_000_000),
            ("1795402800", 1_795_402_800_000_000_000),
            ("1795402800.5", 1_795_402_800_500_000_000),
            ("4000000000", 4_000_000_000_000_000_000),
            ("2026-11-23T03:00:00Z", 1_795_402_800_000_000_000),
            ("2026-11-23T04:00:00.000000001+01:00", 1_795_402_800_000_000_001),
            ("2026-11-23T03:00:00.250Z", 1_795_402_800_250_000_000),
        ] {
            assert_eq!(time(text), Some(ns), "{text}");
        }
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn what_is_not_said_is_the_last_hour() {
        let now = 10_000 * SECOND;
        assert_eq!(read("").bounds(now).unwrap(), (6_400 * SECOND, now));
        assert_eq!(read("since=10m").bounds(now).unwrap(), (9_400 * SECOND, now));
        // An end in the future is not what the past is counted from.
        assert_eq!(read("since=10m&end=20000").bounds(now).unwrap(), (9_400 * SECOND, 20_000 * SECOND));
        assert!(read("start=x").bounds(now).unwrap_err().text.starts_with("could not parse 'start' parameter"));
    }

    #[test]
    fn steps_are_seconds_or_durations() {
        let day = 86_400 * SECOND;
        assert_eq!(read("step=5m").step(0, day).unwrap(), 300 * SECOND);
        assert_eq!(read("step=1500ms").step(0, SECOND).unwrap(), 1_500_000_000);
        assert_eq!(read("step=0.5").step(0, SECOND).unwrap(), SECOND / 2);
        assert_eq!(read("").step(0, day).unwrap(), 345 * SECOND);
        for (query, words) in [
            ("step=0", "zero or negative query resolution step widths"),
            ("step=-1", "zero or negative query resolution step widths"),
            ("step=soon", "cannot parse \"soon\" to a valid duration"),
            ("step=1e300", "overflows"),
            ("step=1", "exceeded maximum resolution of 11,000 points"),
        ] {
            assert!(read(query).step(0, day).unwrap_err().text.contains(words), "{query}");
        }
    }

    #[test]
    fn limits_and_directions() {
        assert_eq!(read("").limit().unwrap(), 100);
        assert_eq!(read("limit=7").limit().unwrap(), 7);
        for wrong in ["limit=0", "limit=-3", "limit=x"] {
            assert!(read(wrong).limit().is_err(), "{wrong}");
        }
        assert_eq!(read("direction=forward").direction().unwrap(), Direction::Forward);
        assert_eq!(read("direction=up").direction().unwrap_err().text, "invalid direction 'up'");
    }
}
