r"""How a command line falls into words, and how bytes that cannot be typed are written.

Words stand apart by blanks; double quotes hold blanks together and ``""`` is an empty word. A
backslash escape is left as it was typed, because only some arguments know escapes; ``unescape``
decodes one where it counts. Lines are Latin-1 text: one character is one byte.

Source: docs/protocol/command-protocol.md, section 2.
"""

import re

from tokay.kernel.results import CommandError, Result

_WORD = re.compile(r'((?:"(?:[^"\\]|\\.)*"|\\"|[^ \t"])+)[ \t]*')
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:\\"|[^"])+)')
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.|$)", re.DOTALL)
_ESCAPES = {"0": "\0", "s": " ", "\\": "\\", "t": "\t", "n": "\n", "r": "\r", '"': '"'}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_NEEDS_QUOTES = re.compile(r'[ \t"\\#]|^-')


class Quoted(str):
    """A word that stood in quotes: never an option."""

    __slots__ = ()


def split(line: str) -> list[str]:
    """Return the words of a line. An open quote is a parse error."""
    if line.isalnum():
        return [line]
    if '"' not in line:
        return [word for word in line.replace("\t", " ").split(" ") if word]
    words: list[str] = []
    position = len(line) - len(line.lstrip(" \t"))
    while position < len(line):
        match = _WORD.match(line, position)
        if match is None:
            raise CommandError(Result.PARSE_ERROR, "a quote is not closed")
        raw = match[1]
        if '"' in raw:
            words.append(Quoted("".join(part[1] or part[2] or "" for part in _PART.finditer(raw))))
        else:
            words.append(raw)
        position = match.end()
    return words


def unescape(text: str) -> str:
    r"""Decode ``\0 \s \\ \t \n \r \" \xHH``. Raises ValueError on any other escape."""
    return _ESCAPE.sub(_decode, text) if "\\" in text else text


def _decode(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 3:
        return chr(int(code[1:], 16))
    if code not in _ESCAPES:
        message = f"unknown escape \\{code}"
        raise ValueError(message)
    return _ESCAPES[code]


def printable(text: str) -> str:
    r"""Return text as a getter prints it: whatever is not printable ASCII as ``\xHH``."""
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02X}", text)


def quote(text: str) -> str:
    r"""Return text as one word that ``split`` and ``unescape`` turn back into it."""
    escaped = printable(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"' if not escaped or _NEEDS_QUOTES.search(escaped) else escaped
