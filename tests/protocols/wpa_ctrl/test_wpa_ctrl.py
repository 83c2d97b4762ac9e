import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols import ieee80211
from tokay.protocols.ieee80211 import Akm, Cipher
from tokay.protocols.wpa_ctrl import (
    AccessPointSettings,
    Conversation,
    Event,
    KeyManagement,
    Name,
    Reply,
    State,
    StationSettings,
    WpaCtrlError,
    access_point_file,
    read_bss_list,
    read_credential,
    read_fields,
    scan_command,
    station_settings,
    unescape,
)

PASSPHRASE = 'p"ss word-\\~1'
# WPA2 and WPA3 mixed: CCMP; PSK and SAE.
RSN = "30180100000fac040100000fac040200000fac02000fac088000"
BSS = f"""id=4
bssid=02:00:00:00:00:00
freq=2412
capabilities=0x0431
level=-30
age=1
ie=00056765636b6f010882848b960c12182432043048606c{RSN}
flags=[WPA2-PSK+SAE-CCMP][ESS]
ssid=gecko
====
"""


def test_an_answer_belongs_to_its_command_and_events_come_between() -> None:
    conversation = Conversation()
    assert conversation.ask("PING", 0.0) == b"PING"
    assert conversation.get_timer() == 5.0
    event = conversation.receive(b"<3>CTRL-EVENT-SCAN-RESULTS ")
    assert isinstance(event, Event)
    assert event.name == Name.SCAN_RESULTS
    assert conversation.receive(b"PONG\n") == Reply(b"PONG")
    assert (conversation.state, conversation.get_timer()) == (State.IDLE, None)
    assert conversation.receive(b"OK\n") is None  # nobody asked


def test_a_missing_answer_makes_the_socket_useless() -> None:
    conversation = Conversation()
    conversation.ask("STATUS", 10.0)
    assert not conversation.handle_timer(14.9)
    assert conversation.handle_timer(15.0)
    assert conversation.state is State.FAILED
    with pytest.raises(WpaCtrlError):
        conversation.ask("STATUS", 16.0)


def test_two_commands_at_once_and_two_lines_are_refused() -> None:
    conversation = Conversation()
    with pytest.raises(WpaCtrlError):
        conversation.ask("SET a b\nTERMINATE", 0.0)
    conversation.ask("PING", 0.0)
    with pytest.raises(WpaCtrlError):
        conversation.ask("PING", 0.0)


def test_the_fields_of_an_event() -> None:
    event = Event.parse(
        b'<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="a b=c\\"" auth_failures=1 duration=10'
        b" reason=WRONG_KEY"
    )
    assert event.name == Name.TEMP_DISABLED
    assert event.fields["ssid"] == b'a b=c\\"'
    assert event.fields["reason"] == b"WRONG_KEY"
    assert event.number("duration") == 10
    assert event.number("reason") is None
    joined = Event.parse(b"<3>AP-STA-CONNECTED 02:00:00:00:01:00 auth_alg=open")
    assert joined.first_word == "02:00:00:00:01:00"
    connected = Event.parse(
        b"<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=0 id_str=]"
    )
    assert connected.number("id") == 0


@pytest.mark.parametrize(
    ("text", "ssid"),
    [
        (b"gecko", b"gecko"),
        (rb"a\\b\"c", b'a\\b"c'),
        (rb"\x00\xff\n\t\r\e", b"\x00\xff\n\t\r\x1b"),
        (rb"\z\x4", b"zx4"),
        (b"end\\", b"end\\"),
    ],
)
def test_an_ssid_comes_back_as_it_is(text: bytes, ssid: bytes) -> None:
    assert unescape(text) == ssid


def test_a_list_of_access_points() -> None:
    first, second = read_bss_list(
        (BSS + BSS.replace("id=4", "id=5").replace("====", "####")).encode()
    )
    assert (first.id, first.bssid, first.frequency, first.level) == (
        4, "02:00:00:00:00:00", 2412, -30,
    )  # fmt: skip
    assert first.ssid == b"gecko"
    assert first.elements.privacy
    assert first.elements.rsn is not None
    assert first.elements.rsn.ciphers == Cipher.CCMP
    assert first.elements.rsn.akms == Akm.PSK | Akm.SAE
    assert first.elements.rate == 54.0
    assert second.id == 5
    with pytest.raises(WpaCtrlError):
        list(read_bss_list(b"id=1\nfreq=2412\n====\n"))
    with pytest.raises(WpaCtrlError):
        list(read_bss_list(BSS.replace("ie=", "ie=z").encode()))


