r"""Where in a TOML file each key stands: the standard library's parser does not tell.

    key_lines('a = 1\n[[b]]\nc = 2\n') == {("a",): 1, ("b",): 2, ("b", 0): 2, ("b", 0, "c"): 3}

The text must have been parsed by ``tomllib`` before: what is not TOML gives wrong lines here,
never an error. Source: TOML 1.0.
"""

import re

Path = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]+")
_BETWEEN = re.compile(r"(?:[ \t\r\n,]+|#[^\n]*)+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^\s,\]}#]+(?: [0-9:.+Z-]+)?")


def key_lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, of each key and table, by its path."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = (0, 1)
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BETWEEN)
        while self._at < len(self._text):
            before = self._at
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BETWEEN)
            if self._at == before:
                self._at += 1  # not TOML
        return self._lines

    def _header(self) -> Path:
        line = self._line()
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        keys = self._keys()
        path = self._inside(keys[:-1])
        path = (*path, *keys[-1:])
        self._lines.setdefault(path, line)
        if array:
            count = self._counts.get(path, 0)
            self._counts[path] = count + 1
            path = (*path, count)
            self._lines[path] = line
        self._skip(re.compile(r"[ \t]*\]{1,2}"))
        return path

    def _inside(self, keys: Path) -> Path:
        """Return the path of a table that a header names: of an array it is the last one."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._skip(re.compile(r"[ \t]*=[ \t]*"))
        self._value(path)

    def _keys(self) -> Path:
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            if quoted := _STRING.match(self._text, self._at):
                keys.append(quoted[0][1:-1])
                self._at = quoted.end()
            elif bare := _BARE_KEY.match(self._text, self._at):
                keys.append(bare[0])
                self._at = bare.end()
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return tuple(keys)
            self._at += 1

    def _value(self, path: Path) -> None:
        start = self._text[self._at : self._at + 1]
        if start in ("[", "{") and start:
            self._compound(path, "]" if start == "[" else "}")
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _compound(self, path: Path, end: str) -> None:
        self._at += 1
        index = 0
        self._skip(_BETWEEN)
        while self._at < len(self._text) and not self._text.startswith(end, self._at):
            before = self._at
            if end == "]":
                self._lines[*path, index] = self._line()
                self._value((*path, index))
                index += 1
            else:
                self._pair(path)
            self._skip(_BETWEEN)
            if self._at == before:
                return  # not TOML
        self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match is not None

    def _line(self) -> int:
        at, line = self._counted
        line += self._text.count("\n", at, self._at)
        self._counted = (self._at, line)
        return line
