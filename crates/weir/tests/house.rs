//! The walls of the house, held by reading it: who may know whom, how large a thing may grow, what may come in from outside.
//!
//! What a rule refuses for good reason goes into the rule's table, beside the reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers, which the lints cannot know for one")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each library may depend on, beside what only its tests use, and why it is worth it. The binary may use anything.
const MAY_DEPEND: &[(&str, &[(&str, &str)])] = &[
    (
        "logql",
        &[
            ("jiff", "knows the time zones by name, which templates may use"),
            ("memchr", "finds a literal in a line many times faster than a loop"),
            ("regex", "matches bytes in linear time, as RE2 does"),
            ("regex-syntax", "says where a pattern is wrong, so that it can be said in RE2's words"),
            ("serde_json", "resolves the escapes of strings"),
            ("thiserror", "errors with their sentences beside them"),
        ],
    ),
    (
        "meter",
        &[
            ("memchr", "finds a byte many times faster than a loop"),
            ("serde_json", "resolves the escapes of strings, and quotes them"),
            ("thiserror", "errors with their sentences beside them"),
            ("unicode-properties", "what a letter is, which the tokenizers' patterns ask"),
        ],
    ),
    (
        "store",
        &[
            ("bytes", "hands Parquet's reader and writer parts of a buffer without copying them"),
            ("crc32fast", "tells a frame of the log of pushed entries from damage"),
            ("memchr", "finds the ends of lines many times faster than a loop"),
            ("memmap2", "lets the table of what is in flight be written as memory"),
            ("parquet", "writes the files that everything else can read as well, and finds its way in them"),
            ("rustix", "sets room aside on a disk, and asks for what is left"),
            ("serde", "the schema that a segment carries"),
            ("serde_json", "the same, as text"),
            ("thiserror", "errors with their sentences beside them"),
        ],
    ),
];

/// What must not be named in a library's sources, tests aside. Purity is worth a wall.
const NEVER_NAMES: &[(&str, &[&str])] = &[
    (
        "meter",
        &[
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "std::os",
            "SystemTime",
            "Instant::now",
            "tokio",
            "hyper",
            "store::",
        ],
    ),
    ("store", &["std::net", "std::process", "std::thread", "tokio", "hyper", "meter::"]),
    ("logql", &["std::fs", "std::net", "std::env", "SystemTime::now", "Instant::now", "tokio", "meter::", "store::"]),
];

/// Which of the binary's rooms must not know which, tests aside.
const NEVER_KNOWS: &[(&str, &[&str], &str)] = &[
    ("error", &["*"], "an error says what it is, everybody may use it"),
    ("framing", &["*"], "bytes in, bytes out"),
    ("log", &["*"], "everybody may say something"),
    ("page", &["*"], "files in the binary"),
    ("panels", &["*"], "a list that everybody may read"),
    ("api", &["query", "admin", "cli", "demo", "simulate"], "it tells what is known, whoever asks"),
    ("config", &["* but error"], "what was written is understood before anything runs"),
    ("metrics", &["* but error recorder"], "a page made of the recorder's figures, from nowhere else"),
    ("prices", &["* but config log"], "a file and a date"),
    ("energy", &["* but config log"], "files and their dates"),
    ("seal", &["* but log"], "it knows the Record's fields and the store, and nobody's request"),
    ("hub", &["* but config error log push"], "it keeps lines as they are"),
    ("push", &["* but config error log"], "what others push never meets a Record"),
    ("recorder", &["* but config error log"], "it takes Records from whoever has them"),
    (
        "proxy",
        &["query", "panels", "sink", "metrics", "admin", "server", "cli", "demo", "simulate"],
        "a request waits for no reader",
    ),
    (
        "sink",
        &["proxy", "recorder", "query", "panels", "metrics", "admin", "server", "cli", "demo", "simulate"],
        "a follower knows Records and the journal; what it does never touches a request",
    ),
    ("query", &["proxy", "recorder", "sink", "server", "cli", "demo", "simulate"], "reading never hurts writing"),
    ("admin", &["cli", "demo", "simulate"], "it shows what is there, whoever started it"),
    ("server", &["cli", "demo", "simulate"], "it is started by them"),
];

/// Names that say nothing of what is inside.
const SAYS_NOTHING: &[&str] = &["util", "utils", "common", "helper", "helpers", "type", "types", "misc", "mod"];

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 80;
/// (path, why)
const LONGER_FILES: &[(&str, &str)] =
    &[("crates/meter/src/record/fields.rs", "the table of a Record's fields, a row for each, and nothing else")];
/// (path, function, why)
const LONGER_FUNCTIONS: &[(&str, &str, &str)] = &[];

