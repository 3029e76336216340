//! Server-sent events from arbitrary cuts of bytes: the `data` of each event goes to a JSON walker as it arrives.
//!
//! Nothing is collected: a line of any length passes in constant memory. Lines end with LF, CRLF or CR, as the WHATWG
//! living standard says under "Parsing an event stream".

use crate::json::{Status, Visitor, Walker};

/// The data with which OpenAI's dialect ends a stream.
const DONE: &[u8] = b"[DONE]";

/// What came to an end within a piece of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events that carried data, `[DONE]` not counted.
    pub events: u32,
    /// Those of them whose data was not JSON.
    pub broken: u32,
    /// Whether `data: [DONE]` was among them.
    pub done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a line.
    LineStart,
    /// In a field's name, of which so many bytes match `data`.
    Name(u8),
    /// Behind `data:`, where one space is dropped.
    DataStart,
    Data,
    /// In a field or comment that does not matter.
    Skip,
}

/// A stream of events, read piece by piece.
#[derive(Debug, Clone)]
pub struct Events {
    place: Place,
    /// The last byte was a CR, so that an LF now is part of the same line's end.
    after_cr: bool,
    has_data: bool,
    /// The first bytes of the event's data, to know `[DONE]` by.
    head: [u8; DONE.len()],
    head_length: usize,
    data_length: usize,
    walker: Walker,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            place: Place::LineStart,
            after_cr: false,
            has_data: false,
            head: [0; DONE.len()],
            head_length: 0,
            data_length: 0,
            walker: Walker::default(),
        }
    }
}

impl Events {
    /// Reads on; `visitor` is told the values of each event's data.
    pub fn feed(&mut self, bytes: &[u8], visitor: &mut impl Visitor) -> Seen {
        let mut seen = Seen::default();
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.after_cr && byte == b'\n' {
                self.after_cr = false;
                rest = &rest[1..];
                continue;
            }
            self.after_cr = false;
            rest = match self.place {
                Place::LineStart | Place::Name(_) => self.name(byte, rest, visitor, &mut seen),
                Place::DataStart => {
                    self.place = Place::Data;
                    if byte == b' ' { &rest[1..] } else { rest }
                }
                Place::Data | Place::Skip => self.line(rest, visitor),
            };
        }
        seen
    }

    /// Whether the stream stands between events, so that an end here cuts nothing.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.place == Place::LineStart && !self.has_data
    }

    fn name<'a>(&mut self, byte: u8, rest: &'a [u8], visitor: &mut impl Visitor, seen: &mut Seen) -> &'a [u8] {
        let matched = if let Place::Name(matched) = self.place { matched } else { 0 };
        match byte {
            b'\n' | b'\r' if self.place == Place::LineStart => {
                self.after_cr = byte == b'\r';
                self.end_event(visitor, seen);
            }
            b'\n' | b'\r' => {
                self.after_cr = byte == b'\r';
                self.place = Place::LineStart;
            }
            b':' if matched == 4 => self.start_data(visitor),
            _ if b"data".get(usize::from(matched)) == Some(&byte) => self.place = Place::Name(matched + 1),
            _ => self.place = Place::Skip,
        }
        &rest[1..]
    }

    fn start_data(&mut self, visitor: &mut impl Visitor) {
        if self.has_data {
            // Lines of one event's data are joined with a line feed, which is white space to JSON.
            self.walker.feed(b"\n", visitor);
            self.data_length += 1;
        }
        self.has_data = true;
        self.place = Place::DataStart;
    }

    fn line<'a>(&mut self, rest: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let end = memchr::memchr2(b'\n', b'\r', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        if self.place == Place::Data {
            let room = (DONE.len() - self.head_length).min(line.len());
            self.head[self.head_length..self.head_length + room].copy_from_slice(&line[..room]);
            self.head_length += room;
            self.data_length += line.len();
            self.walker.feed(line, visitor);
        }
        let Some(end) = end else { return &[] };
        self.after_cr = rest[end] == b'\r';
        self.place = Place::LineStart;
        &rest[end + 1..]
    }

    fn end_event(&mut self, visitor: &mut impl Visitor, seen: &mut Seen) {
        if !self.has_data {
            return;
        }
        if self.data_length == DONE.len() && self.head == DONE {
            seen.done = true;
        } else {
            self.walker.feed(b" ", visitor);
            seen.events += 1;
            seen.broken += u32::from(self.walker.status() != Status::Complete);
        }
        self.walker.reset();
        self.has_data = false;
        self.head_length = 0;
        self.data_length = 0;
    }
}

#[cfg(test)]
mod tests;
