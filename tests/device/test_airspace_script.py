"""Each fault of an airspace as a host sees it: through commands and the log, in turned time."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tokay import Airspace, Device
from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, AirspaceError
from tokay.testing.clock import run_turned, turned_loop

SUBNET = "127.91.0.0/24"
SETTINGS = {"wlan.ssid": "tokay", "wlan.passkey": "tokay-lab"}


def turned(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on a loop whose time is turned."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        run_turned(test(**fixtures))

    return run


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Airspace]]:
    """Make airspaces whose addresses nobody else takes."""
    made: list[AddressLocks] = []

    def make(**keys: Any) -> Airspace:
        claims = AddressLocks(tmp_path / "claims")
        made.append(claims)
        airspace = Airspace(locks=claims)
        airspace.add(AccessPoint("tokay", passphrase="tokay-lab", subnet=SUBNET, **keys))
        return airspace

    yield make
    for claims in made:
        claims.close()


@pytest.fixture
def airspace(make: Callable[..., Airspace]) -> Airspace:
    return make()


def simulated(airspace: Airspace, name: str = "one", **settings: str) -> Device:
    return Device.simulated(
        name=name,
        airspace=airspace,
        settings=SETTINGS | {key.replace("__", "."): value for key, value in settings.items()},
    )


async def ok(device: Device, line: str) -> str:
    response = await device.command(line)
    assert response.ok, response
    return response.data.decode()


async def fails(device: Device, line: str) -> list[str]:
    response = await device.command(line)
    assert not response.ok, response
    return list(response.log)


def texts(device: Device) -> list[str]:
    return [entry.text for entry in device.log]


@asynccontextmanager
async def server(greeting: bytes = b"", host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve a greeting, and then an echo; give the port."""

    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(greeting)
        with suppress(ConnectionError):
            while data := await reader.read(1000):
                writer.write(data)

    served = await asyncio.start_server(serve, host, 0)
    try:
        yield served.sockets[0].getsockname()[1]
    finally:
        served.close()
        await turned_loop().turn(60)  # what is under way arrives
        for writer in writers:
            writer.close()
        await turned_loop().settle()


async def read(device: Device, handle: str, length: int) -> bytes:
    """Read so many bytes of a stream, however long they take."""
    data = b""
    loop = turned_loop()
    until = loop.time() + 3600
    while len(data) < length and loop.time() < until:
        data += (await device.command(f"stream_read {handle} 1000")).data
        await asyncio.sleep(0.01)
    return data


@turned
async def test_an_access_point_goes_and_comes(airspace: Airspace) -> None:
    airspace.event(10, "tokay", "power_off")
    airspace.event(20, "tokay", "power_on")
    async with simulated(airspace) as device:
        await ok(device, "network_up")
        await turned_loop().turn(10)
        assert texts(device)[-2:] == ["Link lost: the access point went off", "[Disassociated]"]
        assert await ok(device, "get wlan.network.status") == "0"
        await fails(device, "network_up")
        assert await ok(device, "get wlan.join.result") == "6"
        await turned_loop().turn(10)
        await ok(device, "network_up")
    mac = device.mac
    assert airspace.log == [
        f"0.000 tokay: {mac} joined",
        "10.000 tokay: power_off",
        f"10.000 tokay: {mac} lost: the access point went off",
        "20.000 tokay: power_on",
        f"20.000 tokay: {mac} joined",
        f"20.000 tokay: {mac} left",
    ]


@turned
async def test_a_signal_fades_to_nothing_and_comes_back(airspace: Airspace) -> None:
    airspace.event(10, "tokay", "fade", to=-100, over=52)
    airspace.event(100, "tokay", "fade", **{"from": -90}, to=-50, over=10)
    async with simulated(airspace) as device:
        await ok(device, "network_up")
        loop = turned_loop()
        seen = []
        for _ in range(7):
            seen.append(int(await ok(device, "wlan_get_rssi")))
            await loop.turn(10)
        assert seen == [-48, -48, -58, -68, -78, -88, -98]
        assert "Link lost: the access point is out of range" in texts(device)
        await fails(device, "network_up")
        await loop.turn(31)
        await ok(device, "network_up")
        assert int(await ok(device, "wlan_get_rssi")) == -86
        await loop.turn(100)
        assert int(await ok(device, "wlan_get_rssi")) == -50


