"""Templates: text with `{name}` in it, filled in for each device.

`{{` and `}}` stand for braces. A name may have dots: `{csv.contract}`. After a colon stands how a
number is written, as in Python: `{index:05d}`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from tokay.fleet.errors import ScenarioError

Value = str | int

_PART = re.compile(r"\{\{|\}\}|\{(?P<name>[a-z_][\w.-]*)(?::(?P<form>0?\d*[dxX]?))?\}|[{}]")


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[str | tuple[str, str], ...]:
    """Return the pieces of a template: text, and names with their form. Raises ScenarioError."""
    pieces: list[str | tuple[str, str]] = []
    at = 0
    for match in _PART.finditer(text):
        if match.start() > at:
            pieces.append(text[at : match.start()])
        if match["name"]:
            pieces.append((match["name"], match["form"] or ""))
        elif len(match[0]) == 2:
            pieces.append(match[0][0])
        else:
            raise ScenarioError(f"{text!r}: {match[0]} without its other half; write it twice")
        at = match.end()
    if at < len(text):
        pieces.append(text[at:])
    return tuple(pieces)


def names(text: str) -> set[str]:
    """Return the names that a template needs. Raises ScenarioError."""
    return {piece[0] for piece in parse(text) if not isinstance(piece, str)}


def fill(text: str, values: Mapping[str, Value]) -> str:
    """Return a template filled in. Raises ScenarioError for a name that nobody knows."""
    if "{" not in text and "}" not in text:
        return text
    filled = []
    for piece in parse(text):
        if isinstance(piece, str):
            filled.append(piece)
            continue
        name, form = piece
        if name not in values:
            raise ScenarioError(f"{text!r}: nothing is called {{{name}}}")
        value = values[name]
        try:
            filled.append(format(value, form) if form else str(value))
        except ValueError:
            raise ScenarioError(f"{text!r}: {{{name}:{form}}} needs a number") from None
    return "".join(filled)
