"""Usage strings: the one text that is a command's grammar and its help.

``name size [-o] [-v version] [type] words...`` reads: two words that must be there, a flag, an
option with a value, a word that may be missing, and one or more words to the end of the line.
Options stand before or after the words; flags may be joined (``-eu``). A word in quotes is never
an option, and a command without options takes words that begin with a dash as they are.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tokay.kernel.results import CommandError, Result
from tokay.kernel.tokenizer import Quoted

_ITEM = re.compile(r"\[(?P<dash>-\w)(?: (?P<value>[^\]]+))?\]|\[(?P<maybe>[^\]]+)\]|(?P<must>\S+)")
_OPTION = re.compile(r"-[A-Za-z]+")
_REST = "..."


class BoundArguments(NamedTuple):
    """A line laid over a usage: values by the usage's own names; a flag has its dash as name."""

    values: dict[str, str]
    rest: list[str]


class Usage:
    """A parsed usage string."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.options: dict[str, str] = {}
        self.required: list[str] = []
        self.optional: list[str] = []
        self.rest = False
        for item in _ITEM.finditer(text):
            if item["dash"]:
                self.options[item["dash"]] = item["value"] or ""
                continue
            name = item["must"] or item["maybe"]
            if name.endswith(_REST):
                name = name.removesuffix(_REST)
                self.rest = True
            (self.required if item["must"] else self.optional).append(name)
        self.names = self.required + self.optional

    def bind(self, words: Sequence[str]) -> BoundArguments:
        """Lay words over the usage. Raises CommandError with code 4, 5 or 6."""
        values: dict[str, str] = {}
        if not words and not self.required:
            return BoundArguments(values, [])
        places: Sequence[str] = words
        if self.options:
            pending = iter(words)
            places = [word for word in pending if not self._took(word, values, pending)]
        names = self.names
        if len(places) < len(self.required):
            raise CommandError(Result.TOO_FEW_ARGS)
        if len(places) > len(names) and not self.rest:
            raise CommandError(Result.TOO_MANY_ARGS)
        values.update(zip(names, places, strict=False))
        return BoundArguments(values, list(places[len(names) - 1 :]) if self.rest else [])

    def _took(self, word: str, values: dict[str, str], pending: Iterator[str]) -> bool:
        """Take a word that is an option, and its value; else leave it for its place."""
        if not _OPTION.fullmatch(word) or isinstance(word, Quoted):
            return False
        for letter in word[1:]:
            dash = f"-{letter}"
            name = self.options.get(dash)
            if name is None:
                raise CommandError(Result.UNKNOWN_OPTION, f"no option {dash}")
            if not name:
                values[dash] = ""
                continue
            value = next(pending, None)
            if value is None:
                raise CommandError(Result.TOO_FEW_ARGS, f"{dash} wants {name}")
            values[name] = value
        return True
