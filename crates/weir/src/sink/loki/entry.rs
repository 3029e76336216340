//! What Loki gets of a line: its labels, its time, its structured metadata, and the line as it stands.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use meter::record::FIELDS;
use meter::time;
use store::Seq;

use super::bound::Bound;
use crate::config::LokiConfig;
use crate::push::{label, wire};

/// A line on its way to Loki.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The line's number in the journal.
    pub(super) seq: Seq,
    /// The line, without its line feed.
    pub(super) line: &'a [u8],
    /// The labels of its stream: `{app="llm-proxy", …}`.
    pub(super) labels: String,
    /// The rest, as the push request has it.
    pub(super) encoded: Vec<u8>,
}

impl Entry<'_> {
    /// About how many bytes it takes in a request, at most.
    pub(super) fn size(&self) -> usize {
        self.encoded.len() + self.labels.len() + 16
    }
}

/// What goes where.
#[derive(Debug)]
pub(super) struct Shape {
    /// Labels that are the same on every line.
    constant: Vec<(String, String)>,
    /// Declared fields that become labels.
    declared: Vec<String>,
    bound: Bound,
}

/// Why a line has no entry.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It never will have one.
    Line(&'static str),
    /// The disk refused.
    Io(io::Error),
}

impl Shape {
    /// `known` is the file with the values that have become labels.
    pub(super) fn new(config: &LokiConfig, known: &Path) -> io::Result<Shape> {
        Ok(Shape {
            constant: config.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            declared: config.label_fields.clone(),
            bound: Bound::open(known)?,
        })
    }

    /// Makes an entry of a line.
    pub(super) fn entry<'a>(&mut self, seq: Seq, line: &'a [u8]) -> Result<Entry<'a>, Unfit> {
        let text = std::str::from_utf8(line).map_err(|_| Unfit::Line("it is not UTF-8"))?;
        let told = label::read(line, &self.declared).map_err(|_| Unfit::Line("it is not a JSON object"))?;
        let nanos = told.timestamp.as_ref().and_then(|text| time::parse(text.as_bytes()));
        let nanos = nanos.ok_or(Unfit::Line("it has no timestamp"))?;
        let own = |values: &[(&str, Cow<str>)]| -> Vec<(String, String)> {
            values.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().to_owned())).collect()
        };
        let mut declared = own(&told.declared);
        self.bound.labels(&mut declared).map_err(Unfit::Io)?;
        let labels = [self.constant.clone(), own(&told.labels), declared].concat();
        let metadata = told.metadata.iter().map(|(at, value)| (FIELDS[*at].name, value.as_ref()));
        let mut encoded = Vec::with_capacity(line.len() + 512);
        wire::entry(nanos, text, metadata, &mut encoded);
        Ok(Entry { seq, line, labels: selector(labels), encoded })
    }
}

/// Labels as Loki writes them: sorted, each value in quotation marks.
fn selector(mut labels: Vec<(String, String)>) -> String {
    labels.sort();
    let mut out = String::with_capacity(160);
    for (name, value) in labels {
        out.push_str(if out.is_empty() { "{" } else { ", " });
        out.push_str(&name);
        out.push_str("=\"");
        value.chars().for_each(|character| escape(character, &mut out));
        out.push('"');
    }
    out.push('}');
    out
}

/// As Go reads it.
fn escape(character: char, out: &mut String) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        character if character.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(character))),
        character => out.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn shape(dir: &Path, follower: &str) -> Shape {
        let text = format!(
            "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n[[fields]]\nname = \"team\"\nfrom = \
             \"header:x-team\"\nlabel = true\n[[followers]]\nkind = \"loki\"\nurl = \"http://l\"\n{follower}"
        );
        Shape::new(&Config::parse(&text).unwrap().followers[0], &dir.join("labels")).unwrap()
    }

    #[test]
    fn labels_metadata_and_the_line_come_from_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let line = br#"{"timestamp":"2026-01-02T03:04:05.000000006Z","level":"WARN","event":"llm_request_cancelled","request_id":"r","model":"a\"b","input_tokens":null,"cost_usd":0.00975,"status":"cancelled","instance":"one\n\\\u0001","team":"search"}"#;
        let entry = shape(dir.path(), "labels = { cluster = \"eu\" }").entry(7, line).unwrap();
        assert_eq!(
            entry.labels,
            "{app=\"llm-proxy\", cluster=\"eu\", event=\"llm_request_cancelled\", instance=\"one\\n\\\\\\u0001\", \
             level=\"warn\", namespace=\"llm\", team=\"search\"}"
        );
        let mut expected = Vec::new();
        let metadata = [("request_id", "r"), ("model", "a\"b"), ("cost_usd", "0.00975")];
        wire::entry(1_767_323_045_000_000_006, std::str::from_utf8(line).unwrap(), metadata, &mut expected);
        assert_eq!((entry.seq, entry.line, entry.encoded), (7, line.as_slice(), expected));
    }

    #[test]
    fn what_is_no_record_has_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let mut shape = shape(dir.path(), "");
        for line in [b"{\"level\":\"INFO\"}".as_slice(), b"nothing", b"{\"timestamp\":\"today\"}", b"{\"a\":\"\xff\"}"]
        {
            assert!(matches!(shape.entry(1, line), Err(Unfit::Line(_))), "{}", String::from_utf8_lossy(line));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_from_outside_leaves_its_label(text in "\\PC*|[\\x00-\\x7f\"\\\\{},=]*|[^a]{0,9}") {
            let labels = selector(vec![("b".to_owned(), text.clone()), ("a".to_owned(), "x".to_owned())]);
            proptest::prop_assert!(!labels.chars().any(char::is_control));
            let quoted = labels.strip_prefix("{a=\"x\", b=").and_then(|rest| rest.strip_suffix('}')).unwrap();
            // What is written of Go's escapes is also what JSON has.
            proptest::prop_assert_eq!(serde_json::from_str::<String>(quoted).unwrap(), text);
        }
    }

    #[test]
    fn about_fifteen_fields_are_metadata() {
        let count = FIELDS.iter().filter(|field| label::Place::of(field) == label::Place::Metadata).count();
        assert!((12..=20).contains(&count), "{count}");
    }
}
