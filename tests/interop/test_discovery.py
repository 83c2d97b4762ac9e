"""A device on a real wire is found by programs that others wrote, and finds them."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.interop.discovery import DEVICE, STATIC, Bench
from tests.interop.namespaces import SERVER, Console, Process, Wire, closing, device, ip
from tests.interop.peers import Peer
from tests.interop.soft_ap import AP, ApWire, soft_ap

pytestmark = pytest.mark.usefixtures("leftovers")

Get = Callable[[str], Peer]

FOUND = 2.0
"""Seconds from `network_up` until every neighbour knows the name."""
GONE = 1.0
SLACK = 1.5
"""Seconds for this machine to start a program and end it."""

ZEROCONF = """
import sys, time
from zeroconf import ServiceBrowser, ServiceListener, Zeroconf
class Listener(ServiceListener):
    def add_service(self, zc, type_, name):
        info = zc.get_service_info(type_, name)
        print("add", name, info.parsed_addresses()[0], info.port, info.server, flush=True)
    def remove_service(self, zc, type_, name):
        print("remove", name, flush=True)
    update_service = add_service
zc = Zeroconf(interfaces=[sys.argv[1]])
browser = ServiceBrowser(zc, "_http._tcp.local.", Listener())
print("ready", flush=True)
sys.stdin.read()
zc.close()
"""


@contextmanager
def anole(wire: Wire, *options: str) -> Iterator[Console]:
    """Start a device that is called so, and is not up yet."""
    given = STATIC | {"mdns.name": "anole"}
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    with device(wire, *words, *options) as (_, console):
        yield console


@pytest.fixture
def bench(wire: Wire, tmp_path: Path) -> Bench:
    return Bench(wire.peer, tmp_path)


def until(true: Callable[[], bool], limit: float) -> float:
    """Wait for something; return the seconds it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < limit, f"not within {limit} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def test_avahi(wire: Wire, bench: Bench, peer: Get) -> None:
    resolve = [*peer("avahi-resolve").command, "-4"]
    browse = [*peer("avahi-browse").command, "--parsable", "--terminate", "--resolve"]
    with bench.avahi(peer), anole(wire) as console:
        console.do("network_up")
        begun = time.monotonic()
        assert bench.run(*resolve, "-n", "anole.local").split() == ["anole.local", DEVICE]
        assert time.monotonic() - begun < FOUND + SLACK
        assert bench.run(*resolve, "-a", DEVICE).split() == [DEVICE, "anole.local"]
        service = bench.run(*browse, "_http._tcp")
        assert f"=;eth0;IPv4;anole;Web Site;local;anole.local;{DEVICE};80;" in service
        assert '"mac=02:54:4F:4B:41:59"' in service
        # And the other way: the device asks avahi.
        assert console.do("network_lookup neighbour.local") == SERVER
        watch = [*peer("avahi-browse").command, "--parsable", "_http._tcp"]
        with bench.tool(*watch, ready=r"^\+;eth0;IPv4;anole;") as watching:
            console.do("network_down")
            begun = time.monotonic()
            watching.expect(r"^-;eth0;IPv4;anole;")
            assert time.monotonic() - begun < GONE + SLACK


def test_avahi_has_the_name(wire: Wire, bench: Bench, peer: Get) -> None:
    publish = peer("avahi-publish").command
    resolve = [*peer("avahi-resolve").command, "-4", "-n"]
    service = [*publish, "-s", "Press", "_http._tcp", "8080", "a=b"]
    with (
        bench.avahi(peer),
        bench.tool(*publish, "-R", "-a", "anole.local", SERVER, ready="Established"),
        bench.tool(*service, ready="Established"),
        anole(wire) as console,
    ):
        console.do("network_up")
        until(lambda: DEVICE in bench.run(*resolve, "anole-2.local"), FOUND + 2 * SLACK)
        assert bench.run(*resolve, "anole.local").split() == ["anole.local", SERVER]
        rows = console.do("mdns_discover").split("\r\n")
        assert rows[1:] == [f"# 0 Press {SERVER}:8080 a=b"]


