//! `docs/mission.md` says of everything that was asked for where it is and which test proves it. Here it is held to that:
//! what it names exists, and no row is silent.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so and ends")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a row says where something is not built.
const NOT_YET: &str = "not yet: ";
/// What a row says where something needs no proof.
const NO_TEST: &str = "no test: ";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

struct Row {
    number: usize,
    asked: String,
    place: String,
    test: String,
    deviation: String,
}

/// The cells of a table's line. A pipe within a cell has a backslash before it.
fn cells(line: &str) -> Option<Vec<String>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let inside = inside.replace("\\|", "\u{1}");
    Some(inside.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect())
}

fn page() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/mission.md")).unwrap();
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(cells) = cells(line) else { continue };
        if cells[0].starts_with("---") || cells[0] == "Asked for" {
            continue;
        }
        let [asked, place, test, deviation] = cells.try_into().unwrap_or_else(|cells: Vec<String>| {
            panic!("docs/mission.md:{}: {} cells instead of 4", index + 1, cells.len());
        });
        rows.push(Row { number: index + 1, asked, place, test, deviation });
    }
    rows
}

/// What stands in backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The settings' names, wherever they stand in weir.toml.
fn settings() -> BTreeSet<String> {
    fn collect(node: &serde_json::Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = node["properties"].as_object() {
            found.extend(properties.keys().cloned());
        }
        match node {
            serde_json::Value::Object(members) => members.values().for_each(|inner| collect(inner, found)),
            serde_json::Value::Array(items) => items.iter().for_each(|inner| collect(inner, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(&weir::config::schema(), &mut found);
    found
}

fn metrics() -> BTreeSet<String> {
    let page = weir::metrics::render(&Default::default(), &Default::default(), &Default::default());
    page.lines().filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned())).collect()
}

fn is_command(name: &str) -> bool {
    let words: Vec<&str> = name.split(' ').collect();
    match words.as_slice() {
        ["make", target] => {
            let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
            makefile.lines().any(|line| line.starts_with(&format!("{target}:")))
        }
        ["weir", rest @ ..] => {
            let is_word = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            let subcommands = rest.iter().take_while(is_word);
            let output = Command::new(env!("CARGO_BIN_EXE_weir")).args(subcommands).arg("--help").output().unwrap();
            let help = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success() && rest.iter().skip_while(is_word).all(|flag| help.contains(flag))
        }
        _ => false,
    }
}

/// Whether a name is that of a file, a command, a field, a metric or a setting.
fn exists(name: &str, settings: &BTreeSet<String>, metrics: &BTreeSet<String>) -> bool {
    let is_file = !name.is_empty() && !name.starts_with('/') && !name.contains("..") && root().join(name).exists();
    is_file
        || is_command(name)
        || meter::record::field(name).is_some()
        || metrics.contains(name)
        || settings.contains(name.trim_start_matches('[').trim_end_matches(']'))
}

/// Whether `path::name` is a test: a function behind an attribute that makes it one, or in a `proptest!`.
fn is_test(name: &str) -> Result<(), String> {
    let (path, function) = name.split_once("::").ok_or("is not written as file::function")?;
    let source = fs::read_to_string(root().join(path)).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let head = format!("fn {function}(");
    let at = lines.iter().position(|line| line.starts_with(&head)).ok_or("is not in that file")?;
    let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    match attributes.into_iter().any(|line| *line == "#[test]") {
        true => Ok(()),
        false => Err("is not a test".to_owned()),
    }
}

#[test]
fn what_the_table_names_exists() {
    let (settings, metrics) = (settings(), metrics());
    assert!(settings.contains("pricing") && metrics.contains("llm_requests_total"));
    let mut wrong = Vec::new();
    for row in page() {
        for name in names(&row.place).into_iter().filter(|name| !exists(name, &settings, &metrics)) {
            wrong.push(format!(
                "docs/mission.md:{}: `{name}` is no file, command, field, metric or setting",
                row.number
            ));
        }
        for name in names(&row.test) {
            if name.contains("::") {
                wrong.extend(is_test(name).err().map(|why| format!("docs/mission.md:{}: `{name}` {why}", row.number)));
            } else if !root().join(name).is_file() {
                wrong.push(format!("docs/mission.md:{}: `{name}` is neither a test nor a script", row.number));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_row_is_silent() {
    let rows = page();
    assert!(rows.len() > 100, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let mut say = |what: &str| wrong.push(format!("docs/mission.md:{}: {what}: {}", row.number, row.asked));
        let later = row.place.strip_prefix(NOT_YET);
        if row.asked.is_empty() {
            say("nothing is asked for");
        }
        match later {
            Some(what) if what.len() < 10 => say("does not say what it comes with"),
            Some(_) if !names(&row.test).is_empty() => say("is not there and has a test"),
            Some(_) => {}
            None if names(&row.place).is_empty() => say("names no place and does not say \"not yet\""),
            None if names(&row.test).is_empty() && !row.test.starts_with(NO_TEST) => {
                say("names no test and does not say why");
            }
            None => {}
        }
        if later.is_some() && row.deviation.contains("proven") {
            say("is not there and cannot be proven");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The checks themselves can fail.
#[test]
fn what_does_not_exist_is_noticed() {
    let (settings, metrics) = (settings(), metrics());
    for name in
        ["crates/none.rs", "weir fly", "weir serve --wings", "make coffee", "no_such_field", "", "/etc/passwd", "../x"]
    {
        assert!(!exists(name, &settings, &metrics), "{name}");
    }
    for name in
        ["crates/weir/src/main.rs", "weir serve --config", "weir config schema", "make test", "cost_usd", "[pricing]"]
    {
        assert!(exists(name, &settings, &metrics), "{name}");
    }
    let here = "crates/weir/tests/mission.rs";
    assert!(is_test(&format!("{here}::no_row_is_silent")).is_ok());
    for name in [format!("{here}::no_such_test"), format!("{here}::is_command"), "none.rs::x".to_owned()] {
        assert!(is_test(&name).is_err(), "{name}");
    }
    assert_eq!(cells("| a \\| b | c |"), Some(vec!["a | b".to_owned(), "c".to_owned()]));
    assert_eq!(cells("no table"), None);
}
