//! The files that are rendered are those in the tree. `WEIR_BLESS=1 cargo test --package weir --test panels` writes them anew.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::{read, root};

fn export(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).arg("export").args(args).output().unwrap()
}

/// Files below a directory, as paths from `from`.
fn files(dir: &Path, from: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, from, found);
        } else {
            found.insert(path.strip_prefix(from).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn generated_files_are_current() {
    let dir = tempfile::tempdir().unwrap();
    let to = if std::env::var_os("WEIR_BLESS").is_some() { root() } else { dir.path().to_owned() };
    assert!(export(&["all", "--to", to.to_str().unwrap()]).status.success());
    let fresh = tempfile::tempdir().unwrap();
    assert!(export(&["all", "--to", fresh.path().to_str().unwrap()]).status.success());
    let (mut rendered, mut kept) = (BTreeSet::new(), BTreeSet::new());
    files(fresh.path(), fresh.path(), &mut rendered);
    files(&root().join("observability"), &root(), &mut kept);
    assert_eq!(rendered, kept, "what is rendered, and what lies in observability/");
    for path in rendered {
        let text = std::fs::read_to_string(fresh.path().join(&path)).unwrap();
        assert!(text == read(&path), "{path} is stale: WEIR_BLESS=1 cargo test --package weir --test panels");
    }
}

#[test]
fn a_deployment_has_its_own_names_and_thresholds() {
    let text = |args: &[&str]| {
        let output = export(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let dashboards = text(&["dashboards", "--namespace", "chat", "--app", "gateway"]);
    assert!(
        dashboards.contains(r#"{namespace=\"chat\", app=\"gateway\", event"#) && !dashboards.contains("llm-proxy\\\"")
    );
    let rules = text(&["rules", "--threshold", "cost_per_hour_usd=7.25"]);
    assert!(rules.contains("[1h]))) > 7.25") && !text(&["rules"]).contains("7.25"));
    for wrong in [
        &["rules", "--threshold", "cost_per_year_usd=1"][..],
        &["rules", "--threshold", "burn_fast=fast"],
        &["dashboards", "--app", "a\"}"],
        &["dashboards", "--namespace", ""],
        &["everything"],
        &["dashboards", "--to", "/dev/null/x"],
    ] {
        assert!(!export(wrong).status.success(), "{wrong:?}");
    }
}
