"""A simulated SPI bus: devices by slave select, and faults."""

import asyncio
from collections.abc import Callable

from tokay.board.buses.bus import BusError, SpiBus, SpiSettings
from tokay.board.buses.device import SpiDevice
from tokay.board.buses.faults import BitErrors, Dice, Fault, Silent

NOBODY = 0xFF
"""What a line reads that nobody drives."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the other order."""


class SimulatedSpi(SpiBus):
    """An SPI bus on no hardware. ``clock`` gives the seconds since power-on.

    With ``pace`` a transfer takes the time that its bits need at their clock rate.
    """

    def __init__(self, port: int, clock: Callable[[], float], *, seed: int = 0) -> None:
        super().__init__(f"simulated SPI {port}")
        self.pace = False
        self.dice = Dice(seed)
        self._clock = clock
        self._devices: dict[int | None, SpiDevice] = {}

    @property
    def faults(self) -> list[Fault]:
        """What may go wrong; append to it, or clear it, at any time."""
        return self.dice.faults

    @property
    def devices(self) -> dict[int | None, SpiDevice]:
        """The devices by select pin; None is the bus's own select."""
        return dict(self._devices)

    def attach(self, select: int | None, device: SpiDevice) -> None:
        """Connect a device to a select pin, or with None to the bus's own. Raises BusError."""
        if select in self._devices:
            message = f"select: {'the own one' if select is None else select} is taken"
            raise BusError(message)
        self._devices[select] = device

    def detach(self, select: int | None) -> None:
        """Disconnect the device at a select, if there is one."""
        self._devices.pop(select, None)

    async def _transfer(self, select: int | None, data: bytes, settings: SpiSettings) -> bytes:
        faults = self.dice.drawn(select, self._clock())
        if self.pace:
            await asyncio.sleep(len(data) * 8 / settings.clock)
        device = self._devices.get(select)
        if device is None or not _understands(device, settings):
            return bytes((NOBODY,)) * len(data)
        errors = [fault for fault in faults if isinstance(fault, BitErrors)]
        out = data.translate(_REVERSED) if settings.lsb_first else data
        spoil = self.dice.spoil
        device.select(self._clock())
        try:
            came = bytes(
                [spoil(device.exchange(spoil(byte, errors)) & 0xFF, errors) for byte in out]
            )
        finally:
            device.deselect(self._clock())
        if any(isinstance(fault, Silent) for fault in faults):
            return bytes((NOBODY,)) * len(data)
        return came.translate(_REVERSED) if settings.lsb_first else came


def _understands(device: SpiDevice, settings: SpiSettings) -> bool:
    return settings.mode in device.modes and settings.clock <= device.max_clock
