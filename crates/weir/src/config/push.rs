//! What others may push: the limits that Loki has, with its defaults.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Bytes, Span};
use super::follower::{LokiConfig, USUAL_LABELS};
use super::{ConfigError, invalid};

/// Labels by whose value a service is named, the first that is there: Loki's `discover_service_name`.
pub const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// What others may push to /loki/api/v1/push.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenPush {
    /// Whether anything may be pushed.
    pub enabled: bool,
    /// The largest push, before and after it is unpacked.
    pub body_limit: Bytes,
    /// The longest line.
    pub max_line_bytes: Bytes,
    /// Whether a longer line is cut off rather than refused.
    pub truncate_lines: bool,
    /// The most labels of a stream, service_name aside.
    pub max_labels: usize,
    /// The longest name of a label, in bytes.
    pub max_label_name_bytes: usize,
    /// The longest value of a label, in bytes.
    pub max_label_value_bytes: usize,
    /// The most structured metadata of an entry.
    pub max_metadata: usize,
    /// The same in bytes, names and values together.
    pub max_metadata_bytes: Bytes,
    /// The most streams that are pushed to at a time.
    pub max_streams: usize,
    /// How old an entry may be; any age if not given.
    pub max_age: Option<Span>,
    /// How far an entry may lie in the future.
    pub max_future: Span,
    /// How much may be pushed in a second; any amount if not given.
    pub rate: Option<Bytes>,
    /// Labels by whose value a stream without service_name gets one, the first that is there; none leaves streams as they are.
    pub discover_service_name: Vec<String>,
    /// Whether each entry gets the metadata detected_level.
    pub discover_log_levels: bool,
    /// Whether streams may have the labels of Weir's own Records, and so stand in the panels' sums.
    pub as_weir: bool,
    /// Age after which what was pushed goes.
    pub retention: Span,
    /// Room on the disk that segments of it take, beyond which the oldest go.
    pub max_bytes: Bytes,
}

impl Default for WrittenPush {
    fn default() -> Self {
        WrittenPush {
            enabled: true,
            body_limit: Bytes(32 << 20),
            max_line_bytes: Bytes(256 << 10),
            truncate_lines: false,
            max_labels: 15,
            max_label_name_bytes: 1024,
            max_label_value_bytes: 2048,
            max_metadata: 128,
            max_metadata_bytes: Bytes(64 << 10),
            max_streams: 5000,
            max_age: None,
            max_future: Span(Duration::from_secs(600)),
            rate: None,
            discover_service_name: SERVICE_LABELS.map(str::to_owned).to_vec(),
            discover_log_levels: true,
            as_weir: false,
            retention: Span(Duration::from_secs(30 * 86_400)),
            max_bytes: Bytes(8 << 30),
        }
    }
}

/// What others may push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushConfig {
    /// Whether anything may be pushed.
    pub enabled: bool,
    /// The largest push in bytes, before and after it is unpacked.
    pub body_limit: usize,
    /// The longest line, in bytes.
    pub max_line_bytes: usize,
    /// Whether a longer line is cut off rather than refused.
    pub truncate_lines: bool,
    /// The most labels of a stream, `service_name` aside.
    pub max_labels: usize,
    /// The longest name of a label, in bytes.
    pub max_label_name_bytes: usize,
    /// The longest value of a label, in bytes.
    pub max_label_value_bytes: usize,
    /// The most structured metadata of an entry.
    pub max_metadata: usize,
    /// The same in bytes.
    pub max_metadata_bytes: usize,
    /// The most streams that are pushed to at a time.
    pub max_streams: usize,
    /// How old an entry may be.
    pub max_age: Option<Duration>,
    /// How far an entry may lie in the future.
    pub max_future: Duration,
    /// How many bytes may be pushed in a second.
    pub rate: Option<u64>,
    /// Labels by whose value a service is named.
    pub service_labels: Vec<String>,
    /// Whether each entry gets the metadata `detected_level`.
    pub discover_log_levels: bool,
    /// By which values of `app` and `namespace` Weir's own Records are chosen, so that nobody else's streams have them together with
    /// an event of Weir's; empty where they may.
    pub reserved: Vec<(String, String)>,
    /// Age after which what was pushed goes.
    pub retention: Duration,
    /// Bytes that segments of it take beyond which the oldest go.
    pub max_bytes: u64,
}

impl WrittenPush {
    /// `followers` say how Records are labelled.
    pub(super) fn needed(&self, followers: &[LokiConfig]) -> Result<PushConfig, ConfigError> {
        let size = |name: &str, bytes: Bytes, most: u64| match bytes.0 {
            bytes @ 1.. if bytes <= most => Ok(bytes as usize),
            _ => Err(invalid(format!("push.{name}"), format_args!("is not between 1 byte and {} MiB", most >> 20))),
        };
        if self.retention.0 < Duration::from_secs(60) {
            return Err(invalid("push.retention", "is less than a minute, so hardly anything would ever be found"));
        }
        if self.rate.is_some_and(|rate| rate.0 == 0) {
            return Err(invalid("push.rate", "is 0, so nothing could ever be pushed; say enabled = false for that"));
        }
        Ok(PushConfig {
            enabled: self.enabled,
            body_limit: size("body_limit", self.body_limit, 1 << 30)?,
            max_line_bytes: size("max_line_bytes", self.max_line_bytes, 64 << 20)?,
            truncate_lines: self.truncate_lines,
            max_labels: self.max_labels,
            max_label_name_bytes: self.max_label_name_bytes,
            max_label_value_bytes: self.max_label_value_bytes,
            max_metadata: self.max_metadata,
            max_metadata_bytes: size("max_metadata_bytes", self.max_metadata_bytes, 64 << 20)?,
            max_streams: self.max_streams,
            max_age: self.max_age.map(|age| age.0),
            max_future: self.max_future.0,
            rate: self.rate.map(|rate| rate.0),
            service_labels: self.discover_service_name.clone(),
            discover_log_levels: self.discover_log_levels,
            reserved: if self.as_weir { Vec::new() } else { reserved(followers) },
            retention: self.retention.0,
            max_bytes: self.max_bytes.0,
        })
    }
}

/// The labels that Records have by themselves, and those that the first follower gives them.
fn reserved(followers: &[LokiConfig]) -> Vec<(String, String)> {
    let [(app, usual_app), (namespace, usual_namespace)] = USUAL_LABELS;
    let given = followers.first().map(|follower| {
        let label = |name: &str, usual: &str| follower.labels.get(name).map_or(usual, String::as_str).to_owned();
        (label(app, usual_app), label(namespace, usual_namespace))
    });
    let usual = (usual_app.to_owned(), usual_namespace.to_owned());
    let given = given.filter(|given| *given != usual);
    std::iter::once(usual).chain(given).collect()
}