def test_rates_of_802_11n() -> None:
    short_20 = "2d1a" + "2000" + "00" + "ffff" + "00" * 21
    elements = ieee80211.Elements.parse(bytes.fromhex(short_20), 0)
    assert elements.rate == 144.4
    assert not elements.privacy
    wide = "2d1a" + "4200" + "00" + "ff" + "00" * 22 + "3d160105" + "00" * 20
    assert ieee80211.Elements.parse(bytes.fromhex(wide), 0).rate == 150.0


def test_channels_and_frequencies() -> None:
    for channel in range(1, 15):
        assert ieee80211.channel_of(ieee80211.frequency_of(channel)) == channel
    assert [ieee80211.channel_of(mhz) for mhz in (2407, 2413, 5180, 2477, 0)] == [None] * 5


def test_any_byte_and_any_passphrase_can_be_set() -> None:
    network = StationSettings(
        b'\x00a"\n', KeyManagement.PSK | KeyManagement.SAE, passphrase=PASSPHRASE,
        bssid="02:00:00:00:00:00", frequencies=(2412,),
    )  # fmt: skip
    lines = dict(station_settings(network))
    assert lines["ssid"] == "0061220a"
    assert lines["bssid_hint"] == "02:00:00:00:00:00"
    assert lines["scan_freq"] == "2412"
    assert lines["key_mgmt"].split()[:2] == ["SAE", "WPA-PSK"]
    assert lines["ieee80211w"] == "1"
    assert lines["sae_password"] == f'"{PASSPHRASE}"'
    assert len(bytes.fromhex(lines["psk"])) == 32
    assert PASSPHRASE not in repr(network)
    sae = dict(station_settings(StationSettings(b"a", KeyManagement.SAE, passphrase=PASSPHRASE)))
    assert (sae["ieee80211w"], "psk" in sae) == ("2", False)


def test_wep_and_open_have_no_key_management() -> None:
    lines = dict(station_settings(StationSettings(b"a", wep_key=b"12345")))
    assert (lines["key_mgmt"], lines["wep_key0"]) == ("NONE", "3132333435")
    assert "wep_key0" not in dict(station_settings(StationSettings(b"a")))


def test_a_scan_asks_by_name_unless_it_only_listens() -> None:
    assert scan_command((2412, 2437), b"ab") == "SCAN TYPE=ONLY freq=2412,2437 ssid 6162"
    assert scan_command(passive=True) == "SCAN TYPE=ONLY passive=1"


def test_the_file_of_an_access_point_has_no_passphrase() -> None:
    settings = AccessPointSettings("wlan0", "/run/x", b"a\nb", 6, PASSPHRASE)
    lines = access_point_file(settings).splitlines()
    assert "ssid2=610a62" in lines
    assert "channel=6" in lines
    assert any(line.startswith("wpa_psk=") for line in lines)
    assert PASSPHRASE not in "\n".join(lines)
    assert PASSPHRASE not in repr(settings)
    assert "wpa=2" not in access_point_file(AccessPointSettings("wlan0", "/run/x", b"a", 6))


def test_a_wps_credential() -> None:
    inside = "1026000101" + "1045000567656b6b6f" + "1027000870617373776f7264"
    credential = read_credential(f"100e{len(inside) // 2:04x}{inside}")
    assert credential == (b"gekko", "password")
    assert "password" not in repr(credential)
    for text in ("", "z", "100e", "100e0001", inside[:10]):
        with pytest.raises(WpaCtrlError):
            read_credential(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    conversation = Conversation()
    conversation.ask("PING", 0.0)
    with contextlib.suppress(WpaCtrlError):
        conversation.receive(b"<3>" + data)
    conversation.receive(data.lstrip(b"<"))
    read_fields(data)
    unescape(data)
    ieee80211.Elements.parse(data, 0x10)
    for text in (data, b"bssid=02:00:00:00:00:00\nid=1\nie=" + data.hex().encode() + b"\n====\n"):
        with contextlib.suppress(WpaCtrlError):
            list(read_bss_list(text))
    with contextlib.suppress(WpaCtrlError):
        read_credential(data.hex())
