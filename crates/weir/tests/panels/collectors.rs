//! The collectors' configurations: they make labels and structured metadata of what the table says, and of no more.

use std::collections::BTreeSet;

use meter::record::{FIELDS, Role, field};
use yaml_rust2::Yaml;

use crate::{read, yaml};

fn names(role: Role) -> BTreeSet<String> {
    FIELDS.iter().filter(|field| field.role == role).map(|field| field.name.to_owned()).collect()
}

fn object(path: &str, kind: &str) -> Yaml {
    yaml(path)
        .into_iter()
        .find(|object| object["kind"].as_str() == Some(kind))
        .unwrap_or_else(|| panic!("{path}: {kind}"))
}

fn keys(map: &Yaml) -> BTreeSet<String> {
    map.as_hash().unwrap().keys().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn promtail_is_as_it_was_asked_for() {
    let path = "observability/promtail-llm-enhanced.yaml";
    assert!(read(path).starts_with("# Promtail ended on 2 March 2026"));
    let map = object(path, "ConfigMap");
    assert_eq!(map["metadata"]["name"].as_str(), Some("promtail-llm-config"));
    assert_eq!(object(path, "DaemonSet")["metadata"]["name"].as_str(), Some("promtail-llm"));
    for object in yaml(path).iter().filter(|object| !object["kind"].as_str().unwrap().starts_with("Cluster")) {
        assert_eq!(object["metadata"]["namespace"].as_str(), Some("observability"));
    }
    let config = yaml_rust2::YamlLoader::load_from_str(map["data"]["promtail.yaml"].as_str().unwrap()).unwrap();
    for (job, begins) in [(0, "cri"), (1, "match")] {
        let job = &config[0]["scrape_configs"][job];
        let stages = job["pipeline_stages"].as_vec().unwrap();
        assert!(!stages[0][begins].is_badvalue(), "{begins} comes first");
        let stage = |name: &str| stages.iter().map(|stage| &stage[name]).find(|stage| !stage.is_badvalue()).unwrap();
        assert_eq!(keys(stage("labels")), names(Role::Label));
        assert_eq!(keys(stage("structured_metadata")), names(Role::Metadata));
        for name in keys(&stage("json")["expressions"]) {
            assert!(field(&name).is_some(), "{name}");
        }
        let metrics = stage("metrics").as_hash().unwrap();
        assert!(metrics.len() > 4);
        for (name, metric) in metrics {
            assert_eq!(metric["prefix"].as_str(), Some("llm_logs_"), "{name:?}");
            assert!(metric["source"].as_str().is_none_or(|source| field(source).is_some()), "{name:?}");
        }
        // What is no Record's line goes no further.
        let selector = stage("match")["selector"].as_str().unwrap();
        let (_, mark) = selector.split_once("!= `").unwrap();
        let line = crate::simulated::line(&crate::simulated::requests(1)[0]);
        assert!(line.contains(mark.trim_end_matches('`')), "{selector}");
        logql::syntax::parse(selector).unwrap();
    }
}

/// The blocks of a stage in Alloy's language: the names of its values.
fn values<'a>(config: &'a str, stage: &str) -> BTreeSet<&'a str> {
    let (_, rest) = config.split_once(&format!("{stage} {{")).unwrap_or_else(|| panic!("{stage}"));
    let (_, rest) = rest.split_once("= {\n").unwrap();
    rest.split('}').next().unwrap().lines().filter_map(|line| Some(line.trim().split_once(" = ")?.0)).collect()
}

#[test]
fn alloy_does_what_promtail_did() {
    let path = "observability/alloy-llm-enhanced.yaml";
    let map = object(path, "ConfigMap");
    assert_eq!(map["metadata"]["name"].as_str(), Some("alloy-llm-config"));
    assert_eq!(object(path, "DaemonSet")["metadata"]["name"].as_str(), Some("alloy-llm"));
    let of_files = read("observability/alloy/llm-files.alloy");
    for config in [map["data"]["config.alloy"].as_str().unwrap(), &of_files] {
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(owned(values(config, "stage.labels")), names(Role::Label));
        assert_eq!(owned(values(config, "stage.structured_metadata")), names(Role::Metadata));
        for name in values(config, "stage.json") {
            assert!(field(name).is_some(), "{name}");
        }
        check_syntax(config);
        let selector = config.lines().find_map(|line| line.trim().strip_prefix("selector            = ")).unwrap();
        // Strings are quoted as in JSON.
        logql::syntax::parse(&serde_json::from_str::<String>(selector).unwrap()).unwrap();
        let prefixes: Vec<&str> =
            config.lines().filter_map(|line| line.trim().strip_prefix("prefix            = ")).collect();
        assert!(prefixes.len() == 6 && prefixes.iter().all(|prefix| *prefix == "\"llm_logs_\""), "{prefixes:?}");
    }
    assert!(!of_files.contains("kubernetes"));
}

/// Braces and quotes close, and every component that is named is there.
fn check_syntax(config: &str) {
    let (mut depth, mut components, mut named) = (0_i32, BTreeSet::new(), BTreeSet::new());
    for line in config.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let bare: String = {
            let unescaped = line.replace("\\\"", "");
            assert!(unescaped.matches('"').count() % 2 == 0, "{line}");
            unescaped.split('"').step_by(2).collect()
        };
        if depth == 0 && line.ends_with('{') {
            let mut words = line.trim_end_matches(" {").split(' ');
            let (kind, label) = (words.next().unwrap(), words.next().unwrap().trim_matches('"'));
            assert!(components.insert(format!("{kind}.{label}")), "{line}");
        }
        for word in bare
            .split([' ', '[', ']', ','])
            .filter(|word| word.starts_with("loki.") || word.starts_with("discovery.") || word.starts_with("local."))
        {
            if depth > 0 {
                named.insert(word.rsplit_once('.').unwrap().0.to_owned());
            }
        }
        depth += bare.matches('{').count() as i32 - bare.matches('}').count() as i32;
        assert!(depth >= 0, "{line}");
    }
    assert_eq!(depth, 0);
    assert!(!named.is_empty() && named.is_subset(&components), "{named:?} {components:?}");
}

/// Loki's page lists what goes there beside the line, and says how many.
#[test]
fn what_loki_gets_beside_the_line_is_listed() {
    let page = read("docs/loki.md");
    let (_, list) = page.split_once("- **Structured metadata**: ").unwrap();
    let (list, _) = list.split_once(", those that are known").unwrap();
    let listed: BTreeSet<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(listed, names(Role::Metadata));
    assert!(page.contains(&format!("metadata of at most {} pairs", listed.len())));
}
