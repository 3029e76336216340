//! The model that a form names, read as the form passes by: `multipart/form-data` is streamed on, and of all its parts only
//! the value of `model` is kept.

use memchr::memmem;

/// The longest head of a part, and the longest value, that is looked at.
const MOST: usize = 1024;
/// RFC 2046 allows 70.
const LONGEST_BOUNDARY: usize = 70;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// See the module. Takes at most some KiB, however long the form is.
///
/// ```
/// let mut form = meter::form::Form::of_content_type(b"multipart/form-data; boundary=x").unwrap();
/// form.observe(b"--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n");
/// assert_eq!(form.model(), Some("whisper-1"));
/// ```
#[derive(Debug)]
pub struct Form {
    delimiter: Vec<u8>,
    state: State,
    /// What may be the beginning of what is looked for.
    kept: Vec<u8>,
    model: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Within a part that is of no interest, or before the first.
    Between,
    /// Within the head of a part.
    Head,
    /// Within the value of `model`.
    Model,
    /// The model is known, or will never be.
    Done,
}

impl Form {
    /// For a body of this `content-type`; `None` where that is no form with a boundary.
    #[must_use]
    pub fn of_content_type(value: &[u8]) -> Option<Form> {
        let mut parts = parameters(value);
        if !parts.next()?.eq_ignore_ascii_case(b"multipart/form-data") {
            return None;
        }
        let boundary = parts.find_map(|part| parameter(part, b"boundary"))?;
        if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY {
            return None;
        }
        let delimiter = [b"\r\n--", boundary].concat();
        // The first delimiter has no line before it.
        Some(Form { delimiter, state: State::Between, kept: b"\r\n".to_vec(), model: None })
    }

    /// Reads the next piece.
    pub fn observe(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.state != State::Done {
            bytes = match self.state {
                State::Between => self.pass(bytes),
                _ => self.gather(bytes),
            };
        }
    }

    /// The model, once its part has ended.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Looks for the next delimiter, which may have begun in an earlier piece; returns what stands behind it.
    fn pass<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (carried, length) = (self.kept.len(), self.delimiter.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(length - 1)]);
        let end = match memmem::find(&self.kept, &self.delimiter) {
            Some(at) => Some(at + length - carried),
            None => memmem::find(bytes, &self.delimiter).map(|at| at + length),
        };
        if let Some(end) = end {
            self.kept.clear();
            self.state = State::Head;
            return &bytes[end..];
        }
        if bytes.len() >= length {
            self.kept.clear();
            self.kept.extend_from_slice(&bytes[bytes.len() - (length - 1)..]);
        } else {
            let from = self.kept.len().saturating_sub(length - 1);
            self.kept.drain(..from);
        }
        &[]
    }

    /// Collects a head or the model's value to its end; returns what stands behind it.
    fn gather<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let before = self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(MOST - before)]);
        let end: &[u8] = if self.state == State::Head { HEAD_END } else { &self.delimiter };
        let Some(at) = memmem::find(&self.kept, end) else {
            let last = self.state == State::Head && self.kept.starts_with(b"--");
            if self.kept.len() >= MOST || last {
                self.state = State::Done;
            }
            return &[];
        };
        let used = at + end.len() - before;
        let text = &self.kept[..at];
        self.state = match self.state {
            State::Head if text.starts_with(b"--") => State::Done,
            State::Head if names_model(text) => State::Model,
            State::Head => State::Between,
            _ => {
                self.model = std::str::from_utf8(text).ok().map(|text| text.trim().to_owned());
                State::Done
            }
        };
        self.kept.clear();
        &bytes[used..]
    }
}

/// Whether a part's head says that it is the field `model`.
fn names_model(head: &[u8]) -> bool {
    let disposition = |line: &&[u8]| line.len() > 20 && line[..20].eq_ignore_ascii_case(b"content-disposition:");
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(disposition).is_some_and(|line| {
        parameters(&line[20..]).skip(1).find_map(|part| parameter(part, b"name")) == Some(b"model".as_slice())
    })
}

/// What semicolons part that do not stand in quotes.
fn parameters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        if *byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && *byte == b'\\' && !escaped;
        *byte == b';' && !quoted
    })
    .map(<[u8]>::trim_ascii)
}

/// The value of a parameter of this name, without its quotes.
fn parameter<'a>(part: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = part.iter().position(|byte| *byte == b'=')?;
    let (found, value) = (part[..at].trim_ascii(), part[at + 1..].trim_ascii());
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    found.eq_ignore_ascii_case(name).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &[u8] = b"multipart/form-data; charset=utf-8; boundary=\"--a b\"";
    const BODY: &[u8] =
        b"----a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x; name=model; y.mp3\"\r\n\
        Content-Type: audio/mpeg\r\n\r\n\xff\xfb\r\n----a \r\n--\r\nname=\"model\"\r\n\r\n----a b\r\n\
        content-disposition: form-data; name=\"prompt\"\r\n\r\n\r\n----a b\r\n\
        X: y\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n----a b--\r\nrest";

    fn read(pieces: &[&[u8]]) -> Option<String> {
        let mut form = Form::of_content_type(TYPE).unwrap();
        pieces.iter().for_each(|piece| form.observe(piece));
        assert!(form.kept.len() <= MOST + LONGEST_BOUNDARY);
        form.model().map(str::to_owned)
    }

    #[test]
    fn the_model_is_found_at_every_cut() {
        for cut in 0..=BODY.len() {
            let (one, other) = BODY.split_at(cut);
            assert_eq!(read(&[one, other]).as_deref(), Some("whisper-1"), "{cut}");
        }
        for size in [1, 2, 3, 7] {
            assert_eq!(read(&BODY.chunks(size).collect::<Vec<_>>()).as_deref(), Some("whisper-1"), "{size}");
        }
    }

    /// A value may look like what stands behind the last delimiter.
    #[test]
    fn a_model_of_hyphens_is_found_at_every_cut() {
        let body = b"----a b\r\nContent-Disposition: form-data; name=model\r\n\r\n--x\r\ny\r\n----a b--\r\n";
        for cut in 0..=body.len() {
            let (one, other) = body.split_at(cut);
            assert_eq!(read(&[one, other]).as_deref(), Some("--x\r\ny"), "{cut}");
        }
    }

    #[test]
    fn what_names_no_model_has_none() {
        let long = [b"----a b\r\nx: ".as_slice(), &[b'y'; 5000], b"\r\n\r\n"].concat();
        let endless =
            [b"----a b\r\ncontent-disposition: form-data; name=model\r\n\r\n".as_slice(), &[b'y'; 5000]].concat();
        for body in [&b""[..], b"----a b--", b"no form", b"----a b\r\nx", &long, &endless] {
            assert_eq!(read(&[body]), None);
        }
        for other in
            ["application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"]
        {
            assert!(Form::of_content_type(other.as_bytes()).is_none(), "{other}");
        }
    }
}
