//! Time on the line: RFC 3339 in UTC, always with nine digits, so that every timestamp has the same width.

use crate::decimal;

/// Bytes of a timestamp.
pub const WIDTH: usize = 30;

const DAY: u64 = 86_400;

/// Writes nanoseconds since 1970 as `2025-08-06T10:30:15.123000000Z`.
#[must_use]
pub fn format(nanos: u64) -> [u8; WIDTH] {
    if nanos == 0 {
        // What stands where the time of a line's end is still to be written.
        return *b"1970-01-01T00:00:00.000000000Z";
    }
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (year, month, day) = civil(seconds / DAY);
    let second = seconds % DAY;
    let mut out = *b"0000-00-00T00:00:00.000000000Z";
    put(&mut out[0..4], year);
    put(&mut out[5..7], month);
    put(&mut out[8..10], day);
    put(&mut out[11..13], second / 3600);
    put(&mut out[14..16], second / 60 % 60);
    put(&mut out[17..19], second % 60);
    put(&mut out[20..29], fraction);
    out
}

/// Reads what [`format`] wrote.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u64> {
    let shape = b"0000-00-00T00:00:00.000000000Z";
    let fits = text.len() == WIDTH
        && text.iter().zip(shape).all(|(byte, like)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like });
    if !fits {
        return None;
    }
    let get = |range: std::ops::Range<usize>| text[range].iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'));
    let days = days_since_1970(get(0..4), get(5..7), get(8..10))?;
    let seconds = days * DAY + get(11..13) * 3600 + get(14..16) * 60 + get(17..19);
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(get(20..29))?;
    // The 31st of February has a number too, but nothing that is written has such a day.
    (format(nanos) == text).then_some(nanos)
}

/// Days since 1970 of a date as `2026-11-23`.
#[must_use]
pub fn parse_day(text: &str) -> Option<u32> {
    let nanos = parse(format!("{text}T00:00:00.000000000Z").as_bytes())?;
    u32::try_from(nanos / 1_000_000_000 / DAY).ok()
}

/// A day as `2026-11-23`.
#[must_use]
pub fn day_text(day: u32) -> String {
    let (year, month, day) = civil(u64::from(day));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Writes a number from the right, two digits at a time, into the whole of `out`.
fn put(out: &mut [u8], mut number: u64) {
    let mut end = out.len();
    while end >= 2 {
        out[end - 2..end].copy_from_slice(&decimal::pair((number % 100) as u8));
        number /= 100;
        end -= 2;
    }
    if end == 1 {
        out[0] = b'0' + (number % 10) as u8;
    }
}

/// Year, month and day of a count of days since 1970. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil`], same source.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (1_754_476_215_123_000_000, "2025-08-06T10:30:15.123000000Z"),
            (4_102_444_799_999_999_999, "2099-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(format(nanos), text.as_bytes());
            assert_eq!(parse(text.as_bytes()), Some(nanos));
        }
        for wrong in [
            "2025-08-06T10:30:15.123Z",
            "2025-02-29T00:00:00.000000000Z",
            "2025-13-01T00:00:00.000000000Z",
            "2025-01-01T24:00:00.000000000Z",
            "2025-01-01T00:00:60.000000000Z",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn days() {
        assert_eq!(parse_day("1970-01-02"), Some(1));
        assert_eq!(day_text(parse_day("2026-11-23").unwrap()), "2026-11-23");
        assert!(parse_day("2026-11-31").is_none() && parse_day("today").is_none());
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(nanos: u64) {
            proptest::prop_assert_eq!(parse(&format(nanos)), Some(nanos));
        }
    }
}
