//! What the documentation says of the code is compared with the code: tables of fields, metrics and errors are rendered from
//! it, settings and flags are looked up, links are followed.
//!
//! `WEIR_BLESS=1 cargo test --package weir --test docs` writes the rendered tables anew.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so and ends")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::header::RETRY_AFTER;
use meter::cost::{Price, Tariff};
use meter::record::{FIELDS, Record, Unit};
use meter::usage::{Parts, Usage};
use weir::config::{Durability, OnJournalFailure, Overrides, Written, from_environment, schema};
use weir::error::{Error, ErrorKind, Side};
use weir::metrics::{self, FollowerState, Gauges};
use weir::recorder::{OVERHEAD_BUCKETS, Options, Recorder, SECONDS_BUCKETS};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Compares what stands between a page's two markers with `rendered`, or writes it there.
fn check_table(path: &str, rendered: &str) {
    const BEGIN: &str = "<!-- begin: rendered from the code by crates/weir/tests/docs.rs -->\n";
    const END: &str = "<!-- end -->";
    let page = read(path);
    let (before, rest) = page.split_once(BEGIN).unwrap_or_else(|| panic!("{path} has no line {BEGIN}"));
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

fn unit(unit: Unit) -> String {
    match unit {
        Unit::Text(bytes) => return format!("string, at most {bytes} bytes"),
        Unit::Count => "integer",
        Unit::Usd => "number, US dollars",
        Unit::Kwh => "number, kilowatt-hours",
        Unit::Seconds => "number, seconds",
        Unit::Number => "number",
        Unit::Bool => "boolean",
        Unit::Time => "string, a time",
        Unit::Id => "string, a UUID",
    }
    .to_owned()
}

#[test]
fn the_fields_are_those_of_the_table() {
    let mut table = String::from("| Field | Type | Where unknown | Meaning |\n|---|---|---|---|\n");
    for field in FIELDS {
        let unknown = if field.always { "`null`" } else { "left out" };
        table += &format!("| `{}` | {} | {unknown} | {} |\n", field.name, unit(field.unit), field.doc);
    }
    check_table("docs/record.md", &table);
}

/// A page of metrics on which every series there is shows.
fn a_full_page() -> String {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        max_in_flight: 4,
        durability: Durability::Flush,
        on_failure: OnJournalFailure::Refuse,
        journal: store::Options::default(),
    };
    let (recorder, _) = Recorder::open(dir.path(), options).unwrap();
    let usage = Usage::from_inclusive(25, 150, Parts::default());
    let mut record = Box::new(Record { usage: Some(usage), ..Record::default() });
    record.cost = Price::from_tariff("config:m", &Tariff::default()).unwrap().cost(&usage);
    record.times.first_token = Some(1);
    record.times.overhead = Some(1);
    recorder.finish(recorder.admit().unwrap(), record);
    let (balance, ledger) = recorder.snapshot();
    metrics::render(
        &balance,
        &ledger,
        &Gauges {
            followers: vec![FollowerState::default()],
            wrong_fields: vec![("team".to_owned(), 0)],
            ..Gauges::default()
        },
    )
}

/// The names of the labels of a metric's rows.
fn labels(page: &str, metric: &str) -> BTreeSet<String> {
    let of_metric = |row: &&str| {
        let name = row.split(['{', ' ']).next().unwrap_or_default();
        ["", "_bucket", "_sum", "_count"].iter().any(|suffix| name.strip_suffix(suffix) == Some(metric))
    };
    let names = |row: &str| -> Vec<String> {
        let inside = row.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
        inside.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect()
    };
    page.lines().filter(of_metric).flat_map(names).filter(|name| name != "le").collect()
}

