"""The types of the JavaScript client name what it has."""

import re

import pytest

from tokay.plugins.webapp import PAGES


@pytest.mark.parametrize("name", ["Device", "DeviceStream", "CommandError", "HttpError"])
def test_the_types_name_what_the_module_exports(name: str) -> None:
    module = (PAGES / "tokay.js").read_text("utf-8")
    types = (PAGES / "tokay.d.ts").read_text("utf-8")
    assert f"export class {name}" in module
    assert f"export class {name}" in types


def test_every_export_has_a_type() -> None:
    pattern = r"^export (?:async )?(?:class|function|const) (\w+)"
    module = re.findall(pattern, (PAGES / "tokay.js").read_text("utf-8"), re.MULTILINE)
    types = re.findall(pattern, (PAGES / "tokay.d.ts").read_text("utf-8"), re.MULTILINE)
    assert sorted(module) == sorted(types)


def test_every_public_method_has_a_type() -> None:
    """One that is added without its type would be found by nobody."""
    types = (PAGES / "tokay.d.ts").read_text("utf-8")
    module = (PAGES / "tokay.js").read_text("utf-8")
    body = module[module.index("export class Device ") : module.index("function opened")]
    methods = re.findall(r"^  (?:async )?\*?(?:get )?([a-z]\w+)\(", body, re.MULTILINE)
    assert methods
    for method in set(methods) - {"constructor"}:
        assert re.search(rf"\b{method}[(:]", types), method
