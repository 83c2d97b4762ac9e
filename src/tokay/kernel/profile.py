"""Profiles: which product a device is, as data.

A profile is a TOML file beside this one or anywhere. Code asks it for the value that it needs and
never which product it is.
"""

import tomllib
from functools import cache
from pathlib import Path

import msgspec

DEFAULT_PROFILE = "gecko-os-4"
_FOLDER = Path(__file__).parent / "profiles"


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
    if name in names():
        text = (_FOLDER / f"{name}.toml").read_text("utf-8")
    elif name.endswith(".toml"):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            message = f"profile {name} cannot be read: {reason}"
            raise ProfileError(message) from None
    else:
        message = f"unknown profile {name}: choose one of {', '.join(names())}"
        raise ProfileError(message)
    try:
        return msgspec.convert(tomllib.loads(text), Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        message = f"profile {name} is not valid: {error}"
        raise ProfileError(message) from None
