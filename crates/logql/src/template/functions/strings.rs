//! Text. The arguments' order is sprig's: the text last, so that it may come through a pipe; in the old functions with a capital
//! it comes first, as in Go.

use std::cell::RefCell;
use std::rc::Rc;

use super::Parameter::{Int, String as Text};
use super::{Function, LONGEST, fixed, int, string, text};
use crate::stage::regex::{Regex, compile};
use crate::template::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("lower", &[Text], |_, v| Ok(Value::text(mapped(&text(v, 0), lower)))),
    fixed("upper", &[Text], |_, v| Ok(Value::text(mapped(&text(v, 0), upper)))),
    fixed("title", &[Text], |_, v| Ok(Value::text(title(&text(v, 0))))),
    fixed("trunc", &[Int, Text], |_, v| Ok(Value::bytes(trunc(int(v, 0), string(v, 1)).to_vec()))),
    fixed("substr", &[Int, Int, Text], |_, v| {
        substr(int(v, 0), int(v, 1), string(v, 2)).map(|s| Value::bytes(s.to_vec()))
    }),
    fixed("contains", &[Text, Text], |_, v| {
        Ok(Value::Bool(memchr::memmem::find(string(v, 1), string(v, 0)).is_some()))
    }),
    fixed("hasPrefix", &[Text, Text], |_, v| Ok(Value::Bool(string(v, 1).starts_with(string(v, 0))))),
    fixed("hasSuffix", &[Text, Text], |_, v| Ok(Value::Bool(string(v, 1).ends_with(string(v, 0))))),
    fixed("indent", &[Int, Text], |_, v| indent(int(v, 0), string(v, 1), b"").map(Value::bytes)),
    fixed("nindent", &[Int, Text], |_, v| indent(int(v, 0), string(v, 1), b"\n").map(Value::bytes)),
    fixed("replace", &[Text, Text, Text], |_, v| {
        replace(string(v, 2), string(v, 0), string(v, 1), -1).map(Value::bytes)
    }),
    fixed("repeat", &[Int, Text], |_, v| repeat(int(v, 0), string(v, 1)).map(Value::bytes)),
    fixed("trim", &[Text], |_, v| Ok(Value::bytes(trim_space(string(v, 0)).to_vec()))),
    fixed("trimAll", &[Text, Text], |_, v| Ok(Value::bytes(trim(string(v, 1), &text(v, 0), true, true).to_vec()))),
    fixed("trimPrefix", &[Text, Text], |_, v| Ok(Value::bytes(without_prefix(string(v, 1), string(v, 0)).to_vec()))),
    fixed("trimSuffix", &[Text, Text], |_, v| Ok(Value::bytes(without_suffix(string(v, 1), string(v, 0)).to_vec()))),
    fixed("alignLeft", &[Int, Text], |_, v| align(int(v, 0), string(v, 1), false).map(Value::bytes)),
    fixed("alignRight", &[Int, Text], |_, v| align(int(v, 0), string(v, 1), true).map(Value::bytes)),
    fixed("ToLower", &[Text], |_, v| Ok(Value::text(mapped(&text(v, 0), lower)))),
    fixed("ToUpper", &[Text], |_, v| Ok(Value::text(mapped(&text(v, 0), upper)))),
    fixed("Replace", &[Text, Text, Text, Int], |_, v| {
        replace(string(v, 0), string(v, 1), string(v, 2), int(v, 3)).map(Value::bytes)
    }),
    fixed("Trim", &[Text, Text], |_, v| Ok(Value::bytes(trim(string(v, 0), &text(v, 1), true, true).to_vec()))),
    fixed("TrimLeft", &[Text, Text], |_, v| Ok(Value::bytes(trim(string(v, 0), &text(v, 1), true, false).to_vec()))),
    fixed("TrimRight", &[Text, Text], |_, v| Ok(Value::bytes(trim(string(v, 0), &text(v, 1), false, true).to_vec()))),
    fixed("TrimPrefix", &[Text, Text], |_, v| Ok(Value::bytes(without_prefix(string(v, 0), string(v, 1)).to_vec()))),
    fixed("TrimSuffix", &[Text, Text], |_, v| Ok(Value::bytes(without_suffix(string(v, 0), string(v, 1)).to_vec()))),
    fixed("TrimSpace", &[Text], |_, v| Ok(Value::bytes(trim_space(string(v, 0)).to_vec()))),
    fixed("regexReplaceAll", &[Text, Text, Text], |_, v| {
        let replaced = regex(&text(v, 0))?.replace_all(string(v, 1), &text(v, 2), LONGEST);
        replaced.map(Value::bytes).ok_or_else(too_long)
    }),
    fixed("regexReplaceAllLiteral", &[Text, Text, Text], |_, v| {
        let replaced = regex(&text(v, 0))?.replace_all_literal(string(v, 1), &text(v, 2), LONGEST);
        replaced.map(Value::bytes).ok_or_else(too_long)
    }),
    fixed("count", &[Text, Text], |_, v| Ok(Value::Int(regex(&text(v, 0))?.count(string(v, 1)) as i64))),
];

fn too_long() -> String {
    "result too long".to_owned()
}

/// How many compiled expressions a thread keeps: a template names few, and would compile them anew for every line.
const KEPT: usize = 8;

thread_local! {
    static COMPILED: RefCell<Vec<Rc<Regex>>> = const { RefCell::new(Vec::new()) };
}

