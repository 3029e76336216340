//! Grafana's data sources: Loki, Weir, which answers as Loki does, and Prometheus.

use serde_json::{Value, json};

/// Their identifiers, which rules and links name.
pub(super) const LOKI: &str = "llm-loki";
pub(super) const WEIR: &str = "llm-weir";
pub(super) const PROMETHEUS: &str = "llm-prometheus";

/// Where they are.
pub(super) struct Addresses {
    pub loki: String,
    pub weir: String,
    pub prometheus: String,
}

impl Addresses {
    /// Beside each other in one compose file.
    pub(super) fn of_compose() -> Self {
        let at = |host: &str, port: u16| format!("http://{host}:{port}");
        Self { loki: at("loki", 3100), weir: at("weir", 4001), prometheus: at("prometheus", 9090) }
    }

    /// Services of a cluster.
    pub(super) fn of_cluster(namespace: &str, app: &str, observability: &str) -> Self {
        let at = |service: &str, namespace: &str, port: u16| format!("http://{service}.{namespace}.svc:{port}");
        Self {
            loki: at("loki", observability, 3100),
            weir: at(app, namespace, 4001),
            prometheus: at("kps-kube-prometheus-stack-prometheus", observability, 9090),
        }
    }
}

/// What Grafana provisions; `stream` selects Weir's lines.
pub(super) fn render(addresses: &Addresses, stream: &str) -> Value {
    let lines = |name: &str, uid: &str, url: &str| {
        json!({
            "access": "proxy",
            "isDefault": false,
            "jsonData": {"derivedFields": derived(uid, stream), "manageAlerts": false, "maxLines": 1000, "timeout": 60},
            "name": name,
            "type": "loki",
            "uid": uid,
            "url": url,
        })
    };
    // Beyond loopback Weir wants a token. It comes from Grafana's own environment, and what has none shows an empty one.
    let mut weir = lines("LLM Weir", WEIR, &addresses.weir);
    weir["basicAuth"] = json!(true);
    weir["basicAuthUser"] = json!("grafana");
    weir["secureJsonData"] = json!({"basicAuthPassword": "$WEIR_TOKEN"});
    json!({"apiVersion": 1, "datasources": [
        lines("LLM Loki", LOKI, &addresses.loki),
        weir,
        {
            "access": "proxy",
            "isDefault": false,
            "jsonData": {"httpMethod": "POST", "manageAlerts": false, "timeInterval": "30s"},
            "name": "LLM Prometheus",
            "type": "prometheus",
            "uid": PROMETHEUS,
            "url": addresses.prometheus,
        },
    ]})
}

/// Links from a line to the others of its conversation, of its user, and of its trace.
fn derived(uid: &str, stream: &str) -> Value {
    let field = |name: &str, title: &str| {
        json!({
            "datasourceUid": uid,
            "matcherRegex": name,
            "matcherType": "label",
            "name": title,
            // Provisioning puts variables of the environment in place of `$…`; twice it is itself.
            "url": format!("{stream} | {name}=\"$${{__value.raw}}\""),
            "urlDisplayLabel": title,
        })
    };
    json!([
        field("session_id", "The conversation's requests"),
        field("user_id", "The user's requests"),
        field("trace_id", "The trace's requests"),
    ])
}
