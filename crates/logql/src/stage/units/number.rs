//! Numbers as Go's `strconv` reads and prints them.

use crate::stage::quote::quote;

/// `strconv.ParseFloat(text, 64)`: decimal and hexadecimal, underscores between digits, `inf` and `nan` in any case.
///
/// # Errors
/// In Go's words: `strconv.ParseFloat: parsing "x": invalid syntax`, or `value out of range`.
pub fn parse_number(text: &str) -> Result<f64, String> {
    let fail = |why: &str| format!("strconv.ParseFloat: parsing {}: {why}", quote(text.as_bytes()));
    let (negative, unsigned) = sign(text);
    let lower = unsigned.to_ascii_lowercase();
    if matches!(lower.as_str(), "inf" | "infinity") {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let digits = without_underscores(&lower).ok_or_else(|| fail("invalid syntax"))?;
    let value = match digits.strip_prefix("0x") {
        Some(hex) => parse_hex(hex),
        None => parse_decimal(&digits),
    };
    let value = value.ok_or_else(|| fail("invalid syntax"))?;
    if value.is_infinite() {
        return Err(fail("value out of range"));
    }
    Ok(if negative { -value } else { value })
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Takes out underscores where Go allows them: between digits, or after a base's prefix.
fn without_underscores(text: &str) -> Option<String> {
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let prefixed = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'b' | b'o');
    let hex = prefixed && bytes[1] == b'x';
    let digit = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_digit() || (hex && b.is_ascii_hexdigit()));
    for (at, byte) in bytes.iter().enumerate() {
        let after = at > 0 && (digit(at - 1) || (prefixed && at == 2));
        if *byte == b'_' && !(after && digit(at + 1)) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

/// Rust's own reader, held to the forms that Go has: it has no other words, and no empty fraction without digits.
fn parse_decimal(digits: &str) -> Option<f64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
    if !plain || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    digits.parse().ok()
}

/// `1.8p1` after `0x`; the exponent is required. Digits beyond 64 bits only lose precision.
fn parse_hex(hex: &str) -> Option<f64> {
    let (mantissa, exponent) = hex.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0f64;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let (negative, power) = sign(exponent);
    if power.is_empty() || !power.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let power: i32 = power.parse().unwrap_or(99_999).min(99_999);
    let power = if negative { -power } else { power };
    let shift = i32::try_from(fraction.len()).unwrap_or(i32::MAX / 8).saturating_mul(4);
    Some(scale(value, power.saturating_sub(shift)))
}

/// `value * 2^power`, in steps that neither overflow nor vanish before they must.
fn scale(mut value: f64, mut power: i32) -> f64 {
    while power != 0 && value != 0.0 && value.is_finite() {
        let step = power.clamp(-512, 512);
        value *= 2f64.powi(step);
        power -= step;
    }
    value
}

/// `strconv.ParseInt(text, base, 64)`; base 0 reads the prefixes `0x`, `0o`, `0b`, `0`, and underscores.
///
/// # Errors
/// In Go's words, as [`parse_number`].
pub fn parse_int(text: &str, base: u32) -> Result<i64, String> {
    let fail = |why: &str| format!("strconv.ParseInt: parsing {}: {why}", quote(text.as_bytes()));
    let (negative, unsigned) = sign(text);
    let lower = unsigned.to_ascii_lowercase();
    let (base, digits) =
        if base == 0 { with_base(&lower).ok_or_else(|| fail("invalid syntax"))? } else { (base, lower) };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return Err(fail("invalid syntax"));
    }
    let digits = if negative { format!("-{digits}") } else { digits };
    i64::from_str_radix(&digits, base).map_err(|_| fail("value out of range"))
}

fn with_base(lower: &str) -> Option<(u32, String)> {
    let plain = without_underscores(lower)?;
    let (base, digits) = match plain.as_bytes() {
        [b'0', b'x', ..] => (16, &plain[2..]),
        [b'0', b'o', ..] => (8, &plain[2..]),
        [b'0', b'b', ..] => (2, &plain[2..]),
        [b'0', _, ..] => (8, &plain[1..]),
        _ => (10, &plain[..]),
    };
    Some((base, digits.to_owned()))
}

/// `strconv.FormatFloat(value, 'f', -1, 64)`: the shortest digits that read back the same, without an exponent; `NaN`,
/// `+Inf`, `-Inf`.
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_go_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            ("+1.5e3", 1500.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1_23.50_0_0e+1_2", 1.235e14),
            ("0x1.8p1", 3.0),
            ("0x_1p-2", 0.25),
            ("5.13e-05", 5.13e-05),
            ("1e-400", 0.0),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert!(parse_number("NaN").is_ok_and(f64::is_nan));
        assert_eq!(parse_number("-Inf"), Ok(f64::NEG_INFINITY));
        assert_eq!(parse_number("infinity"), Ok(f64::INFINITY));
    }

    #[test]
    fn what_go_refuses() {
        for text in ["", "x", "1x", "+", ".", "1__2", "_1", "1_", "0x1", "1e", "e5", " 1", "-nan", "0x.p1", "++1"] {
            let error = parse_number(text).expect_err(text);
            assert_eq!(error, format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"));
        }
        assert_eq!(
            parse_number("1e400").expect_err("too large"),
            "strconv.ParseFloat: parsing \"1e400\": value out of range"
        );
    }

    #[test]
    fn integers_as_go_reads_them() {
        assert_eq!(parse_int("-12", 10), Ok(-12));
        assert_eq!(parse_int("0x1F", 0), Ok(31));
        assert_eq!(parse_int("017", 0), Ok(15));
        assert_eq!(parse_int("1_000", 0), Ok(1000));
        assert_eq!(parse_int("-9223372036854775808", 10), Ok(i64::MIN));
        assert_eq!(parse_int("x", 10).expect_err("x"), "strconv.ParseInt: parsing \"x\": invalid syntax");
        assert_eq!(
            parse_int("9223372036854775808", 10).expect_err("range"),
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range"
        );
    }

    #[test]
    fn floats_as_go_prints_them() {
        for (value, text) in
            [(1.0, "1"), (0.1, "0.1"), (1e21, "1000000000000000000000"), (-0.0, "-0"), (1e-7, "0.0000001")]
        {
            assert_eq!(format_float(value), text);
        }
        assert_eq!(format_float(f64::NAN), "NaN");
        assert_eq!(format_float(f64::INFINITY), "+Inf");
        assert_eq!(format_float(f64::NEG_INFINITY), "-Inf");
    }
}
