//! Moments, as Go's `time` formats and reads them.

mod civil;
mod format;
mod layout;
mod parse;
mod zone;

use std::fmt::{self, Display, Formatter};

use civil::Civil;
pub(super) use zone::Zone;

/// Seconds from the year 1, where Go's time begins, to 1970.
const ZERO: i64 = -62_135_596_800;

/// A moment, and the offset and name of the zone that it is shown in.
#[derive(Clone, Debug)]
pub(super) struct Time {
    /// Seconds since 1970, UTC.
    seconds: i64,
    nanosecond: u32,
    /// Seconds east of UTC.
    offset: i32,
    abbreviation: String,
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanosecond) == (other.seconds, other.nanosecond)
    }
}

impl Time {
    /// Go's zero time: the beginning of the year 1.
    pub(super) fn zero() -> Self {
        Self::from_unix(ZERO, 0)
    }

    pub(super) fn is_zero(&self) -> bool {
        (self.seconds, self.nanosecond) == (ZERO, 0)
    }

    pub(super) fn from_unix(seconds: i64, nanosecond: u32) -> Self {
        Self { seconds, nanosecond, offset: 0, abbreviation: "UTC".to_owned() }
    }

    pub(super) fn from_unix_ns(nanoseconds: i64) -> Self {
        let second = 1_000_000_000;
        Self::from_unix(nanoseconds.div_euclid(second), nanoseconds.rem_euclid(second) as u32)
    }

    /// The same moment, in UTC.
    pub(super) fn utc(&self) -> Self {
        Self::from_unix(self.seconds, self.nanosecond)
    }

    /// Whole seconds since 1970.
    pub(super) fn unix(&self) -> i64 {
        self.seconds
    }

    /// Parts of a second since 1970, `scale` to a second; wraps as Go does where they are too many.
    pub(super) fn unix_scaled(&self, scale: i64) -> i64 {
        self.seconds.wrapping_mul(scale).wrapping_add(i64::from(self.nanosecond) / (1_000_000_000 / scale))
    }

    pub(super) fn nanosecond(&self) -> u32 {
        self.nanosecond
    }

    /// A part by the name of Go's method.
    pub(super) fn part(&self, name: &str) -> i64 {
        let civil = self.civil();
        match name {
            "Year" => civil.year,
            "Day" => i64::from(civil.day),
            "Hour" => i64::from(civil.hour),
            "Minute" => i64::from(civil.minute),
            "Second" => i64::from(civil.second),
            _ => i64::from(civil.day_of_year()),
        }
    }

    fn civil(&self) -> Civil {
        Civil::of(self.seconds.saturating_add(i64::from(self.offset)))
    }

    /// By a layout: the moment `2006-01-02 15:04:05` of 2006 shows how.
    pub(super) fn format(&self, layout: &str) -> String {
        format::format(self, layout)
    }

    /// Reads by a layout. What does not name a zone is local to `zone`.
    pub(super) fn parse(layout: &str, text: &str, zone: &Zone) -> Option<Self> {
        parse::parse(layout, text, zone)
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

#[cfg(test)]
mod tests;
