"""A simulated I2C bus: devices by address, and faults."""

import asyncio
from collections.abc import Callable, Sequence

from tokay.board.buses.bus import (
    MAX_ADDRESS,
    BusError,
    I2cBus,
    Message,
    NoAcknowledgeError,
    Read,
    Write,
)
from tokay.board.buses.device import I2cDevice
from tokay.board.buses.faults import (
    ADAPTER_TIMEOUT,
    BitErrors,
    Dice,
    Fault,
    NoAcknowledge,
    Stretch,
    Stuck,
)

BITS = 9
"""Clocks that a byte takes: eight bits and the acknowledge."""


class SimulatedI2c(I2cBus):
    """An I2C bus on no hardware. ``clock`` gives the seconds since power-on.

    With ``pace`` a transfer takes the time that its bits need at their clock rate.
    """

    def __init__(self, port: int, clock: Callable[[], float], *, seed: int = 0) -> None:
        super().__init__(f"simulated I2C {port}")
        self.pace = False
        self.dice = Dice(seed)
        self._clock = clock
        self._devices: dict[int, I2cDevice] = {}

    @property
    def faults(self) -> list[Fault]:
        """What may go wrong; append to it, or clear it, at any time."""
        return self.dice.faults

    @property
    def devices(self) -> dict[int, I2cDevice]:
        """The devices by address."""
        return dict(self._devices)

    def attach(self, address: int, device: I2cDevice) -> None:
        """Connect a device. Raises BusError for an address that is taken or has over 7 bits."""
        if not 0 <= address <= MAX_ADDRESS:
            message = f"address: 0x{address:02X} is not in 0x00 to 0x{MAX_ADDRESS:02X}"
            raise BusError(message)
        if address in self._devices:
            message = f"address: 0x{address:02X} is taken"
            raise BusError(message)
        self._devices[address] = device

    def detach(self, address: int) -> None:
        """Disconnect the device at an address, if there is one."""
        self._devices.pop(address, None)

    async def _transfer(self, address: int, messages: Sequence[Message], clock: int) -> bytes:
        faults = self.dice.drawn(address, self._clock())
        await self._hold(faults)
        if self.pace:
            total = sum(1 + (m.size if isinstance(m, Read) else len(m.data)) for m in messages)
            await asyncio.sleep(total * BITS / clock)
        device = self._devices.get(address)
        if device is None or clock > device.max_clock:
            raise NoAcknowledgeError(address, 0)
        refused = next((f.byte for f in faults if isinstance(f, NoAcknowledge)), None)
        errors = [fault for fault in faults if isinstance(fault, BitErrors)]
        received = bytearray()
        try:
            for message in messages:
                self._address(device, address, message, refused)
                if isinstance(message, Write):
                    self._write(device, address, message.data, refused, errors)
                else:
                    received += bytes(
                        self.dice.spoil(device.read() & 0xFF, errors) for _ in range(message.size)
                    )
        finally:
            device.stop(self._clock())
        return bytes(received)

    async def _hold(self, faults: list[Fault]) -> None:
        """Wait for whoever holds the clock low, up to the adapter's timeout. Raises BusError."""
        held = sum(fault.seconds for fault in faults if isinstance(fault, Stretch))
        stuck = held > ADAPTER_TIMEOUT or any(isinstance(fault, Stuck) for fault in faults)
        if stuck:
            await asyncio.sleep(ADAPTER_TIMEOUT)
            message = f"the clock is held low for {ADAPTER_TIMEOUT:g} s"
            raise BusError(message)
        if held:
            await asyncio.sleep(held)

    def _address(
        self, device: I2cDevice, address: int, message: Message, refused: int | None
    ) -> None:
        acknowledged = device.start(isinstance(message, Read), self._clock())
        if not acknowledged or refused == 0:
            raise NoAcknowledgeError(address, 0)

    def _write(
        self,
        device: I2cDevice,
        address: int,
        data: bytes,
        refused: int | None,
        errors: list[BitErrors],
    ) -> None:
        for number, byte in enumerate(data, 1):
            if not device.write(self.dice.spoil(byte, errors)) or refused == number:
                raise NoAcknowledgeError(address, number, len(data))
