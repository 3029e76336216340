//! The list of panels and rules, and what is rendered from it: each query is asked over simulated Records, and what it answers
//! is compared with the figure computed from them.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so and ends")]

mod asked;
mod collectors;
mod counters;
mod current;
mod dashboard;
mod figures;
mod kusto;
mod linked;
mod rules;
mod simulated;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file.
fn yaml(path: &str) -> Vec<yaml_rust2::Yaml> {
    yaml_rust2::YamlLoader::load_from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Prometheus's own tool, if it is there; where it must be, its lack is a failure.
fn promtool(args: &[&str]) -> Option<std::process::Output> {
    // tests/run brings it there.
    let here = root().join(".tools/debian/usr/bin/promtool");
    let run = |program: &Path| std::process::Command::new(program).args(args).output();
    let output = run(Path::new("promtool")).or_else(|_| run(&here));
    if output.is_err() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "promtool is missing (Debian: prometheus)");
        println!("promtool is not installed (Debian: prometheus): PromQL was not checked");
        return None;
    }
    output.ok()
}
