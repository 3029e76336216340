//! Dates. The local zone is UTC: what a server's clock is set to does not change answers.

use std::rc::Rc;

use super::Parameter::{Any, String as Text, Time as Date};
use super::{Function, Scope, fixed, text};
use crate::stage::units::parse_int;
use crate::template::time::{Time, Zone};
use crate::template::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("now", &[], |scope, _| Ok(value(Time::from_unix_ns(scope.entry.now_ns())))),
    fixed("date", &[Text, Any], |scope, values| {
        Ok(Value::text(moment(scope, &values[1]).utc().format(&text(values, 0))))
    }),
    fixed("toDate", &[Text, Text], |_, values| {
        Ok(value(Time::parse(&text(values, 0), &text(values, 1), &Zone::Utc).unwrap_or_else(Time::zero)))
    }),
    fixed("toDateInZone", &[Text, Text, Text], |_, values| {
        let zone = Zone::find(&text(values, 1)).unwrap_or(Zone::Utc);
        Ok(value(Time::parse(&text(values, 0), &text(values, 2), &zone).unwrap_or_else(Time::zero)))
    }),
    fixed("unixEpoch", &[Date], |_, values| Ok(unix(&values[0], 1))),
    fixed("unixEpochMillis", &[Date], |_, values| Ok(unix(&values[0], 1_000))),
    fixed("unixEpochNanos", &[Date], |_, values| Ok(unix(&values[0], 1_000_000_000))),
    fixed("unixToTime", &[Text], |_, values| unix_to_time(&text(values, 0)).map(value)),
];

pub(super) fn timestamp<'a>(scope: &Scope<'a>, _: &[Value<'a>]) -> Result<Value<'a>, String> {
    Ok(value(Time::from_unix_ns(scope.entry.timestamp_ns())))
}

fn value<'a>(time: Time) -> Value<'a> {
    Value::Time(Rc::new(time))
}

fn unix<'a>(value: &Value<'_>, scale: i64) -> Value<'a> {
    match value {
        Value::Time(time) => Value::text(time.unix_scaled(scale).to_string()),
        _ => Value::text(""),
    }
}

/// A time, or seconds since 1970; for anything else sprig takes the time now.
fn moment(scope: &Scope<'_>, value: &Value<'_>) -> Time {
    match value {
        Value::Time(time) => (**time).clone(),
        Value::Int(seconds) | Value::Int64(seconds) => Time::from_unix(*seconds, 0),
        _ => Time::from_unix_ns(scope.entry.now_ns()),
    }
}

/// By the number of digits: days, seconds, milliseconds, microseconds or nanoseconds since 1970.
fn unix_to_time(text: &str) -> Result<Time, String> {
    let number = parse_int(text, 10).map_err(|error| format!("unable to parse time '{text}': {error}"))?;
    match text.len() {
        5 => Ok(Time::from_unix(number * 86_400, 0)),
        10 => Ok(Time::from_unix(number, 0)),
        13 => Ok(Time::from_unix_ns(number.saturating_mul(1_000_000))),
        16 => Ok(Time::from_unix_ns(number.saturating_mul(1_000))),
        19 => Ok(Time::from_unix_ns(number)),
        // Go prints the error that there is not.
        _ => Err(format!("unable to parse time '{text}': %!w(<nil>)")),
    }
}
