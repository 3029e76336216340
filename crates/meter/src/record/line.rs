//! The canonical line: the table's order, no spaces, shortest decimals, so that rendering what was parsed gives the same
//! bytes.

use std::io::Write as _;
use std::sync::LazyLock;

use super::fields::{FIELDS, Field, Unit, Value};
use super::{NANO_SCALE, PICO_SCALE, Record, SECONDS_SCALE};
use crate::{decimal, json, time};

/// The longest line in bytes, its line feed included: no collector splits it.
pub const LINE_LIMIT: usize = 8 * 1024;

/// Room for a usual line, so that it is not copied while it grows.
const USUAL: usize = 2048;

/// Writes the line of `record`, with its line feed, at most [`LINE_LIMIT`] bytes.
pub fn render(record: &Record, out: &mut Vec<u8>) {
    write_line(record, LINE_LIMIT, out, |_| true);
}

/// Writes what is known of a request that is under way, in at most `limit` bytes: the fields that say the same of every
/// request until it ends are left out.
pub fn render_begun(record: &Record, limit: usize, out: &mut Vec<u8>) {
    write_line(record, limit, out, |field| !field.always || matches!(field.name, "model" | "temperature"));
}

/// Writes the wanted fields in at most `limit` bytes, by cutting texts shorter and shorter until they fit.
fn write_line(record: &Record, limit: usize, out: &mut Vec<u8>, wanted: impl Fn(&Field) -> bool) {
    let start = out.len();
    out.reserve(USUAL);
    let keys = &**KEYS;
    for cap in [usize::MAX, 128, 64, 32, 8] {
        out.truncate(start);
        let mut writer = LineWriter { out, cap, truncated: false, start };
        for (field, key) in FIELDS.iter().zip(keys).filter(|(field, _)| wanted(field)) {
            match (field.get)(record) {
                Some(value) => writer.field(key, field, value),
                None if field.always => writer.null(key),
                None => {}
            }
        }
        writer.end();
        if out.len() - start <= limit {
            return;
        }
    }
}

/// Each field's key as it stands on the line: `,"name":`.
static KEYS: LazyLock<Box<[Box<[u8]>]>> =
    LazyLock::new(|| FIELDS.iter().map(|field| format!(",\"{}\":", field.name).into_bytes().into()).collect());

struct LineWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The longest text, beside each field's own limit.
    cap: usize,
    truncated: bool,
    /// Where the line begins in `out`.
    start: usize,
}

impl LineWriter<'_> {
    fn null(&mut self, key: &[u8]) {
        self.out.extend_from_slice(key);
        self.out.extend_from_slice(b"null");
    }

    fn field(&mut self, key: &[u8], field: &Field, value: Value<'_>) {
        self.out.extend_from_slice(key);
        match value {
            Value::Text(text) => {
                let limit = if let Unit::Text(limit) = field.unit { limit } else { 0 };
                let kept = cut(text, limit.min(self.cap));
                self.truncated |= kept.len() < text.len();
                write_string(kept, self.out);
            }
            Value::Integer(number) => decimal::write(number, 0, self.out),
            Value::Fixed(units, scale) => decimal::write(units, scale, self.out),
            Value::Float(number) => write_float(number, self.out),
            Value::Bool(flag) => self.out.extend_from_slice(if flag { b"true" } else { b"false" }),
            Value::Time(nanos) => {
                self.out.push(b'"');
                self.out.extend_from_slice(&time::format(nanos));
                self.out.push(b'"');
            }
            Value::Id(id) => write_id(id, self.out),
        }
    }

    fn end(mut self) {
        if self.truncated
            && let Some(index) = position("truncated")
        {
            self.field(&KEYS[index], &FIELDS[index], Value::Bool(true));
        }
        // Every key has a comma in front of it; the first one gets a brace instead.
        if let Some(first) = self.out.get_mut(self.start) {
            *first = b'{';
        }
        self.out.extend_from_slice(b"}\n");
    }
}

/// The shortest decimal without exponent. What people write, `0.7`, has few places and is found without a search.
fn write_float(number: f64, out: &mut Vec<u8>) {
    let millionths = (number * 1e6).round();
    if (0.0..1e12).contains(&millionths) && millionths / 1e6 == number {
        decimal::write(millionths as u64, 6, out);
    } else {
        // Writing to memory cannot fail.
        let _ = write!(out, "{number}");
    }
}

fn position(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| field.name == name)
}

/// The longest beginning of `text` that has at most `limit` bytes.
fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Control characters are always escaped, so no text can end a line or begin another.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_prefix(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].map(hex));
            }
        }
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

