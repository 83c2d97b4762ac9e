"""An SPI master stream: what goes out, and what comes in at the same time.

write        the bytes are shifted out; as many come in, and are kept for the reads
read         gives what is kept; with nothing kept it clocks bytes in, 0xFF going out
write -f     nothing yet: the slave stays selected into the next write or read, in front of which
             the bytes go out. What comes in meanwhile is not kept: so a command and its answer
             are `write -f` and `read`
"""

from collections.abc import Awaitable
from typing import NamedTuple

from tokay.board.buses import BusError, BusGoneError, SpiBus, SpiSettings
from tokay.board.pins import PinError
from tokay.kernel.commands import MAX_DATA
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, Result, failed
from tokay.kernel.streams import Stream, StreamType
from tokay.plugins.spi.select import PinSelect

DEFAULT_CLOCK = 1_000_000
DEFAULT_RX = 1024
FILLER = b"\xff"
"""What goes out while a read clocks bytes in."""
KEEP_SELECT = "-f"
"""The flag of `stream_write` that keeps the slave selected."""


class SpiConfig(NamedTuple):
    """How a slave is reached. ``select`` is a pin; None is the bus's own slave select."""

    port: int = 0
    select: int | None = None
    settings: SpiSettings = SpiSettings(DEFAULT_CLOCK)
    rx_bytes: int = DEFAULT_RX


class SpiStream(Stream):
    """An open SPI stream. The methods for plugins raise CommandError, as the commands do."""

    __slots__ = ("_bus", "_config", "_gone", "_kept", "_kernel", "_received", "_select")

    type = StreamType.SPI
    network = False

    def __init__(self, kernel: Kernel, bus: SpiBus, config: SpiConfig, select: PinSelect) -> None:
        super().__init__(_info(config))
        self._kernel, self._bus, self._config, self._select = kernel, bus, config, select
        self._kept = b""
        """Bytes that wait for the next transfer."""
        self._received = bytearray()
        self._gone = False

    # For plugins.

    async def exchange(self, data: bytes) -> bytes:
        """Shift bytes out and return what came in; the buffer for reads is left alone."""
        return await self._transfer(data)

    async def send(self, data: bytes, *, keep: bool = False) -> None:
        """Write bytes; with ``keep`` they wait for what follows, as with `stream_write -f`."""
        sent = self.write(data, frozenset((KEEP_SELECT,)) if keep else frozenset())
        if sent is not None:
            await sent

    async def receive(self, size: int) -> bytes:
        """Clock bytes in and return them."""
        self._check_size(size)
        return await self._transfer(FILLER * size)

    # What a stream does.

    @property
    def available(self) -> int:
        return len(self._received)

    @property
    def ended(self) -> bool:
        return self._gone

    @property
    def demand(self) -> int:
        return self._config.rx_bytes

    def filled(self, size: int) -> bool:
        return bool(self._received) or self._gone

    async def fill(self, size: int, timeout: float) -> None:
        """Clock ``size`` bytes in. The time is the bus's own, however long one waits."""
        if not self.filled(size):
            self._check_size(size)
            self._received += await self._transfer(FILLER * size)

    def take(self, limit: int) -> bytes:
        data = bytes(self._received[:limit])
        del self._received[:limit]
        return data

    async def room(self, timeout: float) -> bool:
        """There always is: a write is on the bus before it is answered."""
        return True

    def write(self, data: bytes, flags: frozenset[str] = frozenset()) -> Awaitable[None] | None:
        if self._gone:
            raise failed("the controller is gone")
        if flags - {KEEP_SELECT}:
            raise self._refused("a write takes -f only", Result.FAILED)
        if len(self._kept) + len(data) > MAX_DATA:
            self._kept = b""
            raise self._refused(f"a transfer has no more than {MAX_DATA} bytes")
        if flags:
            self._kept += data
            return None
        return self._send(data)

    def close(self) -> None:
        if self._kept:
            self._log("what was kept by -f was never sent")
        self._select.close()

    # Transfers.

    async def _send(self, data: bytes) -> None:
        came = await self._transfer(data)
        room = self._config.rx_bytes - len(self._received)
        self._received += came[:room]
        if len(came) > room:
            self._log(f"{len(came) - room} received bytes dropped: the receive buffer is full")
        self._kernel.streams.arrived(self)

    async def _transfer(self, data: bytes) -> bytes:
        """Shift what was kept and ``data`` in one transfer; return what came in with ``data``."""
        kept, self._kept = self._kept, b""
        try:
            came = await self._bus.transfer(
                self._config.select, kept + data, self._config.settings, self._select
            )
        except (BusError, PinError) as error:
            self._log(str(error))
            if isinstance(error, BusGoneError):
                self._gone = True
                self._kernel.streams.arrived(self)
            raise failed(str(error)) from None
        return came[len(kept) :]

    def _check_size(self, size: int) -> None:
        if size > self._config.rx_bytes:
            raise self._refused(
                f"{size} bytes are more than the receive buffer of {self._config.rx_bytes}"
            )

    def _refused(self, why: str, result: Result = Result.BOUNDS_ERROR) -> CommandError:
        self._log(why)
        return CommandError(result, why)

    def _log(self, text: str) -> None:
        self._kernel.log.line(f"SPI: {text}")


def _info(config: SpiConfig) -> str:
    select = "own select" if config.select is None else f"select GPIO {config.select}"
    settings = config.settings
    order = " LSB first" if settings.lsb_first else ""
    return f"port {config.port} {select} {settings.clock} Hz mode {settings.mode}{order}"
