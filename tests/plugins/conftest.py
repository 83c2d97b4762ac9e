"""Loops, air and watchfulness for tests that drive a device by command."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop
from tests.peers import NET, Events

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace
from tokay.plugins.discovery import variables as discovery
from tokay.testing.clock import TurnedLoop

SSID = "lab"
PASSKEY = "correct horse"
SUBNET = f"{NET}.0/25"


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Turn time by hand; a test that asks for ``loops`` runs on uvloop too."""
    if "loops" in getattr(item, "fixturenames", ()):
        return {"turned": TurnedLoop, "uvloop": uvloop.new_event_loop}
    return {"turned": TurnedLoop}


@pytest.fixture
def loops() -> None:
    """Run the test on uvloop too, as devices do: nothing in it may wait for time."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail when the device, or asyncio for it, logged an error that the test did not clear."""
    yield
    errors = [one for one in caplog.get_records("call") if one.levelno >= logging.WARNING]
    assert not errors, [one.getMessage() for one in errors]


@pytest.fixture(autouse=True)
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave mDNS off unless a test switches it on: what others log when they join is their own."""
    monkeypatch.setattr(discovery.ENABLED, "default", False)


@pytest.fixture
def air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airspace:
    """An air of the test's own, where addresses count from ``ADDRESS``."""
    # The subnet is this run's alone: no need to look for others on it, test after test.
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)
    airspace = Airspace(locks=AddressLocks(tmp_path / "claims"))
    airspace.add(AccessPoint(SSID, passphrase=PASSKEY, subnet=SUBNET))
    return airspace


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def lab() -> dict[str, str]:
    """The settings of a device that can join the air, with notices that show no time.

    It announces nothing: every ten seconds would be much in a test that turns days.
    """
    return {
        "wlan.ssid": SSID,
        "wlan.passkey": PASSKEY,
        "system.cmd.timestamp": "off",
        "broadcast.interval": "0",
    }
