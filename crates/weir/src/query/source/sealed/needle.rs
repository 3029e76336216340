//! Texts that are looked for in lines, looked for in columns.
//!
//! A line is `{"name":value,…}`, its texts with the fewest escapes. So a part of it without quotes and backslashes, and without
//! a colon, comma or brace at its ends, stands within one name or one value.

use store::schema::{Encoding, Field, Type};
use store::segment::{Column, Values};

/// A text that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needle {
    /// `"name":`: in lines that have the field.
    Key(String),
    /// `"name":"value"`.
    Member(String, String),
    /// A part of one name or of one value.
    Part(String),
}

impl Needle {
    /// `None` if columns do not tell.
    pub(super) fn new(text: &str) -> Option<Needle> {
        if let Some((name, rest)) = text.strip_prefix('"').and_then(|text| text.split_once("\":")) {
            let plain =
                |text: &str| !text.is_empty() && !text.contains(['"', '\\']) && !text.contains(char::is_control);
            if !plain(name) {
                return None;
            }
            let value = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|value| plain(value));
            return match value {
                Some(value) => Some(Needle::Member(name.to_owned(), value.to_owned())),
                None if rest.is_empty() => Some(Needle::Key(name.to_owned())),
                None => None,
            };
        }
        let part = !text.is_empty()
            && !text.contains(['"', '\\'])
            && !text.contains(char::is_control)
            && !text.starts_with([':', ',', '{', '}'])
            && !text.ends_with([':', ',', '{', '}']);
        part.then(|| Needle::Part(text.to_owned()))
    }
}

/// Whether values of a field, which are no plain texts, can have `part` in them.
pub(super) fn can_stand_in(part: &str, field: &Field) -> bool {
    let all = |allowed: &dyn Fn(u8) -> bool| part.bytes().all(allowed);
    match (field.kind, field.encoding) {
        (Type::Text, Encoding::Plain) => true,
        (Type::Text, Encoding::Uuid) => part.len() <= 36 && all(&|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')),
        (Type::Text, Encoding::Hex(bytes)) => {
            part.len() <= usize::from(bytes) * 2 && all(&|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        }
        (Type::Integer, _) => all(&|b| matches!(b, b'0'..=b'9' | b'-')),
        (Type::Decimal(_) | Type::Number, _) => all(&|b| matches!(b, b'0'..=b'9' | b'-' | b'.')),
        (Type::Flag, _) => "true".contains(part) || "false".contains(part),
        (Type::Time, _) => part.len() <= 30 && all(&|b| matches!(b, b'0'..=b'9' | b'-' | b':' | b'.' | b'T' | b'Z')),
    }
}

/// Marks the rows in whose value `part` stands, as the line has it.
pub(super) fn mark(part: &str, field: &Field, column: &Column, found: &mut [bool]) {
    let finder = memchr::memmem::Finder::new(part);
    match &column.values {
        Values::Codes { codes, texts } => {
            let has: Vec<bool> = texts.iter().map(|text| stands_in(&finder, text)).collect();
            if has.contains(&true) {
                for (row, code) in codes.iter().enumerate() {
                    found[row] |= has[*code as usize] && column.is_valid(row);
                }
            }
        }
        Values::Texts { text, .. } if has_control(text) => {
            for (row, found) in found.iter_mut().enumerate() {
                *found = *found || column.text(row).is_some_and(|text| stands_in(&finder, text));
            }
        }
        // Texts lie one behind the other, and are searched quickly as one.
        Values::Texts { offsets, text } => {
            let mut from = 0;
            while let Some(at) = finder.find(&text.as_bytes()[from..]) {
                let start = from + at;
                let row = offsets.partition_point(|offset| *offset as usize <= start).saturating_sub(1);
                let end = offsets.get(row + 1).map_or(0, |end| *end as usize);
                if let Some(found) = found.get_mut(row).filter(|_| start + part.len() <= end) {
                    *found = true;
                    from = end;
                } else {
                    from = start + 1;
                }
            }
        }
        _ => {
            let mut value = String::new();
            for (row, found) in found.iter_mut().enumerate().filter(|(row, found)| !**found && column.is_valid(*row)) {
                value.clear();
                column.append(row, field, &mut value);
                *found = finder.find(value.as_bytes()).is_some();
            }
        }
    }
}

/// Whether a text has characters that become others on the line.
pub(super) fn has_control(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == 0x7f))
}

/// Whether the part stands in a text as the line has it. Backslashes in front of quotes and backslashes do not matter, since the
/// part has none of these.
fn stands_in(finder: &memchr::memmem::Finder<'_>, text: &str) -> bool {
    if !has_control(text) {
        return finder.find(text.as_bytes()).is_some();
    }
    let mut line = Vec::with_capacity(text.len() + 8);
    store::segment::write_text(text.as_bytes(), &mut line);
    line.get(1..line.len() - 1).is_some_and(|inner| finder.find(inner).is_some())
}
