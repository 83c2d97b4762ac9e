"""Other people's discovery daemons and tools, run from a folder in a namespace."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.namespaces import LIMIT, Process, closing
from tests.interop.peers import Peer

DEVICE = "10.9.0.7"
STATIC = {
    "wlan.dhcp.enabled": "0",
    "wlan.static.ip": DEVICE,
    "wlan.static.netmask": "255.255.255.0",
    "wlan.static.gateway": "10.9.0.1",
}

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_type="method_call"/><allow send_type="signal"/><allow receive_type="signal"/>
    <allow receive_type="method_call"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""
AVAHI = """[server]
host-name=neighbour
use-ipv6=no
allow-interfaces=eth0
[publish]
publish-workstation=no
[rlimits]
"""
RESOLVED = "[Resolve]\nMulticastDNS=yes\nLLMNR=yes\nDNS=\nFallbackDNS=\nDNSStubListener=no\n"
USERS = (
    "root:x:0:0::/root:/bin/sh\navahi:x:9001:9001::/:/bin/false\n"
    "messagebus:x:9002:9002::/:/bin/false\nsystemd-resolve:x:0:0::/:/bin/false\n"
)
GROUPS = "root:x:0:\navahi:x:9001:\nmessagebus:x:9002:\nsystemd-resolve:x:0:\nnetdev:x:9004:\n"

# A /run, /var and /etc of the daemons' own; this machine's are not seen and not written to.
PRIVATE = """
mount -t tmpfs none /run && mount -t tmpfs none /var && mkdir -p /run/dbus /var/run &&
mount --bind "$0/etc/passwd" /etc/passwd && mount --bind "$0/etc/group" /etc/group &&
exec "$@"
"""


class Bench:
    """Programs in the namespace of a neighbour, with a message bus of their own."""

    def __init__(self, namespace: str, folder: Path) -> None:
        self._namespace = namespace
        self.folder = folder
        etc = folder / "etc"
        etc.mkdir()
        (etc / "passwd").write_text(USERS)
        (etc / "group").write_text(GROUPS)

    @contextmanager
    def start(self, *command: str, ready: str) -> Iterator[Process]:
        """Run a daemon, with a user database that knows the names that they change to."""
        process = Process(
            self._namespace, "env", f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={self.folder}/bus",
            "unshare", "-m", "sh", "-c", PRIVATE, str(self.folder), *command,
        )  # fmt: skip
        with closing(process):
            process.expect(ready)
            yield process

    @contextmanager
    def bus(self, peer: Peer) -> Iterator[None]:
        """Run a message bus."""
        config = self.folder / "bus.conf"
        config.write_text(BUS.format(folder=self.folder))
        command = [*peer.command, f"--config-file={config}", "--nofork", "--print-address"]
        with self.start(*command, ready="unix:path"):
            yield

    @contextmanager
    def tool(self, *command: str, ready: str) -> Iterator[Process]:
        """Run a tool that goes on until it is ended."""
        address = f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={self.folder}/bus"
        with closing(Process(self._namespace, "env", address, *command)) as process:
            process.expect(ready)
            yield process

    def run(self, *command: str, limit: float = LIMIT) -> str:
        """Run a tool; return what it prints."""
        done = subprocess.run(
            ["ip", "netns", "exec", self._namespace, "env",
             f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={self.folder}/bus", *command],
            capture_output=True, text=True, timeout=limit, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    @contextmanager
    def resolved(self, get: Callable[[str], Peer]) -> Iterator[None]:
        """Run systemd-resolved with mDNS on the wire, and the bus that it wants."""
        config = self.folder / "etc" / "resolved.conf"
        config.write_text(RESOLVED)
        daemon, control = get("systemd-resolved"), get("resolvectl")
        shell = (
            "mkdir -p /run/systemd/resolve && mount -t tmpfs none /etc/systemd && "
            f'cp {config} /etc/systemd/ && exec "$@"'
        )
        with (
            self.bus(get("dbus-daemon")),
            self.start(
                "env", "SYSTEMD_LOG_TARGET=console", "SYSTEMD_LOG_LEVEL=debug",
                "sh", "-c", shell, "sh", *daemon.command,
                ready="Successfully acquired requested service name",
            ),
        ):  # fmt: skip
            self.run(*control.command, "mdns", "eth0", "yes")
            yield

    @contextmanager
    def avahi(self, get: Callable[[str], Peer]) -> Iterator[Process]:
        """Run avahi, and the bus that it wants."""
        config = self.folder / "avahi.conf"
        config.write_text(AVAHI)
        daemon = get("avahi-daemon")
        with (
            self.bus(get("dbus-daemon")),
            self.start(
                *daemon.command, "-f", str(config), "--no-drop-root", "--no-chroot",
                "--no-proc-title", ready="Server startup complete",
            ) as process,
        ):  # fmt: skip
            yield process
