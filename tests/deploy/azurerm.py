"""Makes azurerm.json: what Terraform's provider azurerm takes and gives, of the resources that deploy/terraform/azure has.

The provider itself cannot be had everywhere; its published bindings for Python, cdktf-cdktf-provider-azurerm, carry the same names.

    azurerm.py DIRECTORY_OF_THE_PACKAGE
"""

import ast
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
# What every resource takes of Terraform itself, and what the bindings add.
NOT_OF_THE_PROVIDER = {
    "connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners", "id", "timeouts",
}


def used():
    text = "".join(path.read_text() for path in sorted((HERE.parent.parent / "deploy/terraform/azure").glob("*.tf")))
    return sorted(set(re.findall(r'^resource "azurerm_(\w+)"', text, re.M)))


def arguments(classes, name):
    """{argument: {"required": …, "block": …}}."""
    init = next(one for one in classes[name].body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    out = {}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults):
        name = argument.arg.rstrip("_")
        if name in NOT_OF_THE_PROVIDER:
            continue
        texts = [one.value for one in ast.walk(argument.annotation) if isinstance(one, ast.Constant)]
        inner = [text for text in texts if isinstance(text, str) and text in classes]
        out[name] = {"required": default is None}
        if inner:
            out[name]["block"] = arguments(classes, inner[0])
    return out


def attributes(cls):
    functions = [one for one in cls.body if isinstance(one, ast.FunctionDef)]
    names = {one.name for one in functions if any("property" in ast.unparse(decorator) for decorator in one.decorator_list)}
    return sorted(name for name in names if not name.endswith("_input"))


def main():
    package = pathlib.Path(sys.argv[1]) / "cdktf_cdktf_provider_azurerm"
    resources, version = {}, None
    for name in used():
        source = (package / name / "__init__.py").read_text()
        version = version or re.search(r"hashicorp/azurerm/([0-9.]+)/docs", source)[1]
        classes = {one.name: one for one in ast.parse(source).body if isinstance(one, ast.ClassDef)}
        main_class = re.sub(r"(?:^|_)(\w)", lambda match: match[1].upper(), name)
        if main_class not in classes:
            # Azure's own ways with capitals and figures.
            main_class = next(one for one in classes if one.lower() == main_class.lower())
        resources[f"azurerm_{name}"] = {
            "arguments": arguments(classes, main_class), "attributes": attributes(classes[main_class]),
        }
    about = {"provider": f"hashicorp/azurerm {version}", "from": "cdktf-cdktf-provider-azurerm 14.23.1"}
    text = json.dumps({**about, "resources": resources}, indent=1, sort_keys=True)
    (HERE / "azurerm.json").write_text(text + "\n")


main()
