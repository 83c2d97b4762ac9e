"""A real SPI bus: /dev/spidevB.C by python-periphery."""

import errno
import re
from functools import partial
from typing import TYPE_CHECKING

from tokay.board.buses.bus import BusError, BusGoneError, SpiBus, SpiSettings
from tokay.board.buses.hardware import MissingExtraError, need, reason
from tokay.board.buses.worker import Worker

if TYPE_CHECKING:
    from periphery import SPI

_NAME = re.compile(r"(?:/dev/spidev)?(\d+\.\d+)")
DEFAULT = SpiSettings(1_000_000)
NO_SELECT = 0x40
"""The flag `SPI_NO_CS`: the controller leaves its slave select alone."""


class LinuxSpi(SpiBus):
    """An SPI device of this machine; its slave select is the bus's own."""

    def __init__(self, name: str) -> None:
        match = _NAME.fullmatch(name)
        if match is None:
            message = f"spi {name}: use B.C or /dev/spidevB.C"
            raise BusError(message)
        super().__init__(f"/dev/spidev{match[1]}")
        self._settings: SpiSettings | None = DEFAULT
        """What the controller is set to; None if that is not known."""
        self._selects = True
        try:
            periphery = need("periphery", "--spi")
            self._spi: SPI = periphery.SPI(self.description, DEFAULT.mode, DEFAULT.clock)
        except MissingExtraError as error:
            raise BusError(str(error)) from None
        except OSError as error:
            message = f"spi {name}: {self.description}: {reason(error)}"
            raise BusError(message) from None
        self._worker = Worker(f"spi-{match[1]}")

    async def _transfer(self, select: int | None, data: bytes, settings: SpiSettings) -> bytes:
        try:
            return await self._worker.run(partial(self._shift, select is None, data, settings))
        except OSError as error:
            raise _explained(error, len(data)) from None

    def close(self) -> None:
        self._worker.close(self._spi.close)

    def _shift(self, selects: bool, data: bytes, settings: SpiSettings) -> bytes:
        """Shift bytes, in the worker."""
        spi = self._spi
        if selects is not self._selects:
            spi.extra_flags = 0 if selects else NO_SELECT
            self._selects = selects
        if settings != self._settings:
            self._settings = None
            spi.mode = settings.mode
            spi.bit_order = "lsb" if settings.lsb_first else "msb"
            spi.max_speed = settings.clock
            self._settings = settings
        return bytes(spi.transfer(data))


def _explained(error: OSError, size: int) -> BusError:
    if error.errno == errno.EMSGSIZE:
        return BusError(f"{size} bytes are more than the driver takes: see spidev.bufsiz")
    if error.errno in (errno.ENODEV, errno.ESHUTDOWN):
        return BusGoneError("the controller is gone")
    if error.errno == errno.EINVAL:
        return BusError("the controller refuses this mode, bit order or slave select")
    return BusError(reason(error))
