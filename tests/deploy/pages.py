"""Looks at what the pages on deployment and troubleshooting tell a reader to type: objects, labels, files, commands and flags exist.

    pages.py WEIR
"""

import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGES = ["docs/troubleshooting.md", "docs/deployment.md"]
# The headings of the mission's troubleshooting.
HEADINGS = ["No data in dashboard", "Dashboard not showing", "Logs not parsing"]
# What kube-prometheus-stack makes for the release kps.
OF_KPS = {"deployment/kps-grafana", "svc/kps-grafana", "svc/kps-kube-prometheus-stack-prometheus"}
SHORT = {"svc": "Service", "deployment": "Deployment", "statefulset": "StatefulSet", "cm": "ConfigMap", "pods": "Pod"}
wrong = []


def objects():
    for path in [*ROOT.glob("observability/*.yaml"), *ROOT.glob("deploy/kubernetes/*.yaml")]:
        for one in yaml.safe_load_all(path.read_text()):
            if isinstance(one, dict) and "kind" in one:
                yield one


def typed(page):
    """The commands in a page's blocks and spans of code, lines that go on put together."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S) + re.findall(r"(?:^    .*\n)+", text, re.M)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [re.sub(r"\s+#.*", "", line) for line in lines] + re.findall(r"`([^`\n]+)`", text)


def check_kubectl(command, known, labels, page):
    for kind, name in re.findall(r"\b(svc|deployment|statefulset)/([\w-]+)", command):
        if f"{kind}/{name}" not in OF_KPS and (SHORT[kind], name) not in known:
            wrong.append(f"{page}: there is no {kind}/{name}: {command}")
    for name in re.findall(r"\bget cm -n \w+ ([a-z][\w-]+)", command):
        if ("ConfigMap", name) not in known:
            wrong.append(f"{page}: there is no ConfigMap {name}")
    for label in re.findall(r"-l (\S+)", command):
        if label not in labels:
            wrong.append(f"{page}: nothing has the label {label}")
    for namespace in re.findall(r"-n (\w+)", command):
        if ("Namespace", namespace) not in known:
            wrong.append(f"{page}: there is no namespace {namespace}")


def check_weir(command, weir, page):
    words = command.split("-- weir ")[-1].removeprefix("weir ").split()
    subcommand = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
    helped = subprocess.run([weir, *subcommand, "--help"], capture_output=True, text=True)
    for flag in (word for word in words if word.startswith("--")):
        if helped.returncode or flag not in helped.stdout:
            wrong.append(f"{page}: weir {' '.join(subcommand)} takes no {flag}: {command}")


def labels_of(one):
    places = [one.get("metadata", {}), one.get("spec", {}).get("template", {}).get("metadata", {})]
    return {f"{key}={value}" for place in places for key, value in (place.get("labels") or {}).items()}


def main():
    weir = sys.argv[1]
    everything = list(objects())
    known = {(one["kind"], one["metadata"]["name"]) for one in everything}
    labels = set().union(*map(labels_of, everything))
    count = 0
    for page in PAGES:
        for command in typed(page):
            count += 1
            if command.startswith("kubectl "):
                check_kubectl(command, known, labels, page)
            if command.startswith("weir ") or "-- weir " in command:
                check_weir(command, weir, page)
            for path in re.findall(r"(?:observability|deploy|scripts)/[\w./-]*\w", command):
                if not (ROOT / path).exists():
                    wrong.append(f"{page}: there is no {path}")
    troubleshooting = (ROOT / PAGES[0]).read_text()
    wrong.extend(f"no heading {heading}" for heading in HEADINGS if f"\n## {heading}\n" not in troubleshooting)
    # The checks can fail.
    before = len(wrong)
    check_kubectl("kubectl logs -n nowhere svc/none -l app=none", known, labels, "x")
    check_kubectl("kubectl get cm -n llm none-config", known, labels, "x")
    check_weir("weir doctor --wings", weir, "x")
    if len(wrong) - before != 5:
        sys.exit(f"what there is not was not noticed: {wrong[before:]}")
    del wrong[before:]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{count} commands and names of {len(PAGES)} pages are there")


main()
