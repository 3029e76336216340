//! The fuzz targets' seeds, through the same checks, in every test run. Nothing of `fuzz/` is built for it.

use std::path::{Path, PathBuf};

// A test's helpers in all but name, which the lints cannot know.
#[allow(clippy::expect_used, clippy::panic, unreachable_pub)]
#[path = "../../../fuzz/src/lib.rs"]
mod target;

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_seed_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, check) in target::TARGETS {
        let seeds = sorted(&corpus.join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            // Shown only where the test fails, and then its last line names the seed.
            println!("{}", seed.display());
            check(&std::fs::read(&seed).unwrap());
        }
    }
}

#[test]
fn every_target_has_its_seeds_and_its_binary() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let names: Vec<_> = target::TARGETS.iter().map(|(name, _)| Some((*name).to_owned())).collect();
    for dir in ["corpus", "src/bin"] {
        let found: Vec<_> = sorted(&fuzz.join(dir)).into_iter().map(stem).collect();
        assert_eq!(found, names, "fuzz/{dir}");
    }
}
