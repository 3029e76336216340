//! `weir export`: what others need to show and watch Weir's figures, rendered from the list of panels, the list of rules and
//! the table of fields.

mod collector;
mod dashboard;
mod datasources;
mod kusto;
mod rules;
mod yaml;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::panels::{Filter, Selection, Thresholds};
use dashboard::Asks;
use datasources::Addresses;

/// What to export, and for which deployment.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ExportOptions {
    /// What to write.
    #[arg(value_enum)]
    what: What,
    /// The directory to write to, in which files get their usual paths; without it everything goes to standard output.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The label `namespace` of Weir's lines, and where its pods run.
    #[arg(long, value_name = "NAME", default_value = "llm", value_parser = name)]
    namespace: String,
    /// The label `app` of Weir's lines and of its pods.
    #[arg(long, value_name = "NAME", default_value = "llm-proxy", value_parser = name)]
    app: String,
    /// A number that a rule compares with, as in cost_per_hour_usd=20. May be repeated.
    #[arg(long = "threshold", value_name = "NAME=NUMBER", value_parser = number)]
    thresholds: Vec<(String, f64)>,
}

/// What there is to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Everything below.
    All,
    /// Grafana's dashboards: JSON to import, and ConfigMaps for its sidecar.
    Dashboards,
    /// Grafana's data sources: Loki, Weir and Prometheus.
    Datasources,
    /// Alert rules for Prometheus, for Loki's ruler and for Grafana.
    Rules,
    /// Promtail, which ended in March 2026.
    Promtail,
    /// Alloy, Promtail's successor.
    Alloy,
    /// Functions in KQL for Azure's Log Analytics.
    Kusto,
}

/// What files are rendered for.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    namespace: String,
    app: String,
    thresholds: Thresholds,
}

impl Settings {
    fn selection(&self) -> Selection {
        Selection { namespace: self.namespace.clone(), app: self.app.clone(), filter: Filter::All }
    }
}

/// A file, by its path.
struct File {
    path: &'static str,
    text: String,
}

/// Renders a part.
type Render = fn(&Settings) -> Vec<File>;

