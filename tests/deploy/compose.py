"""Holds deploy/compose.yaml to the compose specification, and looks for every file and volume that it names; Weir reads the
configurations that it and the image bring.

    compose.py WEIR
"""

import os
import pathlib
import re
import subprocess
import sys

import yaml
from compose_spec import PyCompose

ROOT = pathlib.Path(__file__).parent.parent.parent
FILE = ROOT / "deploy/compose.yaml"


def read(variables):
    text = FILE.read_text()
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1], match[2]), text)
    return yaml.safe_load(text)


def check(parsed):
    """What is wrong."""
    try:
        PyCompose.from_yaml(yaml.safe_dump(parsed)).validate()
    except ValueError as error:
        yield str(error)
        return
    services, volumes = parsed["services"], parsed["volumes"]
    for name, service in services.items():
        for other in service.get("depends_on", []):
            if other not in services:
                yield f"{name} depends on {other}, which there is not"
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                if not (FILE.parent / source).is_file():
                    yield f"{name} mounts {source}, which is not there"
            elif source not in volumes:
                yield f"{name} mounts the volume {source}, which is not declared"
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name} opens {port} to other machines"


def check_token(parsed):
    """Beyond loopback Weir wants a token, and Grafana has the same one."""
    tokens = [parsed["services"][name]["environment"]["WEIR_TOKEN"] for name in ("weir", "grafana")]
    assert tokens[0] and tokens[0] == tokens[1], tokens
    sources = yaml.safe_load((ROOT / "observability/grafana/llm-datasources.yaml").read_text())["datasources"]
    weir = next(one for one in sources if one["uid"] == "llm-weir")
    assert weir["basicAuth"] and weir["secureJsonData"] == {"basicAuthPassword": "$WEIR_TOKEN"}, weir


def main():
    for variables in ({}, {"WEIR_CONFIG": "simulated.toml"}):
        for error in check(read(variables)):
            sys.exit(f"deploy/compose.yaml: {error}")
    # The checks can fail.
    for broken in (
        lambda parsed: parsed["services"]["weir"].update(portz=[]),
        lambda parsed: parsed["services"]["weir"].update(volumes=["./none.toml:/x"]),
        lambda parsed: parsed["services"]["loki"].update(volumes=["none:/x"]),
        lambda parsed: parsed["services"]["weir"].update(depends_on=["none"]),
        lambda parsed: parsed["services"]["weir"].update(ports=["4000:4000"]),
    ):
        parsed = read({})
        broken(parsed)
        if not list(check(parsed)):
            sys.exit("what is wrong in a compose file was not noticed")
    check_token(read({}))
    files = [*sorted((ROOT / "deploy/compose").glob("*.toml")), ROOT / "deploy/image/weir.toml"]
    assert len(files) >= 3
    for file in files:
        variables = {**os.environ, "WEIR_TOKEN": "the-token"}
        checked = subprocess.run([sys.argv[1], "check", file], capture_output=True, text=True, env=variables)
        if checked.returncode:
            sys.exit(f"{file}: {checked.stderr}")
    print(f"{len(files)} configurations are sound")
    print(f"deploy/compose.yaml: {len(read({})['services'])} services")


main()
