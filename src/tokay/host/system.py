"""The module as a whole: restart, factory reset, time, update.

Sources: docs/protocol/commands.md, section 2; docs/protocol/network.md, section 15.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from tokay.host.errors import CommandFailed, Disconnected, ModuleError, Timeout
from tokay.host.response import RESTARTED, Event

if TYPE_CHECKING:
    from tokay.host.module import Module

RESTART_TIMEOUT = 60.0
"""Seconds until a module must answer again after a restart."""
UPDATE_TIMEOUT = 600.0
PAUSE = 0.5
"""Seconds between two tries to reach a module that restarts."""

OnEvent = Callable[[Event], None]


class System:
    """One module as a whole: ``module.system``."""

    def __init__(self, module: "Module") -> None:
        self._module = module

    async def reboot(self, *, timeout: float = RESTART_TIMEOUT) -> None:
        """Restart and return when the module answers again. What was not saved is lost."""
        await self._restart("reboot", timeout)

    async def factory_reset(self, *, timeout: float = RESTART_TIMEOUT) -> None:
        """Forget all settings, restart, and return when the module answers again.

        A module that was reached over its network is then out of reach: Timeout or Disconnected.
        """
        mac = await self._module.get("wlan.mac")
        await self._restart(f"factory_reset {mac}", timeout)

    async def time(self) -> int:
        """Return the module's clock: seconds since 1970."""
        return int(await self._module.get("time.rtc"))

    async def set_time(self, seconds: int) -> None:
        """Set the module's clock: seconds since 1970."""
        await self._module.set("time.rtc", seconds)

    async def uptime(self) -> int:
        """Return the seconds since the module started."""
        return int(await self._module.get("time.uptime"))

    async def update(
        self,
        bundle: str = "",
        *,
        force: bool = False,
        timeout: float = UPDATE_TIMEOUT,
        on_event: OnEvent | None = None,
    ) -> None:
        """Fetch a bundle from `ota.host` (`ota`), and return when the module answers again.

        ``force``: also one that is not newer. ``on_event`` is called with the log of the meantime.
        Raises CommandFailed, whose log says why.
        """
        line = "ota" + (" -f" if force else "") + (f" -b {bundle}" if bundle else "")
        stop = self._module.on("", on_event) if on_event is not None else None
        try:
            await self._restart(line, timeout)
        finally:
            if stop is not None:
                stop()

    async def _restart(self, line: str, timeout: float) -> None:
        module = self._module
        restarted = asyncio.Event()
        stop = module.on(RESTARTED, lambda _: restarted.set())
        try:
            async with asyncio.timeout(timeout):
                try:
                    await module.command(line, timeout=timeout)
                except CommandFailed:
                    raise
                except ModuleError:
                    pass  # it may restart before it answers
                await module.forget()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE):
                        await restarted.wait()
                await self._answers()
        except TimeoutError:
            raise Timeout(f"{line}: the module did not come back in {timeout:g} s") from None
        finally:
            stop()

    async def _answers(self) -> None:
        """Return when the module answers."""
        while True:
            try:
                await self._module.command("version", timeout=5)
            except (Timeout, Disconnected):
                await self._module.reconnect()
                await asyncio.sleep(PAUSE)
            else:
                return
