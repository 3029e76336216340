//! What a collector needs in a cluster: its configuration, leave to see pods, and itself on each node.

use serde_json::{Value, json};

/// A collector.
pub(super) struct Collector {
    pub name: &'static str,
    pub config_map: &'static str,
    /// The configuration's file.
    pub file: &'static str,
    pub image: &'static str,
    pub args: &'static [&'static str],
    /// Where the configuration is mounted.
    pub mounted: &'static str,
    pub port: u16,
    /// The path that says whether it is ready.
    pub ready: &'static str,
}

impl Collector {
    pub(super) fn objects(&self, namespace: &str, config: &str) -> Vec<Value> {
        let name = self.name;
        let object = |version: &str, kind: &str, name: &str, rest: Value| {
            let mut object = json!({
                "apiVersion": version,
                "kind": kind,
                "metadata": {"labels": self.labels(), "name": name, "namespace": namespace},
            });
            if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
                object.extend(rest);
            }
            object
        };
        let mut role = object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            name,
            json!({"rules": [
                {"apiGroups": [""], "resources": ["namespaces", "nodes", "pods"], "verbs": ["get", "list", "watch"]},
            ]}),
        );
        let mut binding = object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            name,
            json!({
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            }),
        );
        // These two belong to the cluster and to no namespace.
        for object in [&mut role, &mut binding] {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("namespace");
            }
        }
        vec![
            object("v1", "ConfigMap", self.config_map, json!({"data": {self.file: config}})),
            object("v1", "ServiceAccount", name, json!({})),
            role,
            binding,
            object("apps/v1", "DaemonSet", name, json!({"spec": self.spec()})),
        ]
    }

    fn labels(&self) -> Value {
        json!({"app.kubernetes.io/name": self.name, "app.kubernetes.io/part-of": "weir"})
    }

    fn spec(&self) -> Value {
        let selector = json!({"app.kubernetes.io/name": self.name});
        let host = |name: &str, path: &str, kind: &str| json!({"name": name, "hostPath": {"path": path, "type": kind}});
        json!({
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": self.labels()},
                "spec": {
                    "serviceAccountName": self.name,
                    "containers": [self.container()],
                    "tolerations": [{"effect": "NoSchedule", "operator": "Exists"}],
                    "volumes": [
                        {"name": "config", "configMap": {"name": self.config_map}},
                        host("positions", &format!("/var/lib/{}", self.name), "DirectoryOrCreate"),
                        host("pods", "/var/log/pods", "Directory"),
                        host("containers", "/var/lib/docker/containers", "DirectoryOrCreate"),
                        host("files", "/var/log/llm-proxy", "DirectoryOrCreate"),
                    ],
                },
            },
        })
    }

    fn container(&self) -> Value {
        let read = |name: &str, path: &str| json!({"name": name, "mountPath": path, "readOnly": true});
        let node = json!({"fieldRef": {"fieldPath": "spec.nodeName"}});
        json!({
            "name": self.name,
            "image": self.image,
            "args": self.args,
            // Both names: Promtail asks for the one, Alloy's configuration for the other.
            "env": [{"name": "HOSTNAME", "valueFrom": node}, {"name": "NODE_NAME", "valueFrom": node}],
            "ports": [{"containerPort": self.port, "name": "http", "protocol": "TCP"}],
            "readinessProbe": {"httpGet": {"path": self.ready, "port": "http"}, "initialDelaySeconds": 10},
            "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "128Mi"}},
            // Pods' logs belong to root.
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]},
                "readOnlyRootFilesystem": true,
                "runAsUser": 0,
            },
            "volumeMounts": [
                read("config", self.mounted),
                {"name": "positions", "mountPath": "/var/lib/collector"},
                read("pods", "/var/log/pods"),
                read("containers", "/var/lib/docker/containers"),
                read("files", "/var/log/llm-proxy"),
            ],
        })
    }
}
