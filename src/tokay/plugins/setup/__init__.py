"""Web setup: a soft AP of its own until somebody has told the device its network.

Sources: docs/protocol/web-and-discovery.md, section 2; docs/protocol/commands.md, section 2. The
page itself is the HTTP server's: it emits ``SetupPageRequested`` when the root page is asked
for while ``running``.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.events import Ready, SetupChanged, SetupPageRequested
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import IN_PROGRESS, CommandError, Listing, bad_args, failed, lines
from tokay.kernel.variables import computed
from tokay.plugins.network import Interface, Network
from tokay.plugins.setup import command_script
from tokay.plugins.setup import variables as setup
from tokay.plugins.setup.button import Button
from tokay.plugins.setup.variables import ROOT_FILENAME
from tokay.plugins.softap import ApSettings, SoftAp, client_list, expand, host_names


def _clients(kernel: Kernel, _words: Sequence[str]) -> Listing:
    return client_list(kernel) if kernel.plugin(Setup).running else lines(["! 0 clients"])


CLIENT_LIST = computed(
    "setup.web.client_list", "se w c", _clients, doc="The clients of the setup network."
)


@command("setup_web", usage="[action]")
async def setup_web(call: Call) -> str | None:
    """Start web setup; `status` prints 1 or 0, `stop` ends it, `cmd` runs the setup script."""
    plugin = call.kernel.plugin(Setup)
    match call.get("action", "start"):
        case "start" | "web":
            await plugin.begin()
        case "status":
            return "1" if plugin.running else "0"
        case "stop":
            await plugin.end()
        case "cmd":
            plugin.run_script(call)
            return IN_PROGRESS
        case action:
            raise bad_args(f"{action} is not one of start, web, status, stop, cmd")
    return None


class Setup(Plugin):
    """Web setup, and what starts it without a host."""

    name = "setup"
    variables = (*setup.SETTINGS, CLIENT_LIST)
    commands: ClassVar = (setup_web,)
    after = ("softap", "wlan", "gpio")

    __slots__ = ("_button", "_idle", "_kernel", "_network", "_tasks", "_was_up", "running")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Watch the setup GPIO; all else starts when the device is ready."""
        self._kernel = kernel
        self._network = kernel.plugin(Network)
        self._idle: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._was_up: frozenset[str] = frozenset()
        self.running = False
        self._button = Button(kernel, board.pins, self._pressed)
        kernel.events.on(Ready, self._ready)
        kernel.events.on(SetupPageRequested, lambda _: self._stop_waiting())

    async def stop(self) -> None:
        """Cancel what is running."""
        self._button.close()
        self._stop_waiting()
        self.running = False
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def network_down(self, interface: Interface) -> None:
        """End setup when its network goes down, whoever took it down."""
        if self.running and interface.name == SoftAp.name:
            self._over()

    # Web setup.

    async def begin(self) -> None:
        """Start web setup; nothing happens when it runs. Raises CommandError."""
        if self.running:
            return
        values, softap = self._kernel.variables, self._kernel.plugin(SoftAp)
        was_up = frozenset(name for name in ("wlan", SoftAp.name) if self._network.find(name))
        await softap.down()
        self.running = True
        self._was_up = was_up
        try:
            await softap.up(
                ApSettings(
                    ssid=expand(values[setup.SSID], self._kernel.mac),
                    passkey=values[setup.PASSKEY],
                    names=host_names(values[setup.URL]),
                    captive_portal=values[setup.CAPTIVE_PORTAL],
                )
            )
        except BaseException:
            self.running = False
            raise
        if not self.running:
            raise failed("the setup network went down")
        self._kernel.log.line("Web setup started")
        if values[setup.IDLE_TIMEOUT]:
            self._idle = self._kernel.clock.call_later(values[setup.IDLE_TIMEOUT], self._timed_out)
        self._kernel.events.emit(SetupChanged(running=True))

    async def end(self) -> None:
        """End web setup and bring back what was up before it."""
        if not self.running:
            return
        again = self._was_up
        await self._kernel.plugin(SoftAp).down()
        self._bring_back(again)

    def _over(self) -> None:
        self._stop_waiting()
        self.running = False
        self._kernel.log.line("Web setup stopped")
        self._kernel.events.emit(SetupChanged(running=False))

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _timed_out(self) -> None:
        self._idle = None
        self._kernel.log.line("Web setup timed out")
        self._spawn(self._end_idle())

    async def _end_idle(self) -> None:
        # The manual: if wlan.ssid was set before, the device joins it again.
        again = self._was_up | ({"wlan"} if self._has_network else frozenset())
        await self._kernel.plugin(SoftAp).down()
        self._bring_back(again)

    def _bring_back(self, names: frozenset[str]) -> None:
        for name in sorted(names, reverse=True):  # WLAN first: the radio follows its channel
            if self._network.find(name) is None:
                self._spawn(self._up_alone(name))

    async def _up_alone(self, name: str) -> None:
        try:
            await self._network.need(name)
        except CommandError:
            return  # the log has the reason

    # What starts it, or anything else, without a host.

    def run_script(self, call: Call) -> None:
        """Run the setup script once the response is out. Raises CommandError without one."""
        try:
            found = command_script.read(self._kernel)
        except OSError as error:
            raise failed(f"{command_script.FILENAME} cannot be read: {error}") from error
        call.after.append(lambda: self._spawn(command_script.run(self._kernel, found)))

    @property
    def _has_network(self) -> bool:
        ssid = self._kernel.variables.table.by_name.get("wlan.ssid")
        return ssid is not None and bool(self._kernel.variables[ssid])

    def _ready(self, _event: Ready) -> None:
        line = self._kernel.variables[setup.AUTO_CMD]
        if line and not self._has_network and not self._button.held:
            self._run(line)

    def _pressed(self) -> None:
        self._kernel.log.line("Setup by GPIO")
        self._run(self._kernel.variables[setup.GPIO_CMD])

    def _run(self, line: str) -> None:
        if line:
            self._spawn(command_script.run(self._kernel, [line.encode("latin-1")]))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


PLUGIN = Setup

__all__ = ["PLUGIN", "ROOT_FILENAME", "Setup"]
