"""What the benchmarks over a wire share: Tokay's soft AP and dnsmasq in turn, on the same veth."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.interop.namespaces import Process, closing, ip
from tests.interop.peers import Peer, PeerError, find

AP = "10.10.10.1"
LOAD = "10.10.10.254"
CLIENTS = 240


# The server has one core, and the load generator the other.
_SERVER_CORE, _LOAD_CORE = "0", "1"


@contextmanager
def namespaces() -> Iterator[tuple[str, str]]:
    """Make two namespaces, a wire between their `eth0`s; give the server's and the load's."""
    names = tuple(f"tokay-{os.getpid()}-bench{side}" for side in ("s", "l"))
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ends = ("eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns")
        ip("link", "add", *ends, names[1])
        for name in names:
            ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", names[0], "link", "add", "wlan0", "type", "veth", "peer", "name", "wlan1")
        ip("-n", names[1], "addr", "add", f"{LOAD}/24", "dev", "eth0")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@contextmanager
def tokay(namespace: str, folder: Path) -> Iterator[Process]:
    """Serve by a device as it is shipped, with its state on the disk."""
    settings = (
        "softap.auto_start=1", "softap.max_clients=253", "softap.dns_server.url=setup.com"
    )  # fmt: skip
    command = [
        "taskset", "-c", _SERVER_CORE, sys.executable, "-c", "from tokay.cli import main; main()",
        "run", "--radio", "wired:wlan0,eth0", "--state", str(folder), "--serial", "pty", "--events",
    ]  # fmt: skip
    for setting in settings:
        command += ["--set", setting]
    with closing(Process(namespace, *command)) as server:
        server.expect('"network_up"')
        yield server


@contextmanager
def dnsmasq(namespace: str, folder: Path, program: Peer, *options: str) -> Iterator[Process]:
    """Serve the same by dnsmasq. It looks for nobody at an address either (--no-ping)."""
    ip("-n", namespace, "addr", "add", f"{AP}/24", "dev", "eth0")
    command = [
        "taskset", "-c", _SERVER_CORE, *program.command, "--no-daemon", "--conf-file=/dev/null",
        "--user=root", "--interface=eth0", "--bind-interfaces", "--no-ping", "--pid-file=",
        "--dhcp-range=10.10.10.2,10.10.10.253,1d", "--dhcp-authoritative", "--no-resolv",
        f"--dhcp-leasefile={folder / 'dnsmasq.leases'}", "--no-hosts", "--quiet-dhcp",
        f"--address=/setup.com/{AP}", "--address=/#/", "--log-facility=-", *options,
    ]  # fmt: skip
    try:
        with closing(Process(namespace, *command)) as server:
            server.expect("sockets bound exclusively to interface eth0")
            yield server
    finally:
        ip("-n", namespace, "addr", "flush", "dev", "eth0")


def load(namespace: str, *command: str) -> str:
    """Run a load generator to its end; return what it prints."""
    words = ["ip", "netns", "exec", namespace, "taskset", "-c", _LOAD_CORE, *command]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def programs(*names: str) -> list[Peer]:
    """Find other people's programs, or end here and say which is missing."""
    if os.geteuid() != 0:
        raise SystemExit("left out: network namespaces need root")
    try:
        return [find(name) for name in names]
    except PeerError as error:
        raise SystemExit(f"left out: {error}") from None


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on a disk: /tmp may be memory, where a commit costs nothing."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        yield Path(folder)
