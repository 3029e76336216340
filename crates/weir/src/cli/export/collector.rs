//! Collectors that bring lines to Loki: Promtail, as it was asked for, and Alloy, its successor.
//!
//! What becomes a label and what becomes structured metadata is the table of fields'.

mod alloy;
mod objects;
mod promtail;

use meter::record::{FIELDS, Field, Role};
use serde_json::{Value, json};

use super::Settings;

/// The prefix of metrics that a collector counts, apart from Weir's own: it sees what arrives, Weir what happens.
const PREFIX: &str = "llm_logs_";
/// Upper bounds, those of Weir's own histograms as far as they tell anything, in seconds.
const BUCKETS: [f64; 12] = [0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
/// What each line of Weir's has and others have not.
const MARK: &str = "\"logger_name\":\"llm-metrics\"";
/// Where lines lie that come from no pod.
const FILES: &str = "/var/log/llm-proxy/*.jsonl";

fn fields(role: Role) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| field.role == role)
}

/// Names of the fields in that role.
fn names(role: Role) -> Vec<&'static str> {
    fields(role).map(|field| field.name).collect()
}

/// What is counted: (name, field, what it means).
const SUMS: [(&str, &str, &str); 4] = [
    ("input_tokens_total", "input_tokens", "Input tokens on the lines that passed."),
    ("output_tokens_total", "output_tokens", "Output tokens on the lines that passed."),
    ("cost_usd_total", "cost_usd", "US dollars on the lines that passed."),
    ("energy_kwh_total", "energy_consumption_kwh", "Kilowatt-hours on the lines that passed."),
];

/// Promtail's objects.
pub(super) fn promtail(settings: &Settings, namespace: &str) -> Vec<Value> {
    let config = super::yaml::render(&promtail::config(settings, namespace));
    let promtail = objects::Collector {
        name: "promtail-llm",
        config_map: "promtail-llm-config",
        file: "promtail.yaml",
        image: "grafana/promtail:3.5.0",
        args: &["-config.file=/etc/promtail/promtail.yaml"],
        mounted: "/etc/promtail",
        port: 9080,
        ready: "/ready",
    };
    promtail.objects(namespace, &config)
}

/// Alloy's objects.
pub(super) fn alloy(settings: &Settings, namespace: &str) -> Vec<Value> {
    let alloy = objects::Collector {
        name: "alloy-llm",
        config_map: "alloy-llm-config",
        file: "config.alloy",
        image: "grafana/alloy:v1.18.0",
        args: &[
            "run",
            "/etc/alloy/config.alloy",
            "--storage.path=/var/lib/collector",
            "--server.http.listen-addr=0.0.0.0:12345",
        ],
        mounted: "/etc/alloy",
        port: 12345,
        ready: "/-/ready",
    };
    alloy.objects(namespace, &alloy::of_pods(settings, &loki(namespace)))
}

/// Alloy's configuration where there are no pods: files only.
pub(super) fn alloy_of_files(settings: &Settings) -> String {
    alloy::of_files(settings, "http://loki:3100/loki/api/v1/push")
}

fn loki(namespace: &str) -> String {
    format!("http://loki.{namespace}.svc:3100/loki/api/v1/push")
}

/// Which member of a line each stage looks at.
fn expressions() -> Value {
    let read = names(Role::Label).into_iter().chain(names(Role::Metadata)).chain(["timestamp"]);
    Value::Object(read.map(|name| (name.to_owned(), json!(name))).collect())
}
