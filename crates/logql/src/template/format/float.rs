//! Floating-point numbers by verb.

/// `%e`: one digit before the point, at least two in the exponent.
pub(super) fn exponential(value: f64, precision: Option<usize>, upper: bool) -> String {
    if let Some(word) = word(value) {
        return word;
    }
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    let letter = if upper { 'E' } else { 'e' };
    format!("{mantissa}{letter}{sign}{digits:0>2}")
}

/// `%f`.
pub(super) fn fixed(value: f64, precision: Option<usize>) -> String {
    match (word(value), precision) {
        (Some(word), _) => word,
        (None, Some(precision)) => format!("{value:.precision$}"),
        (None, None) => format!("{value}"),
    }
}

/// `%g` and `%v`: `%e` for exponents below -4 or from the precision on, `%f` otherwise; without a precision the shortest
/// digits that read back the same, and an exponent from 6 on.
pub(super) fn general(value: f64, precision: Option<usize>, upper: bool) -> String {
    if let Some(word) = word(value) {
        return word;
    }
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision.max(1) - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let zeros = mantissa.bytes().rev().take_while(|b| *b == b'0').count();
    let kept = if mantissa.contains('.') { digits - zeros } else { digits };
    let threshold = precision.map_or(6, |precision| precision.max(1) as i64);
    if exponent < -4 || exponent >= threshold {
        return exponential(value, Some(kept.saturating_sub(1)), upper);
    }
    format!("{value:.*}", (kept as i64 - 1 - exponent).max(0) as usize)
}

fn word(value: f64) -> Option<String> {
    if value.is_nan() {
        return Some("NaN".to_owned());
    }
    value.is_infinite().then(|| if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned())
}
