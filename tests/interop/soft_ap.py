"""A device's soft AP on a wire, and other people's DHCP clients on it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.interop.namespaces import LIMIT, Console, Process, Tokay, closing, ip
from tests.interop.peers import Peer

AP = "10.10.10.1"
AP_MAC = "02:54:4F:4B:41:5A"

# What the clients call: it gives the interface the address, and says so.
UDHCPC_SCRIPT = """#!/bin/sh
case "$1" in
bound|renew) ip addr replace "$ip/$mask" dev "$interface"
    echo "$1 $ip router $router dns $dns lease $lease" ;;
deconfig) ip addr flush dev "$interface"; ip link set "$interface" up ;;
esac
"""
DHCLIENT_SCRIPT = """#!/bin/sh
case "$reason" in
BOUND|RENEW|REBIND|REBOOT) ip addr replace "$new_ip_address/24" dev "$interface"
    echo "$reason $new_ip_address router $new_routers dns $new_domain_name_servers" ;;
PREINIT) ip link set "$interface" up ;;
esac
exit 0
"""
FACTS = rf"(10\.10\.10\.\d+) router {AP} dns {AP}"
"""What the scripts print of a lease."""


class ApWire:
    """The device's namespace with `eth0` and `eth1`, and a switch at the other end of `eth1`.

    The switch is the kernel's bridge, in a namespace of its own, so that stations are many.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.device, self.switch = f"{name}-dev", f"{name}-sw"
        self._made: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._namespace(self.device)
            self._namespace(self.switch)
            ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
            ip("-n", self.switch, "link", "set", "br0", "up")
            ip(
                "link", "add", "eth0", "netns", self.device,
                "type", "veth", "peer", "name", "wlan", "netns", self.switch,
            )  # fmt: skip
            self._plug(self.device, "eth1", "ap", AP_MAC)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def station(self, number: int) -> str:
        """Plug in a station; return its namespace, where it is `eth0`."""
        name = f"{self.name}-s{number}"
        self._namespace(name)
        self._plug(name, "eth0", f"s{number}", f"02:00:5E:00:00:{number:02X}")
        ip("-n", name, "link", "set", "eth0", "up")
        # The bridge drops frames until it has noticed that its port is up.
        end = time.monotonic() + LIMIT
        while "state forwarding" not in ip("-d", "-n", self.switch, "link", "show", f"s{number}"):
            assert time.monotonic() < end, f"port s{number} never came up"
        return name

    def unplug(self, number: int) -> None:
        """Pull a station's cable."""
        ip("-n", self.switch, "link", "set", f"s{number}", "down")

    def addresses(self, namespace: str, ifname: str) -> str:
        """List the IPv4 addresses of an interface."""
        return ip("-4", "-o", "-n", namespace, "addr", "show", ifname)

    def _namespace(self, name: str) -> None:
        ip("netns", "add", name)
        self._made.append(name)
        ip("-n", name, "link", "set", "lo", "up")

    def _plug(self, namespace: str, ifname: str, port: str, mac: str) -> None:
        ip(
            "link", "add", ifname, "address", mac, "netns", namespace,
            "type", "veth", "peer", "name", port, "netns", self.switch,
        )  # fmt: skip
        ip("-n", self.switch, "link", "set", port, "master", "br0", "up")


@contextmanager
def soft_ap(wire: ApWire, *options: str) -> Iterator[tuple[Tokay, Console]]:
    """Start a device whose soft AP is up on `eth1`."""
    tokay = Tokay(wire.device, "wired:eth0,eth1", "--serial", "pty", *options)
    with closing(tokay):
        path = tokay.event("serial")["path"]
        tokay.event("ready")
        console = Console(path)
        try:
            console.do("network_up -i softap")
            yield tokay, console
        finally:
            console.close()


def script(folder: Path, text: str) -> str:
    """Write a script for a client to call; return its path."""
    path = folder / "script"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def udhcpc(wire: ApWire, namespace: str, peer: Peer, folder: Path, *options: str) -> Process:
    """Start busybox's DHCP client where a station is."""
    return Process(
        namespace, *peer.command, "udhcpc", "-f", "-i", "eth0", "-s",
        script(folder, UDHCPC_SCRIPT), "-t", "5", "-T", "1", *options,
    )  # fmt: skip


def private(namespace: str, *command: str) -> Process:
    """Start a client that sees empty /var and /run of its own, and this machine's not at all."""
    mounts = "mount -t tmpfs none /var && mount -t tmpfs none /run"
    folders = "mkdir -p /var/lib/dhcpcd /var/lib/dhcp /run/dhcpcd"
    shell = f'{mounts} && {folders} && exec "$@"'
    return Process(namespace, "sh", "-c", shell, "sh", *command, isolated=True)


def dig(peer: Peer, namespace: str, *words: str) -> str:
    """Ask the device; return what dig prints."""
    command = ["ip", "netns", "exec", namespace, *peer.command, f"@{AP}", "+tries=1", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def python(namespace: str, program: str, *words: str) -> Any:
    """Run a program; return what it prints."""
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
