//! Templates: any text is refused or renders, in bounds, and reads no label that it does not mention.

use std::collections::BTreeMap;

use logql::template::{Lookup, Template};

const LABELS: &[(&str, &str)] = &[
    ("a", "12.50"),
    ("b", "{\"x\":[1,null,{\"y\":\"z\"}],\"n\":-1e3}"),
    ("c", "2021-11-02T10:11:12Z"),
    ("d", "héllo wörld"),
    ("e", ""),
    ("f", "1h30m"),
];

struct Entry(BTreeMap<&'static str, &'static str>);

impl Lookup for Entry {
    fn label(&self, name: &str) -> Option<&str> {
        self.0.get(name).copied()
    }
    fn labels(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, *value)).collect()
    }
    fn line(&self) -> &[u8] {
        b"a line \xff with a stray byte"
    }
    fn timestamp_ns(&self) -> i64 {
        1_795_402_802_039_467_917
    }
    fn now_ns(&self) -> i64 {
        1_795_402_900_000_000_000
    }
}

/// Checks one template.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let template = match Template::parse("line", text) {
        Ok(template) => template,
        Err(error) => return assert!(error.to_string().starts_with("template: line:"), "{error}"),
    };
    let render = |entry: &Entry| {
        let mut out = Vec::new();
        let result = template.render(entry, &mut out);
        assert!(out.len() <= 4 << 20);
        if let Err(error) = &result {
            assert!(error.to_string().starts_with("template: line"), "{error}");
        }
        (result, out)
    };
    let whole = render(&Entry(LABELS.iter().copied().collect()));
    if !template.reads_all() {
        let fields = template.fields();
        let mentioned = LABELS.iter().copied().filter(|(name, _)| fields.iter().any(|field| field == name));
        assert!(render(&Entry(mentioned.collect())) == whole, "a label is read that is not mentioned");
    }
}
