"""A device that serves on a loop of its own, as in a process, for clients that block."""

import asyncio
import threading
from typing import Self

import uvloop
from tests.peers import NET

from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.device import Device

PORT = 8093
LIMIT = 20.0


class Served:
    """A device and its HTTP server; ``with`` powers it on and off."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._main()))
        self._error: BaseException | None = None
        self.port = int(settings["http.server.port"])
        self.address = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(LIMIT)
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        try:
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            air = Airspace()
            air.add(AccessPoint("web", subnet=f"{NET}.128/25"))
            settings = {"wlan.ssid": "web", "http.server.enabled": "1"} | self._settings
            self.device = Device.simulated(airspace=air, settings=settings)
            async with self.device:
                assert (await self.device.command("network_up")).ok
                self.address = self.device.address
                self._ready.set()
                await self._end.wait()
        except BaseException as error:
            self._error = error
            self._ready.set()
            raise

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def command(self, line: str, data: bytes = b"") -> str:
        """Run a command on the device."""
        work = asyncio.run_coroutine_threadsafe(self.device.command(line, data), self._loop)
        return work.result(LIMIT).text

    def file(self, name: str, content: bytes, options: str = "") -> None:
        line = f'file_create "{name}" {len(content)} {options}'
        assert self.command(line, content) == "Success"
