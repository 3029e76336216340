//! The top level of an object in memory, member by member, with positions.

use std::ops::Range;

/// The bytes are not the JSON object they should be; `at` is the offset where that showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object (at byte {at})")]
pub struct Malformed {
    /// Offset in bytes from the start of the document.
    pub at: usize,
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key as written, without quotes, escapes unresolved.
    pub key: &'a [u8],
    /// Where the key's opening quote stands.
    pub key_start: usize,
    /// Where the value stands, without white space around it.
    pub span: Range<usize>,
    /// The value as written.
    pub value: &'a [u8],
    /// The comma in front of this member, if it is not the first.
    pub comma: Option<usize>,
}

impl Member<'_> {
    /// Whether this member's key is `name`, however it was escaped.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.key == name.as_bytes() || (self.key.contains(&b'\\') && super::unescape(self.key) == name)
    }

    /// The value's text, if it is a string.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self.value {
            [b'"', inner @ .., b'"'] => Some(super::unescape(inner)),
            _ => None,
        }
    }
}

/// Iterates over the members of the object that `doc` holds; white space around it is allowed, anything else is not.
#[must_use]
pub fn members(doc: &[u8]) -> Members<'_> {
    Members { doc, at: 0, state: State::Start }
}

/// Iterates over the members of an object that is the value of a [`Member`]; positions count from the value's start.
#[must_use]
pub fn object_members(value: &[u8]) -> Option<Members<'_>> {
    (value.first() == Some(&b'{')).then(|| members(value))
}

/// Iterates over the values of the array that `value` holds, as written; ends where it is malformed, and at once where it is no
/// array.
#[must_use]
pub fn elements(value: &[u8]) -> Elements<'_> {
    Elements { reader: Members { doc: value, at: 0, state: State::Start } }
}

/// See [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    reader: Members<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let reader = &mut self.reader;
        let opens = match reader.state {
            State::Start => b'[',
            State::Between => b',',
            State::Over => return None,
        };
        reader.state = State::Between;
        if reader.after_space() == Some(opens) {
            reader.at += 1;
            reader.after_space();
            let start = reader.at;
            if reader.skip_value().is_ok() {
                return Some(&reader.doc[start..reader.at]);
            }
        }
        reader.state = State::Over;
        None
    }
}

/// See [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    doc: &'a [u8],
    at: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Behind a member: a comma or the end follows.
    Between,
    Over,
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Over {
            return None;
        }
        let item = self.step();
        if !matches!(item, Ok(Some(_))) {
            self.state = State::Over;
        }
        item.transpose()
    }
}

impl<'a> Members<'a> {
    fn step(&mut self) -> Result<Option<Member<'a>>, Malformed> {
        let mut comma = None;
        match (self.state, self.after_space()) {
            (State::Start, Some(b'{')) => {
                self.at += 1;
                if self.after_space() == Some(b'}') {
                    return self.end();
                }
            }
            (State::Between, Some(b',')) => {
                comma = Some(self.at);
                self.at += 1;
            }
            (State::Between, Some(b'}')) => return self.end(),
            _ => return Err(self.malformed()),
        }
        self.state = State::Between;
        self.member(comma).map(Some)
    }

    /// Behind the closing brace only white space may follow.
    fn end(&mut self) -> Result<Option<Member<'a>>, Malformed> {
        self.at += 1;
        match self.after_space() {
            None => Ok(None),
            Some(_) => Err(self.malformed()),
        }
    }

    fn member(&mut self, comma: Option<usize>) -> Result<Member<'a>, Malformed> {
        if self.after_space() != Some(b'"') {
            return Err(self.malformed());
        }
        let key_start = self.at;
        self.skip_string()?;
        let key = &self.doc[key_start + 1..self.at - 1];
        if self.after_space() != Some(b':') {
            return Err(self.malformed());
        }
        self.at += 1;
        self.after_space();
        let start = self.at;
        self.skip_value()?;
        let span = start..self.at;
        Ok(Member { key, key_start, value: &self.doc[span.clone()], span, comma })
    }

    fn after_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.doc.get(self.at) {
            self.at += 1;
        }
        self.doc.get(self.at).copied()
    }

    fn skip_value(&mut self) -> Result<(), Malformed> {
        match self.doc.get(self.at) {
            Some(b'"') => self.skip_string(),
            Some(b'{' | b'[') => self.skip_container(),
            Some(_) => self.skip_scalar(),
            None => Err(self.malformed()),
        }
    }

    /// From the opening quote to just behind the closing one.
    fn skip_string(&mut self) -> Result<(), Malformed> {
        if let Some(length) = super::plain_length(&self.doc[self.at + 1..]) {
            self.at += length + 2;
            return Ok(());
        }
        let mut at = self.at + 1;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.doc[at.min(self.doc.len())..]) {
                None => return Err(Malformed { at: self.doc.len() }),
                Some(found) if self.doc[at + found] == b'"' => {
                    self.at = at + found + 1;
                    return Ok(());
                }
                Some(found) => at += found + 2,
            }
        }
    }

    /// Brackets are counted, not matched by kind: a body that is broken inside is the provider's to refuse.
    fn skip_container(&mut self) -> Result<(), Malformed> {
        let mut depth = 0usize;
        while let Some(byte) = self.doc.get(self.at) {
            match byte {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.malformed())
    }

    fn skip_scalar(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(byte) = self.doc.get(self.at) {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
                break;
            }
            self.at += 1;
        }
        let scalar = &self.doc[start..self.at];
        let known = matches!(scalar, b"true" | b"false" | b"null");
        let number = scalar.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        if known || number { Ok(()) } else { Err(Malformed { at: start }) }
    }

    fn malformed(&self) -> Malformed {
        Malformed { at: self.at }
    }
}
