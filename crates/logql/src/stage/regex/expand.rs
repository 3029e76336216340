//! Go's templates of replacements: `$1`, `${1}`, `$name`, `$$`.

use std::ops::Range;

/// Appends the template with groups put in. A group that is not there, or took no part, is empty.
pub(super) fn expand(
    template: &str,
    names: &[Option<String>],
    text: &[u8],
    groups: &[Option<Range<usize>>],
    out: &mut Vec<u8>,
) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.extend_from_slice(before.as_bytes());
        if let Some(after) = after.strip_prefix('$') {
            out.push(b'$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(after) else {
            out.push(b'$');
            rest = after;
            continue;
        };
        if let Some(Some(group)) = number(name, names).and_then(|index| groups.get(index)) {
            out.extend_from_slice(text.get(group.clone()).unwrap_or_default());
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
}

/// The name after a dollar, in braces or as long as it goes; `None` where Go takes the dollar as it is.
fn reference(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let body = braced.unwrap_or(text);
    let end = body.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(body.len());
    let (name, after) = body.split_at(end);
    if name.is_empty() {
        return None;
    }
    match braced {
        Some(_) => Some((name, after.strip_prefix('}')?)),
        None => Some((name, after)),
    }
}

fn number(name: &str, names: &[Option<String>]) -> Option<usize> {
    if name.bytes().all(|b| b.is_ascii_digit()) && !(name.len() > 1 && name.starts_with('0')) {
        return name.parse().ok().filter(|n| *n < 100_000_000);
    }
    names.iter().position(|known| known.as_deref() == Some(name))
}
