"""Which port is whose, how its line is set, and how much it holds for a host that does not read."""

import pytest
from tests.dialogue import Talk, Wire

from tokay.board.air.radio import SimulatedRadio
from tokay.board.board import Board
from tokay.board.pins import SimulatedPins
from tokay.board.serial import LineSettings
from tokay.board.storage import Storage
from tokay.device import Device, Hardware


class SetWire(Wire):
    """A wire that notes how it was set."""

    set: LineSettings | None = None

    def configure(self, settings: LineSettings) -> None:
        self.set = settings


class TwoPorts(Talk):
    """A device with two serial ports; the dialogue is on the second."""

    def __init__(self, profile: str, **settings: str) -> None:
        named = {name.replace("__", "."): value for name, value in settings.items()}
        super().__init__(profile, settings=named)
        self.first, self.wire = SetWire(), SetWire()

    async def _build(self, device: Device) -> Hardware:
        storage = Storage(None)
        pins = SimulatedPins(device.profile.pins)
        board = Board(SimulatedRadio(self.airspace, device.mac), [self.first, self.wire], pins)
        return Hardware(board, storage.device(device.name), storage.close)


def test_the_console_is_on_the_data_bus() -> None:
    with TwoPorts("gecko-os-4", bus__data_bus="uart1") as talk:
        assert talk.answer("get bus.data_bus") == (0, "uart1")
        assert not talk.first.gone
        assert talk.answer("set bus.data_bus uart0") == (0, "Set OK")
        assert talk.answer("get bus.data_bus") == (0, "uart0")  # it moves with a reboot
        talk.ask("save")
        talk.ask("reboot")
        talk.heard()
        talk.ask("get bus.data_bus")
        talk.expect(b"")
        talk.first.receive(b"get bus.data_bus\r\n")
        talk.run(talk.loop.settle())
        assert talk.first.gone.endswith(b"uart0\r\n")


def test_the_line() -> None:
    with TwoPorts("gecko-os-4", bus__data_bus="uart1") as talk:
        for line in ("set uart.baud 0 9600", "set uart.data 0 8", "set uart.parity 0 even",
                     "set uart.stop 0 2", "set uart.flow 0 on"):  # fmt: skip
            assert talk.answer(line) == (0, "Set OK")
        wire = talk.first
        assert isinstance(wire, SetWire)
        assert wire.set == LineSettings(baud=115200)
        talk.ask("uart_update 0")
        assert wire.set == LineSettings(baud=9600, data=8, parity="even", stop=2, flow=True)
        talk.ask("save")
        talk.ask("reboot")
        assert wire.set == LineSettings(baud=9600, data=8, parity="even", stop=2, flow=True)


@pytest.mark.parametrize("size", [256, 4000])
def test_the_send_buffer(size: int) -> None:
    """A host that does not read: so much is held for it, then its commands wait."""
    with TwoPorts("gecko-os-2", bus__data_bus="uart1", bus__command__tx_bufsize=str(size)) as talk:
        answer = talk.ask("version")
        talk.wire.stuck = True
        for _ in range(200):
            talk.send(b"version\r\n")
        assert size <= talk.wire.backlog <= size + 2 * len(answer)
        assert talk.wire.host_waits()
        talk.wire.stuck = False
