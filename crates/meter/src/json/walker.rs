//! A JSON document followed through arbitrary cuts, in constant memory.
//!
//! What is wanted is a tree of nodes: a [`Visitor`] says which node a key leads to from the node it stands in, and
//! everything that leads nowhere is skipped at the speed of a string search. Elements of an array stand in the array's node.

use super::plain_length;

/// Where every document starts.
pub const ROOT: u8 = 1;
/// A place that nothing is wanted from.
pub const DEAD: u8 = 0;

/// Containers inside one another beyond this are not followed; no provider nests so deep.
const MAX_DEPTH: usize = 128;
/// Nodes are remembered this deep; what is wanted lies far above.
const MAX_NODES: usize = 12;
const MAX_KEY: usize = 64;
const MAX_SCALAR: usize = 1024;
const MAX_RAW: usize = 1024;
/// What is counted in answers stays below this: a million million is more than any request uses, and sums of it fit.
const MAX_COUNT: u64 = 1_000_000_000_000;

/// A value without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string without its quotes, escapes unresolved, cut at 1,024 bytes.
    Text(&'a [u8]),
    /// A number as written.
    Number(&'a [u8]),
    /// `true`, `false` or `null`.
    Literal(&'a [u8]),
}

impl Scalar<'_> {
    /// A count: a whole number, also one written as `12.0` or `1.2e3`; negative or absurd ones are nothing.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let Scalar::Number(digits) = self else { return None };
        // Nearly all are plain and short.
        if digits.len() <= 12 && digits.iter().all(u8::is_ascii_digit) {
            return Some(digits.iter().fold(0, |count, digit| count * 10 + u64::from(digit - b'0')));
        }
        let text = std::str::from_utf8(digits).ok()?;
        let whole = text.parse::<u64>().ok().or_else(|| {
            let number = text.parse::<f64>().ok()?;
            (number >= 0.0 && number.fract() == 0.0 && number < MAX_COUNT as f64).then_some(number as u64)
        });
        whole.filter(|count| *count < MAX_COUNT)
    }

    /// The text of a string.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Scalar::Text(raw) => Some(super::unescape(raw)),
            _ => None,
        }
    }
}

/// Says what is wanted and takes it.
pub trait Visitor {
    /// The node that `key` leads to from `node`, or [`DEAD`].
    fn child(&mut self, node: u8, key: &[u8]) -> u8;
    /// A scalar stands at `node`.
    fn scalar(&mut self, node: u8, scalar: Scalar<'_>);
    /// An object or an array begins at `node`.
    fn container(&mut self, _node: u8) {}
    /// Whether strings at `node` are wanted in full, of any length, beside the scalar.
    fn hears(&self, _node: u8) -> bool {
        false
    }
    /// The next bytes of the string at `node`, escapes unresolved.
    fn hear(&mut self, _node: u8, _raw: &[u8]) {}
    /// Whether the whole value at `node` is wanted as written, if it is a container of at most 1,024 bytes.
    fn wants_raw(&self, _node: u8) -> bool {
        false
    }
    /// The value at `node` as written.
    fn raw(&mut self, _node: u8, _value: &[u8]) {}
}

/// How far a document has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing but white space so far.
    Empty,
    /// In the middle.
    Open,
    /// A whole document.
    Complete,
    /// Not JSON, or nested deeper than is followed.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    /// Behind `[`: a value or the end.
    FirstElement,
    /// Behind `{`: a key or the end.
    FirstKey,
    Key,
    Colon,
    AfterValue,
    String,
    Escape,
    KeyString,
    KeyEscape,
    Number,
    Literal,
    Done,
    Broken,
}

/// See the module. One document at a time; [`Walker::reset`] starts the next.
#[derive(Debug, Clone)]
pub struct Walker {
    state: State,
    /// Bit i: the container at depth i + 1 is an object.
    objects: u128,
    depth: usize,
    /// `nodes[d]` is the node of the container at depth d; `nodes[0]` is the root's.
    nodes: [u8; MAX_NODES],
    /// The node of the value that comes next or is being read.
    here: u8,
    started: bool,
    /// The key, or the scalar, that is being read.
    token: Vec<u8>,
    /// Depth of the container that is being copied, and the copy.
    raw_depth: usize,
    raw: Vec<u8>,
}

impl Default for Walker {
    fn default() -> Self {
        Walker {
            state: State::Value,
            objects: 0,
            depth: 0,
            nodes: [DEAD; MAX_NODES],
            here: ROOT,
            started: false,
            token: Vec::new(),
            raw_depth: 0,
            raw: Vec::new(),
        }
    }
}

impl Walker {
    /// Forgets the document, keeps the memory.
    pub fn reset(&mut self) {
        self.state = State::Value;
        self.depth = 0;
        self.here = ROOT;
        self.started = false;
        self.token.clear();
        self.raw_depth = 0;
        self.raw.clear();
    }

