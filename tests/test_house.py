"""The language of the house: one class name, one meaning, and docstrings in plain words."""

import ast
from collections import Counter
from pathlib import Path

import tokay

SOURCE = Path(tokay.__file__).parent
ROOMS = ("kernel", "cli", "testing", "device.py", "options.py", "__init__.py", "__main__.py")
"""Where the rules hold already; each room that is tidied is added."""
RIDDLES = {"Hear", "Let", "Give", "Tell"}
"""First words that leave open who does what: say "Return", "Called when" or what happens."""


def _modules() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text("utf-8")) for file in sorted(SOURCE.rglob("*.py"))}


def _is_tidied(file: Path) -> bool:
    return file.relative_to(SOURCE).parts[0] in ROOMS


def test_a_class_name_has_one_meaning() -> None:
    """A class of a tidied room shares its name with none, but for those that a standard says."""
    defined = [
        (file, node.name)
        for file, module in _modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
    ]
    count = Counter(name for _, name in defined)
    shared = {name for file, name in defined if count[name] > 1 and _is_tidied(file)}
    assert len(ALLOWED) <= 10
    assert shared <= ALLOWED


ALLOWED = {
    "Call", "Channel", "Command", "Engine", "OpenStream", "Ready", "Response", "Stream",
}  # fmt: skip
"""Shared with rooms that are not tidied yet, or words of the field itself."""


def test_docstrings_say_what_happens() -> None:
    found = []
    for file, module in _modules().items():
        if not _is_tidied(file):
            continue
        for node in ast.walk(module):
            if not isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                continue
            first = (ast.get_docstring(node) or " ").split(maxsplit=1)[:1]
            if first and first[0] in RIDDLES:
                name = getattr(node, "name", "the module")
                found.append(f"{file.relative_to(SOURCE)}: {first[0]} in {name}")
    assert not found
