"""The clock of a device with factory settings is set by chronyd."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.interop.namespaces import LIMIT, SERVER, Process, Wire, closing, device, dnsmasq
from tests.interop.peers import Peer

pytestmark = pytest.mark.usefixtures("leftovers")


def chronyd(wire: Wire, peer: Peer, folder: Path, *lines: str) -> Process:
    """Start a server that says it knows the time, and leaves the machine's clock alone (-x)."""
    config = folder / "chrony.conf"
    rows = ["allow", "cmdport 0", f"bindaddress {SERVER}", f"pidfile {folder}/pid", *lines]
    config.write_text("\n".join([*rows, f"dumpdir {folder}", ""]), "utf-8")
    return Process(wire.peer, *peer.command, "-x", "-d", "-u", "root", "-f", str(config))


def test_the_time_of_day(wire: Wire, peer: Callable[[str], Peer], tmp_path: Path) -> None:
    pool = f"--address=/pool.ntp.org/{SERVER}"
    with (
        dnsmasq(wire, peer("dnsmasq"), pool),
        closing(chronyd(wire, peer("chronyd"), tmp_path, "local stratum 3")) as server,
    ):
        server.expect("chronyd version")
        with device(wire) as (tokay, console):
            assert console.do("get ntp.server") == "pool.ntp.org"
            assert console.do("get time.last_set") == "-1"
            console.do("network_up")
            tokay.event("network_up")
            shown = wait_until_set(console.do)
            assert abs(shown - time.time()) < 2


def wait_until_set(do: Callable[[str], str]) -> float:
    """Return what the clock shows once it is set; each question is a round trip of its own."""
    end = time.monotonic() + LIMIT
    while do("get time.last_set") == "-1":
        assert time.monotonic() < end, "the clock was never set"
    return int(do("get time.rtc ms")) / 1000


def test_a_server_that_does_not_know_the_time(
    wire: Wire, peer: Callable[[str], Peer], tmp_path: Path
) -> None:
    with (
        dnsmasq(wire, peer("dnsmasq")),
        closing(chronyd(wire, peer("chronyd"), tmp_path)) as server,
    ):
        server.expect("chronyd version")
        with device(wire, "--set", f"ntp.server={SERVER}") as (tokay, console):
            console.do("set system.print_level all")
            console.do("network_up")
            tokay.event("network_up")
            for _ in range(2000):
                code, text = console.ask("get time.last_set")
                assert (code, text) == (0, "-1")
                if any("not synchronized" in line for line in console.logs):
                    break
            else:
                raise AssertionError(console.logs)
