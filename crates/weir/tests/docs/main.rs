//! What the documentation says of the code is compared with the code: tables of fields, metrics and errors are rendered from
//! it, settings and flags are looked up, links are followed.
//!
//! `WEIR_BLESS=1 cargo test --package weir --test docs` writes the rendered tables anew.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so and ends")]

mod code;
mod energy;
mod link;
mod room;
mod setting;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Compares what stands between a page's two markers with `rendered`, or writes it there.
fn check_table(path: &str, rendered: &str) {
    check_table_under(path, "", rendered);
}

/// The same of the first table after a heading.
fn check_table_under(path: &str, heading: &str, rendered: &str) {
    const BEGIN: &str = "<!-- begin: rendered from the code by crates/weir/tests/docs -->\n";
    const END: &str = "<!-- end -->";
    // Two tables of one page are not written at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let page = read(path);
    let start = page.find(heading).unwrap_or_else(|| panic!("{path} has no heading {heading}"));
    let start = start + page[start..].find(BEGIN).unwrap_or_else(|| panic!("{path} has no line {BEGIN}"));
    let (before, rest) = (&page[..start], &page[start + BEGIN.len()..]);
    let (table, after) = rest.split_once(END).unwrap_or_else(|| panic!("{path} has no line {END}"));
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(root().join(path), format!("{before}{BEGIN}\n{rendered}\n{END}{after}")).unwrap();
        return;
    }
    for (written, expected) in table.trim().lines().zip(rendered.trim().lines()) {
        assert_eq!(written, expected, "{path} is stale: WEIR_BLESS=1 cargo test --package weir --test docs");
    }
    assert_eq!(table.trim(), rendered.trim(), "{path} is stale: WEIR_BLESS=1 cargo test --package weir --test docs");
}

/// What stands in backticks at the start of a table's rows.
fn rows(page: &str) -> BTreeSet<&str> {
    page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

/// The blocks of a language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("```{language}\n");
    page.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The Record that the README shows has every field in the order of the table and is one that Weir could write.
#[test]
fn the_readmes_record_is_one() {
    let page = read("README.md");
    let line = blocks(&page, "json")[0].trim_end();
    assert!(!line.contains('\n'), "a Record is one line");
    let record = meter::record::Line::parse(line.as_bytes()).expect("the README's line can be read back");
    let mut again = Vec::new();
    record.render(&mut again);
    assert_eq!(String::from_utf8(again).unwrap().trim_end(), line);
}
