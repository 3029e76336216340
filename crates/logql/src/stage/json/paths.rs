//! `| json a="b.c[0]"`: chosen values only.
//!
//! The line is walked once for all paths, up to the last value that is wanted: what is wrong behind it goes unnoticed, and in a
//! line that is cut off what came before is found. Loki does it so, and so the answers agree.

use std::borrow::Cow;

use super::expression::{self, Step};
use super::scan::{self, Fault, Kind, Value};
use super::{ERROR, failure};
use crate::stage::{ParamError, StageError, WantedSink, names};

/// Labels with the paths of their values.
#[derive(Clone, Debug)]
pub struct Paths {
    wanted: Vec<(String, Vec<Step>)>,
    longest: usize,
}

impl Paths {
    /// Parses a list of labels and expressions.
    ///
    /// # Errors
    /// In Loki's words: `cannot parse expression […]: …`, `invalid extracted label name '…'`.
    pub fn parse(list: &[(String, String)]) -> Result<Self, ParamError> {
        let mut wanted = Vec::with_capacity(list.len());
        for (label, text) in list {
            let steps = expression::parse(text)
                .map_err(|ParamError(words)| ParamError(format!("cannot parse expression [{text}]: {words}")))?;
            if !names::is_label_name(label) {
                return Err(ParamError(format!("invalid extracted label name '{label}'")));
            }
            wanted.push((label.clone(), steps));
        }
        let longest = wanted.iter().map(|(_, steps)| steps.len()).max().unwrap_or(0);
        Ok(Self { wanted, longest })
    }

    /// Whether each label is a member of the line's object under its own name.
    pub(crate) fn are_members(&self) -> bool {
        self.wanted.iter().all(|(label, steps)| matches!(steps.as_slice(), [Step::Key(key)] if key == label))
    }

