"""Names, words and shortcuts that hosts of the field use: taken in every profile."""

import pytest
from tests.dialogue import PROFILES, Talk

FIELD = (
    ("system.cmd.timestamp none", "system.cmd.timestamp", "0"),
    ("softap.gateway 1.1.1.1", "softap.static.gateway", "1.1.1.1"),
    ("softap.url setup.com", "softap.dns_server.url", "setup.com"),
    ("so s i 10.1.2.3", "softap.static.ip", "10.1.2.3"),
    ("so t i 10.1.2.4", "softap.static.ip", "10.1.2.4"),
    ("st i 10.1.2.5", "wlan.static.ip", "10.1.2.5"),
    ("st g 10.1.2.1", "wlan.static.gateway", "10.1.2.1"),
    ("st d 10.1.2.2", "wlan.static.dns", "10.1.2.2"),
    ("st n 255.255.0.0", "wlan.static.netmask", "255.255.0.0"),
    ("ne d e 0", "wlan.dhcp.enabled", "0"),
    ("http.server.api_enabled 0", "http.server.api_enabled", "0"),
    ("network.buffer.size 25000", "ne b s", "25000"),
    ("network.buffer.rxtx_ratio 20", "ne b r", "20"),
    ("wlan.scan.passive_dwell 200", "wlan.scan.passive_dwell", "200"),
)


@pytest.mark.parametrize("profile", PROFILES)
def test_hosts_of_the_field_may_set(profile: str) -> None:
    with Talk(profile=profile) as talk:
        for line, name, value in FIELD:
            assert talk.answer(f"set {line}") == (0, "Set OK"), line
            assert talk.answer(f"get {name}") == (0, value)


@pytest.mark.parametrize("profile", PROFILES)
def test_both_names_of_the_format(profile: str) -> None:
    with Talk(profile=profile) as talk:
        for name in ("system.cmd.format", "system.cmd.mode"):
            assert talk.answer(f"set {name} machine") == (0, "Set OK")


@pytest.mark.parametrize("profile", PROFILES)
def test_buffers_without_streams(profile: str) -> None:
    with Talk(profile=profile) as talk:
        assert talk.answer("get ne b u") == (0, "rx:0,tx:0")


def test_what_has_no_effect_says_so() -> None:
    with Talk(human=True) as talk:
        talk.send(b"set network.buffer.size 25000\r\n")
        heard = talk.heard()
        assert b"network.buffer.size is kept and has no effect\r\n" in heard


def test_opening_a_file_is_announced() -> None:
    with Talk(human=True) as talk:
        talk.send(b"file_create a 1\r\nx")
        talk.heard()
        talk.send(b"file_open a\r\n")
        assert b"Opened: 0]\r\n0\r\n" in talk.heard()


def test_a_file_that_finds_no_handle_is_not_left_open() -> None:
    with Talk() as talk:
        talk.ask("file_create a 1", b"x")
        for handle in range(8):
            assert talk.answer("file_open a") == (0, str(handle))
        assert talk.answer("file_open a") == (1, "Command failed")
        assert talk.answer("close all")[0] == 0
        assert talk.answer("file_delete a")[0] == 0


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../b", "..", "../../etc/passwd"])
def test_no_file_is_made_under_a_name_that_climbs(name: str) -> None:
    with Talk() as talk:
        assert talk.answer(f"file_create {name} 1", b"x")[0] == 7
        assert talk.answer("file_create webapp/..x 1", b"x")[0] == 0