@turned
async def test_a_wrong_passphrase_fails_after_the_handshake(make: Callable[..., Airspace]) -> None:
    airspace = make(handshake_timeout=3.1)
    airspace.event(0, "tokay", "passphrase", passphrase="another one")
    async with simulated(airspace) as device:
        loop = turned_loop()
        await loop.turn(0)
        start = loop.time()
        log = await fails(device, "network_up")
        assert log.count("Join failed") == 3
        assert loop.time() - start == pytest.approx(3 * 3.1)
        assert await ok(device, "get wlan.join.result") == "7"
        await ok(device, 'set wlan.passkey "another one"')
        await ok(device, "network_up")
    assert airspace.log[0] == "0.000 tokay: passphrase passphrase=*"
    assert airspace.log[1] == f"3.100 tokay: {device.mac} not joined: wrong passkey"


@turned
async def test_a_join_longer_than_its_limit_is_given_up(make: Callable[..., Airspace]) -> None:
    airspace = make(handshake_timeout=60)
    async with simulated(airspace, wlan__passkey="wrong passkey") as device:
        start = turned_loop().time()
        await fails(device, "network_up")
        assert turned_loop().time() - start == pytest.approx(30)
        assert airspace.ap("tokay").stations == {}


@turned
async def test_an_association_is_refused_twice(airspace: Airspace) -> None:
    airspace.do("tokay", "refuse", joins=2)
    async with simulated(airspace) as device:
        response = await device.command("network_up")
        assert response.ok
        assert list(response.log).count("Join failed") == 2
        await ok(device, "network_down")
        airspace.do("tokay", "refuse")
        await fails(device, "network_up")
        assert await ok(device, "get wlan.join.result") == "7"
        airspace.do("tokay", "accept")
        await ok(device, "network_up")


@turned
async def test_stations_are_thrown_out(airspace: Airspace) -> None:
    async with simulated(airspace) as one, simulated(airspace, "two") as two:
        for device in (one, two):
            await ok(device, "network_up")
        airspace.do("tokay", "deauthenticate", station=one.mac)
        await turned_loop().settle()
        assert "Link lost: deauthenticated by the access point" in texts(one)
        assert await ok(two, "get wlan.network.status") == "2"
        airspace.do("tokay", "deauthenticate")
        await turned_loop().settle()
        assert await ok(two, "get wlan.network.status") == "0"


@pytest.mark.parametrize("fault", ["dhcp_silent", "dhcp_nak", "dhcp_exhausted"])
@turned
async def test_no_address_is_to_be_had(airspace: Airspace, fault: str) -> None:
    airspace.event(0, "tokay", fault)
    airspace.event(60, "tokay", "dhcp_normal")
    async with simulated(airspace) as device:
        start = turned_loop().time()
        assert "DHCP timed out" in await fails(device, "network_up")
        assert turned_loop().time() - start == pytest.approx(10)
        assert await ok(device, "get wlan.join.result") == "7"
        await turned_loop().turn(60)
        await ok(device, "network_up")


@turned
async def test_an_exhausted_pool_still_serves_who_has_a_lease(airspace: Airspace) -> None:
    airspace.do("tokay", "dhcp_lease", seconds=60)
    async with simulated(airspace) as one, simulated(airspace, "two") as two:
        await ok(one, "network_up")
        airspace.do("tokay", "dhcp_exhausted")
        assert "DHCP timed out" in await fails(two, "network_up")
        await turned_loop().turn(3600)
        assert await ok(one, "get wlan.network.status") == "2"


@turned
async def test_short_leases_are_renewed_until_nobody_answers(airspace: Airspace) -> None:
    airspace.event(0, "tokay", "dhcp_lease", seconds=60)
    airspace.event(3600, "tokay", "dhcp_silent")
    async with simulated(airspace) as device:
        await turned_loop().settle()
        await ok(device, "network_up")
        await turned_loop().turn(3600)
        assert await ok(device, "get wlan.network.status") == "2"
        await turned_loop().turn(61)
        assert "DHCP lease lost" in texts(device)
        assert await ok(device, "get wlan.network.status") == "0"


@turned
async def test_a_refused_renewal_takes_the_network_down(airspace: Airspace) -> None:
    airspace.do("tokay", "dhcp_lease", seconds=60)
    airspace.event(100, "tokay", "dhcp_nak")
    async with simulated(airspace) as device:
        await ok(device, "network_up")
        await turned_loop().turn(131)
        assert "DHCP lease lost" in texts(device)


