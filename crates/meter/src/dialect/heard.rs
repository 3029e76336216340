//! The text of an answer as it goes by, raw, for whoever counts its tokens where the provider gives none. Nothing is counted
//! here: bytes are put behind one another, and taken away by [`Heard::take`] before they are many.

use crate::tokens::{Kind, MARK, MAX_PENDING};

/// One piece of an answer rarely has more; what is beyond it is only measured.
const MOST: usize = 64 << 10;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    raw: Vec<u8>,
    /// Bytes that were not kept.
    missed: u64,
    /// Of the last text.
    kind: Kind,
    /// What comes next is another text, also where it is of the same kind.
    ended: bool,
    choice: u64,
    /// Of a response's stream: what its deltas are.
    event: Event,
    events: bool,
    messages: bool,
    /// Some send reasoning under two names at once; the first one is heard.
    reasoning: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Event {
    #[default]
    Unheard,
    Of(Kind),
}

impl Heard {
    /// Whether it is time to take what was heard.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.raw.len() >= MAX_PENDING
    }

    /// Whether nothing was heard since it was last taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.missed == 0
    }

    /// What was heard since it was last taken, and how many bytes more went by.
    #[must_use]
    pub fn take(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.raw), std::mem::take(&mut self.missed))
    }

    pub(super) fn hear(&mut self, kind: Option<Kind>, raw: &[u8]) {
        let kind = match (kind, self.event) {
            (Some(kind), _) | (None, Event::Of(kind)) => kind,
            (None, Event::Unheard) => return,
        };
        if raw.is_empty() {
            return;
        }
        self.events |= self.event != Event::Unheard;
        if self.ended || kind != self.kind {
            self.mark(kind);
            (self.ended, self.kind) = (false, kind);
        }
        let kept = &raw[..raw.len().min(MOST.saturating_sub(self.raw.len()))];
        self.raw.extend_from_slice(kept);
        if kept.len() < raw.len() {
            self.missed += (raw.len() - kept.len()) as u64;
            self.ended = true;
        }
    }

    /// What comes next belongs to another text.
    pub(super) fn end_text(&mut self) {
        self.ended = true;
    }

    /// What comes next belongs to this choice.
    pub(super) fn choice(&mut self, index: u64) {
        if index == self.choice {
            return;
        }
        self.ended = true;
        if index < self.choice {
            // Choices take turns: where one goes on and where another did cannot be told apart for sure.
            self.mark(Kind::Interleaved);
        }
        self.choice = index;
    }

    fn mark(&mut self, kind: Kind) {
        if self.raw.len() + 2 <= MOST {
            self.raw.extend_from_slice(&[MARK, kind as u8]);
        }
    }

    /// An event of a response's stream is of this type.
    pub(super) fn event(&mut self, kind: &[u8]) {
        let is = |part: &[u8]| memchr::memmem::find(kind, part).is_some();
        self.event = if !kind.starts_with(b"response.") || !kind.ends_with(b".delta") || is(b"audio.") {
            Event::Unheard
        } else if is(b"reasoning") {
            Event::Of(Kind::Reasoning)
        } else if is(b"arguments") || is(b"tool_call") || is(b"code") {
            Event::Of(Kind::Tool)
        } else {
            Event::Of(Kind::Content)
        };
    }

    /// There are messages. Together's stream says each text twice: once as completions had it, then in a message.
    pub(super) fn message(&mut self) {
        if !self.messages {
            *self = Heard { messages: true, choice: self.choice, ..Heard::default() };
        }
    }

    pub(super) fn has_messages(&self) -> bool {
        self.messages
    }

    pub(super) fn hears_event(&self) -> bool {
        self.event != Event::Unheard
    }

    pub(super) fn has_events(&self) -> bool {
        self.events
    }

    /// `node` for reasoning under the name that was there first.
    pub(super) fn reasoning_under(&mut self, key: &[u8], node: u8) -> u8 {
        let long = key == b"reasoning_content";
        if *self.reasoning.get_or_insert(long) == long { node } else { crate::json::DEAD }
    }
}
