//! Labels as text: `{app="llm-proxy", level="info"}`.

use logql::syntax::unquote;

/// Names and values, in the order in which they stand.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut rest = text.trim_start();
    let at = |rest: &str, what: &str| format!("1:{}: parse error: {what}", text.len() - rest.len() + 1);
    rest = rest.strip_prefix('{').ok_or_else(|| at(rest, "expected {"))?.trim_start();
    let mut pairs = Vec::new();
    while !rest.starts_with('}') {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !is_name(name) {
            return Err(at(rest, "expected a label's name"));
        }
        rest = after.trim_start();
        rest = rest.strip_prefix('=').ok_or_else(|| at(rest, "expected ="))?.trim_start();
        let (value, after) = quoted(rest).map_err(|what| at(rest, what))?;
        pairs.push((name.to_owned(), value));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(at(rest, "expected , or }")),
        }
    }
    let after = rest[1..].trim();
    if after.is_empty() { Ok(pairs) } else { Err(at(&rest[1..], "unexpected text behind }")) }
}

/// The value in quotes that `text` begins with, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    const OPEN: &str = "unterminated quoted string";
    if let Some(inside) = text.strip_prefix('`') {
        let end = inside.find('`').ok_or(OPEN)?;
        return Ok((inside[..end].to_owned(), &inside[end + 1..]));
    }
    let inside = text.strip_prefix('"').ok_or("expected a value in quotes")?;
    let mut escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Ok((unquote(&inside[..at])?, &inside[at + 1..])),
            b'\n' => return Err(OPEN),
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    Err(OPEN)
}

/// Whether a label may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && name.bytes().all(fits)
}