def test_systemd_resolved(wire: Wire, bench: Bench, peer: Get) -> None:
    query = [*peer("resolvectl").command, "query", "--cache=no"]
    with bench.resolved(peer), anole(wire) as console:
        console.do("network_up")
        time_left = FOUND + SLACK
        until(
            lambda: f"anole.local: {DEVICE}" in bench.run(*query, "-p", "mdns", "anole.local"),
            time_left,
        )
        assert f"anole: {DEVICE}" in bench.run(*query, "-p", "llmnr", "anole")
        assert "anole.local" in bench.run(*query, "-p", "mdns", DEVICE)
        shown = bench.run(
            *peer("resolvectl").command, "service", "-p", "mdns", "anole", "_http._tcp", "local"
        )
        assert "anole.local:80" in shown
        assert DEVICE in shown
        console.do("network_down")
        assert DEVICE not in bench.run(*query, "-p", "llmnr", "anole")


def test_zeroconf(wire: Wire) -> None:
    with (
        closing(Process(wire.peer, sys.executable, "-c", ZEROCONF, SERVER)) as browser,
        anole(wire) as console,
    ):
        browser.expect("^ready")
        console.do("network_up")
        begun = time.monotonic()
        browser.expect(rf"^add anole\._http\._tcp\.local\. {DEVICE} 80 anole\.local\.")
        assert time.monotonic() - begun < FOUND + SLACK
        console.do("network_down")
        begun = time.monotonic()
        browser.expect(r"^remove anole\._http\._tcp\.local\.")
        assert time.monotonic() - begun < GONE + SLACK


def test_llmnr_query(wire: Wire, bench: Bench, peer: Get) -> None:
    ask = [*peer("llmnr-query").command, "-I", "eth0", "-c", "1", "-T", "A"]
    with anole(wire) as console:
        console.do("network_up")
        until(lambda: f"anole IN A {DEVICE}" in bench.run(*ask, "anole"), FOUND + SLACK)
        assert "No LLMNR response" in bench.run(*ask, "gecko")


def test_netbios(wire: Wire, bench: Bench, peer: Get) -> None:
    lookup = [*peer("nmblookup").command, "-s", "/dev/null", "-d", "0"]
    with anole(wire) as console:
        console.do("network_up")
        everybody = [*lookup, "-B", "10.9.0.255"]
        until(lambda: f"{DEVICE} anole<00>" in bench.run(*everybody, "anole"), FOUND + SLACK)
        assert f"{DEVICE} anole<20>" in bench.run(*everybody, "anole#20")
        assert "failed to find" in bench.run(*everybody, "gecko")
        status = bench.run(*lookup, "-A", DEVICE)
        assert "ANOLE           <00>" in status
        assert "MAC Address = 02-54-4F-4B-41-59" in status
        shown = bench.run(*peer("nbtscan").command, f"{DEVICE}/32")
        assert f"{DEVICE}" in shown
        assert "ANOLE" in shown
        assert "02:54:4f:4b:41:59" in shown


def test_on_a_soft_ap(ap_wire: ApWire, peer: Get, tmp_path: Path) -> None:
    station = ap_wire.station(1)
    ip("-n", station, "addr", "add", "10.10.10.77/24", "dev", "eth0")
    bench = Bench(station, tmp_path)
    names = ("--set", "mdns.name=anole", "--set", "mdns.interface=softap")
    ask = [*peer("llmnr-query").command, "-I", "eth0", "-c", "1", "-T", "A", "anole"]
    with bench.avahi(peer), soft_ap(ap_wire, *names):
        resolved = bench.run(*peer("avahi-resolve").command, "-4", "-n", "anole.local")
        assert resolved.split() == ["anole.local", AP]
        assert f"anole IN A {AP}" in bench.run(*ask)


def test_on_the_machines_own_network(wire: Wire, bench: Bench, peer: Get) -> None:
    ip("-n", wire.device, "addr", "add", "10.9.0.9/24", "dev", "eth0")
    for name in ("lo", "eth0"):
        ip("-n", wire.device, "link", "set", name, "up")
    with bench.avahi(peer), device(wire, "--set", "mdns.name=anole", radio="host") as (_, console):
        console.do("network_up")
        resolved = bench.run(*peer("avahi-resolve").command, "-4", "-n", "anole.local")
        assert resolved.split() == ["anole.local", "10.9.0.9"]
        assert console.do("network_lookup neighbour.local") == SERVER
