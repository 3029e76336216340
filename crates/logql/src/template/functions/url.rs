//! Encodings: of URLs' queries, and base64.

use super::Parameter::String as Text;
use super::{Function, fixed, string};
use crate::stage::quote::quote;
use crate::template::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("urlencode", &[Text], |_, values| Ok(Value::text(escape(string(values, 0))))),
    fixed("urldecode", &[Text], |_, values| unescape(string(values, 0)).map(Value::bytes)),
    fixed("b64enc", &[Text], |_, values| Ok(Value::text(encode(string(values, 0))))),
    // As sprig: what went wrong is the result.
    fixed("b64dec", &[Text], |_, values| Ok(decode(string(values, 0)).map_or_else(Value::text, Value::bytes))),
];

/// `url.QueryEscape`.
pub(super) fn escape(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(*byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let (byte, length) = match byte {
            b'+' => (b' ', 1),
            b'%' => {
                let digits = text.get(at + 1..at + 3).and_then(|digits| {
                    let digit = |byte: u8| char::from(byte).to_digit(16);
                    Some(digit(digits[0])? * 16 + digit(digits[1])?)
                });
                let shown = &text[at..text.len().min(at + 3)];
                (digits.ok_or_else(|| format!("invalid URL escape {}", quote(shown)))? as u8, 3)
            }
            _ => (*byte, 1),
        };
        out.push(byte);
        at += length;
    }
    Ok(out)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 0x3f;
            out.push(if place <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    out
}

/// Line breaks are passed over, as Go does. The error tells the place as Go counts it.
fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let fail = |at: usize| format!("illegal base64 data at input byte {at}");
    let plain: Vec<(usize, u8)> =
        text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for (index, quantum) in plain.chunks(4).enumerate() {
        let used = quantum.iter().position(|(_, byte)| *byte == b'=').unwrap_or(quantum.len());
        let mut bits = 0u32;
        for (at, byte) in &quantum[..used] {
            let sextet = ALPHABET.iter().position(|known| known == byte).ok_or_else(|| fail(*at))?;
            bits = bits << 6 | sextet as u32;
        }
        if used < quantum.len() {
            check_padding(quantum, used, text.len()).map_err(fail)?;
            if let Some((at, _)) = plain.get(index * 4 + 4) {
                return Err(fail(*at));
            }
        } else if used < 4 {
            return Err(fail(text.len() - used));
        }
        bits <<= 6 * (4 - used);
        out.extend_from_slice(&bits.to_be_bytes()[1..used.max(1)]);
    }
    Ok(out)
}

/// Padding fills up a quantum that has two or three characters; else the place where Go notices.
fn check_padding(quantum: &[(usize, u8)], used: usize, length: usize) -> Result<(), usize> {
    let equals = quantum[used..].iter().take_while(|(_, byte)| *byte == b'=').count();
    match (used, quantum.len() - used) {
        (0 | 1, _) => Err(quantum[used].0),
        (_, left) if equals < left => Err(quantum[used].0),
        (_, _) if quantum.len() < 4 => Err(length),
        _ => Ok(()),
    }
}
