//! An entry, and the stream that it belongs to.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("damaged: {0}")]
pub struct Malformed(pub &'static str);

/// The labels of a stream, sorted by name, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream(Box<[(Box<str>, Box<str>)]>);

impl Stream {
    /// Of pairs in any order; of several with one name the last counts.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Stream {
        Stream(sorted(pairs))
    }

    /// Names and values, by name.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of `name`, if it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.labels().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

fn sorted<N: Into<Box<str>>, V: Into<Box<str>>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Box<[(Box<str>, Box<str>)]> {
    let mut pairs: Vec<(Box<str>, Box<str>)> =
        pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    pairs.sort_by(|left, right| left.0.cmp(&right.0));
    pairs.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    pairs.into()
}

/// An entry. Its metadata and its line lie together in one piece of memory, as they do in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stream.
    pub stream: Arc<Stream>,
    /// In nanoseconds since 1970.
    pub timestamp: i64,
    /// How many pairs of metadata; name and value of each; the line.
    packed: Box<[u8]>,
    line_at: u32,
}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stream.hash(state);
        self.timestamp.hash(state);
        self.packed.hash(state);
    }
}

impl Entry {
    /// Of metadata in any order, of which the last of a name counts, and a line of any bytes.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(
        stream: Arc<Stream>,
        timestamp: i64,
        metadata: impl IntoIterator<Item = (N, V)>,
        line: &[u8],
    ) -> Entry {
        let metadata = sorted(metadata);
        let texts: usize = metadata.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
        let mut packed = Vec::with_capacity(5 + texts + line.len());
        varint(metadata.len() as u64, &mut packed);
        for (name, value) in &metadata {
            text(name, &mut packed);
            text(value, &mut packed);
        }
        let line_at = packed.len() as u32;
        packed.extend_from_slice(line);
        Entry { stream, timestamp, packed: packed.into(), line_at }
    }

    /// Of what another one had as [`Entry::packed`].
    ///
    /// # Errors
    /// It is not that.
    pub fn unpack(stream: Arc<Stream>, timestamp: i64, packed: &[u8]) -> Result<Entry, Malformed> {
        let mut rest = packed;
        let mut before: Option<&str> = None;
        for _ in 0..take_varint(&mut rest)? {
            let name = take_text(&mut rest)?;
            if before.is_some_and(|before| before >= name) {
                return Err(Malformed("metadata is not in order"));
            }
            before = Some(name);
            take_text(&mut rest)?;
        }
        let line_at = u32::try_from(packed.len() - rest.len()).map_err(|_| Malformed("too long"))?;
        Ok(Entry { stream, timestamp, packed: packed.into(), line_at })
    }

    /// Metadata and line in one piece.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.packed[self.line_at as usize..]
    }

    /// Structured metadata, by name.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &self.packed[..self.line_at as usize];
        // It was looked through when the entry was made.
        let count = take_varint(&mut rest).unwrap_or(0);
        (0..count).map_while(move |_| Some((take_text(&mut rest).ok()?, take_text(&mut rest).ok()?)))
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.packed.len() + size_of::<Entry>() + size_of::<Arc<Entry>>() + 16
    }
}

/// Writes a number, seven bits a byte, the lowest first.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a length and that many bytes.
pub(super) fn piece(bytes: &[u8], out: &mut Vec<u8>) {
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    piece(text.as_bytes(), out);
}

pub(super) fn take_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, after) = rest.split_first().ok_or(Malformed("a number breaks off"))?;
        *rest = after;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed("a number is too long"))
}

pub(super) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed("it breaks off"))?;
    *rest = after;
    Ok(bytes)
}

pub(super) fn take_piece<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(take_varint(rest)?).map_err(|_| Malformed("a length is too large"))?;
    take(rest, length)
}

pub(super) fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    std::str::from_utf8(take_piece(rest)?).map_err(|_| Malformed("a text is not UTF-8"))
}
