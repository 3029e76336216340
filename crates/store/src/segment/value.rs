//! Values as they stand on a canonical line: read exactly, or not at all, and written back.
//!
//! Canonical is: numbers in their shortest decimal form without exponent, texts with the fewest escapes, times in UTC with nine
//! digits, identifiers in small letters. What stands there in another form is not read, and its line is kept as it is.

use std::borrow::Cow;

/// Decimal digits that a kept number may have.
const DIGITS: usize = 18;

/// A whole number.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let negative = digits.len() < text.len();
    if digits.is_empty() || digits.len() > 19 || (digits[0] == b'0' && (digits.len() > 1 || negative)) {
        return None;
    }
    let magnitude = digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| sum * 10 + u64::from(digit))
    })?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A number of 10^-`scale`.
pub(super) fn decimal(text: &[u8], scale: u8) -> Option<i64> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let negative = unsigned.len() < text.len();
    let point = memchr::memchr(b'.', unsigned);
    let (whole, fraction) = match point {
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, &b""[..]),
    };
    let scale = usize::from(scale);
    let shortest = match point {
        Some(_) => !fraction.is_empty() && fraction.last() != Some(&b'0'),
        None => true,
    };
    let leading = whole.is_empty() || (whole.len() > 1 && whole[0] == b'0');
    if !shortest || leading || fraction.len() > scale || whole.len() + scale > DIGITS + usize::from(whole == b"0") {
        return None;
    }
    let mut units = 0_i64;
    for digit in whole.iter().chain(fraction) {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        units = units * 10 + i64::from(digit);
    }
    units *= 10_i64.pow((scale - fraction.len()) as u32);
    if negative && units == 0 {
        return None;
    }
    Some(if negative { -units } else { units })
}

/// A number whose shortest form this is.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let plain = text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let number: f64 = std::str::from_utf8(text).ok().filter(|_| plain)?.parse().ok()?;
    let mut written = Vec::with_capacity(24);
    write_number(number, &mut written);
    (written == text).then_some(number)
}

/// What stands between the quotes of a text that begins the bytes given, and how many bytes it takes with them.
pub(super) fn quoted(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let inner = bytes.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', inner.get(from..)?)?;
        if inner[at] == b'"' {
            return Some((&inner[..at], at + 2));
        }
        from = at + 2;
    }
}

/// A text without its escapes.
pub(super) fn unescape(inner: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr(b'\\', inner).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match bytes.next()? {
            b'"' => out.push(b'"'),
            b'\\' => out.push(b'\\'),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let mut code = 0;
                for _ in 0..4 {
                    code = code * 16 + u32::from(nibble(*bytes.next()?)?);
                }
                // Others are written as they are, so this text would not come back.
                out.push(u8::try_from(code).ok().filter(|byte| *byte < 0x80)?);
            }
            _ => return None,
        }
    }
    Some(Cow::Owned(out))
}

/// Whether a byte does not stand for itself in a text.
#[inline]
pub(super) fn is_special(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

/// Writes a text as it stands on a line, with its quotes.
pub fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    // Without a branch for each byte; few texts have any that is special.
    let special = text.iter().fold(false, |found, byte| found | is_special(*byte));
    if special {
        write_escaped(text, out)
    } else {
        out.extend_from_slice(text)
    }
    out.push(b'"');
}

fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, byte) in text.iter().enumerate() {
        if !is_special(*byte) {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].map(hex_digit));
            }
        }
    }
    out.extend_from_slice(&text[from..]);
}

/// Writes `units` of 10^-`scale` as the shortest decimal.
pub(super) fn write_decimal(units: i64, scale: u8, out: &mut Vec<u8>) {
    const WIDTH: usize = 40;
    let mut buffer = [b'0'; WIDTH];
    let mut start = WIDTH;
    let mut rest = units.unsigned_abs();
    while rest > 0 {
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let point = WIDTH - usize::from(scale.min(20));
    let start = start.min(point - 1);
    let mut end = WIDTH;
    while end > point && buffer[end - 1] == b'0' {
        end -= 1;
    }
    if units < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&buffer[start..point]);
    if end > point {
        out.push(b'.');
        out.extend_from_slice(&buffer[point..end]);
    }
}

/// Writes a number in its shortest form without exponent.
pub(super) fn write_number(number: f64, out: &mut Vec<u8>) {
    use std::io::Write as _;
    match millionths(number) {
        Some(millionths) => write_decimal(millionths, 6, out),
        // Writing to memory cannot fail.
        None => drop(write!(out, "{number}")),
    }
}

/// A number in millionths, where it is one of some of them.
pub(super) fn millionths(number: f64) -> Option<i64> {
    let millionths = (number * 1e6).round();
    let exact = (0.0..1e12).contains(&millionths) && millionths / 1e6 == number && !number.is_sign_negative();
    exact.then_some(millionths as i64)
}

/// The bytes that an identifier is kept as; `None` where it is kept as a text.
#[must_use]
pub fn identifier(text: &str, uuid: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    read_hex(text.as_bytes(), uuid, &mut bytes).then_some(bytes)
}

/// Reads hexadecimal digits into bytes; hyphens stand where `uuid` says so.
pub(super) fn read_hex(text: &[u8], uuid: bool, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut at = 0;
    while at < text.len() {
        if uuid && matches!(at, 8 | 13 | 18 | 23) {
            if text[at] != b'-' {
                break;
            }
            at += 1;
        }
        let (Some(high), Some(low)) =
            (text.get(at).copied().and_then(nibble), text.get(at + 1).copied().and_then(nibble))
        else {
            break;
        };
        out.push(high << 4 | low);
        at += 2;
    }
    if at < text.len() {
        out.truncate(start);
    }
    at == text.len()
}

/// Writes bytes as hexadecimal digits, with hyphens where `uuid` says so.
pub(super) fn write_hex(bytes: &[u8], uuid: bool, out: &mut Vec<u8>) {
    for (at, byte) in bytes.iter().enumerate() {
        if uuid && matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([byte >> 4, byte & 15].map(hex_digit));
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn hex_digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble)]
}

const DAY: i64 = 86_400;

/// Reads `2026-11-23T19:33:43.123456789Z` as nanoseconds since 1970.
pub(super) fn time(text: &[u8]) -> Option<i64> {
    let text: &[u8; 30] = text.try_into().ok()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (29, b'Z')];
    if separators.iter().any(|(at, byte)| text[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let days = days_before(year, month, day);
    if hour > 23 || minute > 59 || second > 59 || civil(days) != (year, month, day) {
        return None;
    }
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(number(20, 29)?)
}

/// Writes nanoseconds since 1970 as [`time`] reads them.
pub(crate) fn write_time(nanos: i64, out: &mut Vec<u8>) {
    let (seconds, mut fraction) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    let mut put = |from: usize, to: usize, mut value: i64| {
        for byte in text[from..to].iter_mut().rev() {
            *byte = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(5, 7, month);
    put(8, 10, day);
    put(11, 13, second / 3600);
    put(14, 16, second / 60 % 60);
    put(17, 19, second % 60);
    put(20, 29, std::mem::take(&mut fraction));
    out.extend_from_slice(&text);
}

/// Days from 1970 to a day of the Gregorian calendar, by Hinnant's `days_from_civil`.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day of the Gregorian calendar so many days after 1970, by Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
