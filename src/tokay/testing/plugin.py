"""The pytest plugin: a running device as a fixture, for tests that talk to it like a host.

The device runs in a thread of its own with its own event loop, so a test may block on a serial
port. ``tokay_device`` is one on a pty; ``tokay_devices`` makes more, of any kind.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, Self, TypeVar

import pytest

from tokay import Airspace, Device, Response

T = TypeVar("T")

pytest_plugins = ("tokay.testing.module_fixture",)

START_LIMIT = 30.0
"""Seconds that a device may take to start, a command to answer, or an event to come."""


class RunningDevice:
    """A device that runs in a thread: the same as ``Device``, without ``await``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, device: Device) -> None:
        self._loop = loop
        self.device = device

    @property
    def serial_port(self) -> str:
        """The path of the host's end of the serial port."""
        return self._call(lambda: self.device.serial_port)

    @property
    def mac(self) -> str:
        """The hardware address."""
        return self.device.mac

    @property
    def address(self) -> str:
        """The IPv4 address, empty while there is none."""
        return self._call(lambda: self.device.address)

    @property
    def airspace(self) -> Airspace:
        """The access points around the device."""
        return self.device.airspace

    def command(self, line: str | bytes, data: bytes = b"") -> Response:
        """Execute one command and return its response."""
        return self.run(self.device.command(line, data))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the device's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_LIMIT)

    def _call(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return self.run(call())


class DeviceThread:
    """Runs devices in one thread. A context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tokay", daemon=True)
        self._running: list[Device] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # One device that cannot stop does not keep the others from it.
        with ExitStack() as ends:
            ends.callback(self._close)
            for device in self._running:
                ends.callback(self._stop, device)

    def _stop(self, device: Device) -> None:
        self._run(device.__aexit__(None, None, None))

    def _close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_LIMIT)
        self._loop.close()

    def start(self, **options: Any) -> RunningDevice:
        """Start a device with the options of ``Device.simulated``; on a pty unless told else."""
        device = Device.simulated(**{"serial": "pty", **options})
        self._run(device.__aenter__())
        self._running.append(device)
        return RunningDevice(self._loop, device)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_LIMIT)


@pytest.fixture
def tokay_devices() -> Iterator[DeviceThread]:
    """Start devices with ``tokay_devices.start(...)``; they end with the test."""
    with DeviceThread() as thread:
        yield thread


@pytest.fixture
def tokay_device(tokay_devices: DeviceThread) -> RunningDevice:
    """Return a running device on a pty, at factory settings; it ends with the test."""
    return tokay_devices.start()
