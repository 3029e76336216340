//! Constants: numbers, characters and strings as Go writes them.

use crate::stage::quote::quote;
use crate::stage::units::{parse_int, parse_number};
use crate::template::lexer::{Kind, Token};
use crate::template::node::Number;

/// A number or a character.
pub(super) fn number(token: &Token) -> Result<Number, String> {
    let text = token.text.clone();
    if token.kind == Kind::CharConstant {
        let c = character(&text).ok_or_else(|| format!("malformed character constant: {text}"))?;
        return Ok(Number { text, int: Some(i64::from(c)), float: Some(f64::from(c)) });
    }
    let overflow = || format!("integer overflow: {}", quote(text.as_bytes()));
    if let Ok(int) = parse_int(&text, 0) {
        return Ok(Number { text, int: Some(int), float: Some(int as f64) });
    }
    let Ok(float) = parse_number(&text) else {
        return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
    };
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(overflow());
    }
    let whole = float.trunc() == float && float.abs() < i64::MAX as f64;
    Ok(Number { text, int: whole.then_some(float as i64), float: Some(float) })
}

/// The code of the one character in quotes.
fn character(quoted: &str) -> Option<u32> {
    let text = unquote_with(quoted, '\'')?;
    let mut chars = std::str::from_utf8(&text).ok()?.chars();
    let c = chars.next()?;
    chars.next().is_none().then_some(c as u32)
}

/// The text of a string in double quotes or backquotes.
pub(super) fn unquote(quoted: &str) -> Option<Vec<u8>> {
    match quoted.strip_prefix('`') {
        Some(raw) => Some(raw.strip_suffix('`')?.replace('\r', "").into_bytes()),
        None => unquote_with(quoted, '"'),
    }
}

fn unquote_with(quoted: &str, mark: char) -> Option<Vec<u8>> {
    let body = quoted.strip_prefix(mark)?.strip_suffix(mark)?;
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\\' {
            rest = escape(rest, mark, &mut out)?;
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Some(out)
}

/// What stands behind a backslash; the result is the rest.
fn escape<'a>(text: &'a str, mark: char, out: &mut Vec<u8>) -> Option<&'a str> {
    let c = text.chars().next()?;
    let rest = &text[c.len_utf8()..];
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if c == mark => mark as u8,
        'x' => u8::from_str_radix(digits(rest, 2)?, 16).ok()?,
        'u' | 'U' => {
            let width = if c == 'u' { 4 } else { 8 };
            let c = char::from_u32(u32::from_str_radix(digits(rest, width)?, 16).ok()?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(&rest[width..]);
        }
        '0'..='7' => {
            let octal = text.get(..3).filter(|d| d.bytes().all(|b| (b'0'..=b'7').contains(&b)))?;
            out.push(u8::from_str_radix(octal, 8).ok()?);
            return Some(&text[3..]);
        }
        _ => return None,
    };
    out.push(byte);
    Some(if c == 'x' { &rest[2..] } else { rest })
}

fn digits(text: &str, width: usize) -> Option<&str> {
    text.get(..width).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
