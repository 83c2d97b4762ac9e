import asyncio
import hashlib

import pytest

from tokay.board.air.airspace import AccessPoint, Airspace, AirspaceError
from tokay.board.air.radio import SimulatedRadio
from tokay.board.radio import JoinError, JoinFailure, JoinRequest, Security
from tokay.testing.clock import run_turned

MAC = "02:00:00:00:00:01"
LAB = JoinRequest("tokay", passkey="tokay-lab")
PSK = hashlib.pbkdf2_hmac("sha1", b"tokay-lab", b"tokay", 4096, 32).hex()


@pytest.fixture
def radio(airspace: Airspace) -> SimulatedRadio:
    return SimulatedRadio(airspace, MAC)


async def refusal(radio: SimulatedRadio, request: JoinRequest) -> JoinFailure:
    with pytest.raises(JoinError) as caught:
        await radio.join(request)
    assert radio.rssi() is None
    return caught.value.reason


async def test_scan_shows_what_is_on_the_air_strongest_first(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    near = airspace.add(AccessPoint("café", rssi=-30, channel=1))
    airspace.add(AccessPoint("off", rssi=-20)).power(False)
    found = await radio.scan()
    assert [(n.ssid.encode("latin-1").decode(), n.channel, n.rssi) for n in found] == [
        ("café", 1, -30),
        ("tokay", 6, -48),
    ]
    assert [str(n.security) for n in found] == ["Open", "WPA2-AES"]
    near.rssi = -99
    assert [n.rssi for n in await radio.scan()] == [-48, -99]
    assert [n.ssid for n in await radio.scan(channel=6)] == ["tokay"]
    assert await radio.scan(ssid="tokay", channel=1) == []


async def test_a_hidden_network_shows_its_name_only_to_who_knows_it(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    airspace.add(AccessPoint("secret", hidden=True))
    assert [(n.ssid, n.hidden) for n in await radio.scan()] == [("tokay", False), ("", True)]
    assert [(n.ssid, n.hidden) for n in await radio.scan(ssid="secret")] == [("secret", True)]
    assert (await radio.join(JoinRequest("secret"))).security is Security.OPEN


async def test_scan_and_join_take_a_turn_of_the_loop(radio: SimulatedRadio) -> None:
    turns: list[str] = []
    asyncio.get_running_loop().call_soon(turns.append, "one")
    await radio.scan()
    assert turns == ["one"]
    asyncio.get_running_loop().call_soon(turns.append, "two")
    await radio.join(LAB)
    assert turns == ["one", "two"]


async def test_join_gives_a_link_to_the_access_point(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    access_point = airspace.ap("tokay")
    link = await radio.join(LAB)
    assert (link.mac, link.bssid, link.channel) == (MAC, access_point.bssid, 6)
    assert link.security is Security.WPA2_AES
    assert access_point.stations == {MAC: link}
    access_point.rssi = -80
    assert radio.rssi() == -80
    await radio.leave()
    assert radio.rssi() is None
    assert access_point.stations == {}


@pytest.mark.parametrize("passkey", ["tokay-lab", PSK, PSK.upper()])
async def test_passphrase_and_psk_are_both_right(radio: SimulatedRadio, passkey: str) -> None:
    assert (await radio.join(JoinRequest("tokay", passkey=passkey))).up


async def test_an_access_point_may_know_only_the_psk(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    airspace.ap("tokay").set_passphrase(PSK)
    assert (await radio.join(LAB)).up
    assert (await radio.join(JoinRequest("tokay", passkey=PSK))).up
    assert await refusal(radio, JoinRequest("tokay", passkey="tokay-lob")) is (
        JoinFailure.WRONG_PASSKEY
    )


async def test_a_changed_passphrase_counts_from_the_next_join(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    await radio.join(JoinRequest("tokay", passkey=PSK))
    airspace.ap("tokay").set_passphrase("something else")
    assert radio.rssi() == -48
    for passkey in ("tokay-lab", PSK):
        request = JoinRequest("tokay", passkey=passkey)
        assert await refusal(radio, request) is JoinFailure.WRONG_PASSKEY
    assert (await radio.join(JoinRequest("tokay", passkey="something else"))).up


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (JoinRequest("nowhere", passkey="tokay-lab"), JoinFailure.NOT_FOUND),
        (JoinRequest("tokay", channel=1, passkey="tokay-lab"), JoinFailure.NOT_FOUND),
        (JoinRequest("tokay", bssid="00:11:22:33:44:55"), JoinFailure.NOT_FOUND),
        (JoinRequest(""), JoinFailure.NOT_FOUND),
        (JoinRequest("tokay"), JoinFailure.NO_PASSKEY),
        (JoinRequest("tokay", passkey="tokay-lob"), JoinFailure.WRONG_PASSKEY),
        (JoinRequest("tokay", passkey="short"), JoinFailure.WRONG_PASSKEY),
        (JoinRequest("tokay", passkey="tok\xe4y-lab"), JoinFailure.WRONG_PASSKEY),
        (JoinRequest("tokay", passkey="0" * 64), JoinFailure.WRONG_PASSKEY),
        (JoinRequest("tokay", passkey="g" * 64), JoinFailure.WRONG_PASSKEY),
        (
            JoinRequest("tokay", security=Security.WPA_TKIP, passkey="tokay-lab"),
            JoinFailure.BAD_SECURITY,
        ),
    ],
)
async def test_a_join_fails_for_a_reason(
    radio: SimulatedRadio, request_: JoinRequest, reason: JoinFailure
) -> None:
    assert await refusal(radio, request_) is reason


@pytest.mark.parametrize(
    ("key", "same"), [("abcde", "6162636465"), ("6162636465", "abcde"), ("0" * 26, "0" * 26)]
)
async def test_wep_keys_are_text_or_hex(
    airspace: Airspace, radio: SimulatedRadio, key: str, same: str
) -> None:
    airspace.add(AccessPoint("old", security=Security.WEP, passphrase=key))
    assert (await radio.join(JoinRequest("old", passkey=same))).up
    for wrong in ("abcdf", "", "x" * 10):
        reason = await refusal(radio, JoinRequest("old", passkey=wrong))
        assert reason is (JoinFailure.WRONG_PASSKEY if wrong else JoinFailure.NO_PASSKEY)


async def test_the_strongest_match_is_joined(airspace: Airspace, radio: SimulatedRadio) -> None:
    strong = airspace.add(AccessPoint("tokay", passphrase="tokay-lab", rssi=-30, channel=11))
    assert (await radio.join(LAB)).bssid == strong.bssid
    weak = airspace.ap("tokay")
    assert weak.bssid != strong.bssid
    by_bssid = JoinRequest("", bssid=weak.bssid.lower(), passkey="tokay-lab")
    assert (await radio.join(by_bssid)).bssid == weak.bssid
    assert strong.stations == {}
    open_twin = airspace.add(AccessPoint("tokay", rssi=-10))
    asked = JoinRequest("tokay", security=Security.WPA2_MIXED, passkey="tokay-lab")
    assert (await radio.join(asked)).bssid == strong.bssid
    assert (await radio.join(JoinRequest("tokay"))).bssid == open_twin.bssid


async def lost(radio: SimulatedRadio) -> "asyncio.Future[str]":
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    radio.on_lost = heard.set_result
    return heard


async def test_power_off_takes_the_link_away(airspace: Airspace, radio: SimulatedRadio) -> None:
    heard = await lost(radio)
    link = await radio.join(LAB)
    airspace.ap("tokay").power(False)
    assert radio.rssi() is None
    assert await heard == "the access point went off"
    with pytest.raises(OSError, match="no address"):
        link.configure("127.77.0.9", "255.255.0.0", "127.77.0.1", "127.77.0.1")
    assert await refusal(radio, LAB) is JoinFailure.NOT_FOUND
    airspace.ap("tokay").power(True)
    assert (await radio.join(LAB)).up


async def test_a_deauthenticated_station_may_come_back(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    heard = await lost(radio)
    await radio.join(LAB)
    assert airspace.deauthenticate(MAC.replace(":", "").lower())
    assert not airspace.deauthenticate(MAC)
    assert await heard == "deauthenticated by the access point"
    assert (await radio.join(LAB)).up


async def test_who_leaves_first_hears_nothing(airspace: Airspace, radio: SimulatedRadio) -> None:
    heard = await lost(radio)
    await radio.join(LAB)
    airspace.ap("tokay").power(False)
    await radio.leave()
    await asyncio.sleep(0)
    assert not heard.done()


async def test_a_second_station_with_the_same_address_takes_over(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    heard = await lost(radio)
    await radio.join(LAB)
    await SimulatedRadio(airspace, MAC).join(LAB)
    assert await heard == "another station joined with this address"
    assert list(airspace.ap("tokay").stations) == [MAC]


async def test_power_off_during_a_join_is_a_timeout(
    airspace: Airspace, radio: SimulatedRadio
) -> None:
    joining = asyncio.create_task(radio.join(LAB))
    asyncio.get_running_loop().call_soon(airspace.ap("tokay").power, False)
    with pytest.raises(JoinError) as caught:
        await joining
    assert caught.value.reason in (JoinFailure.TIMEOUT, JoinFailure.NOT_FOUND)


async def test_a_cancelled_join_leaves_nothing_behind(airspace: Airspace) -> None:
    radio = SimulatedRadio(airspace, MAC, join_time=3600)
    joining = asyncio.create_task(radio.join(LAB))
    await asyncio.sleep(0)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert radio.rssi() is None
    assert airspace.ap("tokay").stations == {}


async def test_two_joins_at_once_leave_one_link(airspace: Airspace, radio: SimulatedRadio) -> None:
    first, second = await asyncio.gather(radio.join(LAB), radio.join(LAB))
    assert not first.up
    assert second.up
    assert airspace.ap("tokay").stations == {MAC: second}


# What each mixed type can be at once; every other is itself alone.
WPA2 = {Security.WPA_AES, Security.WPA_TKIP, Security.WPA2_AES, Security.WPA2_TKIP}
MIXED = {
    Security.WPA2_MIXED: {*WPA2, Security.WPA2_MIXED},
    Security.WPA3_MIXED: {Security.WPA3_SAE, Security.WPA2_AES, Security.WPA3_MIXED},
}
KEYS = {Security.OPEN: None, Security.WEP: "abcde"}


@pytest.mark.parametrize("asked", Security)
@pytest.mark.parametrize("offered", Security)
async def test_who_joins_whom_is_a_table(
    airspace: Airspace, radio: SimulatedRadio, offered: Security, asked: Security
) -> None:
    key = KEYS.get(offered, "tokay-lab")
    airspace.add(AccessPoint("one", security=offered, passphrase=key))
    request = JoinRequest("one", security=asked, passkey=key or "tokay-lab")
    if MIXED.get(offered, {offered}) & MIXED.get(asked, {asked}):
        assert (await radio.join(request)).security is offered
    else:
        assert await refusal(radio, request) is JoinFailure.BAD_SECURITY


def test_a_wrong_key_takes_as_long_as_the_handshake(airspace: Airspace) -> None:
    async def check() -> None:
        slow = AccessPoint("slow", passphrase="tokay-lab", handshake_timeout=3.1)
        radio = SimulatedRadio(airspace, MAC)
        airspace.add(slow)
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert (await radio.join(JoinRequest("slow", passkey="tokay-lab"))).up
        assert loop.time() == start
        reason = await refusal(radio, JoinRequest("slow", passkey="tokay-lob"))
        assert reason is JoinFailure.WRONG_PASSKEY
        assert loop.time() - start == pytest.approx(3.1)
        assert slow.stations == {}
        loop.call_later(2, slow.power, False)
        reason = await refusal(radio, JoinRequest("slow", passkey="tokay-lob"))
        assert reason is JoinFailure.TIMEOUT

    run_turned(check())


@pytest.mark.parametrize("seconds", [-1, 61])
def test_the_handshake_time_has_bounds(seconds: float) -> None:
    with pytest.raises(AirspaceError, match="handshake_timeout: must be 0 to 60 s"):
        AccessPoint("a", handshake_timeout=seconds)
