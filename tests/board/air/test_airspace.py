from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.board.air.airspace import AccessPoint, Airspace, AirspaceError
from tokay.board.radio import Security, mac_text

EVERYTHING = """
[[access_point]]
ssid = "office"
bssid = "02-00-00-00-00-aa"
channel = 11
security = "WPA2-Mixed"
passphrase = "correct horse"
rssi = -60
subnet = "127.78.0.0/24"
hidden = true
hosts = {"Server.lan." = "127.0.0.1"}
uplink = false

[[access_point]]
ssid = "café"
"""


def test_the_default_airspace_is_the_one_in_the_manual() -> None:
    (access_point,) = Airspace.default().access_points
    assert (access_point.ssid, access_point.channel, access_point.rssi) == ("tokay", 6, -48)
    assert access_point.security is Security.WPA2_AES
    assert str(access_point.subnet) == "127.77.0.0/16"


def test_a_file_can_say_everything(tmp_path: Path) -> None:
    path = tmp_path / "air.toml"
    path.write_text(EVERYTHING, encoding="utf-8")
    airspace = Airspace.load(path)
    office, cafe = airspace.access_points
    assert (office.bssid, office.channel, office.rssi) == ("02:00:00:00:00:AA", 11, -60)
    assert office.security is Security.WPA2_MIXED
    assert (str(office.subnet), office.hidden, office.uplink) == ("127.78.0.0/24", True, False)
    assert office.hosts == {"server.lan": "127.0.0.1"}
    assert cafe.ssid == "caf\xc3\xa9"
    assert cafe.security is Security.OPEN
    assert airspace.ap("café") is cafe
    assert airspace.ap("02:00:00:00:00:aa") is office


PASSPHRASE_RULE = "must be 8 to 63 bytes or 64 hex digits"
AP = '[[access_point]]\nssid = "a"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[access_point]]\n", "access_point[0]: Object missing required field `ssid`"),
        ('[[access_point]]\nssid = ""\n', "access_point[0].ssid: must be 1 to 32 bytes"),
        (AP + 'chanel = "x"\n', "access_point[0]: Object contains unknown field `chanel`"),
        (AP + 'channel = "x"\n', "access_point[0].channel: Expected `int`, got `str`"),
        (AP + "channel = 15\n", "access_point[0].channel: must be 1 to 14, not 15"),
        (AP + "rssi = 1\n", "access_point[0].rssi: must be -100 to 0 dBm, not 1"),
        (AP + 'security = "WPA3"\n', "access_point[0].security: Invalid enum value 'WPA3'"),
        (
            AP + 'security = "WPA-AES"\n',
            "access_point[0].passphrase: missing for WPA-AES security",
        ),
        (
            AP + 'security = "Open"\npassphrase = "x"\n',
            "access_point[0].passphrase: an Open network has none",
        ),
        (
            AP + 'passphrase = "short"\n',
            f"access_point[0].passphrase: {PASSPHRASE_RULE}",
        ),
        (AP + 'bssid = "x"\n', "access_point[0].bssid: not a MAC address: 'x'"),
        (
            AP + 'subnet = "10.0.0.0/8"\n',
            "access_point[0].subnet: must be in 127.0.0.0/8 without 127.0.0.1, not 10.0.0.0/8",
        ),
        (
            AP + 'subnet = "127.0.0.0/24"\n',
            "access_point[0].subnet: must be in 127.0.0.0/8 without 127.0.0.1, not 127.0.0.0/24",
        ),
        (
            AP + 'subnet = "127.77.0.1/16"\n',
            "access_point[0].subnet: 127.77.0.1/16 has host bits set",
        ),
        (
            AP + 'subnet = "127.77.0.0/31"\n',
            "access_point[0].subnet: 127.77.0.0/31 has no room for a gateway and a station",
        ),
        (
            AP + AP + 'subnet = "127.77.1.0/24"\n',
            "access_point[1].subnet: 127.77.1.0/24 overlaps 127.77.0.0/16",
        ),
        (
            (AP + 'bssid = "020000000001"\n') * 2,
            "access_point[1].bssid: 02:00:00:00:00:01 is there already",
        ),
        (
            AP + 'hosts = {"a.lan" = "b"}\n',
            "access_point[0].hosts.a.lan: Expected 4 octets in 'b'",
        ),
        ("ssid =\n", "Invalid value (at line 1, column 7)"),
        ("x = 1\n", "Object contains unknown field `x`"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_the_key(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "air.toml"
    path.write_text(text)
    with pytest.raises(AirspaceError) as caught:
        Airspace.load(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_passphrase_is_not_in_the_error_about_it() -> None:
    with pytest.raises(AirspaceError) as caught:
        AccessPoint("a", passphrase="sécret")
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file or directory"), (b"\xff", "utf-8")]
)
def test_a_file_that_cannot_be_read_says_so(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "air.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AirspaceError, match=message):
        Airspace.load(path)


@given(st.binary(min_size=1, max_size=32))
def test_a_derived_bssid_is_stable_unicast_and_local(ssid: bytes) -> None:
    first, again = AccessPoint(ssid), AccessPoint(ssid)
    assert first.bssid == again.bssid == mac_text(first.bssid)
    assert int(first.bssid[:2], 16) & 3 == 2
    airspace = Airspace()
    assert airspace.add(first).bssid != airspace.add(again).bssid


def test_equal_subnets_are_one_network_and_others_are_not() -> None:
    airspace = Airspace.default()
    twin = airspace.add(AccessPoint("tokay", passphrase="tokay-lab"))
    other = airspace.add(AccessPoint("tokay", subnet="127.78.0.0/16"))
    assert airspace.subnet(twin) is airspace.subnet(airspace.ap("tokay"))
    assert airspace.subnet(twin) is not airspace.subnet(other)


@pytest.mark.parametrize("value", [-101, 1])
def test_signal_has_bounds_at_any_time(value: int) -> None:
    access_point = AccessPoint("a")
    with pytest.raises(AirspaceError, match="rssi"):
        access_point.rssi = value


def test_an_unknown_access_point_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="no access point 'x'"):
        Airspace.default().ap("x")


@given(
    st.fixed_dictionaries(
        {"ssid": st.text() | st.binary()},
        optional={
            "bssid": st.text(),
            "channel": st.integers(),
            "security": st.sampled_from(Security),
            "passphrase": st.text(),
            "rssi": st.integers(),
            "subnet": st.text() | st.ip_addresses(v=4, network="127.0.0.0/8").map("{}/32".format),
        },
    )
)
def test_an_access_point_is_made_or_refused(keys: dict[str, Any]) -> None:
    try:
        access_point = AccessPoint(**keys)
    except AirspaceError as error:
        lines = str(error).splitlines()
    else:
        lines = ["made"]
        assert 1 <= len(access_point.ssid) <= 32
    assert len(lines) == 1


def test_no_two_stations_are_given_one_hardware_address() -> None:
    airspace = Airspace()
    asked = ["4C:55:CC:00:00:01"] * 2 + ["4C:55:CC:00:00:03", "4c-55-cc-00-00-02"]
    given = [airspace.acquire_mac(mac) for mac in asked]
    assert [mac[-2:] for mac in given] == ["01", "03", "05", "02"]
    airspace.release_mac(given[1])
    assert airspace.acquire_mac(asked[0]) == given[1]