#[test]
fn the_metrics_are_those_of_the_page() {
    let page = a_full_page();
    let mut table = String::from("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n");
    let mut heads = page.lines().filter_map(|line| line.strip_prefix("# "));
    while let (Some(help), Some(kind)) = (heads.next(), heads.next()) {
        let (name, help) = help.strip_prefix("HELP ").unwrap().split_once(' ').unwrap();
        let kind = kind.strip_prefix(&format!("TYPE {name} ")).unwrap();
        let labels: Vec<String> = labels(&page, name).iter().map(|label| format!("`{label}`")).collect();
        table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
    }
    check_table("docs/metrics.md", &table);
    let words = read("docs/metrics.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for buckets in [SECONDS_BUCKETS, OVERHEAD_BUCKETS] {
        let buckets = buckets.map(|bound| bound.to_string()).join(", ");
        assert!(words.contains(&buckets), "docs/metrics.md lacks the buckets {buckets}");
    }
}

/// Every kind of error, with what it is about. A new kind does not compile until it has a sentence here; that it is in
/// [`KINDS`] too is what [`every_code_is_explained`] looks after.
fn sentence(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadHead => "What came is no head of a request; counted as `bad_head`.",
        ErrorKind::HeadTooLarge => "The path or the headers are too long or too many; counted as `bad_head`.",
        ErrorKind::ForbiddenHost => "The `host` header names somebody else: see `allowed_hosts`.",
        ErrorKind::ForbiddenOrigin => "A browser's page that may not call: see `allowed_origins`.",
        ErrorKind::NotFound => {
            "The path is not under `/v1/`, or has `.` or `..` in it: the client's base URL must end in `/v1`."
        }
        ErrorKind::MethodNotAllowed => "The path takes another method.",
        ErrorKind::UpgradeUnsupported => "An `upgrade` was asked for, as WebSockets need it.",
        ErrorKind::MissingKey => "Callers need a key, and none was shown: see `[[keys]]`.",
        ErrorKind::InvalidKey => "The key that was shown is none of `[[keys]]`.",
        ErrorKind::RevokedKey => "The key was revoked.",
        ErrorKind::TooManyInFlight => "`max_in_flight` requests are under way.",
        ErrorKind::JournalUnavailable => "The journal cannot be written: free room on the disk of `data_dir`.",
        ErrorKind::InvalidJson => "The body is not a JSON object.",
        ErrorKind::InvalidModel => "`model` is not a string.",
        ErrorKind::UnsupportedMediaType => {
            "The body does not say that it is JSON, which is required where Weir holds a key, or it is compressed."
        }
        ErrorKind::MissingModel => "The body names no `model`.",
        ErrorKind::UnknownModel => "No provider serves the model, or none has `default = true`.",
        ErrorKind::ModelNotAllowed => {
            "The caller's key is not for this model, or it is for certain models and the request names none."
        }
        ErrorKind::BodyTooLarge => "The body is larger than `body_limit`.",
        ErrorKind::BodyMemory => "All bodies together are larger than `body_memory`.",
        ErrorKind::BodyIncomplete => "The body stood still, or is not framed as HTTP says.",
        ErrorKind::CallerGone => "The caller went away before its body was whole. Nobody reads this answer.",
        ErrorKind::UpstreamUnreachable => "The provider cannot be reached.",
        ErrorKind::ConnectTimeout => "The provider could not be reached within `timeouts.connect`.",
        ErrorKind::UpstreamTimeout => "The provider did not answer in time.",
        ErrorKind::UpstreamBroken => "The provider's answer is not HTTP, or broke off in its head.",
    }
}

const KINDS: [ErrorKind; 26] = [
    ErrorKind::BadHead,
    ErrorKind::HeadTooLarge,
    ErrorKind::ForbiddenHost,
    ErrorKind::ForbiddenOrigin,
    ErrorKind::NotFound,
    ErrorKind::MethodNotAllowed,
    ErrorKind::UpgradeUnsupported,
    ErrorKind::MissingKey,
    ErrorKind::InvalidKey,
    ErrorKind::RevokedKey,
    ErrorKind::TooManyInFlight,
    ErrorKind::JournalUnavailable,
    ErrorKind::InvalidJson,
    ErrorKind::InvalidModel,
    ErrorKind::UnsupportedMediaType,
    ErrorKind::MissingModel,
    ErrorKind::UnknownModel,
    ErrorKind::ModelNotAllowed,
    ErrorKind::BodyTooLarge,
    ErrorKind::BodyMemory,
    ErrorKind::BodyIncomplete,
    ErrorKind::CallerGone,
    ErrorKind::UpstreamUnreachable,
    ErrorKind::ConnectTimeout,
    ErrorKind::UpstreamTimeout,
    ErrorKind::UpstreamBroken,
];

