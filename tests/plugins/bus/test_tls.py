"""Stream mode over TLS: the server that starts by itself, and its one client."""

import asyncio

from tests.peers import ADDRESS, Far, ask, free_port, soon
from tests.pki import AUTHORITY, client_context, put
from tests.plugins.bus.host import Host

from tokay.board.air.airspace import Airspace
from tokay.device import Device


async def test_a_server(air: Airspace, stream: dict[str, str]) -> None:
    port = free_port()
    stream |= {
        "tcp.server.auto_start": "1",
        "tcp.server.tls_enabled": "1",
        "tcp.server.port": str(port),
        "tcp.server.tls_cert": "server.pem",
        "tcp.server.tls_key": "server.key",
        "wlan.auto_join.enabled": "0",
    }
    async with Device.simulated(airspace=air, serial="pty", settings=stream) as device:
        await put(device, "server.pem", AUTHORITY.good.cert)
        await put(device, "server.key", AUTHORITY.good.key)
        await ask(device, "network_up")
        far = Far(lambda _: None)
        await soon(
            asyncio.get_running_loop().create_connection(
                lambda: far, ADDRESS, port, ssl=client_context(), server_hostname="127.0.0.1"
            )
        )
        host = Host(device.serial_port)
        data = bytes(range(256)) * 400
        sending = asyncio.ensure_future(host.send(data))
        assert await far.take(len(data)) == data
        await sending
        far.send(data)
        assert await soon(host.take(len(data))) == data
        assert "TLSS" in (await ask(device, "list"))[-1]
        host.close()
