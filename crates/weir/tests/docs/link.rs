//! Links and commands lead somewhere.

use std::fs;

use crate::{read, root};

/// The pages that a reader is led through.
fn pages() -> Vec<String> {
    let mut pages: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    for file in fs::read_dir(root().join("docs")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    pages
}

/// What GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let kept =
        heading.trim().to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != ' ' && c != '-' && c != '_', "");
    kept.replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for page in pages() {
        let text = read(&page);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let to = if path.is_empty() { root().join(&page) } else { root().join(&page).parent().unwrap().join(path) };
            assert!(to.exists(), "{page} links to {link}, which is not there");
            if !fragment.is_empty() {
                let headings = fs::read_to_string(&to).unwrap();
                let mut headings = headings.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == fragment);
                assert!(found, "{page} links to {link}, and no heading there is called so");
            }
            links += 1;
        }
    }
    assert!(links > 20, "{links} links were found");
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = read("Makefile");
    for page in pages() {
        for target in read(&page).split("`make ").skip(1).map(|rest| rest.split('`').next().unwrap().to_owned()) {
            let there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
            assert!(there, "{page} names `make {target}`, which there is not");
        }
    }
}