    /// Gives each label's value, in the line's order, and then the labels that the line has none for. Objects and arrays are
    /// given as they are written.
    ///
    /// # Errors
    /// `JSONParserErr`, without details where the line does not begin as JSON does; then nothing has been given.
    pub fn extract(&self, line: &[u8], sink: &mut WantedSink<'_>) -> Result<(), StageError> {
        match line.first() {
            None => return Ok(()),
            Some(b'"' | b'{' | b'[') => {}
            Some(_) => return Err(StageError { kind: ERROR, details: String::new() }),
        }
        let mut walk = Walk {
            text: line,
            paths: self,
            found: vec![Found::No; self.wanted.len()],
            open: self.wanted.len(),
            keys: vec![Cow::Borrowed(b"" as &[u8]); self.longest],
            fault: None,
            more: true,
            sink,
        };
        walk.run();
        let Walk { found, fault, mut more, sink, .. } = walk;
        for ((label, _), found) in self.wanted.iter().zip(found) {
            more = more && (found == Found::Given || sink(label, None));
        }
        fault.map_or(Ok(()), |fault| Err(failure(fault)))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Found {
    No,
    /// The path is there; what it leads to could not be read.
    Broken,
    Given,
}

struct Walk<'l, 'p, 's, 'f> {
    text: &'l [u8],
    paths: &'p Paths,
    found: Vec<Found>,
    /// How many paths are still looked for.
    open: usize,
    /// The key last seen on each level.
    keys: Vec<Cow<'l, [u8]>>,
    fault: Option<Fault>,
    more: bool,
    sink: &'s mut WantedSink<'f>,
}

impl<'l> Walk<'l, '_, '_, '_> {
    /// Follows the text bracket by bracket. Ends where it cannot go on, or has everything.
    fn run(&mut self) {
        let (mut at, mut level) = (0usize, 0usize);
        while self.open > 0 && self.more {
            let Some(byte) = self.text.get(at) else { return };
            at += 1;
            match byte {
                b'"' => match self.string(at, level) {
                    Some(next) => at = next,
                    None => return,
                },
                b'{' => level += 1,
                b'}' | b']' => {
                    let Some(lower) = level.checked_sub(1) else { return };
                    level = lower;
                }
                b'[' => match self.array(at - 1, level) {
                    Some((next, deeper)) => (at, level) = (next, deeper),
                    None => return,
                },
                _ => {}
            }
        }
    }

    /// A string, from behind its quote on: a key, if a colon follows. The result is where to go on.
    fn string(&mut self, begin: usize, level: usize) -> Option<usize> {
        let (end, escaped) = scan::string_end(self.text, begin)?;
        let next = scan::next_token(self.text, end)?;
        if self.text[next] != b':' {
            return Some(next);
        }
        let raw = &self.text[begin..end - 1];
        let key = if escaped { scan::unescape(raw).ok()? } else { Cow::Borrowed(raw) };
        if level > self.paths.longest {
            return Some(next + 1);
        }
        if level == 0 {
            self.fault = Some(Fault::Malformed);
            return None;
        }
        self.keys[level - 1] = key;
        for index in 0..self.paths.wanted.len() {
            let steps = &self.paths.wanted[index].1;
            let here = steps.len() == level && self.found[index] == Found::No && self.leads(steps, level);
            if here {
                self.give(index, scan::value(self.text, next + 1));
            }
        }
        Some(next + 1)
    }

    /// Whether the keys down to a level are the path's.
    fn leads(&self, steps: &[Step], level: usize) -> bool {
        steps.iter().zip(&self.keys[..level]).all(|(step, key)| match step {
            Step::Key(name) => name.as_bytes() == &**key,
            Step::Index(index) => format!("[{index}]").as_bytes() == &**key,
        })
    }

    fn give(&mut self, index: usize, value: Result<Value<'_>, Fault>) {
        self.open -= 1;
        self.found[index] = Found::Broken;
        match value {
            Ok(value) => {
                self.found[index] = Found::Given;
                self.more = self.more && (self.sink)(&self.paths.wanted[index].0, Some(&value.text()));
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// An array, at its bracket. Passed over unless a path has an index here. The result is where to go on, and the level there.
    fn array(&mut self, at: usize, level: usize) -> Option<(usize, usize)> {
        let paths = self.paths;
        let through: Vec<(usize, usize)> = (0..paths.wanted.len())
            .filter(|index| self.found[*index] == Found::No)
            .filter_map(|index| match paths.wanted[index].1.get(level) {
                Some(Step::Index(element)) if self.leads(&paths.wanted[index].1[..level], level) => {
                    Some((index, *element))
                }
                _ => None,
            })
            .collect();
        if through.is_empty() {
            return Some((scan::block_end(self.text, at, b'[', b']')?, level));
        }
        let mut next = at + 1;
        for position in 0usize.. {
            let Ok(element) = scan::value(self.text, next) else { break };
            for (index, _) in through.iter().filter(|(_, wanted)| *wanted == position) {
                self.element(*index, element, level + 1);
            }
            next = element.end;
            match scan::next_token(self.text, next).map(|at| (at, self.text[at])) {
                Some((at, b',')) => next = at + 1,
                Some((at, _)) => {
                    next = at;
                    break;
                }
                None => break,
            }
        }
        Some((next, level + 1))
    }

    /// The rest of a path within an element of an array.
    fn element(&mut self, index: usize, element: Value<'_>, level: usize) {
        let steps = &self.paths.wanted[index].1[level..];
        match descend(element, steps) {
            Some(value) => self.give(index, value),
            None => {
                self.open -= 1;
                self.found[index] = Found::Broken;
            }
        }
    }
}

/// Follows a path through a value that is known to be closed.
fn descend<'a>(mut value: Value<'a>, steps: &[Step]) -> Option<Result<Value<'a>, Fault>> {
    for step in steps {
        let next = match (step, value.kind) {
            (Step::Key(name), Kind::Object) => {
                let member =
                    scan::members(value.raw).find(|m| m.as_ref().map_or(true, |(key, _)| **key == *name.as_bytes()));
                member?.ok()?.1
            }
            (Step::Index(index), Kind::Array) => nth(value.raw, *index)?,
            _ => return None,
        };
        value = next;
    }
    Some(Ok(value))
}

fn nth(array: &[u8], index: usize) -> Option<Value<'_>> {
    let mut at = 1;
    for position in 0.. {
        let element = scan::value(array, at).ok()?;
        if position == index {
            return Some(element);
        }
        at = scan::next_token(array, element.end).filter(|at| array[*at] == b',')? + 1;
    }
    None
}
