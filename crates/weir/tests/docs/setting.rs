//! Settings, presets and flags: each is explained, and what is explained there is.

use std::collections::BTreeSet;
use std::process::Command;

use weir::config::{Overrides, Written, from_environment, schema};

use crate::{blocks, read, rows};

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
        &["simulate", "history"],
        &["config", "schema"],
        &["key", "new"],
        &["prices"],
        &["prices", "update"],
        &["energy"],
        &["energy", "fit"],
        &["energy", "update"],
        &["check"],
        &["doctor"],
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
