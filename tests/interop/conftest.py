import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from tests.interop.namespaces import Wire
from tests.interop.peers import Peer, PeerError, find
from tests.interop.served import PORT, Served
from tests.interop.soft_ap import ApWire

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Give a device that serves HTTP; a parameter has further settings."""
    with Served({"http.server.port": str(PORT)} | getattr(request, "param", {})) as served:
        yield served


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """Give a browser. The tests of its module cannot be coroutines: it has a loop of its own."""
    from playwright.sync_api import sync_playwright

    try:
        found = find("chromium-headless-shell")
    except PeerError as error:
        left_out(str(error))
    libraries = ":".join(found.libraries)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path,
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
            args=["--no-sandbox"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: "Browser") -> "Iterator[Page]":
    """Give a tab of Chromium, with nothing in its cache."""
    with chromium.new_context() as context:
        yield context.new_page()