/// How many bytes stand for themselves, looked through eight at a time.
fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..at + 8) {
        let word = eight.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        // A byte's high bit comes out set where it is below a space, or equal to what it is compared with. Bytes above such
        // a one may come out wrong, which the exact look below puts right.
        let below = |limit: u64, word: u64| word.wrapping_sub(ONES * limit) & !word;
        let equal = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
        let found = (below(0x20, word) | equal(b'"') | equal(b'\\') | equal(0x7f)) & (ONES << 7);
        if found != 0 {
            break;
        }
        at += 8;
    }
    at + bytes[at..].iter().position(|byte| ESCAPED[usize::from(*byte)]).unwrap_or(bytes.len() - at)
}

/// The bytes that do not stand for themselves in a string.
const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte < 0x20 || matches!(byte as u8, b'"' | b'\\' | 0x7f);
        byte += 1;
    }
    table
};

fn hex(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble)]
}

fn write_id(id: &[u8; 16], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(&super::id_text(id));
    out.push(b'"');
}

/// A value that stands by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Owned {
    /// Unknown.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(u64),
    /// A number of 10^-scale.
    Fixed(u64, u8),
    /// A number as a caller gave it.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// Nanoseconds since 1970.
    Time(u64),
    /// A UUID.
    Id([u8; 16]),
}

impl Owned {
    fn borrow(&self) -> Option<Value<'_>> {
        Some(match self {
            Owned::Null => return None,
            Owned::Text(text) => Value::Text(text),
            Owned::Integer(number) => Value::Integer(*number),
            Owned::Fixed(units, scale) => Value::Fixed(*units, *scale),
            Owned::Float(number) => Value::Float(*number),
            Owned::Bool(flag) => Value::Bool(*flag),
            Owned::Time(nanos) => Value::Time(*nanos),
            Owned::Id(id) => Value::Id(id),
        })
    }

    fn read(unit: Unit, json: &[u8]) -> Option<Owned> {
        if json == b"null" {
            return Some(Owned::Null);
        }
        let plain = std::str::from_utf8(json).ok()?;
        let quoted = || match json {
            [b'"', inner @ .., b'"'] => Some(inner),
            _ => None,
        };
        Some(match unit {
            Unit::Text(_) => Owned::Text(json::unescape(quoted()?)),
            Unit::Count => Owned::Integer(plain.parse().ok()?),
            Unit::Usd => Owned::Fixed(decimal::parse(plain, NANO_SCALE).ok()?, NANO_SCALE),
            Unit::Kwh => Owned::Fixed(decimal::parse(plain, PICO_SCALE).ok()?, PICO_SCALE),
            Unit::Seconds => Owned::Fixed(decimal::parse(plain, SECONDS_SCALE).ok()?, SECONDS_SCALE),
            // Rust reads infinities, and figures too large as such; JSON has none.
            Unit::Number => Owned::Float(plain.parse().ok().filter(|number: &f64| number.is_finite())?),
            Unit::Bool => Owned::Bool(plain.parse().ok()?),
            Unit::Time => Owned::Time(time::parse(quoted()?)?),
            Unit::Id => Owned::Id(super::id_from_text(quoted()?)?),
        })
    }
}

/// A line's values, read back by the table.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// By the table's index; `None` where the field does not stand on the line.
    values: Vec<Option<Owned>>,
}

impl Line {
    /// Reads a line, with or without its line feed. `None` if it is not one that [`render`] could have written.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Line> {
        let mut values = vec![None; FIELDS.len()];
        for member in json::members(line) {
            let member = member.ok()?;
            let index = FIELDS.iter().position(|field| field.name.as_bytes() == member.key)?;
            values[index] = Some(Owned::read(FIELDS[index].unit, member.value)?);
        }
        Some(Line { values })
    }

    /// The value of the field `name`; `None` if it is absent or null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Owned> {
        let index = position(name)?;
        self.values.get(index)?.as_ref().filter(|value| **value != Owned::Null)
    }

    /// Sets the field `name`; a name that the table does not have changes nothing.
    pub fn set(&mut self, name: &str, value: Owned) {
        if let Some(index) = position(name) {
            self.values.resize(FIELDS.len(), None);
            self.values[index] = Some(value);
        }
    }

    /// Writes the line, with its line feed.
    pub fn render(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut writer = LineWriter { out, cap: usize::MAX, truncated: false, start };
        for ((field, key), value) in FIELDS.iter().zip(&**KEYS).zip(&self.values) {
            match value.as_ref().and_then(Owned::borrow) {
                Some(value) => writer.field(key, field, value),
                None if field.always => writer.null(key),
                None => {}
            }
        }
        // What was cut before was marked then and is marked by the table's own field now.
        writer.truncated = false;
        writer.end();
    }
}