const MOST_PACKAGES: usize = 300;
/// What brings a second TLS stack, or a C++ compiler or cmake, into the build of what is shipped.
const NEVER_PACKAGES: &[&str] = &[
    "openssl",
    "openssl-sys",
    "native-tls",
    "aws-lc-rs",
    "aws-lc-sys",
    "boring-sys",
    "cmake",
    "cxx",
    "cxx-build",
    "link-cplusplus",
    "libfuzzer-sys",
    "bindgen",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Rust files under `dir`, as paths from the root.
fn sources(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// A file's code: without comments, and without the module of tests that ends it, if any.
fn code(path: &str) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `name` stands in `code`, not as a part of a longer word.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code.as_bytes()[..at], &code.as_bytes()[at + name.len()..]);
        let starts = !before.last().is_some_and(|byte| is_word(*byte)) && !before.ends_with(b"::");
        starts && (name.ends_with(':') || !after.first().is_some_and(|byte| is_word(*byte)))
    })
}

/// The rooms of the binary that a file of depth `depth` names: `crate::sink`, `crate::{admin, proxy::x}`.
fn rooms_named(code: &str, depth: usize) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for start in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&start) {
            if code[..at].ends_with("super::") || code[..at].bytes().last().is_some_and(is_word) {
                continue;
            }
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(first_words(group)),
                None => rooms.extend(word(rest)),
            }
        }
    }
    rooms
}