#[test]
fn the_errors_are_those_of_the_table() {
    let mut table = String::from("| Code | Status | Retry-After | Leaves a Record | Side | Meaning |\n");
    table += "|---|---|---|---|---|---|\n";
    for kind in KINDS {
        let response = Error::new(kind, "").response(None);
        let wait = response.headers().get(RETRY_AFTER).map_or("", |wait| wait.to_str().unwrap());
        let refused =
            ErrorKind::REFUSALS.contains(&kind) || matches!(kind, ErrorKind::BadHead | ErrorKind::HeadTooLarge);
        let recorded = if refused { "no, counted" } else { "yes" };
        let side = match kind.side() {
            Side::Client => "caller",
            Side::Upstream => "provider",
            Side::Internal => "Weir",
        };
        let status = kind.status().as_u16();
        table += &format!("| `{}` | {status} | {wait} | {recorded} | {side} | {} |\n", kind.code(), sentence(kind));
    }
    check_table("docs/operations.md", &table);
}

#[test]
fn every_code_is_explained() {
    let page = read("docs/operations.md");
    let explained = rows(&page);
    let mut codes = BTreeSet::new();
    for file in ["error.rs", "proxy/settle.rs", "recorder/recovery.rs"] {
        let source = read(&format!("crates/weir/src/{file}"));
        let source = source.split("#[cfg(test)]").next().unwrap();
        let is_code = |text: &&str| text.starts_with("weir_") && text.len() > "weir_".len();
        codes.extend(source.split('"').skip(1).step_by(2).filter(is_code).map(str::to_owned));
    }
    assert!(codes.len() > KINDS.len(), "the codes are found in the source: {codes:?}");
    for code in &codes {
        assert!(explained.contains(code.as_str()), "docs/operations.md does not explain {code}");
    }
    for code in explained.iter().filter(|code| code.starts_with("weir_")) {
        assert!(codes.contains(*code), "docs/operations.md explains {code}, which there is not");
    }
}

/// Every setting, by its path in weir.toml: `timeouts.connect`, `providers[].name`, `pricing.NAME.input`.
fn settings(schema: &serde_json::Value, node: &serde_json::Value, prefix: &str, found: &mut BTreeSet<String>) {
    if let Some(target) = node["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap();
        return settings(schema, &schema["$defs"][name], prefix, found);
    }
    if let Some(properties) = node["properties"].as_object() {
        let dot = if prefix.is_empty() { "" } else { "." };
        return properties
            .iter()
            .for_each(|(name, inner)| settings(schema, inner, &format!("{prefix}{dot}{name}"), found));
    }
    if let Some(choices) = node["anyOf"].as_array()
        && let Some(table) = choices.iter().find(|choice| choice["$ref"].is_string())
    {
        return settings(schema, table, prefix, found);
    }
    if node["items"]["$ref"].is_string() {
        return settings(schema, &node["items"], &format!("{prefix}[]"), found);
    }
    if node["additionalProperties"].is_object() {
        return settings(schema, &node["additionalProperties"], &format!("{prefix}.NAME"), found);
    }
    found.insert(prefix.to_owned());
}

#[test]
fn every_setting_is_explained() {
    let (schema, page) = (schema(), read("docs/configuration.md"));
    let mut there_are = BTreeSet::new();
    settings(&schema, &schema, "", &mut there_are);
    assert!(
        there_are.contains("timeouts.connect") && there_are.contains("routes[].targets[].provider"),
        "{there_are:?}"
    );
    let explained: BTreeSet<String> =
        rows(&page).into_iter().filter(|row| !row.starts_with("--")).map(str::to_owned).collect();
    let (missing, wrong): (Vec<_>, Vec<_>) =
        (there_are.difference(&explained).collect(), explained.difference(&there_are).collect());
    assert!(missing.is_empty(), "docs/configuration.md does not explain {missing:?}");
    assert!(wrong.is_empty(), "docs/configuration.md explains {wrong:?}, which there is not");
}

