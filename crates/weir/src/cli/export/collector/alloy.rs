//! Alloy's configuration, in its own language.

use std::fmt::Write as _;

use meter::record::Role;

use super::{BUCKETS, FILES, MARK, PREFIX, SUMS, names};
use crate::cli::export::Settings;

/// For a cluster: pods of each node, and files on it.
pub(super) fn of_pods(settings: &Settings, loki: &str) -> String {
    let Settings { namespace, app, .. } = settings;
    let pods = format!(
        r#"// Pods of this node that carry the label app={app}.
discovery.kubernetes "pods" {{
  role = "pod"

  namespaces {{
    names = ["{namespace}"]
  }}

  selectors {{
    role  = "pod"
    label = "app={app}"
    field = "spec.nodeName=" + sys.env("NODE_NAME")
  }}
}}

discovery.relabel "pods" {{
  targets = discovery.kubernetes.pods.targets

  rule {{
    source_labels = ["__meta_kubernetes_namespace"]
    target_label  = "namespace"
  }}

  rule {{
    source_labels = ["__meta_kubernetes_pod_label_app"]
    target_label  = "app"
  }}

  rule {{
    source_labels = ["__meta_kubernetes_pod_uid", "__meta_kubernetes_pod_container_name"]
    separator     = "/"
    replacement   = "/var/log/pods/*$1/*.log"
    target_label  = "__path__"
  }}
}}

local.file_match "pods" {{
  path_targets = discovery.relabel.pods.output
}}

loki.source.file "pods" {{
  targets    = local.file_match.pods.targets
  forward_to = [loki.process.container.receiver]
}}

// What the container runtime writes around each line, and splits where it is long, is undone first.
loki.process "container" {{
  forward_to = [loki.process.llm.receiver]

  stage.cri {{ }}
}}
"#
    );
    format!("{pods}\n{}\n{}\n{}", files(settings), process(settings), write(loki))
}

/// Without a cluster: files only.
pub(super) fn of_files(settings: &Settings, loki: &str) -> String {
    let head = "// Rendered by `weir export`; changes by hand go with the next time.\n";
    format!("{head}{}\n{}\n{}", files(settings), process(settings), write(loki))
}

fn files(settings: &Settings) -> String {
    let Settings { namespace, app, .. } = settings;
    format!(
        r#"// Standard output of a Weir in no pod, where somebody puts it there.
local.file_match "files" {{
  path_targets = [{{"__path__" = "{FILES}", "app" = "{app}", "namespace" = "{namespace}"}}]
}}

loki.source.file "files" {{
  targets    = local.file_match.files.targets
  forward_to = [loki.process.llm.receiver]
}}
"#
    )
}

/// What is done with each line.
fn process(settings: &Settings) -> String {
    let mut out = format!(
        r#"loki.process "llm" {{
  forward_to = [loki.write.default.receiver]

  // Only lines of Records go on.
  stage.match {{
    selector            = "{{app=\"{}\"}} != `{}`"
    action              = "drop"
    drop_counter_reason = "no_record"
  }}

  stage.json {{
    expressions = {{
"#,
        settings.app,
        MARK.replace('"', "\\\"")
    );
    let mut read = names(Role::Label);
    read.extend(names(Role::Metadata));
    read.push("timestamp");
    read.sort_unstable();
    for name in &read {
        _ = writeln!(out, "      {name} = \"\",");
    }
    out += r#"    }
  }

  stage.timestamp {
    source = "timestamp"
    format = "RFC3339Nano"
  }

  stage.template {
    source   = "level"
    template = "{{ ToLower .Value }}"
  }
"#;
    for (stage, role) in [("labels", Role::Label), ("structured_metadata", Role::Metadata)] {
        _ = writeln!(out, "\n  stage.{stage} {{\n    values = {{");
        for name in names(role) {
            _ = writeln!(out, "      {name} = \"\",");
        }
        out += "    }\n  }\n";
    }
    out += "\n  // What the container runtime says of a line, and files that a rotation leaves, would multiply streams.\n  stage.label_drop {\n    \
            values = [\"filename\", \"flags\", \"stream\"]\n  }\n";
    out += &metrics();
    out += "}\n";
    out
}

fn metrics() -> String {
    let mut out =
        String::from("\n  // What arrived, apart from Weir's own counters of what happened.\n  stage.metrics {\n");
    let counter = |name: &str, about: &str, rest: &str| {
        format!(
            "    metric.counter {{\n      name              = \"{name}\"\n      description       = \"{about}\"\n      \
             prefix            = \"{PREFIX}\"\n      max_idle_duration = \"24h\"\n{rest}    }}\n"
        )
    };
    out += &counter(
        "requests_total",
        "Lines of Records that passed.",
        "      match_all         = true\n      action            = \"inc\"\n",
    );
    for (name, field, about) in SUMS {
        let rest = format!("      source            = \"{field}\"\n      action            = \"add\"\n");
        out.push('\n');
        out += &counter(name, about, &rest);
    }
    let buckets: Vec<String> = BUCKETS.iter().map(ToString::to_string).collect();
    _ = write!(
        out,
        "\n    metric.histogram {{\n      name              = \"processing_time_seconds\"\n      \
         description       = \"How long the requests took whose lines passed.\"\n      \
         prefix            = \"{PREFIX}\"\n      max_idle_duration = \"24h\"\n      \
         source            = \"processing_time_seconds\"\n      buckets           = [{}]\n    }}\n  }}\n",
        buckets.join(", ")
    );
    out
}

fn write(loki: &str) -> String {
    format!("loki.write \"default\" {{\n  endpoint {{\n    url = \"{loki}\"\n  }}\n}}\n")
}
