"""Reads each dashboard with the types that Grafana publishes and writes it again: what they do not know is lost, and noticed."""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

# Members that Grafana itself writes into its JSON and its published types lack.
BEYOND = {"builtIn", "definition"}


def lost(before, after, path=""):
    """Where `before` has something that `after` has not, as paths."""
    if isinstance(before, dict):
        for name, value in before.items():
            if name in BEYOND:
                continue
            if not isinstance(after, dict) or name not in after:
                yield f"{path}/{name}"
            else:
                yield from lost(value, after[name], f"{path}/{name}")
    elif isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            yield path
        else:
            for at, (one, other) in enumerate(zip(before, after)):
                yield from lost(one, other, f"{path}/{at}")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


def again(dashboard):
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


def main():
    register_default_plugins()
    paths = sorted(pathlib.Path(sys.argv[1]).glob("grafana/*.json"))
    if len(paths) < 2:
        sys.exit(f"{len(paths)} dashboards were found below {sys.argv[1]}")
    for path in paths:
        dashboard = json.loads(path.read_text())
        wrong = list(lost(dashboard, again(dashboard)))
        # The check can fail.
        dashboard["panels"][0]["fieldConfig"]["defaults"]["unti"] = "s"
        if not list(lost(dashboard, again(dashboard))):
            sys.exit("a member that there is not was not noticed")
        if wrong:
            sys.exit(f"{path}: Grafana's types do not know {', '.join(wrong)}")
        print(f"{path.name}: as Grafana's types have it")


main()
