//! Escapes of single characters.

use super::{ParamError, fail};

/// Appends a character that stands for itself.
pub(super) fn literal(c: char, out: &mut String) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{:02x}", c as u32));
    } else {
        out.push(c);
    }
}

/// The character that an escape stands for, and the escape's length.
pub(super) fn character(text: &str) -> Result<(char, usize), ParamError> {
    let mut chars = text[1..].chars();
    let Some(c) = chars.next() else { return fail("trailing backslash at end of expression", "") };
    let after = &text[1 + c.len_utf8()..];
    match c {
        'a' => Ok(('\x07', 2)),
        'f' => Ok(('\x0c', 2)),
        'n' => Ok(('\n', 2)),
        'r' => Ok(('\r', 2)),
        't' => Ok(('\t', 2)),
        'v' => Ok(('\x0b', 2)),
        'x' => hexadecimal(text, after),
        '0'..='7' => octal(text, c, after),
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, 2)),
        _ => fail("invalid escape sequence", &text[..1 + c.len_utf8()]),
    }
}

/// `\x41` and `\x{10FFFF}`.
fn hexadecimal(text: &str, after: &str) -> Result<(char, usize), ParamError> {
    let (digits, length) = match after.strip_prefix('{') {
        Some(body) => match body.find('}') {
            Some(end) => (&body[..end], 4 + end),
            None => return fail("invalid escape sequence", text),
        },
        None => (after.get(..2).unwrap_or(after), 4),
    };
    let complete = after.starts_with('{') || digits.len() == 2;
    let valid = complete && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    match u32::from_str_radix(digits, 16).ok().filter(|_| valid) {
        // Go matches a surrogate's number with nothing; U+FFFD would match what is not UTF-8.
        Some(number) if number <= 0x10_ffff => Ok((char::from_u32(number).unwrap_or('\u{10ffff}'), length)),
        _ => {
            let end = text.char_indices().nth(length.min(4)).map_or(text.len(), |(at, _)| at);
            fail("invalid escape sequence", &text[..end])
        }
    }
}

/// `\012` and `\0`; a single digit but zero would be a reference to a group, which there is not.
fn octal(text: &str, first: char, after: &str) -> Result<(char, usize), ParamError> {
    let more = after.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
    if first != '0' && more == 0 {
        return fail("invalid escape sequence", &text[..2]);
    }
    let number = u32::from_str_radix(&text[1..2 + more], 8).unwrap_or(0);
    Ok((char::from_u32(number).unwrap_or('\0'), 2 + more))
}
