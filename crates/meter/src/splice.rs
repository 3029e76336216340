//! Takes out of a stream what asking for usage put in: the event that carries it, and `"usage":null` in every other.
//!
//! A caller who did not ask for usage gets the stream that the provider would have sent unasked, byte for byte: what stays
//! is copied, never serialised anew. An event is held until its blank line has come, which is where a client acts on it.

use std::ops::Range;

use crate::json;

/// An event longer than this passes as it is. A usage event is hundreds of bytes.
const MAX_HELD: usize = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Splicer {
    /// The bytes of the event that has not ended.
    held: Vec<u8>,
    ends: EventEnds,
    /// The event grew beyond [`MAX_HELD`]: its bytes pass as they come.
    passing: bool,
}

impl Splicer {
    /// Takes the next piece of the stream and appends to `out` what the caller gets of it.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some(end) = self.ends.find(rest) {
            let (event, after) = rest.split_at(end);
            self.end_event(event, out);
            rest = after;
        }
        if self.passing {
            out.extend_from_slice(rest);
            return;
        }
        self.held.extend_from_slice(rest);
        if self.held.len() > MAX_HELD {
            out.append(&mut self.held);
            self.passing = true;
        }
    }

    fn end_event(&mut self, tail: &[u8], out: &mut Vec<u8>) {
        if self.passing || self.held.len() + tail.len() > MAX_HELD {
            out.append(&mut self.held);
            out.extend_from_slice(tail);
            self.passing = false;
        } else if self.held.is_empty() {
            splice_event(tail, out);
        } else {
            self.held.extend_from_slice(tail);
            splice_event(&self.held, out);
            self.held.clear();
        }
    }

    /// The stream is over: what is held of an event that never ended, or whose last CR might have had an LF.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.ends.after_cr && self.ends.blank {
            self.end_event(b"", out);
        }
        out.append(&mut self.held);
        *self = Splicer::default();
    }
}

/// Finds the blank lines that end events, through arbitrary cuts. Lines end with LF, CRLF or CR.
#[derive(Debug)]
struct EventEnds {
    line_is_empty: bool,
    /// The last piece ended with a CR, to which an LF may still belong.
    after_cr: bool,
    /// That CR stood on an empty line.
    blank: bool,
}

impl Default for EventEnds {
    fn default() -> Self {
        EventEnds { line_is_empty: true, after_cr: false, blank: false }
    }
}

impl EventEnds {
    /// Just behind the first blank line's end in `bytes`, which may be 0 where an earlier CR turns out to have been it.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            at = usize::from(bytes[0] == b'\n');
            if self.blank {
                return Some(at);
            }
        }
        while at < bytes.len() {
            let Some(found) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.line_is_empty = false;
                return None;
            };
            let blank = self.line_is_empty && found == 0;
            self.line_is_empty = true;
            at += found + 1;
            if bytes[at - 1] == b'\r' {
                match bytes.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => {
                        self.after_cr = true;
                        self.blank = blank;
                        return None;
                    }
                }
            }
            if blank {
                return Some(at);
            }
        }
        None
    }
}

/// Copies an event, all of it, none of it, or all but `"usage":null`.
fn splice_event(event: &[u8], out: &mut Vec<u8>) {
    match verdict(event) {
        Verdict::Keep => out.extend_from_slice(event),
        Verdict::Drop => {}
        Verdict::Cut(span) => {
            out.extend_from_slice(&event[..span.start]);
            out.extend_from_slice(&event[span.end..]);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Drop,
    Cut(Range<usize>),
}

fn verdict(event: &[u8]) -> Verdict {
    // Most events of most providers have no usage; a search is far cheaper than a walk.
    if memchr::memmem::find(event, b"\"usage\"").is_none() {
        return Verdict::Keep;
    }
    let Some(data) = only_data_line(event) else { return Verdict::Keep };
    let json = &event[data.clone()];
    let (mut usage, mut no_choices, mut next) = (None, false, None);
    for member in json::members(json) {
        let Ok(member) = member else { return Verdict::Keep };
        if usage.is_some() && next.is_none() {
            next = Some(member.key_start);
        }
        if member.key == b"usage" {
            next = None;
            usage = Some(member);
        } else if member.key == b"choices" {
            no_choices = member.value.first() == Some(&b'[') && member.value[1..].trim_ascii() == b"]";
        }
    }
    match usage {
        Some(member) if member.value.first() == Some(&b'{') && no_choices => Verdict::Drop,
        Some(member) if member.value == b"null" => {
            let span = match (member.comma, next) {
                (Some(comma), _) => comma..member.span.end,
                (None, Some(next)) => member.key_start..next,
                (None, None) => member.key_start..member.span.end,
            };
            Verdict::Cut(data.start + span.start..data.start + span.end)
        }
        _ => Verdict::Keep,
    }
}

/// Where the data of an event stands that has exactly one line of it.
fn only_data_line(event: &[u8]) -> Option<Range<usize>> {
    let mut found = None;
    let mut start = 0;
    for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if let Some(data) = line.strip_prefix(b"data:") {
            if found.is_some() {
                return None;
            }
            found = Some(start + line.len() - data.len()..start + line.len());
        }
        start += line.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests;
