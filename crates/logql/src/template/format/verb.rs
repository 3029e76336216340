//! One operand, printed by one verb.

use super::{float, plain};
use crate::stage::quote::{quote, quote_ascii, quote_char};
use crate::template::value::Value;

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Appends the operand.
pub(super) fn operand(value: &Value<'_>, verb: char, flags: &Flags, out: &mut Vec<u8>) {
    if verb == 'T' {
        return pad(value.type_name().as_bytes(), flags, out);
    }
    match value {
        Value::None | Value::Nil if verb == 'v' => pad(b"<nil>", flags, out),
        Value::Bool(value) if matches!(verb, 't' | 'v') => pad(value.to_string().as_bytes(), flags, out),
        Value::Int(number) | Value::Int64(number) => integer(value, *number, verb, flags, out),
        Value::Float(number) => floating(value, *number, verb, flags, out),
        Value::String(text) => string(value, text, verb, flags, out),
        Value::Time(time) => string(value, time.to_string().as_bytes(), verb, flags, out),
        Value::List(_) | Value::Map(_) | Value::Labels(_) => compound(value, verb, flags, out),
        _ => bad(value, verb, out),
    }
}

/// `%!d(string=foo)`.
fn bad(value: &Value<'_>, verb: char, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("%!{verb}(").as_bytes());
    if !matches!(value, Value::None | Value::Nil) {
        out.extend_from_slice(value.type_name().as_bytes());
        out.push(b'=');
    }
    plain(value, out);
    out.push(b')');
}

/// Fills up to the width, counted in characters.
fn pad(text: &[u8], flags: &Flags, out: &mut Vec<u8>) {
    let characters: usize = text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum();
    let missing = flags.width.unwrap_or(0).saturating_sub(characters);
    if flags.minus {
        out.extend_from_slice(text);
        out.extend(std::iter::repeat_n(b' ', missing));
    } else {
        out.extend(std::iter::repeat_n(if flags.zero { b'0' } else { b' ' }, missing));
        out.extend_from_slice(text);
    }
}

fn integer(value: &Value<'_>, number: i64, verb: char, flags: &Flags, out: &mut Vec<u8>) {
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match verb {
        'v' | 'd' => ("", magnitude.to_string()),
        'b' => (if flags.sharp { "0b" } else { "" }, format!("{magnitude:b}")),
        'o' => (if flags.sharp { "0" } else { "" }, format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'x' => (if flags.sharp { "0x" } else { "" }, format!("{magnitude:x}")),
        'X' => (if flags.sharp { "0X" } else { "" }, format!("{magnitude:X}")),
        'c' | 'q' => return character(number, verb, flags, out),
        'U' => {
            let c = u32::try_from(number).ok().and_then(char::from_u32);
            let shown = c.filter(|_| flags.sharp).map_or(String::new(), |c| format!(" '{c}'"));
            return pad(format!("U+{number:04X}{shown}").as_bytes(), &Flags { zero: false, ..*flags }, out);
        }
        _ => return bad(value, verb, out),
    };
    let sign = match (number < 0, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let least = match (flags.precision, flags.width) {
        (Some(0), _) if number == 0 => return pad(b"", &Flags { zero: false, ..*flags }, out),
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    let text = format!("{sign}{prefix}{zeros}{digits}");
    pad(text.as_bytes(), &Flags { zero: false, ..*flags }, out);
}

fn character(number: i64, verb: char, flags: &Flags, out: &mut Vec<u8>) {
    let c = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let text = if verb == 'q' { quote_char(c) } else { c.to_string() };
    pad(text.as_bytes(), flags, out);
}

fn floating(value: &Value<'_>, number: f64, verb: char, flags: &Flags, out: &mut Vec<u8>) {
    let six = Some(flags.precision.unwrap_or(6));
    let text = match verb {
        'v' | 'g' => float::general(number, flags.precision, false),
        'G' => float::general(number, flags.precision, true),
        'e' => float::exponential(number, six, false),
        'E' => float::exponential(number, six, true),
        'f' | 'F' => float::fixed(number, six),
        _ => return bad(value, verb, out),
    };
    let digits = text.trim_start_matches(['+', '-']);
    let sign = match (text.starts_with('-'), flags.plus || (text.starts_with('+') && !flags.space), flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let least = match flags.width {
        Some(width) if flags.zero && number.is_finite() => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    pad(format!("{sign}{zeros}{digits}").as_bytes(), &Flags { zero: false, ..*flags }, out);
}

fn string(value: &Value<'_>, text: &[u8], verb: char, flags: &Flags, out: &mut Vec<u8>) {
    match verb {
        'v' if flags.sharp => pad(quote(text).as_bytes(), flags, out),
        'v' | 's' => pad(cut(text, flags), flags, out),
        'q' => {
            let text = cut(text, flags);
            let raw = flags.sharp && can_backquote(text);
            let quoted = match (raw, flags.plus) {
                (true, _) => format!("`{}`", String::from_utf8_lossy(text)),
                (_, true) => quote_ascii(text),
                _ => quote(text),
            };
            pad(quoted.as_bytes(), flags, out);
        }
        'x' | 'X' => pad(hexadecimal(text, verb == 'X', flags).as_bytes(), flags, out),
        _ => bad(value, verb, out),
    }
}

/// As many characters as the precision says.
fn cut<'t>(text: &'t [u8], flags: &Flags) -> &'t [u8] {
    let Some(mut left) = flags.precision else { return text };
    let mut length = 0;
    for chunk in text.utf8_chunks() {
        for width in chunk.valid().chars().map(char::len_utf8).chain(chunk.invalid().iter().map(|_| 1)) {
            if left == 0 {
                return &text[..length];
            }
            left -= 1;
            length += width;
        }
    }
    text
}

fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|text| text.chars().all(|c| c != '`' && c != '\u{feff}' && c != '\u{7f}' && (c >= ' ' || c == '\t')))
}

fn hexadecimal(text: &[u8], upper: bool, flags: &Flags) -> String {
    let text = &text[..flags.precision.unwrap_or(text.len()).min(text.len())];
    let prefix = match (flags.sharp, upper) {
        (false, _) => "",
        (true, false) => "0x",
        (true, true) => "0X",
    };
    let mut out = String::with_capacity(text.len() * 2);
    for (index, byte) in text.iter().enumerate() {
        if index == 0 || flags.space {
            if index > 0 {
                out.push(' ');
            }
            out.push_str(prefix);
        }
        out.push_str(&if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
    }
    out
}

/// Lists and maps: the verb is their elements'.
fn compound(value: &Value<'_>, verb: char, flags: &Flags, out: &mut Vec<u8>) {
    let element = |value: &Value<'_>, out: &mut Vec<u8>| match value {
        Value::None | Value::Nil => out.extend_from_slice(b"<nil>"),
        value => operand(value, verb, flags, out),
    };
    let pairs: Vec<(Value<'_>, Value<'_>)> = match value {
        Value::List(list) => {
            out.push(b'[');
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                element(value, out);
            }
            out.push(b']');
            return;
        }
        Value::Map(map) => map.iter().map(|(key, value)| (Value::text(key.as_str()), value.clone())).collect(),
        Value::Labels(labels) => {
            labels.labels().into_iter().map(|(key, value)| (Value::text(key), Value::text(value))).collect()
        }
        _ => Vec::new(),
    };
    out.extend_from_slice(b"map[");
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        element(key, out);
        out.push(b':');
        element(value, out);
    }
    out.push(b']');
}
