"""Reads deploy/terraform/azure as far as that goes without Terraform and its provider: the language's own parser, every name that
is referred to, and each argument and attribute against what the provider takes and gives (azurerm.json, see azurerm.py).
"""

import json
import pathlib
import re
import sys

import hcl2

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent / "deploy/terraform/azure"
# What Terraform takes in every resource.
OF_TERRAFORM = {"count", "for_each", "depends_on", "lifecycle", "provider", "timeouts"}
wrong = []


def plain(value):
    """Without what the parser adds: quotes around labels, and marks of its own."""
    if isinstance(value, dict):
        return {unquoted(key): plain(inner) for key, inner in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def unquoted(text):
    return text.strip('"') if isinstance(text, str) else text


def read():
    """The blocks of all files, by their kind."""
    blocks = {}
    for path in sorted(ROOT.glob("*.tf")):
        try:
            parsed = plain(hcl2.loads(path.read_text()))
        except Exception as error:
            sys.exit(f"{path.name}: {error}")
        for kind, found in parsed.items():
            blocks.setdefault(kind, []).extend(found if isinstance(found, list) else [found])
    return blocks


def check_arguments(body, known, about):
    inner = dict(body)
    dynamic = inner.pop("dynamic", [])
    for one in dynamic:
        for name, block in one.items():
            contents = block.get("content", [{}])
            for content in contents if isinstance(contents, list) else [contents]:
                check_argument(name, content, known, about)
    given = set(inner) - OF_TERRAFORM
    for name in given:
        check_argument(name, inner[name], known, about)
    blocks = {name for one in dynamic for name in one}
    for name, argument in known.items():
        if argument["required"] and name not in given | blocks:
            wrong.append(f"{about} lacks {name}")


def check_argument(name, value, known, about):
    if name not in known:
        wrong.append(f"{about}: the provider knows no {name}")
    elif "block" in known[name]:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                check_arguments(one, known[name]["block"], f"{about}.{name}")


def check_references(text, declared, resources, schema):
    """Every var., local. and resource that is named is declared, and gives the attribute that is asked of it."""
    for name in set(re.findall(r"\bvar\.(\w+)", text)) - declared["variable"]:
        wrong.append(f"var.{name} is not declared")
    for name in set(re.findall(r"\blocal\.(\w+)", text)) - declared["locals"]:
        wrong.append(f"local.{name} is not declared")
    for kind, name, rest in re.findall(r"\b(azurerm_\w+)\.(\w+)((?:\[[^\]]*\])?(?:\.\w+)?)", text):
        if (kind, name) not in resources:
            wrong.append(f"{kind}.{name} is not declared")
            continue
        attribute = rest.rpartition(".")[2] if "." in rest else ""
        if attribute and attribute not in schema[kind]["attributes"] and attribute != "id":
            wrong.append(f"{kind}.{name} has no {attribute}")


def main():
    schema = json.loads((HERE / "azurerm.json").read_text())
    blocks = read()
    named = lambda kind: {name for one in blocks.get(kind, []) for name in one}
    resources = {(kind, name): body for one in blocks["resource"] for kind, inner in one.items() for name, body in inner.items()}
    for (kind, name), body in resources.items():
        if kind not in schema["resources"]:
            sys.exit(f"azurerm.json knows no {kind}: make it anew with tests/deploy/azurerm.py")
        check_arguments(body, schema["resources"][kind]["arguments"], f"{kind}.{name}")
    text = "".join(path.read_text() for path in sorted(ROOT.glob("*.tf")))
    code = re.sub(r"#[^\n]*", "", text)
    declared = {"variable": named("variable"), "locals": named("locals")}
    check_references(code, declared, resources, schema["resources"])
    for name in declared["variable"]:
        if not re.search(rf"\bvar\.{name}\b", code):
            wrong.append(f"variable {name} is used nowhere")
    example = plain(hcl2.loads((ROOT / "terraform.tfvars.example").read_text()))
    for name in set(example) - declared["variable"]:
        wrong.append(f"terraform.tfvars.example sets {name}, which is no variable")
    for one in blocks["variable"]:
        for name, body in one.items():
            if "default" not in body and name not in example:
                wrong.append(f"terraform.tfvars.example lacks {name}, which has no default")
    for kind in ("variable", "output"):
        wrong.extend(f"{kind} {name} has no description" for one in blocks[kind] for name, body in one.items() if not body.get("description"))
    if example.get("enable_observability") is not True:
        wrong.append("terraform.tfvars.example does not say enable_observability = true")
    # The checks can fail.
    before = len(wrong)
    check_arguments({"nme": 1}, schema["resources"]["azurerm_resource_group"]["arguments"], "x")
    check_references("var.none local.none azurerm_resource_group.none azurerm_resource_group.this.colour", declared, resources, schema["resources"])
    if len(wrong) - before != 7:
        sys.exit(f"what is wrong was not noticed: {wrong[before:]}")
    del wrong[before:]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(resources)} resources as {schema['provider']} takes them; every name that is referred to is declared")
    print("not done, for want of Terraform's provider: terraform validate, terraform plan")


main()
