//! Tells the binary which commit it was built from, and gives it the page, if that has been built.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `npm run build` leaves the page, in a folder that is always there: cargo would build anew each time where it is not.
const BUILT: &str = "../../web/dist";

fn main() -> Result<(), Box<dyn Error>> {
    let from_environment = std::env::var("WEIR_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = from_environment.or_else(from_git).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=WEIR_COMMIT={commit}");
    println!("cargo:rerun-if-env-changed=WEIR_COMMIT");
    println!("cargo:rerun-if-changed=../../.git/HEAD");
    println!("cargo:rerun-if-changed=../../.git/logs/HEAD");
    println!("cargo:rerun-if-changed={BUILT}");
    let page = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join(BUILT).join("page");
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("page.rs"), table(&page)?)?;
    Ok(())
}

fn from_git() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}

/// The page's files as a table in Rust; an empty one where the page is not built.
fn table(page: &Path) -> Result<String, Box<dyn Error>> {
    let mut table = String::from("&[\n");
    for file in files(page)? {
        let name = file.strip_prefix(page)?.to_string_lossy().into_owned();
        let (name, packed) = name.strip_suffix(".gz").map_or((name.as_str(), false), |name| (name, true));
        writeln!(table, "(\"/{name}\", {packed}, include_bytes!({:?})),", file.canonicalize()?)?;
    }
    table.push_str("]\n");
    Ok(table)
}

fn files(page: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let (mut found, mut open) = (Vec::new(), vec![page.to_owned()]);
    while let Some(folder) = open.pop().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
