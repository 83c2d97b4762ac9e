"""Commands in orders that nobody has in mind, some given up half way: the device stays whole.

Every run of a seed is the same. What is asserted while it lasts is that nothing hangs and, by a
fixture of all these tests, that the device logs no bug of its own; at the end it must serve again.
"""

import asyncio
import random

import pytest
from tests.dialogue import PROFILES
from tests.peers import ADDRESS, Far, Peer, ask, free_port, soon

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.results import Response
from tokay.testing.clock import turned_loop

Settings = dict[str, str]
LENGTH = 120
"""Commands of one run."""
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 700,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nto the end",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"",
)


def lines(tcp: int, web: int, own: int) -> list[str]:
    """Return what is asked, the common things more often."""
    here, page = "127.0.0.1", f"127.0.0.1:{web}/x"
    opening = [f"tcpc {here} {tcp}", f"tcpc {here} {own}", f"tlsc {here} {tcp}",
               f"udpc {here} {tcp}", f"http_get {page}", f"http_get -o {page}",
               f"hpo -o {page} text/plain", f"http_head {page}", f"http_download {page} file",
               f"webc ws://{page}", f"tcps start {own}", f"tcpc {ADDRESS} {own}",
               f"udps start {own}", "file_open file"]  # fmt: skip
    handled = [f"{verb} {handle}" for handle in range(4) for verb in
               ("close", "poll", "hre")]  # fmt: skip
    handled += [f"read {handle} 100" for handle in range(4)]
    network = ["network_down", "network_up", "network_restart", "network_up -i softap",
               "network_down -i softap"]  # fmt: skip
    rest = ["tcps stop", "udps stop", "close all", "poll all", "list", "scan", "fde file", "save",
            "setup web", "setup stop", "set stream.auto_close 0", "set stream.auto_close 1",
            "reboot", "http_get ftp://x", "http_get http://[::1", "webc ws://"]  # fmt: skip
    return opening * 3 + handled + network * 2 + rest


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", range(4))
async def test_odd_orders(air: Airspace, lab: Settings, profile: str, seed: int) -> None:
    chance = random.Random(f"{profile} {seed}")

    async def echo(far: Far) -> None:
        while not far.ended:
            await far.until(lambda: far.received or far.ended)
            if chance.random() < 0.1:
                far.reset()
                return
            far.send(await far.take(len(far.received)))

    async def web(far: Far) -> None:
        await far.until(lambda: b"\r\n\r\n" in far.received or far.ended)
        if far.ended:
            return
        far.send(chance.choice(ANSWERS))
        chance.choice((far.close, far.reset, far.half_close, far.hear))()

    lab |= {"tcp.client.connect_timeout": "900", "tcp.client.retries": "1"}
    async with (
        Peer(echo) as peer,
        Peer(web) as pages,
        Device.simulated(profile=profile, airspace=air, settings=lab) as device,
    ):
        asked = lines(peer.port, pages.port, free_port())
        for _ in range(LENGTH):
            line, data = chance.choice(asked), b""
            if chance.random() < 0.2:
                line, data = f"write {chance.randrange(4)} 50", b"y" * 50
            asking = asyncio.ensure_future(device.command(line, data))
            if chance.random() < 0.15:  # who asked goes away
                await turned_loop().turn(chance.choice((0.0, 0.001, 0.5, 3.0)))
                asking.cancel()
                await asyncio.wait([asking])
            else:
                await soon(_within(asking, line))
        await ask(device, "close all")
        await ask(device, "network_down")
        assert (await ask(device, "network_up"))[-1] == "Success"
        await ask(device, "close all")
        assert (await ask(device, f"tcpc 127.0.0.1 {peer.port}"))[-1] == "0"


async def _within(asking: "asyncio.Future[Response]", line: str) -> None:
    done, _ = await asyncio.wait([asking], timeout=300)
    assert done, f"{line} has no answer"
    asking.result()