@turned
async def test_a_changed_lease_time_keeps_the_leases(airspace: Airspace) -> None:
    async with simulated(airspace) as one, simulated(airspace, "two") as two:
        await ok(one, "network_up")
        airspace.do("tokay", "dhcp_lease", seconds=600)
        await ok(two, "network_up")
        assert (one.address, two.address) == ("127.91.0.2", "127.91.0.3")
        await ok(one, "network_restart")
        assert one.address == "127.91.0.2"


@turned
async def test_a_duplicate_address_is_declined(airspace: Airspace) -> None:
    airspace.do("tokay", "dhcp_duplicate")
    async with simulated(airspace, wlan__dhcp__timeout="30") as device:
        start = turned_loop().time()
        await ok(device, "network_up")
        assert device.address == "127.91.0.3"
        assert turned_loop().time() - start == pytest.approx(10)  # RFC 2131 section 3.1 (5)
        airspace.do("tokay", "dhcp_normal")
        async with simulated(airspace, "two", wlan__dhcp__enabled="0") as two:
            await ok(two, "set wlan.static.ip 127.91.0.2")
            await ok(two, "network_up")


@turned
async def test_a_rogue_server_wins_and_lies(airspace: Airspace) -> None:
    async with server(b"rogue") as port, simulated(airspace) as device:
        airspace.event(
            0, "tokay", "dhcp_rogue", dns="127.91.0.99", gateway="127.91.0.98", lie="127.0.0.1"
        )
        await turned_loop().settle()
        await ok(device, "network_up")
        assert device.address == "127.91.0.2"
        assert await ok(device, "get wlan.network.gateway") == "127.91.0.98"
        assert await ok(device, "get wlan.network.dns") == "127.91.0.99"
        handle = await ok(device, f"tcp_client bank.example {port}")
        assert await read(device, handle, 5) == b"rogue"
        airspace.do("tokay", "dhcp_normal")
        await ok(device, "network_restart")
        assert await ok(device, "get wlan.network.gateway") == "127.91.0.1"


@turned
async def test_names_time_out_are_denied_and_lie(airspace: Airspace) -> None:
    airspace.ap("tokay").hosts["server.lan"] = "127.0.0.1"
    quick = {"tcp__client__retries": "0", "network__dns__timeout": "2000"}
    async with server(b"hello") as port, simulated(airspace, **quick) as device:
        await ok(device, "network_up")
        airspace.do("tokay", "dns_timeout", names=["*.lan"])
        start = turned_loop().time()
        log = await fails(device, f"tcp_client server.lan {port}")
        assert turned_loop().time() - start == pytest.approx(2)
        assert "server.lan does not resolve in time" in log
        airspace.do("tokay", "dns_nxdomain", names=["SERVER.lan"])
        assert "server.lan: no such name" in await fails(device, f"tcp_client server.lan {port}")
        airspace.do("tokay", "dns_truncate", names=["SERVER.lan"])
        assert "server.lan: the answer is cut short" in await fails(
            device, f"tcp_client server.lan {port}"
        )
        airspace.do("tokay", "dns_lie", names=["other.*"], address="127.0.0.1")
        handle = await ok(device, f"tcp_client other.example {port}")
        assert await read(device, handle, 5) == b"hello"
        airspace.do("tokay", "dns_normal")
        await ok(device, f"tcp_client server.lan {port}")


@turned
async def test_a_stream_is_slow_one_way_and_back(airspace: Airspace) -> None:
    airspace.event(5, "tokay", "shape", latency=2.0)
    airspace.event(60, "tokay", "shape")
    async with server() as port, simulated(airspace) as device:
        loop = turned_loop()
        handle = await ok(device, f"tcp_client 127.0.0.1 {port}")
        for expected in (0.0, 4.0, 0.0):
            start = loop.time()
            response = await device.command(f"stream_write {handle} 4", b"ping")
            assert response.ok
            assert await read(device, handle, 4) == b"ping"
            assert loop.time() - start == pytest.approx(expected, abs=0.2)
            await loop.turn(60 if expected else 10)
        airspace.do("tokay", "shape", latency=1.0)
        start = loop.time()
        await ok(device, f"tcp_client 127.0.0.1 {port}")
        assert loop.time() - start == pytest.approx(2.0)


