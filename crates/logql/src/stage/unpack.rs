//! `| unpack`: undoes what Promtail's `pack` does. The strings of an object become labels, and its `_entry` the line.

use std::borrow::Cow;

use super::json::scan::{self, Fault, Kind};
use super::json::{ERROR, failure};
use super::{Sink, StageError, names};

/// Gives the object's strings to `sink`, if it has an `_entry`, whose text is the result: the new line. Without an `_entry`
/// the line was not packed and stays as it is, without labels.
///
/// # Errors
/// `JSONParserErr` for what is no object; then nothing has been given.
pub fn unpack(line: &[u8], sink: &mut Sink<'_>) -> Result<Option<Vec<u8>>, StageError> {
    match line.first() {
        None => return Ok(None),
        Some(b'{') => {}
        Some(_) => {
            // Loki prints the number that its JSON reader has for objects.
            let details = "expecting json object(6), but it is not".to_owned();
            return Err(StageError { kind: ERROR, details });
        }
    }
    let (entry, labels) = read(line).map_err(failure)?;
    if entry.is_some() {
        for (name, value) in labels {
            if !sink(&name, &value) {
                break;
            }
        }
    }
    Ok(entry)
}

type Label<'a> = (Cow<'a, str>, Cow<'a, [u8]>);

fn read(line: &[u8]) -> Result<(Option<Vec<u8>>, Vec<Label<'_>>), Fault> {
    let (mut entry, mut labels) = (None, Vec::new());
    for member in scan::members(line) {
        let (key, value) = member?;
        if value.kind != Kind::String {
            continue;
        }
        if *key == *b"_entry" {
            entry = Some(scan::unescape(value.raw)?.into_owned());
            continue;
        }
        let name = match key {
            Cow::Borrowed(key) => names::sanitize(key),
            Cow::Owned(key) => Cow::Owned(names::sanitize(&key).into_owned()),
        };
        if !name.is_empty() {
            labels.push((name, value.text()));
        }
    }
    Ok((entry, labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> (Result<Option<String>, String>, Vec<String>) {
        let mut labels = Vec::new();
        let result = unpack(line.as_bytes(), &mut |name, value| {
            labels.push(format!("{name}={}", String::from_utf8_lossy(value)));
            true
        });
        let line = result.map(|line| line.map(|line| String::from_utf8_lossy(&line).into_owned()));
        (line.map_err(|error| error.details), labels)
    }

    #[test]
    fn packed_lines() {
        let (line, labels) = run(r#"{"pod":"p-1","n":5,"a.b":"\u00e9","_entry":"said \"no\"\n","x":"1"}"#);
        assert_eq!(line, Ok(Some("said \"no\"\n".to_owned())));
        assert_eq!(labels, ["pod=p-1", "a_b=é", "x=1"]);
    }

    #[test]
    fn lines_that_are_not_packed() {
        assert_eq!(run(r#"{"pod":"p-1"}"#), (Ok(None), vec![]));
        assert_eq!(run(""), (Ok(None), vec![]));
        assert_eq!(run("plain"), (Err("expecting json object(6), but it is not".to_owned()), vec![]));
        assert_eq!(run(r#"{"_entry":"x","a"#), (Err("Malformed JSON error".to_owned()), vec![]));
    }
}
