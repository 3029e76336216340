//! Two readers of JSON for two needs, neither of which builds a tree.
//!
//! [`members`] walks the top level of an object that lies in memory and gives byte positions, so that a member can be cut
//! out or replaced without touching its neighbours. [`Walker`] follows a document through arbitrary cuts of its bytes in
//! constant memory and reports the few values that were asked for.

mod members;
mod walker;

pub use members::{Malformed, Member, Members, members, object_members};
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
    match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(raw).into_owned(),
    }
}

#[cfg(test)]
mod tests;
