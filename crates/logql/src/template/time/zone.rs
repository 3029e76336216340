//! Time zones by name. The database of them is part of the program: what a machine has installed does not change answers.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A zone that dates are local to.
#[derive(Clone, Debug)]
pub(in crate::template) enum Zone {
    Utc,
    Iana(TimeZone),
}

impl Zone {
    /// `UTC`, `Local` (which is UTC here) or a name of the IANA database.
    pub(in crate::template) fn find(name: &str) -> Option<Self> {
        match name {
            "" | "UTC" | "Local" => Some(Self::Utc),
            _ => jiff::tz::db().get(name).ok().map(Self::Iana),
        }
    }

    /// For seconds since 1970 on a clock in this zone: the offset, in seconds, and the name that is in force there then.
    pub(super) fn at_local(&self, local: i64) -> (i32, String) {
        let Self::Iana(zone) = self else { return (0, "UTC".to_owned()) };
        let civil = super::Civil::of(local);
        let date = i16::try_from(civil.year).ok().and_then(|year| {
            let (month, day) = (civil.month as i8, civil.day as i8);
            DateTime::new(year, month, day, civil.hour as i8, civil.minute as i8, civil.second as i8, 0).ok()
        });
        let timestamp = date.and_then(|date| zone.to_ambiguous_timestamp(date).compatible().ok());
        match timestamp {
            Some(timestamp) => {
                let info = zone.to_offset_info(timestamp);
                let name = info.abbreviation();
                // Zones that have no letters of their own are shown by number, as Go shows them.
                (info.offset().seconds(), name.to_owned())
            }
            None => (0, "UTC".to_owned()),
        }
    }
}