@turned
async def test_bandwidth_is_kept(airspace: Airspace) -> None:
    airspace.do("tokay", "shape", bandwidth=1000)
    async with server(bytes(10_000)) as port, simulated(airspace) as device:
        handle = await ok(device, f"tcp_client 127.0.0.1 {port}")
        start = turned_loop().time()
        assert len(await read(device, handle, 10_000)) == 10_000
        assert turned_loop().time() - start == pytest.approx(10, abs=0.2)


async def lossy(airspace: Airspace) -> list[float]:
    """When each of a hundred segments has come."""
    airspace.do("tokay", "shape", loss=0.2)
    sent = bytes(range(250)) * 600
    came: list[float] = []
    async with server(sent) as port, simulated(airspace) as device:
        handle = await ok(device, f"tcp_client 127.0.0.1 {port}")
        got, start = b"", turned_loop().time()
        while len(got) < len(sent):
            got += (await device.command(f"stream_read {handle} 1460")).data
            came.append(round(turned_loop().time() - start, 3))
            await asyncio.sleep(0.01)
        assert got == sent
    return came


def test_loss_makes_pauses_and_a_seed_makes_the_same_ones(make: Callable[..., Airspace]) -> None:
    ends = []
    for seed in (1, 1, 2):
        airspace = make()
        airspace.seed = seed
        ends.append(run_turned(lossy(airspace))[-1])
    assert ends[0] > 1
    assert ends[0] == pytest.approx(ends[1], abs=0.1)
    assert abs(ends[0] - ends[2]) > 0.1


@turned
async def test_a_captive_portal_answers_for_the_world(airspace: Airspace) -> None:
    airspace.ap("tokay").hosts["printer.lan"] = "127.0.0.1"
    async with (
        server(b"sign in please") as portal,
        server(b"printer") as printer,
        simulated(airspace) as device,
    ):
        airspace.do("tokay", "captive", portal=f"127.0.0.1:{portal}")
        for target in ("www.example.com 80", "192.0.2.1 443", "127.91.0.1 80"):
            handle = await ok(device, f"tcp_client {target}")
            assert await read(device, handle, 14) == b"sign in please"
        handle = await ok(device, f"tcp_client printer.lan {printer}")
        assert await read(device, handle, 7) == b"printer"
        airspace.do("tokay", "uplink_off")
        airspace.ap("tokay").portal = None
        await ok(device, "set tcp.client.retries 0")
        assert "192.0.2.1: Network is unreachable" in await fails(device, "tcp_client 192.0.2.1 80")
        airspace.do("tokay", "uplink_on")
        assert airspace.ap("tokay").uplink


SCRIPT = """
seed = {seed}

[[access_point]]
ssid = "tokay"
passphrase = "tokay-lab"
subnet = "127.91.0.0/24"

[[event]]
at = 10
ap = "tokay"
do = "power_off"
every = 60
times = 5
jitter = 20

[[event]]
at = 40
ap = "tokay"
do = "power_on"
every = 60
times = 5
"""


def test_the_same_script_gives_the_same_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which addresses other programs use meanwhile is the one thing that no seed repeats.
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)

    async def run(seed: int) -> tuple[list[str], list[str]]:
        path = tmp_path / "air.toml"
        path.write_text(SCRIPT.format(seed=seed))
        claims = AddressLocks(tmp_path / "claims")
        airspace = Airspace.load(path, locks=claims)
        async with simulated(airspace) as device:
            for _ in range(320):
                await device.command("network_up")
                await turned_loop().turn(1)
            logs = airspace.log, texts(device)
        claims.close()
        return logs

    first, again, other = [run_turned(run(seed)) for seed in (1, 1, 2)]
    assert first == again
    assert first != other
    assert sum("power_off" in line for line in first[0]) == 5
    assert sum(line.endswith("joined") for line in first[0]) == 6


@turned
async def test_a_script_leaves_no_timer_behind(airspace: Airspace) -> None:
    airspace.event(1, "tokay", "uplink_on")
    airspace.event(5, "tokay", "power_off", every=5, times=1000)
    airspace.start()
    loop = turned_loop()
    await loop.turn(1)
    airspace.stop()
    lines = airspace.log
    await loop.turn(10_000)
    assert airspace.log == lines == ["1.000 tokay: uplink_on"]


