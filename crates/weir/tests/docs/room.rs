//! What is said of rooms and tests, beside what the sources say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{read, root, sources};

/// The names of all tests there are: functions behind `#[test]`.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    let mut tests = BTreeSet::new();
    for file in files {
        let source = fs::read_to_string(file).unwrap();
        let mut lines = source.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line == "#[test]"
                && let Some(head) = lines.find(|line| !line.starts_with("#["))
            {
                tests.extend(head.strip_prefix("fn ").map(|head| head.split('(').next().unwrap().to_owned()));
            }
        }
    }
    tests
}

#[test]
fn every_test_that_is_named_exists() {
    let (tests, page) = (tests(), read("ARCHITECTURE.md"));
    let (walk, rest) = page.split_once("## What always holds").unwrap();
    let is_test = |name: &&str| name.matches('_').count() > 2;
    let named: Vec<&str> = rest.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 40, "{} tests are named", named.len());
    for name in named {
        assert!(tests.contains(name), "ARCHITECTURE.md names the test {name}, which there is not");
    }
    // What the walk names in backticks as a path is one.
    let paths: Vec<&str> = walk.split('`').skip(1).step_by(2).filter(|name| name.starts_with("crates/")).collect();
    assert!(paths.len() > 10);
    for path in paths {
        assert!(root().join(path).exists(), "ARCHITECTURE.md names {path}, which there is not");
    }
}

/// A source's code: without comments, without its tests.
fn code(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let code = source.split("#[cfg(test)]").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules of this crate that a source names behind `crate::`.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let list = match after.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap().to_owned(),
            None => after.to_owned(),
        };
        let word =
            |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match after.starts_with('{') {
            true => named.extend(list.split(',').map(word)),
            false => _ = named.insert(word(&list)),
        }
    }
    named
}

/// What the page says of the rooms is neither more nor less than what their imports say.
#[test]
fn rooms_know_whom_they_may() {
    let page = read("ARCHITECTURE.md");
    let (_, table) = page.split_once("Within `crates/weir/src`:").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let src = root().join("crates/weir/src");
    let mut rooms = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let room = cells[1].trim().trim_matches('`');
        let may: BTreeSet<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        let mut files = vec![src.join(format!("{room}.rs"))];
        if src.join(room).is_dir() {
            sources(&src.join(room), &mut files);
        }
        let mut knows = BTreeSet::new();
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            // Constants of the crate's root begin with a capital letter.
            let is_room = |name: &String| name != room && name.starts_with(|c: char| c.is_ascii_lowercase());
            knows.extend(rooms_named(&code(file)).into_iter().filter(is_room));
        }
        let knows: BTreeSet<&str> = knows.iter().map(String::as_str).collect();
        assert_eq!(knows, may, "what {room} knows, and what ARCHITECTURE.md says that it may");
        rooms.insert(room.to_owned());
    }
    let modules: BTreeSet<String> = read("crates/weir/src/lib.rs")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.trim_end_matches(';').to_owned()))
        .collect();
    assert_eq!(rooms, modules, "the rooms of the page, and those of the crate");
}
