//! Slow, plain readers to compare the real ones with.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The events of a stream: up to and with the blank line of each; the last one may have none. Lines end with LF, CRLF or CR.
pub(crate) fn events(stream: &[u8]) -> Vec<&[u8]> {
    let (mut events, mut start, mut at) = (Vec::new(), 0, 0);
    for line in lines(stream) {
        at += line.len();
        if content(line).is_empty() && is_ended(line) {
            events.push(&stream[start..at]);
            start = at;
        }
    }
    if start < stream.len() {
        events.push(&stream[start..]);
    }
    events
}

/// Lines with their ends.
pub(crate) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        at += match &bytes[at..] {
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        if matches!(bytes[at - 1], b'\n' | b'\r') {
            lines.push(&bytes[start..at]);
            start = at;
        }
    }
    if start < bytes.len() {
        lines.push(&bytes[start..]);
    }
    lines
}

/// A line without its end.
pub(crate) fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

pub(crate) fn is_ended(line: &[u8]) -> bool {
    matches!(line.last(), Some(b'\n' | b'\r'))
}

/// The data of an event as a client joins it; `None` without any.
pub(crate) fn data(event: &[u8]) -> Option<Vec<u8>> {
    let mut data: Option<Vec<u8>> = None;
    for line in lines(event) {
        let Some(value) = content(line).strip_prefix(b"data:") else { continue };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => data = Some(value.to_vec()),
        }
    }
    data
}

/// A member of an object: where it begins (its key's quote), its key as written and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) span: Range<usize>,
}

/// The members of an object in their order, keys as written, if `doc` is one by serde_json's judgement.
pub(crate) fn members(doc: &[u8]) -> Option<Vec<Member<'_>>> {
    let values = serde_json::from_slice::<Values<'_>>(doc).ok()?.0;
    let mut members = Vec::new();
    let mut at = doc.iter().position(|byte| *byte == b'{')? + 1;
    for value in values {
        let value = value.get().as_bytes();
        let start = value.as_ptr() as usize - doc.as_ptr() as usize;
        // Between the values stand a comma, the key and a colon; only the key has quotes.
        let key = at + doc[at..start].iter().position(|byte| *byte == b'"')?;
        let end = at + doc[at..start].iter().rposition(|byte| *byte == b'"')?;
        at = start + value.len();
        members.push(Member { key: &doc[key + 1..end], value, span: key..at });
    }
    Some(members)
}

struct Values<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Values<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Values<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while map.next_key::<IgnoredAny>()?.is_some() {
                    values.push(map.next_value()?);
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The figures of an answer, read from a tree that keeps the order and the repetitions of its members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// By the older name, which counts before the newer one wherever the two stand.
    prompt: Option<u64>,
    input: Option<u64>,
    pub(crate) output: Option<u64>,
    /// A number of a kind that the two sides may round differently was among them.
    pub(crate) unsure: bool,
}

impl Figures {
    /// Takes in the figures of one document.
    pub(crate) fn read(&mut self, doc: &Tree) {
        self.root(doc, 0);
    }

    pub(crate) fn input(&self) -> Option<u64> {
        self.prompt.or(self.input)
    }

    fn root(&mut self, tree: &Tree, depth: usize) {
        match tree {
            Tree::Object(members) => {
                for (key, value) in members {
                    match key.as_str() {
                        "usage" => self.usage(value, depth + 1),
                        "response" => self.root(value, depth + 1),
                        // Groq's own place for the usage of a stream.
                        "x_groq" => self.unsure = true,
                        _ => {}
                    }
                }
            }
            // What stands in an array stands in the array's place.
            Tree::Array(elements) => elements.iter().for_each(|element| self.root(element, depth + 1)),
            _ => {}
        }
    }

    fn usage(&mut self, tree: &Tree, depth: usize) {
        // So deep the meter no longer looks, and no answer goes.
        self.unsure |= depth > 6;
        match tree {
            Tree::Object(members) => {
                for (key, value) in members {
                    match key.as_str() {
                        "prompt_tokens" => self.count(value, depth + 1, |figures| &mut figures.prompt),
                        "input_tokens" => self.count(value, depth + 1, |figures| &mut figures.input),
                        "completion_tokens" | "output_tokens" => {
                            self.count(value, depth + 1, |figures| &mut figures.output)
                        }
                        // What these add to the two is for the dialect's own tests.
                        "total_tokens" | "cache_read_input_tokens" | "cache_creation_input_tokens" => {
                            self.unsure = true
                        }
                        _ => {}
                    }
                }
            }
            Tree::Array(elements) => elements.iter().for_each(|element| self.usage(element, depth + 1)),
            _ => {}
        }
    }

    fn count(&mut self, tree: &Tree, depth: usize, place: fn(&mut Figures) -> &mut Option<u64>) {
        self.unsure |= depth > 6;
        match tree {
            Tree::Count(tokens) => *place(self) = Some(*tokens),
            Tree::Float => self.unsure = true,
            Tree::Array(elements) => elements.iter().for_each(|element| self.count(element, depth + 1, place)),
            _ => {}
        }
    }
}

/// A JSON document, as far as [`Figures`] needs it.
#[derive(Debug)]
pub(crate) enum Tree {
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    Count(u64),
    Float,
    Other,
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Tree::Array(elements))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
                Ok(Tree::Count(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree::Float)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}