def test_without_a_script_there_is_no_log_and_no_timer(airspace: Airspace) -> None:
    async def check() -> None:
        airspace.start()
        async with simulated(airspace) as device:
            await ok(device, "network_up")
            assert airspace.log == []
            assert airspace._script is None
            assert airspace.ap("tokay").on_log is None

    run_turned(check())


@pytest.mark.parametrize(
    ("do", "keys", "message"),
    [
        ("explode", {}, "do: Invalid value 'explode'"),
        ("power_off", {"over": 1}, "Object contains unknown field `over`"),
        ("fade", {}, "Object missing required field `to`"),
        ("fade", {"to": 5}, "to: must be -100 to 0 dBm, not 5"),
        ("fade", {"to": -5, "from": 1}, "from: must be -100 to 0 dBm, not 1"),
        ("fade", {"to": -5, "over": float("nan")}, "over: must be 0 s or more, not nan"),
        ("fade", {"to": "x"}, "to: Expected `int`, got `str`"),
        ("power_off", {"at": -1}, "at: must be 0 s or more, not -1.0"),
        ("power_off", {"at": float("inf")}, "at: must be 0 s or more, not inf"),
        ("power_off", {"times": 0}, "times: must be 1 or more, not 0"),
        ("power_off", {"times": 2}, "every: missing with times"),
        ("power_off", {"ap": "x"}, "ap: no access point 'x' in this airspace"),
        (
            "passphrase",
            {"passphrase": "short"},
            "passphrase: must be 8 to 63 bytes or 64 hex digits",
        ),
        ("refuse", {"joins": 0}, "joins: must be 1 or more, not 0"),
        ("deauthenticate", {"station": "x"}, "station: not a MAC address: 'x'"),
        ("dhcp_lease", {"seconds": 3}, "seconds: must be 4 to 4294967295, not 3"),
        ("dhcp_duplicate", {"addresses": 0}, "addresses: must be 1 or more, not 0"),
        ("dhcp_rogue", {"gateway": "x"}, "gateway: Expected 4 octets in 'x'"),
        ("dhcp_rogue", {"lie": "x"}, "lie: Expected 4 octets in 'x'"),
        ("dhcp_rogue", {"lease": 1}, "lease: a lease time of 1 s"),
        ("dns_lie", {"address": "x"}, "address: Expected 4 octets in 'x'"),
        ("shape", {"latency": -1}, "latency: must be 0 to 60 s, not -1.0"),
        ("shape", {"loss": 1}, "loss: must be 0 to 0.99, not 1.0"),
        ("shape", {"bandwidth": 0}, "bandwidth: must be 1 or more, not 0"),
        ("captive", {"portal": "x"}, "portal: must be an IPv4 address:port, not 'x'"),
        ("captive", {"portal": "[::]:0"}, "portal: must be an IPv4 address:port, not '[::]:0'"),
        ("captive", {"portal": "1.1.1.1:0"}, "portal: must be an IPv4 address:port, not '1.1.1.1:0'"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_mistake_in_an_event_is_one_line_with_the_key(
    airspace: Airspace, tmp_path: Path, do: str, keys: dict[str, Any], message: str
) -> None:
    given = {"at": 1, "ap": "tokay", "do": do, **keys}
    with pytest.raises(AirspaceError) as caught:
        airspace.event(**given)
    assert str(caught.value) == message
    path = tmp_path / "air.toml"
    lines = [f"{key} = {value!r}" for key, value in given.items()]
    path.write_text(
        '[[access_point]]\nssid = "tokay"\npassphrase = "tokay-lab"\n[[event]]\n' + "\n".join(lines)
    )
    with pytest.raises(AirspaceError) as caught:
        Airspace.load(path)
    where = "event[0]"
    assert str(caught.value).startswith(f"{path}: {where}")
    assert str(caught.value).endswith(message.removeprefix("do: "))


def test_a_rogue_needs_room(make: Callable[..., Airspace]) -> None:
    airspace = make()
    airspace.add(AccessPoint("tiny", subnet="127.92.0.0/30"))
    with pytest.raises(AirspaceError, match=r"dhcp_rogue: 127\.92\.0\.0/30 has no room"):
        airspace.event(0, "tiny", "dhcp_rogue")
