"""Renders the chart for each set of values and holds what comes out to its schemas; values that cannot be must be refused.

    chart.py RENDER WEIR [--bless]
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import jsonschema
import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CHART = ROOT / "deploy/helm/weir"
VERSIONS = [kubernetes_validate.latest_version(), "1.29"]
# What `kubectl apply` takes where there is no Helm: (file, values).
RENDERED = [("weir.yaml", "weir"), ("weir-simulated.yaml", "simulated")]
HEAD = "# Rendered from the chart deploy/helm/weir; changes by hand go with the next time.\n"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def values(render, file):
    return json.loads(run(render, "--values", CHART, file))


def objects(text):
    return [document for document in yaml.safe_load_all(text) if document]


def find(documents, kind, name=None):
    found = [one for one in documents if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    assert found, f"no {kind} {name or ''}"
    return found[0]


def check_configuration(weir, documents, about):
    """Weir itself says whether it takes its configuration, as the pod finds it."""
    text = find(documents, "ConfigMap")["data"]["weir.toml"]
    with tempfile.TemporaryDirectory() as place:
        # What a pod has and this machine has not.
        for name in ("tls.crt", "tls.key", "token"):
            (pathlib.Path(place) / name).write_text("x")
        make_certificate(place)
        for there in ("/etc/weir-tls/", "/var/run/azure/", "/etc/weir-token/"):
            text = text.replace(there, f"{place}/")
        file = pathlib.Path(place) / "weir.toml"
        file.write_text(text)
        variables = {**os.environ, "POD_NAME": "weir-0", "OPENAI_API_KEY": "sk-nobodys"}
        checked = subprocess.run([weir, "check", file], capture_output=True, text=True, env=variables)
    if checked.returncode:
        sys.exit(f"{about}: weir check refuses what the chart writes: {checked.stderr}\n{text}")


def check_settings(documents, given, about):
    """What the values say of weir.toml stands in it, beside what the chart writes and over it."""
    written = tomllib.loads(find(documents, "ConfigMap")["data"]["weir.toml"])
    for name, value in given["settings"].items():
        there = {key: written[name][key] for key in value} if isinstance(value, dict) else written[name]
        assert there == value, f"{about}: {name} is {there} and not {value}"
    assert written["admin"]["listen"] == "0.0.0.0:4001" and written["data_dir"] == "/var/lib/weir", about
    assert written["admin"].get("tokens", []) == given["admin"]["tokens"], about
    assert written["admin"].get("open_metrics", True) == given["admin"]["openMetrics"], about
    assert written.get("query", {}).get("backend", "") == given["query"]["backend"], about
    # Counters know organizations, once.
    declared = [one for one in written.get("fields", []) if one["name"] == "organization"]
    assert len(declared) == 1 and declared[0]["label"], f"{about}: {declared}"
    monitors = [one["apiVersion"] for one in documents if one["kind"] == "ServiceMonitor"]
    assert monitors == [given["serviceMonitor"]["apiGroup"] + "/v1"] * given["serviceMonitor"]["enabled"], about
    for policy in (one for one in documents if one["kind"] == "NetworkPolicy"):
        peers = [rule["from"] for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == "operators"]
        names = [one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in peers[0]]
        assert names == given["networkPolicy"]["observabilityNamespaces"], about
    # A token that lies in a secret is mounted where weir.toml says.
    secret = given["admin"]["tokenSecret"]
    pod = find(documents, "StatefulSet")["spec"]["template"]["spec"]
    volumes = {one["name"]: one for one in pod["volumes"]}
    mounts = {one["mountPath"]: volumes[one["name"]] for one in pod["containers"][0]["volumeMounts"] if one["name"] in volumes}
    if secret["name"]:
        directory, file = written["admin"]["token"].removeprefix("file:").rsplit("/", 1)
        items = [{"key": secret["key"], "path": file}]
        assert mounts[directory]["secret"] == {"secretName": secret["name"], "items": items}, about
    else:
        assert "token" not in written["admin"], about


def make_certificate(place):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", f"{place}/tls.key", "-out", f"{place}/tls.crt")


def check_objects(documents, about):
    named = set()
    for document in documents:
        name = (document["kind"], document["metadata"]["name"])
        assert name not in named, f"{about}: {name} twice"
        named.add(name)
        assert document["metadata"]["namespace"] == "llm", f"{about}: {name} has no namespace"
        if not document["apiVersion"].startswith(("monitoring.coreos.com/", "azmonitoring.coreos.com/")):
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
    check_selectors(documents, about)


def check_selectors(documents, about):
    """What selects pods selects ours, and ports have the names that are asked for."""
    pods = [one["spec"]["template"] for one in documents if one["kind"] in ("StatefulSet", "Deployment")]
    labels = [pod["metadata"]["labels"] for pod in pods]
    chosen = {
        "Service": lambda one: one["spec"]["selector"],
        "PodDisruptionBudget": lambda one: one["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": lambda one: one["spec"]["podSelector"]["matchLabels"],
    }
    for document in documents:
        if document["kind"] in chosen:
            wanted = chosen[document["kind"]](document)
            fits = [one for one in labels if wanted.items() <= one.items()]
            assert len(fits) == 1, f"{about}: {document['kind']} {document['metadata']['name']} selects {len(fits)} pods"
        if document["kind"] == "ServiceMonitor":
            wanted = document["spec"]["selector"]["matchLabels"]
            services = [one for one in documents if one["kind"] == "Service"]
            fits = [one for one in services if wanted.items() <= one["metadata"]["labels"].items()
                    and "weir/service" not in one["metadata"]["labels"]]
            assert [one["spec"]["clusterIP"] for one in fits] == ["None"], f"{about}: the ServiceMonitor finds {fits}"


def check_promises(documents, about):
    """What docs/deployment.md and the mission's names say of the pods."""
    weir = find(documents, "StatefulSet", "weir")
    pod = weir["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert pod["metadata"]["labels"]["app"] == container["name"] == "llm-proxy", about
    assert find(documents, "Service", "llm-proxy")["spec"]["ports"][0]["name"] == "callers", about
    for one in documents:
        for container in one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            confined = container["securityContext"]
            assert confined["readOnlyRootFilesystem"] and not confined["allowPrivilegeEscalation"], about
    assert pod["spec"]["securityContext"]["runAsNonRoot"] and weir["spec"]["volumeClaimTemplates"], about
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= pod["spec"]["containers"][0].keys(), about


def main():
    render, weir, bless = sys.argv[1], sys.argv[2], "--bless" in sys.argv
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    sets = [CHART / "values.yaml", *sorted((ROOT / "deploy/helm/values").glob("*.yaml"))]
    assert len(sets) >= 3, "three sets of values"
    rendered = {}
    for file in sets:
        jsonschema.validate(values(render, file), schema)
        text = run(render, CHART, "weir", "llm", file)
        documents = objects(text)
        check_objects(documents, file.name)
        check_promises(documents, file.name)
        check_configuration(weir, documents, file.name)
        check_settings(documents, values(render, file), file.name)
        rendered["weir" if file.parent == CHART else file.stem] = text
        print(f"{file.name}: {len(documents)} objects are valid, and Weir takes its configuration")
    for file in sorted((HERE / "refused").glob("*.yaml")):
        try:
            jsonschema.validate(values(render, file), schema)
        except jsonschema.ValidationError:
            print(f"{file.name}: refused, as it should be")
        else:
            sys.exit(f"{file.name}: the schema of values takes what cannot be")
    for name, values_of in RENDERED:
        path, text = ROOT / "deploy/kubernetes" / name, HEAD + rendered[values_of]
        if bless:
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            sys.exit(f"deploy/kubernetes/{name} is stale: tests/deploy/run --bless")


main()
