//! Times of the week: `12345/00:00-01:00,10:00-24:00;67/00:00-24:00` is from Monday to Friday before one and after ten, and
//! all of Saturday and Sunday. Hours are UTC; `~+08:00` behind it says that the days are those of another zone.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

const DAY: i64 = 24 * 60;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows {
    spans: Vec<Span>,
    /// Minutes by which the zone of the days is ahead of UTC.
    ahead: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    /// Bit i: ISO weekday i, Monday is 1.
    days: u8,
    /// Minutes of the day in UTC: from, until.
    hours: Vec<(u16, u16)>,
}

/// Not days of the week with hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not times of a week")]
pub struct BadWindow;

impl Windows {
    /// Whether a time, in nanoseconds since 1970, lies within.
    #[must_use]
    pub fn hold(&self, at: u64) -> bool {
        let minutes = i64::try_from(at / 60_000_000_000).unwrap_or(i64::MAX - DAY);
        let minute = (minutes % DAY) as u16;
        // The first of January 1970 was a Thursday.
        let weekday = ((minutes + i64::from(self.ahead)).div_euclid(DAY) + 3).rem_euclid(7) + 1;
        self.spans.iter().any(|span| {
            let within = |(from, until): &(u16, u16)| (*from..*until).contains(&minute);
            span.days >> weekday & 1 == 1 && span.hours.iter().any(within)
        })
    }

    /// Adds hours of some days of the week (ISO: Monday is 1), as `00:00-01:00`; an end of `00:00` is midnight.
    ///
    /// # Errors
    /// No days, or something else than hours.
    pub fn add(&mut self, days: &[u64], hours: &[&str]) -> Result<(), BadWindow> {
        let mut mask = 0;
        for day in days {
            mask |= if (1..=7).contains(day) { 1u8 << *day } else { return Err(BadWindow) };
        }
        let hours = hours.iter().map(|text| span(text)).collect::<Result<Vec<_>, BadWindow>>()?;
        if mask == 0 || hours.is_empty() {
            return Err(BadWindow);
        }
        self.spans.push(Span { days: mask, hours });
        Ok(())
    }

    /// Says that the days are those of a zone so many minutes ahead of UTC.
    pub fn shift_days(&mut self, ahead: i16) {
        self.ahead = ahead;
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

fn minute(text: &str) -> Result<u16, BadWindow> {
    let (hour, minute) = text.split_once(':').ok_or(BadWindow)?;
    let number = |text: &str| match text.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Ok(u16::from(tens - b'0') * 10 + u16::from(ones - b'0')),
        _ => Err(BadWindow),
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    if hour > 24 || minute > 59 || hour * 60 + minute > DAY as u16 { Err(BadWindow) } else { Ok(hour * 60 + minute) }
}

fn span(text: &str) -> Result<(u16, u16), BadWindow> {
    let (from, until) = text.split_once('-').ok_or(BadWindow)?;
    let (from, until) = (minute(from)?, minute(until)?);
    let until = if until == 0 { DAY as u16 } else { until };
    if from < until { Ok((from, until)) } else { Err(BadWindow) }
}

impl Display for Windows {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, span) in self.spans.iter().enumerate() {
            f.write_str(if index > 0 { ";" } else { "" })?;
            (1..=7).filter(|day| span.days >> day & 1 == 1).try_for_each(|day: u8| write!(f, "{day}"))?;
            for (index, (from, until)) in span.hours.iter().enumerate() {
                let mark = if index > 0 { ',' } else { '/' };
                write!(f, "{mark}{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)?;
            }
        }
        match self.ahead {
            0 => Ok(()),
            ahead => {
                let (sign, ahead) = (if ahead < 0 { '-' } else { '+' }, ahead.unsigned_abs());
                write!(f, "~{sign}{:02}:{:02}", ahead / 60, ahead % 60)
            }
        }
    }
}

impl FromStr for Windows {
    type Err = BadWindow;

    fn from_str(text: &str) -> Result<Windows, BadWindow> {
        let (spans, zone) = text.split_once('~').unwrap_or((text, "+00:00"));
        let ahead = minute(zone.get(1..).ok_or(BadWindow)?)? as i16;
        let mut windows = Windows {
            spans: Vec::new(),
            ahead: match zone.as_bytes() {
                [b'+', ..] => ahead,
                [b'-', ..] => -ahead,
                _ => return Err(BadWindow),
            },
        };
        for one in spans.split(';') {
            let (days, hours) = one.split_once('/').ok_or(BadWindow)?;
            let days: Vec<u64> = days.chars().map(|day| day.to_digit(10).map_or(0, u64::from)).collect();
            windows.add(&days, &hours.split(',').collect::<Vec<_>>())?;
        }
        Ok(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u64 {
        crate::time::parse(format!("{text}:00.000000000Z").as_bytes()).unwrap()
    }

    #[test]
    fn off_peak_by_day_and_hour() {
        let windows: Windows = "12345/00:00-01:00,04:00-06:00,10:00-24:00;67/00:00-24:00".parse().unwrap();
        for (time, holds) in [
            // 2026-11-23 is a Monday.
            ("2026-11-23T00:59", true),
            ("2026-11-23T01:00", false),
            ("2026-11-23T03:59", false),
            ("2026-11-23T04:00", true),
            ("2026-11-23T09:59", false),
            ("2026-11-23T23:59", true),
            ("2026-11-21T02:00", true),
            ("2026-11-22T08:00", true),
        ] {
            assert_eq!(windows.hold(at(time)), holds, "{time}");
        }
    }

    #[test]
    fn days_of_another_zone() {
        let windows: Windows = "67/00:00-24:00~+08:00".parse().unwrap();
        // Friday 17:00 in London is Saturday in Shanghai, and Sunday 17:00 is Monday there.
        assert!(windows.hold(at("2026-11-20T17:00")) && !windows.hold(at("2026-11-22T17:00")));
    }

    #[test]
    fn what_is_no_window() {
        for wrong in
            ["", "1", "1/", "8/00:00-01:00", "1/02:00-01:00", "1/00:00-25:00", "1/00:00-01:00~8", "/00:00-01:00"]
        {
            assert!(wrong.parse::<Windows>().is_err(), "{wrong}");
        }
    }
}
