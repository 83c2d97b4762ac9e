import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from tests.interop.peers import Peer, PeerError, find
from tests.interop.soft_ap import ApWire
from tests.interop.wire import Wire

_numbers = itertools.count(1)
REQUIRED = "TOKAY_REQUIRE_PEERS"


def left_out(reason: str) -> NoReturn:
    """Name a test that cannot run here in the summary; in CI that is a failure."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, and: {reason}", pytrace=False)
    pytest.skip(f"left out: {reason}")


@pytest.fixture(scope="session")
def _namespaces() -> None:
    if os.geteuid() != 0:
        left_out("network namespaces need root")
    if shutil.which("ip") is None:
        left_out("ip(8) is not installed (package iproute2)")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        left_out("network namespaces cannot be made here")


@pytest.fixture
def wire(_namespaces: None) -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


@pytest.fixture
def ap_wire(_namespaces: None) -> Iterator[ApWire]:
    with ApWire(f"tokay-{os.getpid()}-ap{next(_numbers)}") as wire:
        yield wire


@pytest.fixture(scope="session")
def peer() -> Callable[[str], Peer]:
    """Give a program of somebody else's, or leave the test out."""

    def get(program: str) -> Peer:
        try:
            return find(program)
        except PeerError as error:
            left_out(str(error))

    return get


@pytest.fixture
def leftovers() -> Iterator[None]:
    """Check that a test leaves no namespace of its own behind."""
    yield
    made = [path.name for path in Path("/run/netns").glob(f"tokay-{os.getpid()}-*")]
    assert made == []
