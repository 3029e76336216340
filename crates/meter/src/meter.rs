//! The meter of one answer: bytes in as they pass, what they said out at the end.

use std::sync::Arc;

use crate::dialect::{Answer, Api};
use crate::json::{Status, Walker};
use crate::path::{Beside, Findings, Paths};
use crate::sse::Events;

/// Nanoseconds since the request began.
pub type Nanos = u64;

/// How the answer's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// Server-sent events.
    Events,
    /// Nothing the meter reads.
    Opaque,
}

impl Format {
    /// From a `content-type`, parameters and case aside.
    #[must_use]
    pub fn of_content_type(value: &[u8]) -> Format {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"text/event-stream") {
            Format::Events
        } else if essence.eq_ignore_ascii_case(b"application/json")
            || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json"))
        {
            Format::Json
        } else {
            Format::Opaque
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Meter {
    reader: Reader,
    answer: Answer,
    events: u64,
    broken: bool,
    done: bool,
    first_token: Option<Nanos>,
    last_token: Option<Nanos>,
    wanted: Option<Box<Wanted>>,
}

/// What an operator wants beside what the meter does.
#[derive(Debug)]
struct Wanted {
    paths: Arc<Paths>,
    beside: Beside,
}

#[derive(Debug)]
enum Reader {
    Json(Walker),
    Events(Events),
    Opaque,
}

/// What an answer said, once it is over.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The values that matter.
    pub answer: Answer,
    /// When the first piece of text came, or for a stream without text the first event. Streams only.
    pub first_token: Option<Nanos>,
    /// When the last piece of text came. Streams only.
    pub last_token: Option<Nanos>,
    /// Whether the answer is whole in its own format: a complete document, or a stream that said it was over.
    pub whole: bool,
    /// Whether it was JSON, or events of JSON, as far as it came.
    pub readable: bool,
    /// What stood at the paths that were looked for.
    pub found: Findings,
}

impl Meter {
    /// For an answer in `format`.
    #[must_use]
    pub fn start(format: Format) -> Meter {
        let reader = match format {
            Format::Json => Reader::Json(Walker::default()),
            Format::Events => Reader::Events(Events::default()),
            Format::Opaque => Reader::Opaque,
        };
        Meter {
            reader,
            answer: Answer::default(),
            events: 0,
            broken: false,
            done: false,
            first_token: None,
            last_token: None,
            wanted: None,
        }
    }

    /// Takes out of the answer, too, what stands at these paths.
    pub fn look_for(&mut self, paths: &Arc<Paths>) {
        self.wanted = Some(Box::new(Wanted { paths: paths.clone(), beside: Beside::default() }));
    }

    /// Reads the next piece, which arrived `at`.
    pub fn observe(&mut self, bytes: &[u8], at: Nanos) {
        match &mut self.reader {
            Reader::Opaque => {}
            Reader::Json(walker) => match &mut self.wanted {
                None => walker.feed(bytes, &mut self.answer),
                Some(wanted) => walker.feed(bytes, &mut wanted.beside.of(&wanted.paths, &mut self.answer)),
            },
            Reader::Events(events) => {
                let texts = self.answer.texts;
                let seen = match &mut self.wanted {
                    None => events.feed(bytes, &mut self.answer),
                    Some(wanted) => events.feed(bytes, &mut wanted.beside.of(&wanted.paths, &mut self.answer)),
                };
                self.done |= seen.done | self.answer.response_over;
                self.broken |= seen.broken > 0;
                self.events += u64::from(seen.events);
                if self.answer.texts > texts {
                    // The first event may be a role without text; text, when it comes, sets the mark anew.
                    if texts == 0 {
                        self.first_token = Some(at);
                    }
                    self.last_token = Some(at);
                } else if seen.events > 0 && self.first_token.is_none() {
                    self.first_token = Some(at);
                }
            }
        }
    }

    /// The text that went by, once there is enough of it to be counted: raw, and how many bytes more were not kept.
    #[must_use]
    pub fn take_heard(&mut self) -> Option<(Vec<u8>, u64)> {
        self.answer.heard.is_full().then(|| self.answer.heard.take())
    }

    /// The model that answers, as far as the answer has named it.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.answer.model.as_deref()
    }

    /// Whether the stream has said that it is over, so that its Record can be written before its last piece leaves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.done
    }

    /// The answer has ended, however it did.
    #[must_use]
    pub fn finish(self) -> Reading {
        let (whole, readable) = match &self.reader {
            Reader::Opaque => (true, false),
            Reader::Json(walker) => {
                let status = walker.status();
                (status == Status::Complete, status != Status::Broken)
            }
            // A stream without a final word is whole if it reported what it used: some providers never say `[DONE]`.
            Reader::Events(events) => {
                let ended = self.done || (self.answer.finish_reason.is_some() && events.at_boundary());
                (ended, !self.broken)
            }
        };
        let found = self.wanted.map(|wanted| wanted.beside.findings()).unwrap_or_default();
        let (first_token, last_token) = (self.first_token, self.last_token);
        Reading { answer: self.answer, first_token, last_token, whole, readable, found }
    }
}

/// Reads a whole body at once: error answers and tests.
#[must_use]
pub fn read(format: Format, body: &[u8]) -> Reading {
    let mut meter = Meter::start(format);
    meter.observe(body, 0);
    meter.finish()
}

/// Whether `reading` is what a call of `api` that was answered with success must bring.
#[must_use]
pub fn is_sound(api: Api, format: Format, reading: &Reading) -> bool {
    !api.answers_json() || (format != Format::Opaque && reading.readable && !reading.answer.failed)
}

#[cfg(test)]
mod tests;
