"""0.0.0.0, which blocking resolvers answer: never the machine that the device runs on."""

import pytest
from tests.peers import Peer, ask

from tokay.board.air.airspace import Airspace
from tokay.device import Device

LINES = (
    "tcp_client 0.0.0.0 {port}",
    "tcp_client ads.example {port}",
    "tls_client ads.example {port}",
    "http_get ads.example:{port}/",
    "http_get https://ads.example:{port}/",
    "websocket_client ws://ads.example:{port}/",
    "udp_client ads.example {port}",
    "ping ads.example",
    "network_lookup ads.example",
    "tcp_client 0.1.2.3 {port}",
)


@pytest.mark.parametrize("line", LINES)
async def test_a_sinkhole_is_refused_by_name(air: Airspace, lab: dict[str, str], line: str) -> None:
    air.ap("lab").hosts["ads.example"] = "0.0.0.0"
    lab |= {"tcp.client.retries": "0", "http.client.retries": "0"}
    async with Peer() as peer, Device.simulated(airspace=air, settings=lab) as device:
        await ask(device, "network_up")
        said = await ask(device, line.format(port=peer.port))
        assert said[-1] in ("Command failed", "Ping failed")
        if not line.startswith(("ping", "network_lookup")):  # they say no more than that
            assert any("leads nowhere" in one for one in said), said
        assert not peer.all
