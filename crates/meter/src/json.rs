//! Two readers of JSON for two needs, neither of which builds a tree.
//!
//! [`members`] walks the top level of an object that lies in memory and gives byte positions, so that a member can be cut
//! out or replaced without touching its neighbours. [`Walker`] follows a document through arbitrary cuts of its bytes in
//! constant memory and reports the few values that were asked for.

mod members;
mod walker;

pub use members::{Elements, Malformed, Member, Members, elements, members, object_members};
pub use walker::{DEAD, ROOT, Scalar, Status, Visitor, Walker};

/// The text of a JSON string given without its quotes: escapes resolved, invalid UTF-8 and broken escapes replaced.
#[must_use]
pub fn unescape(raw: &[u8]) -> String {
    if memchr::memchr(b'\\', raw).is_some() {
        let mut quoted = Vec::with_capacity(raw.len() + 2);
        quoted.push(b'"');
        quoted.extend_from_slice(raw);
        quoted.push(b'"');
        if let Ok(text) = serde_json::from_slice::<String>(&quoted) {
            return text;
        }
    }
    text(raw)
}

/// Bytes as text, what is not UTF-8 replaced.
#[must_use]
pub fn text(raw: &[u8]) -> String {
    // Nearly everything is UTF-8, and saying so is much cheaper than looking for what is not.
    match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(raw).into_owned(),
    }
}

/// How long a string is whose closing quote is among these bytes and that has no escapes. Keys are short, so the first bytes
/// are looked through eight at a time where they lie; for a long string a vector search is worth its start.
#[inline]
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 32;
    let mut at = 0;
    while at < SHORT
        && let Some(eight) = bytes[at..].first_chunk()
    {
        let word = u64::from_le_bytes(*eight);
        let found = zero_bytes(word ^ 0x2222_2222_2222_2222) | zero_bytes(word ^ 0x5c5c_5c5c_5c5c_5c5c);
        if found != 0 {
            at += (found.trailing_zeros() / 8) as usize;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let rest = &bytes[at..];
    let found = memchr::memchr2(b'"', b'\\', rest)?;
    (rest[found] == b'"').then_some(at + found)
}

/// The high bit of the lowest byte that is zero, and perhaps of some above it.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

#[cfg(test)]
mod tests;
