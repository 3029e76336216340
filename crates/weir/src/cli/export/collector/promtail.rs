//! Promtail's configuration.

use meter::record::Role;
use serde_json::{Map, Value, json};

use super::{BUCKETS, FILES, MARK, PREFIX, SUMS, expressions, loki, names};
use crate::cli::export::Settings;

pub(super) fn config(settings: &Settings, observability: &str) -> Value {
    let Settings { namespace, app, .. } = settings;
    let relabel = |from: &str, to: &str| json!({"action": "replace", "source_labels": [from], "target_label": to});
    let keep = |from: &str, value: &str| json!({"action": "keep", "regex": value, "source_labels": [from]});
    let mut of_pods = vec![json!({"cri": {}})];
    of_pods.extend(stages(settings));
    json!({
        "server": {"http_listen_port": 9080, "grpc_listen_port": 0, "log_level": "warn"},
        "positions": {"filename": "/var/lib/collector/positions.yaml"},
        "clients": [{"url": loki(observability)}],
        "scrape_configs": [
            {
                "job_name": "llm-pods",
                "kubernetes_sd_configs": [{"role": "pod"}],
                "pipeline_stages": of_pods,
                "relabel_configs": [
                    keep("__meta_kubernetes_namespace", namespace),
                    keep("__meta_kubernetes_pod_label_app", app),
                    relabel("__meta_kubernetes_namespace", "namespace"),
                    relabel("__meta_kubernetes_pod_label_app", "app"),
                    relabel("__meta_kubernetes_pod_node_name", "__host__"),
                    {
                        "action": "replace",
                        "replacement": "/var/log/pods/*$1/*.log",
                        "separator": "/",
                        "source_labels": ["__meta_kubernetes_pod_uid", "__meta_kubernetes_pod_container_name"],
                        "target_label": "__path__",
                    },
                ],
            },
            {
                "job_name": "llm-files",
                "pipeline_stages": stages(settings),
                "static_configs": [
                    {"labels": {"__path__": FILES, "app": app, "namespace": namespace}, "targets": ["localhost"]},
                ],
            },
        ],
    })
}

/// What is done with each line.
fn stages(settings: &Settings) -> Vec<Value> {
    let bare = |names: Vec<&str>| Value::Object(names.into_iter().map(|name| (name.to_owned(), Value::Null)).collect());
    let selector = |rest: &str| format!("{{app=\"{}\"}} {rest}", settings.app);
    vec![
        // Only lines of Records go on.
        json!({"match": {
            "action": "drop", "drop_counter_reason": "no_record", "selector": selector(&format!("!= `{MARK}`")),
        }}),
        json!({"json": {"expressions": expressions()}}),
        json!({"timestamp": {"format": "RFC3339Nano", "source": "timestamp"}}),
        json!({"template": {"source": "level", "template": "{{ ToLower .Value }}"}}),
        json!({"labels": bare(names(Role::Label))}),
        json!({"structured_metadata": bare(names(Role::Metadata))}),
        // What the container runtime says of a line, and files that a rotation leaves, would multiply streams.
        json!({"labeldrop": ["filename", "flags", "stream"]}),
        json!({"metrics": metrics()}),
    ]
}

fn metrics() -> Value {
    let metric = |kind: &str, about: &str, source: Option<&str>, config: Value| {
        let mut metric = json!({
            "config": config, "description": about, "max_idle_duration": "24h", "prefix": PREFIX, "type": kind,
        });
        if let Some(source) = source {
            metric["source"] = json!(source);
        }
        metric
    };
    let mut metrics = Map::new();
    let lines = metric("Counter", "Lines of Records that passed.", None, json!({"action": "inc", "match_all": true}));
    metrics.insert("requests_total".to_owned(), lines);
    for (name, field, about) in SUMS {
        metrics.insert(name.to_owned(), metric("Counter", about, Some(field), json!({"action": "add"})));
    }
    let about = "How long the requests took whose lines passed.";
    let duration = metric("Histogram", about, Some("processing_time_seconds"), json!({"buckets": BUCKETS}));
    metrics.insert("processing_time_seconds".to_owned(), duration);
    Value::Object(metrics)
}
