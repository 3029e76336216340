//! Fixed-point figures: integers in memory, shortest decimals without exponent on the line.

/// A figure that is not a decimal, negative, or finer or larger than its unit can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point.
    #[error("{0} is not a decimal number of at least 0")]
    NotDecimal(String),
    /// More decimal places than the unit has.
    #[error("{0} is finer than can be counted (the smallest step is 1e-{1})")]
    TooFine(String, u8),
    /// More than fits.
    #[error("{0} is too large")]
    TooLarge(String),
}

/// Digits of the largest number, and one in front of the point where there would be none.
const WIDTH: usize = 32;
/// The longest part in front of the point or behind it, in digits, rounded up to what is copied at once.
const PART: usize = 24;

/// Writes `units`·10^-`scale` as the shortest decimal: `875` at scale 6 is `0.000875`, `2000` at scale 3 is `2`. A scale is
/// at most 20.
pub fn write(units: u64, scale: u8, out: &mut Vec<u8>) {
    // Behind the digits there is room for what is copied too much.
    let mut buffer = [b'0'; WIDTH + PART];
    let point = WIDTH - usize::from(scale.min(20));
    // In front of the digits stand zeros, of which one belongs before the point.
    let start = digits(units, &mut buffer).min(point - 1);
    let mut end = WIDTH;
    while end > point && buffer[end - 1] == b'0' {
        end -= 1;
    }
    push(&buffer, start, point, out);
    if end > point {
        out.push(b'.');
        push(&buffer, point, end, out);
    }
}

/// Appends a part of the buffer. As many bytes as are known beforehand are copied in a few instructions, and what was too much is
/// taken back.
#[inline]
fn push(buffer: &[u8; WIDTH + PART], start: usize, end: usize, out: &mut Vec<u8>) {
    if let Some(part) = buffer[start..].first_chunk::<PART>() {
        let end = out.len() + (end - start);
        out.extend_from_slice(part);
        out.truncate(end);
    }
}

/// Writes digits up to [`WIDTH`], two at a time; returns where they start.
fn digits(mut number: u64, buffer: &mut [u8; WIDTH + PART]) -> usize {
    let mut start = WIDTH;
    while number >= 100 {
        start -= 2;
        buffer[start..start + 2].copy_from_slice(&pair((number % 100) as u8));
        number /= 100;
    }
    let [tens, ones] = pair(number as u8);
    buffer[start - 1] = ones;
    if number >= 10 {
        buffer[start - 2] = tens;
    }
    start - 1 - usize::from(number >= 10)
}

/// The two digits of a number below 100.
#[inline]
pub(crate) fn pair(number: u8) -> [u8; 2] {
    static PAIRS: [[u8; 2]; 256] = {
        let mut pairs = [[b'0'; 2]; 256];
        let mut number = 0;
        while number < 100 {
            pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
            number += 1;
        }
        pairs
    };
    PAIRS[number as usize]
}

/// `units`·10^-`scale` as text.
#[must_use]
pub fn to_string(units: u64, scale: u8) -> String {
    let mut out = Vec::with_capacity(24);
    write(units, scale, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads a decimal as a whole number of 10^-`scale`.
///
/// # Errors
/// Anything that is not exactly such a number: signs, exponents, more places than `scale`, more than fits in 64 bits.
pub fn parse(text: &str, scale: u8) -> Result<u64, DecimalError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (text.contains('.') && fraction.is_empty()) {
        return Err(DecimalError::NotDecimal(text.to_owned()));
    }
    let fraction = fraction.trim_end_matches('0');
    let Some(padding) = usize::from(scale).checked_sub(fraction.len()) else {
        return Err(DecimalError::TooFine(text.to_owned(), scale));
    };
    format!("{whole}{fraction}{}", "0".repeat(padding)).parse().map_err(|_| DecimalError::TooLarge(text.to_owned()))
}

/// Reads a float as the decimal that a person wrote: the shortest one that stands for it.
///
/// # Errors
/// As [`parse`].
pub fn from_float(number: f64, scale: u8) -> Result<u64, DecimalError> {
    parse(&format!("{number}"), scale)
}

/// Reads a number of any fineness as a whole number of 10^-`scale`, half up: what feeds and bills say.
///
/// # Errors
/// Not a finite number of at least 0, or more than fits in 64 bits.
pub fn round_float(number: f64, scale: u8) -> Result<u64, DecimalError> {
    let text = format!("{number}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    match fraction.as_bytes().get(usize::from(scale)) {
        None => parse(&text, scale),
        Some(next) => {
            let cut = format!("{whole}.{}", &fraction[..usize::from(scale)]);
            let cut = parse(cut.trim_end_matches('.'), scale)?;
            Ok(cut.saturating_add(u64::from(*next >= b'5')))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_decimals() {
        for (units, scale, expected) in [
            (0, 9, "0"),
            (875, 6, "0.000875"),
            (2_345_000, 6, "2.345"),
            (2000, 3, "2"),
            (9_750_000, 9, "0.00975"),
            (10, 1, "1"),
            (1, 12, "0.000000000001"),
            (u64::MAX, 0, "18446744073709551615"),
            (u64::MAX, 20, "0.18446744073709551615"),
        ] {
            assert_eq!(to_string(units, scale), expected);
        }
    }

    #[test]
    fn what_people_write() {
        assert_eq!(from_float(0.03, 9), Ok(30_000_000));
        assert_eq!(from_float(0.0015, 9), Ok(1_500_000));
        assert_eq!(from_float(3.0, 6), Ok(3_000_000));
        assert_eq!(from_float(1e-9, 9), Ok(1));
        assert!(matches!(from_float(1e-10, 9), Err(DecimalError::TooFine(..))));
        assert!(matches!(from_float(-1.0, 9), Err(DecimalError::NotDecimal(_))));
        assert!(matches!(from_float(f64::NAN, 9), Err(DecimalError::NotDecimal(_))));
        assert!(matches!(from_float(1e300, 9), Err(DecimalError::TooLarge(_))));
        assert!(parse("1.", 3).is_err() && parse(".5", 3).is_err() && parse("1e3", 3).is_err());
    }

    #[test]
    fn finer_figures_are_rounded() {
        assert_eq!(round_float(8.333_333e-8, 12), Ok(83_333));
        assert_eq!(round_float(3.285_715e-8, 12), Ok(32_857));
        assert_eq!(round_float(0.5, 0), Ok(1));
        assert_eq!(round_float(2.5e-7, 12), Ok(250_000));
        assert!(round_float(-1e-20, 12).is_err() && round_float(f64::INFINITY, 12).is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(units: u64, scale in 0u8..20) {
            proptest::prop_assert_eq!(parse(&to_string(units, scale), scale), Ok(units));
        }
    }
}
