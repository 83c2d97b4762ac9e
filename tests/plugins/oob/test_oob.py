"""system.oob.gpio: one line that says that the streams want to be looked at."""

from tests.peers import Peer, ask, call, free_port

from tokay.board.air.airspace import Airspace
from tokay.board.pins import SimulatedPins
from tokay.device import Device
from tokay.testing.clock import turned_loop

Settings = dict[str, str]


def level(device: Device) -> int:
    pins = device.board.pins
    assert isinstance(pins, SimulatedPins)
    return pins.level(9)


async def test_the_line(air: Airspace, lab: Settings) -> None:
    lab |= {"system.oob.gpio": "9", "stream.auto_close": "0"}
    port = free_port()
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        far = await peer.next()
        await turned_loop().settle()
        assert level(device) == 0  # who opened it knows of it

        far.send(b"data")
        await turned_loop().settle()
        assert level(device) == 1
        await ask(device, "poll 0")
        assert level(device) == 1  # still unread
        await ask(device, "read 0 10")
        assert level(device) == 0

        await ask(device, f"tcps start {port}")
        await call(port)
        await turned_loop().settle()
        assert level(device) == 1
        await ask(device, "list")
        assert level(device) == 0

        far.close()
        await far.gone()
        await turned_loop().settle()
        assert level(device) == 1
        assert await ask(device, "poll 0") == ["2"]
        assert level(device) == 0

        air.ap("lab").power(on=False)
        await turned_loop().settle()
        assert level(device) == 1
        await ask(device, "poll all")
        assert level(device) == 0


async def test_a_pin_that_is_set_later(air: Airspace, lab: Settings) -> None:
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, f"tcpc 127.0.0.1 {peer.port}")
        (await peer.next()).send(b"data")
        await turned_loop().settle()
        assert await ask(device, "set system.oob.gpio 9") == ["Set OK"]
        assert level(device) == 1
        await ask(device, "read 0 10")
        assert level(device) == 0
        assert "system.oob" in (await ask(device, "get gpio.usage"))[0]
