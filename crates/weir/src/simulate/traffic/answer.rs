//! Answer: what a caller reads out of an answer as it arrives — its usage, and whether it is whole.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The longest line of a stream, and the longest answer in one piece, that is looked into.
const LOOKED_INTO_BYTES: usize = 8 * 1024 * 1024;

/// An answer on its way in.
#[derive(Debug, Default)]
pub(super) struct Reading {
    stream: bool,
    buffer: Vec<u8>,
    overflowed: bool,
    done: bool,
    /// Events with data so far.
    pub(super) events: u64,
    /// Something in it was not what it should be.
    pub(super) malformed: bool,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

#[derive(Deserialize)]
struct Document {
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Reading {
    pub(super) fn new(stream: bool) -> Reading {
        Reading { stream, ..Reading::default() }
    }

    /// Takes in the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if !self.stream {
            return self.keep(bytes);
        }
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.keep(&rest[..end]);
            self.read_line();
            rest = &rest[end + 1..];
        }
        self.keep(rest);
    }

    /// Takes in the end, and says whether the answer is whole.
    pub(super) fn finish(&mut self) -> bool {
        if self.stream {
            return self.done;
        }
        let document = std::mem::take(&mut self.buffer);
        if !self.overflowed {
            self.read_document(&document);
        }
        true
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > LOOKED_INTO_BYTES {
            self.overflowed = true;
            self.buffer.clear();
        }
        if !self.overflowed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn read_line(&mut self) {
        let line = std::mem::take(&mut self.buffer);
        if std::mem::take(&mut self.overflowed) {
            return;
        }
        match line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) {
            Some(b"[DONE]") => self.done = true,
            Some(data) => {
                self.events += 1;
                self.read_document(data);
            }
            None => {}
        }
        // The buffer is used again, so that a long stream allocates once.
        self.buffer = line;
        self.buffer.clear();
    }

    fn read_document(&mut self, document: &[u8]) {
        match serde_json::from_slice(document) {
            Ok(Document { error: Some(_), .. }) | Err(_) => self.malformed = true,
            Ok(Document { usage: Some(usage), .. }) => {
                self.input_tokens = usage.prompt_tokens;
                self.output_tokens = usage.completion_tokens;
            }
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b": hello\r\n\r\ndata: {\"choices\":[],\"usage\":null}\r\n\r\ndata: \
        {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        for cut in 0..=STREAM.len() {
            let mut reading = Reading::new(true);
            reading.take(&STREAM[..cut]);
            reading.take(&STREAM[cut..]);
            assert!(reading.finish() && !reading.malformed, "cut at {cut}");
            assert_eq!((reading.events, reading.input_tokens, reading.output_tokens), (2, 3, 5), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_whole_is_noticed() {
        let mut reading = Reading::new(true);
        reading.take(b"data: {\"choices\n\n");
        assert!(!reading.finish() && reading.malformed);
        let mut reading = Reading::new(true);
        reading.take(b"data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n");
        assert!(reading.finish() && reading.malformed);
        let mut reading = Reading::new(false);
        reading.take(b"{\"usage\":{\"prompt_tokens\":3,");
        assert!(reading.finish() && reading.malformed);
    }
}
