//! The canonical line: the table's order, no spaces, shortest decimals, so that rendering what was parsed gives the same
//! bytes.

use std::io::Write as _;
use std::sync::LazyLock;

use super::custom::{CustomValue, DECLARED, Declared, check_name};
use super::fields::{FIELDS, Field, Unit, Value};
use super::{GRAM_SCALE, MILLILITRE_SCALE, NANO_SCALE, PICO_SCALE, Record, SECONDS_SCALE};
use crate::{decimal, json, time};

/// The longest line in bytes, its line feed included: no collector splits it.
pub const LINE_LIMIT: usize = 8 * 1024;

/// Room for a usual line, so that it is not copied while it grows.
const USUAL: usize = 2048;

/// Writes the line of `record`, with its line feed, at most [`LINE_LIMIT`] bytes.
pub fn render(record: &Record, out: &mut Vec<u8>) {
    write_line(record, LINE_LIMIT, out, &TABLE.all);
}

/// Writes what is known of a request that is under way, in at most `limit` bytes: the fields that are known early.
pub fn render_begun(record: &Record, limit: usize, out: &mut Vec<u8>) {
    write_line(record, limit, out, &TABLE.early);
}

/// Writes the wanted fields in at most `limit` bytes, by cutting texts shorter and shorter until they fit.
fn write_line(record: &Record, limit: usize, out: &mut Vec<u8>, wanted: &[(&Field, Key)]) {
    let start = out.len();
    out.reserve(USUAL);
    write_once(record, usize::MAX, true, out, wanted);
    if out.len() - start <= limit {
        return;
    }
    // With their texts that short the declared fields fit on any line; where they do not fit in a slot of the table of what
    // is in flight, they are left out there.
    for (cap, custom) in [(128, true), (64, true), (32, true), (8, true), (32, false), (8, false)] {
        out.truncate(start);
        write_once(record, cap, custom, out, wanted);
        if out.len() - start <= limit {
            return;
        }
    }
}

/// Writes the wanted fields, and if so said those that were declared, with texts of at most `cap` bytes.
fn write_once(record: &Record, cap: usize, custom: bool, out: &mut Vec<u8>, wanted: &[(&Field, Key)]) {
    let start = out.len();
    let mut writer = LineWriter { out, cap, truncated: false, start };
    for (field, key) in wanted {
        match (field.get)(record) {
            Some(value) => writer.field(key, field, value),
            None if field.always => writer.null(key),
            None => {}
        }
    }
    if let Some(declared) = &record.custom {
        match custom {
            true => declared.known().for_each(|(field, value)| writer.custom(field, value)),
            false => writer.truncated = true,
        }
    }
    writer.end();
}

/// Each field with its key as it stands on the line.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let all: Vec<_> = FIELDS.iter().map(|field| (field, Key::new(field.name))).collect();
    Table { early: all.iter().copied().filter(|(field, _)| field.early).collect(), all }
});

struct Table {
    all: Vec<(&'static Field, Key)>,
    early: Vec<(&'static Field, Key)>,
}

/// A key as it stands on the line: `,"name":`. It is written with its padding, which is then taken back: copying so many
/// bytes as are known beforehand is a few instructions, copying as many as there are is a call.
#[derive(Clone, Copy)]
struct Key {
    padded: [u8; KEY],
    length: usize,
}

/// Room for the longest key.
const KEY: usize = 48;

impl Key {
    /// Where the key has been written already.
    const NONE: Key = Key { padded: [0; KEY], length: 0 };

    fn new(name: &str) -> Key {
        let text = format!(",\"{name}\":");
        let mut padded = [0; KEY];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        Key { padded, length: text.len() }
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        out.extend_from_slice(&self.padded);
        out.truncate(end);
    }
}

struct LineWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The longest text, beside each field's own limit.
    cap: usize,
    truncated: bool,
    /// Where the line begins in `out`.
    start: usize,
}

impl LineWriter<'_> {
    fn null(&mut self, key: &Key) {
        key.write(self.out);
        self.out.extend_from_slice(b"null");
    }