fn regex(pattern: &str) -> Result<Rc<Regex>, String> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(known) = kept.iter().find(|regex| regex.as_str() == pattern) {
            return Ok(Rc::clone(known));
        }
        let regex = Rc::new(compile(pattern).map_err(|error| error.0)?);
        kept.truncate(KEPT - 1);
        kept.insert(0, Rc::clone(&regex));
        Ok(regex)
    })
}

/// Character by character, as Go maps: one stays one.
fn mapped(text: &str, map: impl Fn(char) -> char) -> String {
    text.chars().map(map).collect()
}

fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(lower), None) => lower,
        // The one capital with two: İ.
        _ if c == '\u{130}' => 'i',
        _ => c,
    }
}

fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

/// Words begin with a capital; a word ends where neither a letter nor a digit nor `_` comes.
fn title(text: &str) -> String {
    let mut before = ' ';
    let convert = |c: char| {
        let word = before == '_' || before.is_alphanumeric() || (!before.is_ascii() && !before.is_whitespace());
        before = c;
        if word { c } else { upper(c) }
    };
    text.chars().map(convert).collect()
}

/// Bytes, as sprig counts: from the end if negative.
fn trunc(count: i64, text: &[u8]) -> &[u8] {
    let length = text.len() as i64;
    if count < 0 && length.saturating_add(count) > 0 {
        &text[(length + count) as usize..]
    } else if count >= 0 && length > count {
        &text[..count as usize]
    } else {
        text
    }
}

/// Bytes, as sprig counts; what is out of range panics in Go, and is an error in its words.
fn substr(start: i64, end: i64, text: &[u8]) -> Result<&[u8], String> {
    let length = text.len() as i64;
    let bounds = |shown: String| Err(format!("runtime error: slice bounds out of range {shown}"));
    if start < 0 {
        return match end {
            end if end < 0 => bounds(format!("[:{end}]")),
            end if end > length => bounds(format!("[:{end}] with length {length}")),
            end => Ok(&text[..end as usize]),
        };
    }
    let end = if end < 0 || end > length { length } else { end };
    if start > end {
        return bounds(format!("[{start}:{end}]"));
    }
    Ok(&text[start as usize..end as usize])
}

fn indent(spaces: i64, text: &[u8], before: &[u8]) -> Result<Vec<u8>, String> {
    let pad = repeat(spaces, b" ")?;
    let lines = replace(text, b"\n", &[b"\n", pad.as_slice()].concat(), -1)?;
    Ok([before, &pad, &lines].concat())
}

fn repeat(count: i64, text: &[u8]) -> Result<Vec<u8>, String> {
    let count = usize::try_from(count).map_err(|_| "strings: negative Repeat count".to_owned())?;
    match text.len().checked_mul(count) {
        Some(length) if length <= LONGEST => Ok(text.repeat(count)),
        _ => Err(too_long()),
    }
}

/// At most `most` times; all of them, if negative. The empty text stands before every character and at the end.
fn replace(text: &[u8], old: &[u8], new: &[u8], most: i64) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut left) = (0, most);
    while left != 0 {
        let found = if old.is_empty() {
            let first = left == most;
            let next = text.get(at..).filter(|rest| first || !rest.is_empty());
            next.map(|rest| if first { 0 } else { character(rest) })
        } else {
            memchr::memmem::find(&text[at..], old)
        };
        let Some(found) = found else { break };
        out.extend_from_slice(&text[at..at + found]);
        out.extend_from_slice(new);
        if out.len() > LONGEST {
            return Err(too_long());
        }
        at += found + old.len();
        left -= 1;
    }
    out.extend_from_slice(&text[at..]);
    Ok(out)
}

/// The length of the character that comes first; a byte that is none counts as one.
fn character(text: &[u8]) -> usize {
    let head = &text[..text.len().min(4)];
    head.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()).map_or(1, char::len_utf8)
}

fn trim_space(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

/// Takes characters of a set away at the ends. Bytes that are no characters stay.
fn trim<'t>(text: &'t [u8], set: &str, left: bool, right: bool) -> &'t [u8] {
    let mut text = text;
    let ends = |text: &[u8]| set.chars().find(|c| text.ends_with(c.encode_utf8(&mut [0; 4]).as_bytes()));
    let begins = |text: &[u8]| set.chars().find(|c| text.starts_with(c.encode_utf8(&mut [0; 4]).as_bytes()));
    while left && let Some(c) = begins(text) {
        text = &text[c.len_utf8()..];
    }
    while right && let Some(c) = ends(text) {
        text = &text[..text.len() - c.len_utf8()];
    }
    text
}

fn without_prefix<'t>(text: &'t [u8], prefix: &[u8]) -> &'t [u8] {
    text.strip_prefix(prefix).unwrap_or(text)
}

fn without_suffix<'t>(text: &'t [u8], suffix: &[u8]) -> &'t [u8] {
    text.strip_suffix(suffix).unwrap_or(text)
}

/// Cut or filled with spaces to a number of characters.
fn align(count: i64, text: &[u8], right: bool) -> Result<Vec<u8>, String> {
    let shown = super::lossy(text);
    let length = shown.chars().count();
    let Ok(count) = usize::try_from(count) else { return Ok(text.to_vec()) };
    if count == length {
        return Ok(text.to_vec());
    }
    if count > length {
        let pad = repeat((count - length) as i64, b" ")?;
        return Ok(if right { [&pad, text].concat() } else { [text, &pad].concat() });
    }
    let (skip, take) = if right { (length - count, length) } else { (0, count) };
    Ok(shown.chars().skip(skip).take(take).collect::<String>().into_bytes())
}
