"""Holds each Kubernetes object in the YAML files below a directory to the schema of its kind, in two versions of Kubernetes.

Documents that are no such object (rules, provisioning) are read and counted. Kinds that the API does not know, such as an
operator's own, are named.
"""

import pathlib
import sys

import kubernetes_validate
import yaml

# The newest that is known here, and one that is still found.
VERSIONS = [kubernetes_validate.latest_version(), "1.29"]


def check(path):
    valid, other = 0, []
    for document in yaml.safe_load_all(path.read_text()):
        if not isinstance(document, dict) or "kind" not in document or not str(document.get("apiVersion", "")).startswith(("v", "apps/", "rbac.authorization.k8s.io/", "policy/", "networking.k8s.io/")):
            other.append(document.get("kind", "no object") if isinstance(document, dict) else "no object")
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        valid += 1
        # What a ConfigMap carries is read too.
        for name, text in document.get("data", {}).items() if document["kind"] == "ConfigMap" else []:
            if name.endswith((".yaml", ".json")):
                yaml.safe_load(text)
    return valid, other


def main():
    files = sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml"))
    total = 0
    for path in files:
        try:
            valid, other = check(path)
        except (kubernetes_validate.ValidationError, yaml.YAMLError) as error:
            sys.exit(f"{path}: {error}")
        total += valid
        print(f"{path.name}: {valid} valid" + (f", besides {', '.join(other)}" if other else ""))
    if total < 4:
        sys.exit(f"{total} objects were found below {sys.argv[1]}")


main()
