"""The kernel of one device over one boot: what its plugins stand on and meet through.

A reboot makes a new kernel. Nothing of the old one is left but what was saved, the clock, and the
input that the host sent meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from tokay.kernel.clock import Clock
from tokay.kernel.commands import CommandTable
from tokay.kernel.engine import Engine
from tokay.kernel.events import Events
from tokay.kernel.files import FileStore
from tokay.kernel.log import Level, Log
from tokay.kernel.plugin import Plugin, PluginType
from tokay.kernel.profile import Profile, ProfileError
from tokay.kernel.storage import DeviceStorage
from tokay.kernel.streams import StreamTable
from tokay.kernel.system_variables import MESSAGE, TIMESTAMP
from tokay.kernel.value_types import integer
from tokay.kernel.variables import Variables, VariableTable

PROMPT = b"> "
SAFE_PROMPT = b"SAFEMODE> "

P = TypeVar("P", bound=Plugin)


class Control(Protocol):
    """What a kernel asks of the power switch above it."""

    def reboot(self) -> None:
        """Boot anew as soon as may be."""

    def sleep(self, seconds: float, pins: Sequence[int] = ()) -> None:
        """Stop; boot after that time unless it is 0, or when one of ``pins`` goes high."""

    def shutdown(self) -> None:
        """Stop for good."""


class Kernel:
    """Variables, commands, streams, files, log and events of one device."""

    __slots__ = (
        "_pin_names",
        "carried",
        "clock",
        "commands",
        "control",
        "engine",
        "events",
        "files",
        "halting",
        "log",
        "mac",
        "name",
        "plugins",
        "profile",
        "safe_mode",
        "storage",
        "streams",
        "variables",
    )  # fmt: skip

    def __init__(
        self,
        *,
        name: str,
        mac: str,
        profile: Profile,
        plugins: Sequence[PluginType],
        storage: DeviceStorage,
        clock: Clock,
        control: Control,
        carried: dict[str, Any],
        safe_mode: bool = False,
    ) -> None:
        variables, commands = tables(profile, tuple(plugins))
        self.name = name
        self.mac = mac
        self.profile = profile
        self.storage = storage
        self.clock = clock
        self.control = control
        self.carried = carried
        """What one boot hands to the next, by whose it is: input that a console held."""
        self.safe_mode = safe_mode
        self.halting = False
        """Whether the end is near: input that comes now is for the next boot."""
        self.events = Events()
        self.log = Log()
        self.variables = Variables(self, variables)
        self.commands = commands
        self.streams = StreamTable(self)
        self.files = FileStore(self)
        self.engine = Engine(self)
        self.plugins: dict[type[Plugin], Plugin] = {}
        self._pin_names: Callable[[str], int] | None = None

    @property
    def prompt(self) -> bytes:
        """What stands before the host's next line."""
        return SAFE_PROMPT if self.safe_mode else PROMPT

    def plugin(self, kind: type[P]) -> P:
        """Return a running plugin of this device by its class."""
        plugin = self.plugins[kind]
        assert isinstance(plugin, kind)  # noqa: S101 - the table is keyed by class
        return plugin

    # The scope of values.

    def pin(self, word: str) -> int:
        """Return the number of a pin by number or alias. Raises CommandError."""
        if self._pin_names is not None:
            return self._pin_names(word)
        return integer(word, 0, self.profile.pins - 1)

    def name_pins(self, names: Callable[[str], int]) -> None:
        """Set the function that returns a pin's number by its alias."""
        self._pin_names = names

    # Notices.

    def notice(self, event: str, *, handle: int | None = None, text: str = "") -> None:
        """Log a notice in the words of `system.msg`; an empty template is silent."""
        template = self.variables.at(MESSAGE, event)
        if not template:
            return
        stamped = "@t" in template and self.variables[TIMESTAMP]
        stamp = f"{self.clock.stamp()}: " if stamped else ""
        parts: Mapping[str, str] = {"t": stamp, "h": str(handle), "s": text}
        self.log.line(fill(template, parts), Level.NOTICE, bare=event == "initialized")

    # Completion.

    def complete(self, head: str) -> list[str]:
        """Return what the last word of ``head`` can become."""
        words = head.split(" ")
        if len(words) == 1:
            options = [command.name for command in self.commands.sorted]
        elif len(words) == 2 and words[0] in ("get", "set", "help"):
            options = [variable.name for variable in self.variables.table.sorted]
        else:
            return []
        return [option for option in options if option.startswith(words[-1])]


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Put ``parts`` in the place of ``@`` and their letter; ``@@`` is one at sign."""
    head, pieces = _cut(template)
    return head + "".join([parts.get(letter, f"@{letter}") + rest for letter, rest in pieces])


@lru_cache(maxsize=64)
def _cut(template: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what stands before the first letter, and each letter with what stands behind it."""
    head, *pieces = template.split("@")
    cut: list[tuple[str, str]] = []
    pending = iter(pieces)
    for piece in pending:
        if piece:
            cut.append((piece[0], piece[1:]))
            continue
        text = "@" + next(pending, "")
        if cut:
            cut[-1] = (cut[-1][0], cut[-1][1] + text)
        else:
            head += text
    return head, cut


@lru_cache(maxsize=32)
def check_names(profile: Profile, plugins: tuple[PluginType, ...]) -> None:
    """Raise ProfileError when a profile names a variable or command that no plugin has."""
    variables = {variable.name for plugin in plugins for variable in plugin.variables}
    commands = {command.name for plugin in plugins for command in plugin.commands}
    defaults = {key.split(" ")[0] for key in profile.variables.defaults}
    named = {
        "variable": (defaults.union(profile.variables.without) - variables),
        "command": ({*profile.commands.without, *profile.commands.usage} - commands),
    }
    for kind, unknown in named.items():
        if unknown:
            message = f"profile {profile.name} is not valid: no {kind} {min(unknown)}"
            raise ProfileError(message)


@lru_cache(maxsize=32)
def tables(profile: Profile, plugins: tuple[PluginType, ...]) -> tuple[VariableTable, CommandTable]:
    """Return the variables and commands of a profile: one pair for all devices that share it.

    Raises ProfileError when the profile says of them what cannot be.
    """
    gone = set(profile.variables.without)
    variables = [v for plugin in plugins for v in plugin.variables if v.name not in gone]
    rules = profile.commands
    known = {variable.name for variable in variables}
    defaults = {
        key: text for key, text in profile.variables.defaults.items() if key.split(" ")[0] in known
    }
    try:
        commands = [
            one.with_usage(rules.usage[one.name]) if one.name in rules.usage else one
            for plugin in plugins
            for one in plugin.commands
            if one.name not in rules.without
        ]
        return VariableTable(variables, defaults), CommandTable(commands, rules.aliases)
    except ValueError as error:
        message = f"profile {profile.name} is not valid: {error}"
        raise ProfileError(message) from error
