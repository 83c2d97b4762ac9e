import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.guest.air import Home, Phone, radios

# These tests are for the virtual machine: on this machine they would take its radios.
collect_ignore_glob = [] if os.environ.get("TOKAY_VM") else ["*"]

_DEVICE = "wlan1"


@pytest.fixture(scope="session", autouse=True)
def _radios() -> Iterator[None]:
    with radios():
        yield


@pytest.fixture(autouse=True)
def _time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Write down how long each test took."""
    began = time.monotonic()
    yield
    print(f"{request.node.name}: {time.monotonic() - began:.1f} s")


@pytest.fixture
def home(_radios: None) -> Iterator[Home]:
    """Give a home network whose access point is still off."""
    with Home() as home:
        yield home


@pytest.fixture
def phone(_radios: None) -> Iterator[Phone]:
    """Give a phone."""
    with Phone() as phone:
        yield phone


@pytest.fixture
def untouched(_radios: None) -> Iterator[None]:
    """Check that the device leaves the machine as it found it."""

    def state() -> dict[str, str]:
        found = {}
        for path in sorted(Path("/sys/class/net").iterdir()):
            if path.name.startswith(_DEVICE):
                found[path.name] = (path / "flags").read_text().strip()
        found["programs"] = str(
            [
                path.name
                for path in Path("/proc").glob("[0-9]*/cmdline")
                if f"/run/{_DEVICE}-" in path.read_text(errors="replace")
            ]
        )
        found["run"] = str(sorted(path.name for path in Path("/run").glob(f"{_DEVICE}*")))
        return found

    before = state()
    yield
    assert state() == before
