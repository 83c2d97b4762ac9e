"""The plugin contract: what every feature of a device is, ours or another's.

A plugin is a folder with a class that lists its variables and commands. It is made anew for each
boot of each device, started in the order that ``after`` asks for, and stopped in reverse. Ours are
the folders of ``tokay.plugins``, each naming its class as ``PLUGIN``; others come through the entry
point group ``tokay.plugins``.
"""

import sys
from collections.abc import Awaitable, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tokay.kernel.commands import Command
from tokay.kernel.variables import Variable

if TYPE_CHECKING:
    from tokay.kernel.kernel import Kernel

ENTRY_POINTS = "tokay.plugins"


class PluginError(Exception):
    """A plugin that cannot be used, and why."""


class Plugin:
    """One feature. ``safe_mode``: it also runs in safe mode. ``after``: plugins started before."""

    name: ClassVar[str]
    variables: ClassVar[Sequence[Variable[Any]]] = ()
    commands: ClassVar[Sequence[Command]] = ()
    after: ClassVar[Sequence[str]] = ()
    safe_mode: ClassVar[bool] = False

    __slots__ = ()

    # The kernel knows neither hardware nor networks: a plugin says `board: Board` (board/board.py)
    # and `interface: Interface` (plugins/network).

    def start(self, kernel: "Kernel", board: Any) -> None:
        """Called at boot, when the variables hold what was saved; must not wait.

        ``board`` is the hardware of the device. A plugin that raises is left out of this boot.
        """

    async def stop(self) -> None:
        """Called before a reboot, a sleep and power-off, in reverse order of starting.

        Return when nothing runs any more and what was taken is free.
        """

    def network_up(self, interface: Any) -> Awaitable[None] | None:
        """Called when an interface has an address; it counts as up once what is returned is done.

        What is raised is logged, and the next plugin is called.
        """
        return None

    def network_down(self, interface: Any) -> None:
        """Called before an interface loses its address. What is raised is logged."""


P = TypeVar("P", bound=Plugin)
PluginType = type[Plugin]


def discover(package: str) -> list[PluginType]:
    """Return the plugins of a package and of the entry points, in starting order."""
    module = import_module(package)
    own = [import_module(f"{package}.{info.name}") for info in iter_modules(module.__path__)]
    found = [plugin.PLUGIN for plugin in own if hasattr(plugin, "PLUGIN")]
    if _is_extended():
        found += _from_entry_points()
    return in_order(found)


def _is_extended() -> bool:
    """Return whether an installed package may have plugins for us.

    A look into the files that installers write, `NAME.dist-info/entry_points.txt` on the import
    path: importlib.metadata takes a fifth of the start-up time of the interpreter to say no. Where
    there is something else than folders on the path, it is asked all the same. Source: the entry
    points specification, packaging.python.org.
    """
    group = f"[{ENTRY_POINTS}]".encode()
    for entry in dict.fromkeys(sys.path):
        folder = Path(entry)
        if folder.is_file():
            return True
        for pattern in ("*.dist-info", "*.egg-info"):
            for file in folder.glob(f"{pattern}/entry_points.txt"):
                try:
                    if group in file.read_bytes():
                        return True
                except OSError:
                    return True
    return False


def _from_entry_points() -> list[PluginType]:
    """Return the plugins of other packages. Raises PluginError when one cannot be loaded."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, see above

    found = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found.append(point.load())
        except Exception as error:  # a stranger's import may raise anything
            message = f"plugin {point.name} of {point.value} cannot be loaded: {error}"
            raise PluginError(message) from error
    return found


def in_order(plugins: Sequence[PluginType]) -> list[PluginType]:
    """Return plugins so that each comes behind those it names in ``after``."""
    by_name: dict[str, PluginType] = {}
    for plugin in plugins:
        if by_name.setdefault(plugin.name, plugin) is not plugin:
            message = f"two plugins are called {plugin.name}"
            raise PluginError(message)
    graph = {name: [a for a in p.after if a in by_name] for name, p in sorted(by_name.items())}
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        message = f"plugins wait for each other: {', '.join(error.args[1])}"
        raise PluginError(message) from None
