//! Reads JSON one value at a time, without looking further than it must.

use std::borrow::Cow;

use memchr::memchr2;

use crate::stage::names;

/// What can be wrong. Loki shows the words of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Malformed,
    Unknown,
    String,
    Array,
    Object,
    Escape,
}

impl Fault {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Malformed => "Malformed JSON error",
            Self::Unknown => "Unknown value type",
            Self::String => "Value is string, but can't find closing '\"' symbol",
            Self::Array => "Value is array, but can't find closing ']' symbol",
            Self::Object => "Value looks like object, but can't find closing '}' symbol",
            Self::Escape => "Encountered an invalid escape sequence in a string",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Number,
    Boolean,
    Null,
    Array,
    Object,
}

/// A value as it is written; a string without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) kind: Kind,
    pub(crate) raw: &'a [u8],
    /// Where it ends in what was read, its quote included.
    pub(crate) end: usize,
    /// Whether a backslash may stand in it.
    escaped: bool,
}

impl<'a> Value<'a> {
    /// As a label's value: strings without escapes, everything else as it is written. A string with a bad escape is empty.
    pub(crate) fn text(&self) -> Cow<'a, [u8]> {
        match self.kind {
            Kind::Null => Cow::Borrowed(b""),
            Kind::Object => Cow::Borrowed(self.raw),
            _ if !self.escaped => names::clean(self.raw),
            // As Loki does, arrays too.
            _ => match unescape(self.raw) {
                Ok(Cow::Borrowed(raw)) => names::clean(raw),
                Ok(Cow::Owned(text)) => Cow::Owned(names::clean(&text).into_owned()),
                Err(_) => Cow::Borrowed(b""),
            },
        }
    }
}

/// The place of the next byte that is not white space.
#[inline]
pub(crate) fn next_token(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(byte) = text.get(at) {
        if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The place after the closing quote of a string whose text begins at `from`, and whether there are escapes in it.
pub(crate) fn string_end(text: &[u8], from: usize) -> Option<(usize, bool)> {
    let (mut at, mut escaped) = (from, false);
    loop {
        let found = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some((found + 1, escaped));
        }
        escaped = true;
        at = found + 2;
    }
}

/// The place after the bracket that closes the one at `from`. Brackets of other kinds do not count.
pub(crate) fn block_end(text: &[u8], from: usize, open: u8, close: u8) -> Option<usize> {
    let (mut at, mut level) = (from, 0usize);
    while let Some(byte) = text.get(at) {
        at += 1;
        match *byte {
            b'"' => at = string_end(text, at)?.0,
            byte if byte == open => level += 1,
            byte if byte == close => {
                level = level.checked_sub(1)?;
                if level == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The value that comes next.
pub(crate) fn value(text: &[u8], from: usize) -> Result<Value<'_>, Fault> {
    let start = next_token(text, from).ok_or(Fault::Malformed)?;
    let (kind, end) = match text[start] {
        b'"' => {
            let (end, escaped) = string_end(text, start + 1).ok_or(Fault::String)?;
            return Ok(Value { kind: Kind::String, raw: &text[start + 1..end - 1], end, escaped });
        }
        b'[' => (Kind::Array, block_end(text, start, b'[', b']').ok_or(Fault::Array)?),
        b'{' => (Kind::Object, block_end(text, start, b'{', b'}').ok_or(Fault::Object)?),
        first => {
            let length = text[start..]
                .iter()
                .position(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | b',' | b'}' | b']'))
                .unwrap_or(text.len() - start);
            let kind = match (first, &text[start..start + length]) {
                (_, b"true" | b"false") => Kind::Boolean,
                (_, b"null") => Kind::Null,
                (b'0'..=b'9' | b'-', _) => Kind::Number,
                _ => return Err(Fault::Unknown),
            };
            (kind, start + length)
        }
    };
    // Brackets may hold strings; a number is whatever begins as one.
    let escaped = matches!(kind, Kind::Array | Kind::Number);
    Ok(Value { kind, raw: &text[start..end], end, escaped })
}

/// The members of an object, one after the other, until its end or a fault.
pub(crate) fn members(text: &[u8]) -> Members<'_> {
    Members { text, at: 0, state: State::Begin }
}

pub(crate) struct Members<'a> {
    text: &'a [u8],
    at: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Begin,
    /// Behind a value.
    Behind,
    Done,
}

type Member<'a> = (Cow<'a, [u8]>, Value<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let member = match self.state {
            State::Done => return None,
            State::Begin => self.first(),
            State::Behind => self.following(),
        };
        self.state = if matches!(member, Ok(Some(_))) { State::Behind } else { State::Done };
        member.transpose()
    }
}