/// The blocks of a language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("```{language}\n");
    page.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_defaults_are_those_that_are_written() {
    let page = read("docs/configuration.md");
    let defaults = blocks(&page, "toml")[0];
    let written = format!("{:?}", Written::parse(defaults).unwrap());
    assert_eq!(written, format!("{:?}", Written::default()));
    for setting in ["shutdown_grace", "rotate_bytes", "first_byte", "inject_usage"] {
        assert!(page.contains(setting), "{setting}");
    }
}

#[test]
fn every_example_of_a_configuration_can_be_read() {
    let pages =
        ["README.md", "docs/configuration.md", "docs/loki.md", "docs/operations.md", "docs/providers.md"].map(read);
    let examples: Vec<_> = pages.iter().flat_map(|page| blocks(page, "toml")).collect();
    assert!(examples.len() > 2);
    for example in examples {
        Written::parse(example).unwrap_or_else(|error| panic!("{example}\n{error}"));
    }
}

#[test]
fn the_providers_without_a_configuration_are_explained() {
    let page = read("docs/configuration.md");
    let (_, table) = from_environment(|_| false, &Overrides::default()).unwrap();
    for line in &table {
        let name = line.split_whitespace().next().unwrap();
        let variable = line.split_whitespace().find(|word| word.ends_with("_API_KEY")).unwrap_or("OPENAI_API_KEY");
        let row = format!("| {name} | `{variable}` |");
        assert!(page.contains(&row), "docs/configuration.md lacks {row}");
    }
}

#[test]
fn every_preset_is_explained() {
    let (page, setting) = (read("docs/providers.md"), read("docs/configuration.md"));
    for preset in weir::config::PRESETS {
        let code = |text: &str| if text.is_empty() { "none".to_owned() } else { format!("`{text}`") };
        let models = preset.models.iter().map(|pattern| code(pattern)).collect::<Vec<_>>().join(" ");
        let models = if models.is_empty() { "none".to_owned() } else { models };
        let row = format!("| {} | {} | {} | {models} |", preset.name, code(preset.base_url), code(preset.variable));
        assert!(page.contains(&row), "docs/providers.md lacks {row}");
        assert_eq!(
            page.matches(&format!("\n| {} | ", preset.name)).count(),
            2,
            "{} has no ways of its own",
            preset.name
        );
        assert!(setting.contains(&format!("`{}`", preset.name)), "docs/configuration.md lacks {}", preset.name);
    }
}

/// The long flags that a command's help lists.
fn flags(command: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_weir")).args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "weir {command:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = |line: &str| {
        let line = line.trim_start();
        // A short form stands in front of some.
        let line = line.split_once(", ").filter(|(short, _)| short.len() == 2).map_or(line, |(_, long)| long);
        line.starts_with("--").then(|| line.split([' ', '=']).next().unwrap().to_owned())
    };
    help.lines().filter_map(listed).filter(|flag| flag != "--help").collect()
}

#[test]
fn every_flag_is_explained() {
    let page = read("docs/configuration.md");
    for command in [
        &["serve"][..],
        &["demo"],
        &["query"],
        &["export"],
        &["simulate", "provider"],
        &["simulate", "traffic"],
        &["config", "schema"],
        &["key", "new"],
        &["prices"],
        &["prices", "update"],
        &["check"],
        &["tail"],
        &["replay"],
        &["import-config", "litellm"],
    ] {
        let name = command.join(" ");
        let title = format!("### `weir {name}`\n");
        let (_, section) = page.split_once(&title).unwrap_or_else(|| panic!("docs/configuration.md lacks {title}"));
        let section = section.split("\n#").next().unwrap();
        let explained: BTreeSet<String> =
            rows(section).iter().map(|row| row.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(explained, flags(command), "the flags of weir {name} in docs/configuration.md");
    }
}

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
