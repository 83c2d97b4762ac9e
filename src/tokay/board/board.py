"""A board: the hardware under one device."""

from dataclasses import dataclass, field

from tokay.board.buses.bus import Buses
from tokay.board.pins import Pins, SimulatedPins
from tokay.board.radio import Radio
from tokay.board.serial.port import SerialPort


@dataclass(slots=True)
class Board:
    """What a device stands on. ``ports``: the serial ports, by number; a missing one is None.

    ``ethernet``: the cable, a radio whose one network is whatever is at the other end.
    """

    radio: Radio
    ports: list[SerialPort | None] = field(default_factory=list)
    pins: Pins = field(default_factory=lambda: SimulatedPins(0))
    ethernet: Radio | None = None
    buses: Buses = field(default_factory=Buses)

    async def close(self) -> None:
        """Release the hardware."""
        for port in self.ports:
            if port is not None:
                port.close()
        self.buses.close()
        for radio in (self.radio, self.ethernet):
            if radio is not None:
                await radio.close()