    fn field(&mut self, key: &Key, field: &Field, value: Value<'_>) {
        key.write(self.out);
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

    /// They stand between the table's fields and its last one, `truncated`, which is known only then.
    fn all_custom(&mut self, custom: &[(String, CustomValue)]) {
        for (name, value) in custom {
            self.out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            self.custom_value(value);
        }
    }

    fn custom(&mut self, field: &Declared, value: &CustomValue) {
        if field.on_line {
            self.out.extend_from_slice(&field.key);
            self.custom_value(value);
        }
    }

    /// By way of what writes the table's fields, so that this has one caller and stays quick.
    fn custom_value(&mut self, value: &CustomValue) {
        let value = match value {
            CustomValue::Text(text) => Value::Text(text),
            CustomValue::Float(number) => Value::Float(*number),
            CustomValue::Bool(flag) => Value::Bool(*flag),
            CustomValue::Integer(number) => {
                if *number < 0 {
                    self.out.push(b'-');
                }
                Value::Integer(number.unsigned_abs())
            }
        };
        self.field(&Key::NONE, &DECLARED, value);
    }

    fn end(mut self) {
        if self.truncated
            && let Some((field, key)) = position("truncated").map(|index| TABLE.all[index])
        {
            self.field(&key, field, Value::Bool(true));
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
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_escaped(text.as_bytes(), out);
    }
    out.push(b'"');
}

/// Eight bytes at a time: they are written as they are, and what is special among them is taken back.
fn write_escaped(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some((eight, rest)) = bytes.split_first_chunk::<8>() {
        let end = out.len();
        out.extend_from_slice(eight);
        bytes = match first_special(eight) {
            None => rest,
            Some(at) => {
                out.truncate(end + at);
                write_special(eight[at], out);
                &bytes[at + 1..]
            }
        };
    }
    for byte in bytes {
        if is_special(*byte) { write_special(*byte, out) } else { out.push(*byte) }
    }
}

fn write_special(byte: u8, out: &mut Vec<u8>) {
    match byte {
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
}

/// Where among eight bytes the first one stands that does not stand for itself.
fn first_special(eight: &[u8; 8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*eight);
    // A byte's high bit comes out set where it is below a space, or equal to what it is compared with. Bytes above such a
    // one may come out wrong, but the first one does not.
    let below = |limit: u64, word: u64| word.wrapping_sub(ONES * limit) & !word;
    let equal = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
    let found = (below(0x20, word) | equal(b'"') | equal(b'\\') | equal(0x7f)) & (ONES << 7);
    (found != 0).then_some((found.trailing_zeros() / 8) as usize)
}

/// Whether every byte stands for itself in a string. Blocks of known length are looked through all at once; the last one
/// overlaps the one before.
fn is_plain(bytes: &[u8]) -> bool {
    const BLOCK: usize = 16;
    const HALF: usize = 8;
    if let Some(last) = bytes.last_chunk::<BLOCK>() {
        return all_plain(last) && bytes.as_chunks::<BLOCK>().0.iter().all(all_plain);
    }
    match (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>()) {
        (Some(first), Some(last)) => all_plain(first) && all_plain(last),
        _ => !bytes.iter().any(|byte| is_special(*byte)),
    }
}

#[inline]
fn all_plain<const N: usize>(block: &[u8; N]) -> bool {
    // Without a branch for each byte.
    !block.iter().fold(false, |found, byte| found | is_special(*byte))
}

#[inline]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

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
            Unit::Grams => Owned::Fixed(decimal::parse(plain, GRAM_SCALE).ok()?, GRAM_SCALE),
            Unit::Millilitres => Owned::Fixed(decimal::parse(plain, MILLILITRE_SCALE).ok()?, MILLILITRE_SCALE),
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
    /// What an operator declared, in the line's order.
    custom: Vec<(String, CustomValue)>,
}

impl Line {
    /// Reads a line, with or without its line feed. `None` if it is not one that [`render`] could have written.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Line> {
        let (mut values, mut custom) = (vec![None; FIELDS.len()], Vec::new());
        for member in json::members(line) {
            let member = member.ok()?;
            if let Some(index) = FIELDS.iter().position(|field| field.name.as_bytes() == member.key) {
                values[index] = Some(Owned::read(FIELDS[index].unit, member.value)?);
            } else {
                let name = std::str::from_utf8(member.key).ok().filter(|name| check_name(name).is_ok())?;
                custom.push((name.to_owned(), CustomValue::read(member.value)?));
            }
        }
        Some(Line { values, custom })
    }

    /// The value of the declared field `name`.
    #[must_use]
    pub fn custom(&self, name: &str) -> Option<&CustomValue> {
        self.custom.iter().find(|(other, _)| other == name).map(|(_, value)| value)
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

    /// Sets the field `name`, which the table does not have; whether a line has room for it.
    pub fn declare(&mut self, name: &str, value: CustomValue) -> bool {
        let fits = check_name(name).is_ok() && self.custom.len() < super::MAX_FIELDS && self.custom(name).is_none();
        if fits {
            self.custom.push((name.to_owned(), value));
        }
        fits
    }

    /// Writes the line, with its line feed.
    pub fn render(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut writer = LineWriter { out, cap: usize::MAX, truncated: false, start };
        let last = FIELDS.len().saturating_sub(1);
        for (index, ((field, key), value)) in TABLE.all.iter().zip(&self.values).enumerate() {
            if index == last {
                writer.all_custom(&self.custom);
            }
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
