//! Texts in quotes, as Go reads them.

/// The text inside double quotes, with its escapes resolved. Bytes that are not UTF-8 together become U+FFFD.
///
/// # Errors
/// An escape that is none.
pub fn unquote(inside: &str) -> Result<String, &'static str> {
    const INVALID: &str = "invalid char escape";
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.next().ok_or(INVALID)?;
        match escape {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' | '"' | '\'' => bytes.extend_from_slice(escape.encode_utf8(&mut [0; 4]).as_bytes()),
            'x' => bytes.push(u8::try_from(digits(&mut rest, 2, 16)?).map_err(|_| INVALID)?),
            '0'..='7' => {
                let high = escape.to_digit(8).unwrap_or_default() * 64;
                bytes.push(u8::try_from(high + digits(&mut rest, 2, 8)?).map_err(|_| INVALID)?);
            }
            'u' | 'U' => {
                let code = digits(&mut rest, if escape == 'u' { 4 } else { 8 }, 16)?;
                let c = char::from_u32(code).ok_or(INVALID)?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err(INVALID),
        }
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn digits(rest: &mut std::str::Chars, count: usize, radix: u32) -> Result<u32, &'static str> {
    let mut value = 0;
    for _ in 0..count {
        let digit = rest.next().and_then(|c| c.to_digit(radix)).ok_or("invalid char escape")?;
        value = value * radix + digit;
    }
    Ok(value)
}