    /// How far the document has come. A bare number at the top level counts as complete.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.state {
            State::Broken => Status::Broken,
            State::Done => Status::Complete,
            State::Number | State::Literal if self.depth == 0 => Status::Complete,
            _ if self.started => Status::Open,
            _ => Status::Empty,
        }
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8], visitor: &mut impl Visitor) {
        let mut at = 0;
        // Where the container that is copied begins in `bytes`; it may have begun in an earlier piece.
        let mut copied = 0;
        while at < bytes.len() && self.state != State::Broken {
            let was_copying = self.raw_depth > 0;
            let next = self.step(bytes, at, visitor);
            if was_copying && self.raw_depth == 0 {
                self.copy(&bytes[copied..next]);
                self.hand_over_raw(visitor);
            } else if !was_copying && self.raw_depth > 0 {
                copied = at;
            }
            at = next;
        }
        if self.raw_depth > 0 {
            self.copy(&bytes[copied..]);
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        let room = (MAX_RAW + 1).saturating_sub(self.raw.len());
        self.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn hand_over_raw(&mut self, visitor: &mut impl Visitor) {
        if self.raw.len() <= MAX_RAW {
            // The container has just been closed: its node is the one that stood at the depth above it.
            visitor.raw(self.here, &self.raw);
        }
        self.raw.clear();
    }

    /// One step from `at`; returns where the next one starts.
    #[inline]
    fn step(&mut self, bytes: &[u8], at: usize, visitor: &mut impl Visitor) -> usize {
        match self.state {
            State::String => return self.string(bytes, at, visitor),
            State::KeyString => return self.key(bytes, at, visitor),
            State::Number | State::Literal => return self.word(bytes, at, visitor),
            // Most members follow the one before without white space.
            State::AfterValue if bytes[at..].starts_with(b",\"") && self.in_object() => {
                return self.whole_key(bytes, at + 2, visitor);
            }
            State::Escape | State::KeyEscape => {
                let key = self.state == State::KeyEscape;
                self.keep(&bytes[at..=at], key);
                if !key {
                    self.pass_on(&bytes[at..=at], visitor);
                }
                self.state = if key { State::KeyString } else { State::String };
                return at + 1;
            }
            _ => {}
        }
        let byte = bytes[at];
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return at + 1;
        }
        self.structural(byte, visitor);
        match self.state {
            // Most strings and words lie whole in a piece and are read where they lie.
            State::String => self.whole_string(bytes, at + 1, visitor),
            State::KeyString => self.whole_key(bytes, at + 1, visitor),
            State::Number | State::Literal => self.word(bytes, at, visitor),
            _ => at + 1,
        }
    }

    #[inline]
    fn whole_string(&mut self, bytes: &[u8], at: usize, visitor: &mut impl Visitor) -> usize {
        let Some(length) = plain_length(&bytes[at..]) else { return at };
        if self.here != DEAD {
            self.pass_on(&bytes[at..at + length], visitor);
            visitor.scalar(self.here, Scalar::Text(&bytes[at..at + length.min(MAX_SCALAR)]));
        }
        self.after_value();
        at + length + 1
    }

    #[inline]
    fn whole_key(&mut self, bytes: &[u8], at: usize, visitor: &mut impl Visitor) -> usize {
        let Some(length) = plain_length(&bytes[at..]) else {
            self.here = DEAD;
            self.begin(State::KeyString);
            return at;
        };
        let parent = self.container_node();
        self.here = if parent == DEAD { DEAD } else { visitor.child(parent, &bytes[at..at + length]) };
        let next = at + length + 1;
        // The colon usually follows at once, and the value after it: steps saved.
        match bytes.get(next..) {
            Some([b':', b'"', ..]) => {
                self.begin(State::String);
                self.whole_string(bytes, next + 2, visitor)
            }
            Some([b':', b'0'..=b'9', ..]) => {
                self.begin(State::Number);
                self.word(bytes, next + 1, visitor)
            }
            Some([b':', ..]) => {
                self.state = State::Value;
                next + 1
            }
            _ => {
                self.state = State::Colon;
                next
            }
        }
    }

    #[inline]
    fn structural(&mut self, byte: u8, visitor: &mut impl Visitor) {
        self.started = true;
        match (self.state, byte) {
            (State::Value | State::FirstElement, b'"') => self.begin(State::String),
            (State::Value | State::FirstElement, b'{') => self.open(true, visitor),
            (State::Value | State::FirstElement, b'[') => self.open(false, visitor),
            (State::Value | State::FirstElement, b'-' | b'0'..=b'9') => self.begin(State::Number),
            (State::Value | State::FirstElement, b't' | b'f' | b'n') => self.begin(State::Literal),
            (State::FirstElement, b']') | (State::FirstKey, b'}') => self.close(),
            (State::FirstKey | State::Key, b'"') => self.begin(State::KeyString),
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, b',') => {
                let object = self.in_object();
                self.here = if object { DEAD } else { self.container_node() };
                self.state = if object { State::Key } else { State::Value };
            }
            (State::AfterValue, b'}') if self.in_object() => self.close(),
            (State::AfterValue, b']') if !self.in_object() => self.close(),
            _ => self.state = State::Broken,
        }
    }

    fn begin(&mut self, state: State) {
        self.token.clear();
        self.state = state;
    }

    fn open(&mut self, object: bool, visitor: &mut impl Visitor) {
        if self.depth == MAX_DEPTH {
            self.state = State::Broken;
            return;
        }
        let bit = 1u128 << self.depth;
        self.objects = if object { self.objects | bit } else { self.objects & !bit };
        self.depth += 1;
        if self.depth < MAX_NODES {
            self.nodes[self.depth] = self.here;
        } else {
            self.here = DEAD;
        }
        if self.here != DEAD {
            visitor.container(self.here);
            if self.raw_depth == 0 && visitor.wants_raw(self.here) {
                self.raw_depth = self.depth;
            }
        }
        self.state = if object { State::FirstKey } else { State::FirstElement };
    }

    fn close(&mut self) {
        self.here = self.container_node();
        if self.raw_depth == self.depth {
            self.raw_depth = 0;
        }
        self.depth -= 1;
        self.after_value();
    }

    fn after_value(&mut self) {
        self.state = if self.depth == 0 { State::Done } else { State::AfterValue };
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & (1u128 << (self.depth - 1)) != 0
    }

    fn container_node(&self) -> u8 {
        if self.depth < MAX_NODES { self.nodes[self.depth] } else { DEAD }
    }

    fn keep(&mut self, bytes: &[u8], key: bool) {
        if key || self.here != DEAD {
            // One byte over a key's limit is enough to know that nobody asked for it.
            let limit = if key { MAX_KEY + 1 } else { MAX_SCALAR };
            let room = limit.saturating_sub(self.token.len());
            self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    #[inline]
    fn pass_on(&self, raw: &[u8], visitor: &mut impl Visitor) {
        if self.here != DEAD && visitor.hears(self.here) {
            visitor.hear(self.here, raw);
        }
    }

    fn string(&mut self, bytes: &[u8], at: usize, visitor: &mut impl Visitor) -> usize {
        let (end, next) = self.run(bytes, at, false, State::Escape);
        self.pass_on(&bytes[at..next - usize::from(end)], visitor);
        if end && self.here != DEAD {
            visitor.scalar(self.here, Scalar::Text(&self.token));
        }
        if end {
            self.after_value();
        }
        next
    }

    fn key(&mut self, bytes: &[u8], at: usize, visitor: &mut impl Visitor) -> usize {
        let (end, next) = self.run(bytes, at, true, State::KeyEscape);
        if end {
            let parent = self.container_node();
            self.here = match parent {
                DEAD => DEAD,
                node if self.token.contains(&b'\\') => visitor.child(node, super::unescape(&self.token).as_bytes()),
                node => visitor.child(node, &self.token),
            };
            self.state = State::Colon;
        }
        next
    }

    /// Reads a string's bytes up to its end, an escape or the end of the piece: (ended, where to go on).
    fn run(&mut self, bytes: &[u8], at: usize, key: bool, escape: State) -> (bool, usize) {
        let rest = &bytes[at..];
        match memchr::memchr2(b'"', b'\\', rest) {
            None => {
                self.keep(rest, key);
                (false, bytes.len())
            }
            Some(found) if rest[found] == b'"' => {
                self.keep(&rest[..found], key);
                (true, at + found + 1)
            }
            Some(found) => {
                self.keep(&rest[..=found], key);
                self.state = escape;
                (false, at + found + 1)
            }
        }
    }

    /// A number or a literal: up to the first byte that cannot belong to it, which is left for the next step.
    #[inline]
    fn word(&mut self, bytes: &[u8], at: usize, visitor: &mut impl Visitor) -> usize {
        let rest = &bytes[at..];
        let length = rest.iter().position(|byte| !WORD[usize::from(*byte)]).unwrap_or(rest.len());
        if length < rest.len() && self.token.is_empty() {
            self.end_word(&rest[..length], visitor);
            return at + length;
        }
        // Cut by the end of the piece, here or before. One byte over the limit is enough to know that it is too long.
        let room = (MAX_KEY + 1).saturating_sub(self.token.len());
        self.token.extend_from_slice(&rest[..length.min(room)]);
        if length < rest.len() {
            let token = std::mem::take(&mut self.token);
            self.end_word(&token, visitor);
        }
        at + length
    }

    #[inline]
    fn end_word(&mut self, word: &[u8], visitor: &mut impl Visitor) {
        let literal = self.state == State::Literal;
        if literal && !matches!(word, b"true" | b"false" | b"null") {
            self.state = State::Broken;
            return;
        }
        // No figure is longer; half of one would be another.
        if self.here != DEAD && word.len() <= MAX_KEY {
            let scalar = if literal { Scalar::Literal(word) } else { Scalar::Number(word) };
            visitor.scalar(self.here, scalar);
        }
        self.after_value();
    }
}

/// The bytes that numbers and literals are made of.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        table[byte] = is.is_ascii_alphanumeric() || matches!(is, b'+' | b'-' | b'.');
        byte += 1;
    }
    table
};
