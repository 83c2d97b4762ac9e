"""A device that can speak TLS: joined, with the files of the test authority."""

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.peers import ask
from tests.pki import AUTHORITY, put

from tokay.board.air.airspace import Airspace
from tokay.device import Device


@pytest_asyncio.fixture
async def device(air: Airspace, lab: dict[str, str]) -> AsyncIterator[Device]:
    settings = {"network.tls.ca_cert": "ca.pem", "stream.auto_close": "0"}
    settings |= {"tcp.client.retries": "0", "network.tls.handshake_timeout": "4000"}
    async with Device.simulated(airspace=air, settings=lab | settings) as device:
        await put(device, "ca.pem", AUTHORITY.pem)
        await put(device, "server.pem", AUTHORITY.good.cert)
        await put(device, "server.key", AUTHORITY.good.key)
        await ask(device, "network_up")
        yield device