impl<'a> Members<'a> {
    fn first(&mut self) -> Result<Option<Member<'a>>, Fault> {
        self.at = next_token(self.text, 0).filter(|at| self.text[*at] == b'{').ok_or(Fault::Object)? + 1;
        self.at = next_token(self.text, self.at).ok_or(Fault::Malformed)?;
        if self.text[self.at] == b'}' { Ok(None) } else { self.member().map(Some) }
    }

    fn following(&mut self) -> Result<Option<Member<'a>>, Fault> {
        // The reader that Loki uses calls it an array here: so do we.
        self.at = next_token(self.text, self.at).ok_or(Fault::Array)?;
        match self.text[self.at] {
            b'}' => return Ok(None),
            b',' => self.at = next_token(self.text, self.at + 1).ok_or(Fault::Array)?,
            _ => return Err(Fault::Object),
        }
        self.member().map(Some)
    }

    fn member(&mut self) -> Result<Member<'a>, Fault> {
        if self.text[self.at] != b'"' {
            return Err(Fault::Object);
        }
        let begin = self.at + 1;
        let (end, escaped) = string_end(self.text, begin).ok_or(Fault::Malformed)?;
        let raw = &self.text[begin..end - 1];
        let key = if escaped { unescape(raw)? } else { Cow::Borrowed(raw) };
        let colon = next_token(self.text, end).filter(|at| self.text[*at] == b':').ok_or(Fault::Malformed)?;
        let value = value(self.text, colon + 1)?;
        self.at = value.end;
        Ok((key, value))
    }
}

/// A string's text without escapes. Half of a surrogate pair is a fault, as in the reader that Loki uses.
pub(crate) fn unescape(raw: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    let Some(mut next) = memchr::memchr(b'\\', raw) else { return Ok(Cow::Borrowed(raw)) };
    let mut out = Vec::with_capacity(raw.len());
    let mut copied = 0;
    loop {
        out.extend_from_slice(&raw[copied..next]);
        copied = escape(raw, next, &mut out)?;
        match memchr::memchr(b'\\', &raw[copied..]) {
            Some(at) => next = copied + at,
            None => break,
        }
    }
    out.extend_from_slice(&raw[copied..]);
    Ok(Cow::Owned(out))
}

/// One escape, at `at`; the result is the place behind it.
fn escape(raw: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let byte = match raw.get(at + 1) {
        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return unicode(raw, at, out),
        _ => return Err(Fault::Escape),
    };
    out.push(byte);
    Ok(at + 2)
}

fn unicode(raw: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let high = four(raw, at).ok_or(Fault::Escape)?;
    let (number, end) = if (0xd800..0xe000).contains(&high) {
        let low = four(raw, at + 6).filter(|low| *low >= 0xdc00 && high < 0xdc00).ok_or(Fault::Escape)?;
        (0x1_0000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff), at + 12)
    } else {
        (high, at + 6)
    };
    let c = char::from_u32(number).ok_or(Fault::Escape)?;
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(end)
}

fn four(raw: &[u8], at: usize) -> Option<u32> {
    let digits = raw.get(at..at + 6).filter(|text| text.starts_with(b"\\u"))?;
    digits[2..].iter().try_fold(0, |number, byte| Some(number * 16 + char::from(*byte).to_digit(16)?))
}
