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


# The API's own groups, beside the first, which has no name.
GROUPS = ("apps/", "batch/", "networking.k8s.io/", "policy/", "rbac.authorization.k8s.io/")


def is_known(document):
    """Whether it is an object of a kind that the API itself knows."""
    if not isinstance(document, dict) or "kind" not in document:
        return False
    version = str(document.get("apiVersion", ""))
    return version == "v1" or version.startswith(GROUPS)


def check(path):
    valid, other = 0, []
    for document in yaml.safe_load_all(path.read_text()):
        if not is_known(document):
            other.append(document.get("kind", "no object") if isinstance(document, dict) else "no object")
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        valid += 1
        # What a ConfigMap carries is read too.
        data = document.get("data", {}) if document["kind"] == "ConfigMap" else {}
        for name, text in data.items():
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