/// A name that needs no quoting in any of the languages that it is put into.
fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match text.bytes().all(fits) && !text.is_empty() && text.len() <= 63 {
        true => Ok(text.to_owned()),
        false => Err("1 to 63 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

fn number(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("is not written as NAME=NUMBER")?;
    let value: f64 = value.parse().map_err(|_| format!("{value} is no number"))?;
    Thresholds::default().set(name, value)?;
    Ok((name.to_owned(), value))
}

pub(super) fn run(options: &ExportOptions) -> ExitCode {
    let mut settings =
        Settings { namespace: options.namespace.clone(), app: options.app.clone(), thresholds: Thresholds::default() };
    let set = options.thresholds.iter().try_for_each(|(name, value)| settings.thresholds.set(name, *value));
    let written = set.and_then(|()| write(&render(options.what, &settings), options.to.as_ref()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            crate::log::say(&why);
            ExitCode::FAILURE
        }
    }
}

fn write(files: &[File], to: Option<&PathBuf>) -> Result<(), String> {
    let Some(dir) = to else {
        let mut out = std::io::stdout().lock();
        let mut texts = files.iter().map(|file| file.text.as_bytes());
        return texts.try_for_each(|text| out.write_all(text)).map_err(|error| format!("standard output: {error}"));
    };
    for file in files {
        let path = dir.join(file.path);
        let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
        let outcome = parent.and_then(|()| fs::write(&path, &file.text));
        outcome.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn render(what: What, settings: &Settings) -> Vec<File> {
    let parts: [(What, Render); 6] = [
        (What::Dashboards, dashboards),
        (What::Datasources, datasources),
        (What::Rules, rules),
        (What::Promtail, promtail),
        (What::Alloy, alloy),
        (What::Kusto, kusto),
    ];
    let chosen = parts.iter().filter(|(part, _)| what == What::All || what == *part);
    chosen.flat_map(|(_, render)| render(settings)).collect()
}

fn file(path: &'static str, text: String) -> File {
    File { path, text }
}

fn dashboards(settings: &Settings) -> Vec<File> {
    let (lines, counters) = (dashboard::render(Asks::Loki, settings), dashboard::render(Asks::Prometheus, settings));
    let map = |name: &str, file: &str, dashboard: &Value| {
        generated(&config_map(name, "grafana_dashboard", file, format!("{dashboard:#}\n")))
    };
    let (of_lines, of_counters) = ("grafana-llm-analytics-dashboard", "grafana-llm-prometheus-dashboard");
    vec![
        file("observability/grafana-llm-analytics-dashboard.yaml", map(of_lines, "llm-analytics.json", &lines)),
        file("observability/grafana/llm-analytics.json", format!("{lines:#}\n")),
        file(
            "observability/grafana-llm-prometheus-dashboard.yaml",
            map(of_counters, "llm-analytics-prometheus.json", &counters),
        ),
        file("observability/grafana/llm-analytics-prometheus.json", format!("{counters:#}\n")),
    ]
}

fn datasources(settings: &Settings) -> Vec<File> {
    let cluster = Addresses::of_cluster(&settings.namespace, &settings.app, OBSERVABILITY);
    let stream = settings.selection().stream();
    let provisioned = yaml::render(&datasources::render(&cluster, &stream));
    let map = config_map("grafana-llm-datasources", "grafana_datasource", "llm-datasources.yaml", provisioned);
    vec![
        file("observability/grafana-datasources.yaml", generated(&map)),
        file(
            "observability/grafana/llm-datasources.yaml",
            generated(&datasources::render(&Addresses::of_compose(), &stream)),
        ),
    ]
}

fn rules(settings: &Settings) -> Vec<File> {
    let grafana = rules::grafana(settings);
    let map = config_map("grafana-llm-alerts", "grafana_alert", "llm-alerts.yaml", yaml::render(&grafana));
    vec![
        file("observability/alerts/prometheus.yaml", generated(&rules::prometheus(settings))),
        file(
            "observability/alerts/prometheus-rule.yaml",
            generated(&rules::prometheus_object(settings, OBSERVABILITY)),
        ),
        file("observability/alerts/loki.yaml", generated(&rules::loki(settings))),
        file("observability/alerts/grafana.yaml", generated(&grafana)),
        file("observability/alerts/grafana-config-map.yaml", generated(&map)),
    ]
}

fn promtail(settings: &Settings) -> Vec<File> {
    let ended = "# Promtail ended on 2 March 2026: it gets no more fixes, and Loki 3.8 no longer brings it. It is here for those who\n\
                 # run it still; alloy-llm-enhanced.yaml does the same with its successor. Use one of the two.\n";
    let objects = collector::promtail(settings, OBSERVABILITY);
    vec![file("observability/promtail-llm-enhanced.yaml", format!("{ended}{}", documents(&objects)))]
}

fn alloy(settings: &Settings) -> Vec<File> {
    vec![
        file("observability/alloy-llm-enhanced.yaml", documents(&collector::alloy(settings, OBSERVABILITY))),
        file("observability/alloy/llm-files.alloy", collector::alloy_of_files(settings)),
    ]
}

fn kusto(settings: &Settings) -> Vec<File> {
    vec![
        file("observability/azure/llm-functions.kql", kusto::statements(settings)),
        file("observability/azure/llm-functions.json", format!("{:#}\n", kusto::saved(settings))),
    ]
}

/// The namespace of Grafana and the collectors.
const OBSERVABILITY: &str = "observability";

/// A file for one of Grafana's sidecars, which look for a label.
fn config_map(name: &str, label: &str, file: &str, text: String) -> Value {
    let mut map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "labels": {"app.kubernetes.io/part-of": "weir", label: "1"},
            "name": name,
            "namespace": OBSERVABILITY,
        },
        "data": {file: text},
    });
    if label == "grafana_dashboard" {
        map["metadata"]["annotations"] = json!({"grafana_folder": "LLM"});
    }
    map
}

/// Says where a file comes from.
const RENDERED: &str = "# Rendered by `weir export`; changes by hand go with the next time.\n";

fn generated(value: &Value) -> String {
    format!("{RENDERED}{}", yaml::render(value))
}

fn documents(objects: &[Value]) -> String {
    let texts: Vec<String> = objects.iter().map(yaml::render).collect();
    format!("{RENDERED}{}", texts.join("---\n"))
}
