use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use super::render;

#[test]
fn what_is_written_is_readable() {
    let value = json!({
        "apiVersion": "v1",
        "empty": {}, "none": [], "nothing": null, "yes": true, "number": 1.5, "text": "1.5", "word": "no", "path": "a/b.c-d",
        "items": [{"a": 1, "b": [1, 2]}, "x: y", [["deep"]], [], {}],
        "block": "one\n  two\n\nthree\n",
        "open": "one\ntwo",
        "quoted": " {{ $labels.x }} # \"",
    });
    let expected = r#"apiVersion: v1
block: |
  one
    two

  three
empty: {}
items:
  - a: 1
    b:
      - 1
      - 2
  - "x: y"
  -
    -
      - deep
  - []
  - {}
none: []
nothing: null
number: 1.5
open: "one\ntwo"
path: a/b.c-d
quoted: " {{ $labels.x }} # \""
text: "1.5"
word: "no"
"yes": true
"#;
    assert_eq!(render(&value), expected);
    assert_eq!(render(&json!([1, "a"])), "- 1\n- a\n");
    assert_eq!(render(&json!({})), "{}\n");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_./-]{0,8}",
        "[ -~\n\t]{0,24}",
        "([a-z{}:#|>'\" -]{0,8}\n){1,4}",
        any::<String>(),
        prop::sample::select(vec![
            "true",
            "NO",
            "~",
            "null",
            "1e3",
            "0x1f",
            "1_000",
            "12:30:45",
            "2026-11-23",
            "=",
            "<<",
            "- a",
            ".5"
        ])
        .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1000.0..1000.0).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What a reader made of a document, as JSON.
fn read(document: &Yaml) -> Value {
    match document {
        Yaml::Null => Value::Null,
        Yaml::Boolean(flag) => json!(flag),
        Yaml::Integer(number) => json!(number),
        Yaml::Real(text) => json!(text.parse::<f64>().unwrap()),
        Yaml::String(text) => json!(text),
        Yaml::Array(items) => items.iter().map(read).collect(),
        Yaml::Hash(members) => Value::Object(
            members.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), read(value))).collect(),
        ),
        other => panic!("{other:?}"),
    }
}

fn values(count: usize) -> Vec<Value> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..count).map(|_| value().new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn what_was_written_is_read_back() {
    for value in values(2_000) {
        let text = render(&value);
        let documents = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(documents.len(), 1, "{text}");
        assert_eq!(read(&documents[0]), value, "{text}");
    }
}

/// So does PyYAML, which keeps to an older version of the language.
#[test]
fn an_older_reader_reads_the_same() {
    const READ: &str = "import json, sys, yaml\n\
        for line in sys.stdin:\n    text, value = json.loads(line)\n    read = yaml.safe_load(text)\n    \
        assert read == value, (text, read, value)\n";
    let python = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/schemas/bin/python");
    let reads = Command::new(&python).args(["-c", "import yaml"]).output();
    if !reads.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "tests/schemas/run --setup brings PyYAML");
        println!("skipped: tests/schemas/run --setup brings PyYAML");
        return;
    }
    let pairs: String = values(2_000).iter().map(|value| format!("{}\n", json!([render(value), value]))).collect();
    let mut reader =
        Command::new(python).args(["-c", READ]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = reader.stdin.take().unwrap();
    let feed = std::thread::spawn(move || std::io::Write::write_all(&mut input, pairs.as_bytes()));
    let outcome = reader.wait_with_output().unwrap();
    _ = feed.join().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
}
