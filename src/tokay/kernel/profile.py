"""Profiles: which product a device is, as data.

A profile is a TOML file in the folder `profiles` or anywhere. Code asks it for the value that it
needs and never which product it is. What exists in which generation of the product is in
`generations.toml`, one table for all profiles.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

DEFAULT_PROFILE = "gecko-os-4"
_FOLDER = Path(__file__).parent / "profiles"
_GENERATIONS = Path(__file__).parent / "generations.toml"
_MAX_ANCESTORS = 8
"""Profiles that one may extend, one by the other: a circle of them ends here."""


class ProfileError(Exception):
    """A profile that does not exist or does not fit, in one line."""


class FileRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the product's file system behaves. Sizes in bytes."""

    crc: str
    """`crc16` or `crc32`: what file_create checks."""
    default_type: int
    default_version: str
    listing: str
    """`gecko4` or `zentrios`: the columns of `ls -v`."""
    unprotected_flag: int
    essential_flag: int
    valid_flag: int
    extended_size: int
    bulk_size: int
    most_files: int
    longest_name: int = 64


class CommandRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What differs in the commands: left out, other grammars, other names."""

    without: list[str] = []
    usage: dict[str, str] = {}
    aliases: dict[str, str] = {}


class VariableRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What differs in the variables: left out, other defaults (as behind `set`)."""

    without: list[str] = []
    defaults: dict[str, str] = {}


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, eq=False):
    """One product."""

    name: str
    product: str
    version: str
    """The version line."""
    build_number: str
    generation: str
    """Whose variables and commands it has: one of `order` in `generations.toml`."""
    name_prefix: str
    """What SSIDs of the product begin with."""
    realm: str
    mac_prefix: str
    """Three bytes of hardware address, with colons."""
    clock_start: int
    """Seconds since 1970 that the clock shows when power comes."""
    pins: int
    uarts: int
    bauds: list[int]
    tls_floor: int
    """The oldest TLS version, without its dot, that is spoken unless an older one is asked for."""
    tls_ciphers: list[str]
    """The cipher suites up to TLS 1.2, by OpenSSL's names."""
    concurrent_ap: bool
    """Whether WLAN and soft AP are up together, or starting one takes the other down."""
    ethernet: bool
    """Whether the product can have an Ethernet interface."""
    websockets: list[str]
    """The paths at which the HTTP server takes WebSockets."""
    files: FileRules
    commands: CommandRules = CommandRules()
    variables: VariableRules = VariableRules()


def names() -> list[str]:
    """Return the profiles that come with Tokay."""
    return sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir())


@cache
def load(name: str) -> Profile:
    """Return the profile of that name, or of the TOML file at that path. Raises ProfileError."""
    content = _with_ancestors(name, _MAX_ANCESTORS)
    try:
        profile = msgspec.convert(content, Profile)
        return msgspec.structs.replace(
            profile,
            commands=msgspec.structs.replace(
                profile.commands,
                without=_missing("commands", profile.generation) + profile.commands.without,
            ),
            variables=msgspec.structs.replace(
                profile.variables,
                without=_missing("variables", profile.generation) + profile.variables.without,
            ),
        )
    except ValueError as error:
        message = f"profile {name} is not valid: {error}"
        raise ProfileError(message) from None


def _with_ancestors(name: str, depth: int) -> dict[str, Any]:
    """Return a profile's content laid over that of the profile that it extends, and so on.

    Tables are laid over key by key, `without` adds to what is left out already, and any other value
    takes the place of the one below. Raises ProfileError.
    """
    content = _read(name)
    base = content.pop("extends", None)
    if base is None:
        return content
    if not isinstance(base, str) or not depth:
        message = f"profile {name} cannot extend {base}"
        raise ProfileError(message)
    return _laid_over(_with_ancestors(base, depth - 1), content)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _laid_over(old, value)
        elif key == "without" and isinstance(old, list) and isinstance(value, list):
            merged[key] = old + value
        else:
            merged[key] = value
    return merged


def _read(name: str) -> dict[str, Any]:
    """Return the content of a profile's file. Raises ProfileError."""
    if name in names():
        path = _FOLDER / f"{name}.toml"
    elif name.endswith(".toml"):
        path = Path(name)
    else:
        message = f"unknown profile {name}: choose one of {', '.join(names())}"
        raise ProfileError(message)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        message = f"profile {name} is not valid: {error}"
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"profile {name} cannot be read: {reason}"
    raise ProfileError(message)


@cache
def _generations() -> dict[str, Any]:
    return tomllib.loads(_GENERATIONS.read_text("utf-8"))


def _missing(kind: str, generation: str) -> list[str]:
    """Return the `commands` or `variables` that a generation lacks.

    Raises ValueError when there is no such generation.
    """
    table = _generations()
    order: list[str] = table["order"]
    if generation not in order:
        message = f"no generation {generation}: there is {', '.join(order)}"
        raise ValueError(message)
    own = order.index(generation)
    return [
        name
        for name, rule in table[kind].items()
        if not order.index(rule.get("since", order[0]))
        <= own
        <= order.index(rule.get("until", order[-1]))
        or generation in rule.get("without", ())
    ]
