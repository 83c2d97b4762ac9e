"""All settings of a module together: read, compared, backed up, restored.

A backup is a dict that JSON takes, in this form::

    {"tokay_backup": 1, "version": "...", "mac": "...",
     "settings": {"wlan.ssid": "lab", ...},
     "files": {"a.txt": {"type": 254, "version": "1.0.0.0", "base64": "..."}}}

Secrets are left out unless asked for: what `get all` hides, and what is named like one.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tokay.host.errors import CommandFailed

if TYPE_CHECKING:
    from tokay.host.module import Module

_ROW = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+(?: [a-z0-9_]+)?):(?: (.*))?")
_SECRET = re.compile(r"pass(?:key|word|phrase)|\.pmk|secret|security_key|client_key|wep")
_HIDDEN = re.compile(r"\*+")
# What a module says of itself, and what a host must not set in passing.
_OF_ITSELF = (
    "system.version", "system.uuid", "system.build_number", "system.memory", "system.unsaved",
    "system.safemode", "system.print_level", "system.cmd.echo", "system.cmd.header_enabled",
    "system.cmd.prompt_enabled", "system.cmd.format", "time.", "gpio.usage", "network.traffic",
)  # fmt: skip

_COMPUTED = re.compile(
    r"\.mac$|\.network\.(dns|gateway|ip|netmask|status|uptime|rssi)$|_list$|\.info$|\.result$"
)
_FORM = frozenset(
    ("system.cmd.echo", "system.cmd.header_enabled", "system.cmd.prompt_enabled",
     "system.print_level")
)  # fmt: skip

Note = Callable[[str], None]


class Settings:
    """The settings of one module: ``module.settings``."""

    def __init__(self, module: "Module") -> None:
        self._module = module

    async def all(self) -> dict[str, str]:
        """Return each variable with its value as the module prints it; indexes are in the name."""
        values: dict[str, str] = {}
        name = ""
        for line in await self._module.listing("get all", timeout=30):
            row = _ROW.fullmatch(line)
            if row is not None:
                name = row[1]
                values[name] = row[2] or ""
            elif name:
                values[name] += f"\n{line}"
        for name in values.keys() & _FORM:
            values[name] = await self._module.get(name)
        return values

    async def diff(self, other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return what differs from ``other``: name, its value there, its value here."""
        here = await self.all()
        return {
            name: (other.get(name, ""), here.get(name, ""))
            for name in sorted({*here, *other})
            if here.get(name, "") != other.get(name, "")
        }

    async def backup(
        self, *, files: bool = True, secrets: bool = False, note: Note | None = None
    ) -> dict[str, Any]:
        """Return settings and files. ``note`` is called with what is read."""
        made: dict[str, Any] = {
            "tokay_backup": 1,
            "version": (await self._module.version()).text,
            "mac": await self._module.get("wlan.mac"),
            "settings": {},
            "files": {},
        }
        for name, value in (await self.all()).items():
            if _is_secret(name, value):
                if not secrets:
                    continue
                shown = value
                if _HIDDEN.fullmatch(value):
                    shown = (await self._module.ask(f"get {name}")).text
                if not _HIDDEN.fullmatch(shown):
                    made["settings"][name] = shown
            elif _is_setting(name, value):
                made["settings"][name] = value
        for info in await self._module.files.list() if files else ():
            if note is not None:
                note(info.name)
            content = await self._module.files.read(info.name)
            made["files"][info.name] = {
                "type": info.type,
                "version": info.version,
                "base64": base64.b64encode(content).decode(),
            }
        return made

    async def restore(self, backup: Mapping[str, Any], *, note: Note | None = None) -> list[str]:
        """Set and write what a backup has and the module has not; save; return what it refused.

        Settings that only a module itself can change are left alone. Raises ValueError for what is
        no backup.
        """
        settings, files = _checked(backup)
        refused = []
        here = await self.all()
        for name, value in settings.items():
            if here.get(name) == value or not _is_setting(name, value):
                continue
            if note is not None:
                note(name)
            if name in here and not await self._set(name, value):
                refused.append(name)
        for name, (content, kind, version) in files.items():
            if note is not None:
                note(name)
            try:
                old = await self._module.files.find(name)
                if old is None or await self._module.files.read(name) != content:
                    await self._module.files.write(name, content, type=kind, version=version)
            except CommandFailed:
                refused.append(name)
        await self._module.save()
        return refused

    async def _set(self, name: str, value: str) -> bool:
        """Set a variable to what a getter printed: one word, or several."""
        for text in dict.fromkeys((_printed(value), value)):
            if (await self._module.ask(f"set {name} {text}")).ok:
                return True
        return (await self._module.ask(f"get {name}")).text == value


def _is_secret(name: str, value: str) -> bool:
    return bool(_HIDDEN.fullmatch(value) or _SECRET.search(name))


def _is_setting(name: str, value: str) -> bool:
    return (
        "\n" not in value
        and not value.startswith("!")
        and not _COMPUTED.search(name)
        and not name.startswith(_OF_ITSELF)
    )


def _printed(value: str) -> str:
    """Return a printed value as one word: its escapes are the getter's own."""
    if not value or " " in value or "#" in value or value.startswith("-"):
        return '"' + value.replace('"', '\\"') + '"'
    return value.replace('"', '\\"')


def _checked(
    backup: Mapping[str, Any],
) -> tuple[dict[str, str], dict[str, tuple[bytes, int, str]]]:
    """Return settings and files of a backup. Raises ValueError."""
    if backup.get("tokay_backup") != 1:
        message = "this is no backup of a module"
        raise ValueError(message)
    try:
        settings = {str(name): str(value) for name, value in backup["settings"].items()}
        files = {
            str(name): (
                base64.b64decode(one["base64"], validate=True),
                int(one["type"]),
                str(one["version"]),
            )
            for name, one in backup["files"].items()
        }
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        message = f"the backup is damaged: {error}"
        raise ValueError(message) from None
    if any(set(text) & set("\r\n\0") for pair in settings.items() for text in pair):
        message = "the backup is damaged: a setting with a line break"
        raise ValueError(message)
    return settings, files
