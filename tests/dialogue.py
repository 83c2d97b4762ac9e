"""A console in a test, as a dialogue: this is sent, exactly that comes back, and time is turned.

    with Talk() as talk:
        talk.send(b"get bus.mode\\r\\n")
        talk.expect(b"R000009\\r\\ncommand\\r\\n")

The device runs on a loop of its own that is turned by hand, so nothing here waits and every run
is the same. A dialogue fails at its end when the device logged an error that the test did not
take out of ``talk.errors``.
"""

import logging
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from tokay.board.air.airspace import Airspace
from tokay.board.air.radio import SimulatedRadio
from tokay.board.board import Board
from tokay.board.buses import SimulatedBuses
from tokay.board.pins import SimulatedPins
from tokay.board.serial import SerialPort
from tokay.board.storage import Storage
from tokay.device import Device, Hardware
from tokay.kernel.clock import Clock
from tokay.kernel.console import Console
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import PluginType
from tokay.kernel.profile import load
from tokay.testing.clock import TurnedLoop

PROFILES = ("gecko-os-2", "gecko-os-4", "wiconnect-2", "zentrios-3")
MACHINE = {"system.cmd.format": "machine"}
PROMPT = b"> "

T = TypeVar("T")


class Wire(SerialPort):
    """A serial port in memory. A ``stuck`` one takes what is written and lets none of it go."""

    description = "wire"

    def __init__(self) -> None:
        super().__init__()
        self.gone = bytearray()
        """What has reached the host."""
        self.held = bytearray()
        """What the host sent and nobody has read."""
        self.stuck = False
        self._reading = False
        self.closed = False
        self._unsent = bytearray()

    @property
    def backlog(self) -> int:
        return len(self._unsent)

    def write(self, data: bytes) -> None:
        (self._unsent if self.stuck else self.gone).extend(data)

    def let_go(self, count: int | None = None) -> None:
        """Let unsent bytes go, all or some; the device hears it when none is left."""
        self.gone += self._unsent[:count]
        del self._unsent[:count]
        if not self._unsent and self._receiver is not None:
            self._receiver.drained()

    def receive(self, data: bytes) -> None:
        """Take bytes from the host."""
        self.held += data
        self._pass_on()

    def host_waits(self) -> bool:
        """Whether the device takes no bytes now."""
        return not self._reading

    def close(self) -> None:
        self.detach()
        self.closed = True

    def _resume_reading(self) -> None:
        self._reading = True
        self._pass_on()

    def _pause_reading(self) -> None:
        self._reading = False

    def _pass_on(self) -> None:
        if self.held and self._reading and self._receiver is not None:
            data = bytes(self.held)
            self.held.clear()
            self._receiver.feed(data)


