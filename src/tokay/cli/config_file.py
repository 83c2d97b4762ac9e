"""The file of `tokay run --config FILE`: TOML, in which each long option is a key of its name.

`[set]` has the variables, `"wlan.ssid" = "home"` or, as TOML puts it, `wlan.ssid = "home"`. A
value that must not stand in a file may be `{ credential = "NAME" }`: it is read from the folder
of credentials that systemd gives a service.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec.structs import FieldInfo, fields

from tokay.options import OptionError, RunOptions

MAX_FILE = 1 << 20
"""Bytes. A configuration is a page or two."""
SET = "set"
_CREDENTIAL = "credential"
_LINE = re.compile(r"\(at line (\d+)")
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,255}")


class ConfigError(Exception):
    """A file that cannot be used: `FILE:LINE: what is wrong`, for one mistake."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        super().__init__(f"{path}:{line}: {text}")


def load(path: Path) -> dict[str, Any]:
    """Return the options of a file, for ``RunOptions``. Raises ConfigError and OptionError."""
    text = read(path)
    table = _parse(path, text)
    known = {field.encode_name: field for field in fields(RunOptions)}
    options: dict[str, Any] = {}
    for key, value in table.items():
        line = line_of(text, key)
        if key not in known:
            raise ConfigError(path, line, f"no such option: {key}{_meant(key, known)}")
        if key == SET:
            options[known[key].name] = _settings(path, text, value)
        else:
            options[known[key].name] = _convert(path, line, key, known[key], value)
    return options


def line_of(text: str, key: str) -> int:
    """Return the line on which a key of a file stands, 1 if it cannot be told."""
    last = key.rsplit(".", 1)[-1]
    for wanted in (key, last):
        head = re.compile(rf"\s*\[?\s*[\"']?(?:[\w.\"'-]+\.)?{re.escape(wanted)}[\"']?\s*[=\].]")
        for number, line in enumerate(text.splitlines(), 1):
            if head.match(line):
                return number
    return 1


def read(path: Path) -> str:
    """Return the text of a file. Raises ConfigError and OptionError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise OptionError(f"{path}: {error.strerror}") from None
    if len(data) > MAX_FILE:
        raise OptionError(f"{path}: longer than {MAX_FILE} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, line, "not UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _LINE.search(str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        raise ConfigError(path, line, str(error).split(" (at ")[0]) from None


def _convert(path: Path, line: int, key: str, field: FieldInfo, value: Any) -> Any:
    """Return a value of the option's type: a list may be written as its only item."""
    kind, *_ = get_args(get_type_hints(RunOptions, include_extras=True)[field.name])
    if kind == list[str] and isinstance(value, str):
        value = [value]
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(path, line, f"{key}: {error}") from None


def _settings(path: Path, text: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        raise ConfigError(path, line_of(text, SET), "set: use [set] and a line for each variable")
    found: dict[str, str] = {}
    for name, value in _flat(table, ""):
        line = line_of(text, name)
        if isinstance(value, bool):
            found[name] = str(int(value))
        elif isinstance(value, str | int | float):
            found[name] = str(value)
        elif isinstance(value, dict):
            try:
                found[name] = _credential(str(value[_CREDENTIAL]))
            except (OSError, OptionError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise ConfigError(path, line, f"{name}: credential: {why}") from None
        else:
            raise ConfigError(path, line, f"{name}: use a text, a number, true or false")
    return found


def _flat(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    """Yield the variables of nested tables: TOML takes a dot for one."""
    for key, value in table.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and set(value) != {_CREDENTIAL}:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _credential(name: str) -> str:
    """Read a credential of the service (systemd.exec(5)). Raises OSError and OptionError."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise OptionError("there is no folder of credentials: LoadCredential= of the unit makes it")
    if not _NAME.fullmatch(name) or set(name) == {"."}:
        raise OptionError("the name of a credential is 1-255 letters, digits, dots and dashes")
    return (Path(folder) / name).read_text(encoding="utf-8").removesuffix("\n")


def _meant(key: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

    near = get_close_matches(key, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
