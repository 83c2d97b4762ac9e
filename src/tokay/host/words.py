"""Words of a command line, as a module reads them.

Source: docs/protocol/command-protocol.md, section 2: blanks part words, double quotes hold them
together, and a backslash stands before what could not be written otherwise.
"""

_ESCAPES = {
    "\\": "\\\\", '"': '\\"', "\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r",
}  # fmt: skip
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/,+=@%!#$&'()*;<>?[]^`{|}~"
)


def quote(value: str | int | bool) -> str:
    """Return a value as one word: as it is, or in quotes with its escapes."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = str(value)
    if text and all(letter in _PLAIN for letter in text):
        return text
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter < " " or letter == "\x7f":
        return f"\\x{ord(letter):02X}"
    return letter