class _Switch:
    """The power switch above a bare kernel: notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def reboot(self) -> None:
        self.asked.append("reboot")

    def sleep(self, seconds: float, pins: Sequence[int] = ()) -> None:
        self.asked.append(f"sleep {seconds}")

    def shutdown(self) -> None:
        self.asked.append("shutdown")


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.records.append(record.getMessage() + (f": {error!r}" if error else ""))


class Talk:
    """A device with a host that speaks with it. ``with`` powers it on and off.

    It begins in machine format unless ``human``. ``settings`` as for ``Device.simulated``;
    ``storage`` is one that outlives the device, ``airspace`` one that others are in. ``bare``: no
    device, just a kernel with ``plugins`` and nothing else, and a console on it.
    """

    def __init__(
        self,
        profile: str = "gecko-os-4",
        *,
        human: bool = False,
        settings: Mapping[str, str] | None = None,
        plugins: Sequence[PluginType] = (),
        storage: Storage | None = None,
        airspace: Airspace | None = None,
        bare: bool = False,
    ) -> None:
        self.loop = TurnedLoop()
        self.profile = load(profile)
        self.wire = Wire()
        self.boot = b""
        """What came out when the power came."""
        self.errors: list[str] = []
        """What the device logged of its own bugs; a test that makes some clears it."""
        self.control = _Switch()
        self.airspace = airspace if airspace is not None else Airspace.default()
        self._settings = ({} if human else MACHINE) | dict(settings or {})
        self._plugins = plugins
        self._storage = storage
        self._bare = bare
        self._device: Device | None = None
        self._kernel: Kernel | None = None
        self._console: Console | None = None
        self._errors = _Errors()

    # The power.

    def __enter__(self) -> Self:
        self.errors = self._errors.records
        logging.getLogger("tokay").addHandler(self._errors)
        self.loop.set_exception_handler(
            lambda _, context: self.errors.append(f"{context['message']}: {context}")
        )
        try:
            self.run(self._power_on())
        except BaseException:
            self._leave()
            raise
        self.boot = self.heard()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.run(self._power_off())
        finally:
            self._leave()
        if error is None:
            assert not self.errors, self.errors

    def _leave(self) -> None:
        logging.getLogger("tokay").removeHandler(self._errors)
        self.loop.close()

    async def _power_on(self) -> None:
        if self._bare:
            storage = self._storage or Storage(None)
            self._kernel = kernel = Kernel(
                name="bare",
                mac="4C:55:CC:00:00:01",
                profile=self.profile,
                plugins=self._plugins,
                storage=storage.device("bare"),
                clock=Clock(self.profile.clock_start),
                control=self.control,
                carried={},
            )
            for plugin in self._plugins:
                kernel.plugins[plugin] = plugin()
                kernel.plugins[plugin].start(kernel, None)
            self._console = Console(kernel, self.wire, name="uart0")
            self.wire.attach(self._console)
            self._console.start()
            return
        self._device = Device(
            self.profile, self._build, name="talk", preset=self._settings, plugins=self._plugins
        )
        await self._device.__aenter__()
        await self.loop.settle()

    async def _build(self, device: Device) -> Hardware:
        storage = self._storage or Storage(None)
        pins = SimulatedPins(device.profile.pins)
        buses = SimulatedBuses()
        buses.start()
        board = Board(SimulatedRadio(self.airspace, device.mac), [self.wire], pins, buses=buses)
        release = (lambda: None) if self._storage else storage.close
        return Hardware(board, storage.device(device.name), release)

    async def _power_off(self) -> None:
        if self._device is not None:
            await self._device.__aexit__(None, None, None)
        if self._kernel is not None:
            await self._kernel.engine.stop()
            for plugin in self._kernel.plugins.values():
                await plugin.stop()
            self._kernel.streams.close_all()
        await self.loop.settle()

    @property
    def device(self) -> Device:
        assert self._device is not None
        return self._device

    @property
    def kernel(self) -> Kernel:
        """The kernel of the present boot."""
        return self._kernel if self._kernel is not None else self.device.kernel

    # The dialogue.

    def send(self, *bursts: bytes) -> None:
        """Send bytes, one burst after the other, and let the device do all that needs no time."""

        async def send() -> None:
            for burst in bursts:
                self.wire.receive(burst)
                await self.loop.settle()

        self.run(send())

    def expect(self, answer: bytes) -> None:
        """Check that exactly this has come since the last look."""
        assert self.heard() == answer

    def heard(self) -> bytes:
        """Return what has come since the last look."""
        heard = bytes(self.wire.gone)
        self.wire.gone.clear()
        return heard

    def ask(self, line: bytes | str, data: bytes = b"") -> bytes:
        """Send a line, and its data in the same burst; return what comes at once."""
        text = line.encode("latin-1") if isinstance(line, str) else line
        self.send(text + b"\r\n" + data)
        return self.heard()

    def answer(self, line: bytes | str, data: bytes = b"") -> tuple[int, str]:
        """Ask in machine format; return the code and the body of the one reply, logs left out."""
        return self.reply(self.ask(line, data))

    @staticmethod
    def reply(heard: bytes) -> tuple[int, str]:
        """Return code and body of the one reply in ``heard``; log blocks may stand before it."""
        while True:
            assert len(heard) >= 9, heard
            kind, code, size = heard[:1], int(heard[1:2]), int(heard[2:7])
            assert heard[7:9] == b"\r\n", heard
            body, heard = heard[9 : 9 + size], heard[9 + size :]
            assert len(body) == size, body
            if kind != b"L":
                assert not heard, heard
                assert not body or body.endswith(b"\r\n"), body
                return code, body[:-2].decode("latin-1")

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.run(self.loop.turn(seconds))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the device runs."""
        return self.loop.run_until_complete(work)