fn word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each path in `a, b::{c, d}, e}`.
fn first_words(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut words) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                words.extend(word(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                words.extend(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    words
}

fn manifest(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn packages(lock: &str) -> Vec<toml::Table> {
    let lock = manifest(lock);
    lock["package"].as_array().unwrap().iter().map(|package| package.as_table().unwrap().clone()).collect()
}

#[test]
fn a_library_depends_on_what_it_may() {
    for (library, may) in MAY_DEPEND {
        let manifest = manifest(&format!("crates/{library}/Cargo.toml"));
        for section in ["dependencies", "build-dependencies"] {
            for name in manifest.get(section).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys) {
                assert!(may.iter().any(|(known, _)| known == name), "{library} may not depend on {name}");
            }
        }
        assert!(manifest.get("target").is_none(), "{library}: dependencies of one platform are not looked at here");
    }
}

#[test]
fn a_library_names_nothing_beyond_its_walls() {
    for (library, never) in NEVER_NAMES {
        for path in sources(&format!("crates/{library}/src")).iter().filter(|path| !is_test(path)) {
            let code = code(path);
            for name in *never {
                assert!(!names(&code, name), "{path} names {name}");
            }
        }
    }
}

#[test]
fn a_room_knows_those_it_may() {
    let inside = "crates/weir/src/";
    let files = sources(inside);
    let rooms: BTreeSet<_> = files.iter().filter_map(|path| word(&path[inside.len()..])).collect();
    for (room, never, why) in NEVER_KNOWS {
        let but: Option<Vec<_>> = never[0].strip_prefix('*').map(|but| but.split_whitespace().collect());
        let of_room = |path: &&String| word(&path[inside.len()..]).as_deref() == Some(*room) && !is_test(path);
        for path in files.iter().filter(of_room) {
            let depth = path[inside.len()..].split('/').count();
            for known in rooms_named(&code(path), depth).iter().filter(|known| rooms.contains(*known)) {
                let may = match &but {
                    Some(but) => known == room || but.contains(&known.as_str()),
                    None => !never.contains(&known.as_str()),
                };
                assert!(may, "{path} knows {known}: {why}");
            }
        }
    }
}

/// `print!` panics where nobody reads any more, as in `weir check | head -1`.
#[test]
fn commands_do_not_panic_where_nobody_reads() {
    for path in sources("crates/weir/src").into_iter().filter(|path| !is_test(path)) {
        let code = code(&path);
        let prints = code.lines().any(|line| line.trim_start().starts_with("print") || line.contains(" println!("));
        assert!(!prints, "{path} prints: `tell` is for that");
    }
}

#[test]
fn modules_say_what_they_are() {
    for path in ["crates", "bench/src", "fuzz/src"].into_iter().flat_map(sources) {
        let mut names = path.split('/').map(|part| part.trim_end_matches(".rs"));
        assert!(!names.any(|name| SAYS_NOTHING.contains(&name)), "{path} has a name that says nothing");
    }
}

#[test]
fn files_and_functions_fit_a_head() {
    for path in ["crates", "bench/src", "fuzz/src"].into_iter().flat_map(sources) {
        let text = read(&path);
        let lines: Vec<_> = text.lines().collect();
        let listed = LONGER_FILES.iter().any(|(file, _)| *file == path);
        assert!(lines.len() <= LONGEST_FILE || listed, "{path} has {} lines", lines.len());
        for (name, length) in functions(&lines) {
            let listed = LONGER_FUNCTIONS.iter().any(|(file, function, _)| *file == path && *function == name);
            assert!(length <= LONGEST_FUNCTION || listed, "{path}: {name} has {length} lines");
        }
    }
}

/// Each function's name and lines, from code that rustfmt has laid out: it ends with a brace where its first line began.
fn functions(lines: &[&str]) -> Vec<(String, usize)> {
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some((before, after)) = line.split_once("fn ") else { continue };
        let qualifier = |word: &str| word.starts_with("pub") || ["const", "async", "in", "extern"].contains(&word);
        let (Some(name), true) = (word(after), before.split_whitespace().all(qualifier)) else { continue };
        let ends = |line: &str| {
            let same = line.len() - line.trim_start().len() == indent;
            same && (line.ends_with('}') || line.ends_with(';'))
        };
        let length = 1 + lines[start..].iter().position(|line| ends(line)).unwrap_or(0);
        functions.push((name, length));
    }
    functions
}

#[test]
fn the_lock_file_is_short_and_from_one_place() {
    let ours = packages("Cargo.lock");
    assert!(ours.len() < MOST_PACKAGES, "{} packages", ours.len());
    for package in &ours {
        let name = package["name"].as_str().unwrap();
        assert!(!NEVER_PACKAGES.contains(&name), "{name} is in Cargo.lock");
    }
    let mut sources = BTreeSet::new();
    for lock in ["Cargo.lock", "bench/Cargo.lock", "fuzz/Cargo.lock"] {
        for package in packages(lock) {
            let Some(source) = package.get("source").and_then(toml::Value::as_str) else { continue };
            assert!(source.starts_with("registry+"), "{lock}: {} comes from {source}", package["name"]);
            sources.insert(source.to_owned());
        }
    }
    assert!(sources.len() <= 1, "more than one registry: {sources:?}");
}

#[test]
fn licences_are_the_ones_that_were_agreed_to() {
    let deny = manifest("deny.toml");
    let allowed: BTreeSet<_> =
        deny["licenses"]["allow"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    let target = deny["graph"]["targets"][0].as_str().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--format-version=1", "--filter-platform", target])
        .current_dir(root())
        .output();
    let Some(metadata) = metadata.ok().filter(|output| output.status.success()) else {
        println!("skipped: cargo metadata does not run here");
        return;
    };
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let refused = |allowed: &BTreeSet<&str>| {
        let refused = |package: &&serde_json::Value| !accepts(package["license"].as_str().unwrap_or_default(), allowed);
        packages.iter().filter(refused).map(|package| format!("{}: {}", package["name"], package["license"])).collect()
    };
    let missing: Vec<String> = refused(&allowed);
    assert!(missing.is_empty(), "{missing:?} is not under {allowed:?}");
    for licence in &allowed {
        let mut others = allowed.clone();
        others.remove(licence);
        assert!(!refused(&others).is_empty(), "deny.toml allows {licence}, which nothing needs");
    }
}

/// Whether an SPDX expression can be met with licences that are allowed.
fn accepts(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    // OR binds weaker than AND, and parentheses stand around choices only, in every package seen.
    let expression = expression.replace('/', " OR ").replace(") AND ", ")\0").replace(" AND (", "\0(");
    expression.split('\0').all(|part| {
        let mut choices = part.trim_matches(['(', ')']).split(" OR ");
        choices.any(|choice| choice.split(" AND ").all(|licence| allowed.contains(licence.trim())))
    })
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["A", "B", "C"]);
    for met in ["A", "X OR A", "X/B", "A AND B", "(X OR A) AND C", "C AND (A OR X)", "X WITH Y OR A"] {
        assert!(accepts(met, &allowed), "{met}");
    }
    for unmet in ["", "X", "A AND X", "C AND (X OR Y)", "(A OR B) AND X", "A WITH X"] {
        assert!(!accepts(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn no_file_names_anybodys_home() {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let Some(listed) = listed.ok().filter(|output| output.status.success()) else {
        println!("skipped: not a checkout");
        return;
    };
    for path in listed.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        let path = String::from_utf8_lossy(path);
        // What is deleted but not yet committed is listed, too.
        let Ok(text) = std::fs::read_to_string(root().join(&*path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            assert!(!names_a_home(line), "{path}:{} names a home directory", number + 1);
        }
    }
}

fn names_a_home(line: &str) -> bool {
    ["home", "Users", "root"].iter().any(|name| {
        line.match_indices(&format!("/{name}/")).any(|(at, found)| {
            let (before, after) = (&line.as_bytes()[..at], &line.as_bytes()[at + found.len()..]);
            // Behind a host's name it is a part of a URL.
            let absolute = !before.last().is_some_and(|byte| is_word(*byte) || matches!(byte, b'.' | b'-' | b'/'));
            absolute && after.first().is_some_and(|byte| is_word(*byte))
        })
    })
}

#[test]
fn the_readers_above_read() {
    assert!(names("use std::fs;", "std::fs") && !names("use std::fsx;", "std::fs"));
    assert!(names("meter::usage", "meter::") && !names("crate::meter::usage", "meter::"));
    let code = "use crate::{a, b::{c, d}, e};\nuse super::super::f::g; crate::h(); super::i";
    let found: Vec<_> = rooms_named(code, 2).into_iter().collect();
    assert_eq!(found, ["a", "b", "e", "f", "h"]);
    let lines = ["fn a() {", "    b", "}", "impl X {", "    pub(crate) async fn c(", "        d: E,", "    );", "}"];
    assert_eq!(functions(&lines), [("a".to_owned(), 3), ("c".to_owned(), 3)]);
    assert!(names_a_home(&format!("see /{}/ann/x", "home")) && !names_a_home(&format!("https://x.org/{}/y", "home")));
}
