"""Get, set, save, load, factory reset, and the lock.

Source: docs/protocol/commands.md, section 2.
"""

from collections.abc import Sequence
from typing import ClassVar

from tokay.kernel import settings
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import (
    SET_OK,
    UNKNOWN_VARIABLE,
    CommandError,
    Result,
    bad_args,
    failed,
    lines,
)
from tokay.kernel.value_types import Boolean
from tokay.kernel.variables import computed


@command("get", "get", "variable...", safe_mode=True)
def get(call: Call) -> str:
    """Print a variable, or every variable of a group, or `all`."""
    return call.kernel.variables.get(call.rest)


@command("set", "set", "variable...", safe_mode=True)
def set_(call: Call) -> str:
    """Set a variable. The change is lost at a reboot unless it is saved."""
    call.kernel.variables.set(call.rest)
    return SET_OK


@command("save", "save", "[file]", safe_mode=True)
def save(call: Call) -> None:
    """Save the variables, or write them to a file."""
    if "file" in call:
        settings.write_file(call.kernel, call["file"])
    else:
        settings.save(call.kernel)


@command("load", "load", "file")
def load(call: Call) -> None:
    """Set the variables that a file names."""
    settings.load_file(call.kernel, call["file"])


@command("revert", "revert")
def revert(call: Call) -> None:
    """Set the variables back to what was saved."""
    settings.revert(call.kernel)


@command("factory_reset", "fac", "mac", safe_mode=True)
def factory_reset(call: Call) -> str:
    """Forget all settings and reboot. The device's own MAC guards against accidents."""
    call.check_mac("mac")
    settings.factory_reset(call.kernel)
    return call.reboot()


def _get_locks(kernel: Kernel, _words: Sequence[str]) -> str:
    return ",".join(sorted(settings.locked(kernel)))


def _set_lock(kernel: Kernel, words: Sequence[str]) -> None:
    variable = kernel.variables.table.by_name.get(words[0])
    if variable is None:
        raise CommandError(Result.UNKNOWN_OPTION, text=UNKNOWN_VARIABLE)
    if not variable.lockable:
        raise bad_args(f"{variable.name} cannot be locked")
    names = set(settings.locked(kernel))
    if Boolean().parse(words[1:]):
        names.add(variable.name)
    else:
        names.discard(variable.name)
    try:
        kernel.storage.set_facts({settings.LOCKED: " ".join(sorted(names)) or None})
    except OSError as error:
        raise failed(str(error)) from error


VARIABLE_LOCK = computed(
    "system.variable_lock", "sy v l", _get_locks, setter=_set_lock, setter_words=(2, 2),
    doc="Keep a variable's saved value through a factory reset: `<variable> 1`.",
)  # fmt: skip


UNSAVED = computed(
    "system.unsaved", "sy u s", lambda kernel, _: lines(settings.unsaved(kernel)),
    doc="The settings that a reboot would lose, or bring back.",
)  # fmt: skip


class Settings(Plugin):
    """Variables by command."""

    name = "settings"
    variables = (VARIABLE_LOCK, UNSAVED)
    commands: ClassVar = (get, set_, save, load, revert, factory_reset)
    safe_mode = True


PLUGIN = Settings
