"""What surrounds a device in the virtual machine: a home network and a phone, on real 802.11.

Each has a radio of its own in a network namespace of its own, so that nothing takes a short cut.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

LIMIT = 60.0
GATEWAY = "10.20.0.1"
PASSPHRASE = 'p"ss word-\\~1'
_numbers = itertools.count(1)

WPA = {
    "open": "",
    "wep": "wep_default_key=0\nwep_key0=0123456789\n",
    "wpa": "wpa=1\nwpa_key_mgmt=WPA-PSK\nwpa_pairwise=TKIP\nwpa_passphrase={key}\n",
    "wpa2": "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={key}\n",
    "mixed": "wpa=3\nwpa_key_mgmt=WPA-PSK\nwpa_pairwise=TKIP\nrsn_pairwise=CCMP\n"
    "wpa_passphrase={key}\n",
    "wpa3": "wpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\nieee80211w=2\nsae_password={key}\n",
    "wpa3_mixed": "wpa=2\nwpa_key_mgmt=SAE WPA-PSK\nrsn_pairwise=CCMP\nieee80211w=1\n"
    "sae_password={key}\nwpa_passphrase={key}\n",
}
"""The lines of hostapd.conf for each security."""


def run(*command: str) -> str:
    """Run a command, and return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return done.stdout


def wait_for(condition: Callable[[], object], limit: float = LIMIT) -> None:
    """Return when a condition holds."""
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.02)


def ask(path: Path, command: str) -> str:
    """Ask a control socket one question."""
    own = Path(f"/run/ask-{os.getpid()}-{next(_numbers)}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(own))
        try:
            sock.settimeout(5)
            sock.connect(str(path))
            sock.send(command.encode())
            return sock.recv(65536).decode("latin-1").strip()
        finally:
            own.unlink()


class Place:
    """A network namespace with one radio, and the programs that run there."""

    def __init__(self, name: str, ifname: str) -> None:
        self.name, self.ifname = name, ifname
        self.folder = Path(f"/run/{name}")
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        run("ip", "netns", "add", self.name)
        phy = Path(f"/sys/class/net/{self.ifname}/phy80211/name").read_text().strip()
        run("iw", "phy", phy, "set", "netns", "name", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        self.phy = phy
        return self

    def __exit__(self, *_: object) -> None:
        for name in tuple(self._programs):
            self.stop(name)
        for path in sorted(self.folder.glob("*.log")):
            print(
                f"--- {self.name}/{path.name}", path.read_text(errors="replace")[-4000:], sep="\n"
            )
        run("ip", "netns", "exec", self.name, "iw", "phy", self.phy, "set", "netns", "1")
        run("ip", "netns", "del", self.name)
        wait_for(lambda: Path(f"/sys/class/net/{self.ifname}").exists())
        shutil.rmtree(self.folder)

    def start(self, name: str, *arguments: str) -> None:
        """Start a program here."""
        log = (self.folder / f"{Path(name).name}.log").open("ab")
        self._programs[name] = subprocess.Popen(
            ["ip", "netns", "exec", self.name, name, *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a program that was started here."""
        program = self._programs.pop(name)
        program.send_signal(number)
        program.wait(10)

    def run(self, *command: str) -> str:
        """Run a command here, and return what it prints."""
        return run("ip", "netns", "exec", self.name, *command)

    def log(self, name: str) -> str:
        """Return what a program has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


class Home(Place):
    """A home network: access points, a DHCP server, and an address for servers."""

    def __init__(self, ifname: str = "wlan0", name: str = "home") -> None:
        super().__init__(name, ifname)
        self.bssid = Path(f"/sys/class/net/{ifname}/address").read_text().strip().upper()

    def serve(
        self,
        ssid: str | bytes = "home",
        security: str = "wpa2",
        *,
        key: str = PASSPHRASE,
        channel: int = 6,
        extra: str = "",
    ) -> None:
        """Bring the access point up, with DHCP behind it."""
        raw = ssid.encode() if isinstance(ssid, str) else ssid
        configuration = (
            f"interface={self.ifname}\ndriver=nl80211\nctrl_interface={self.folder}/ctrl\n"
            f"ssid2={raw.hex()}\nhw_mode=g\nchannel={channel}\nauth_algs=3\nieee80211n="
            f"{int(security not in ('wep', 'wpa'))}\nwmm_enabled=1\n"
            f"{WPA[security].format(key=key)}{extra}"
        )
        (self.folder / "hostapd.conf").write_text(configuration)
        self.power_on()
        run("ip", "-n", self.name, "addr", "replace", f"{GATEWAY}/24", "dev", self.ifname)
        if "dnsmasq" not in self._programs:
            self.start(
                "dnsmasq", "-k", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--no-ping",
                f"--interface={self.ifname}", "--bind-interfaces", "--user=root",
                "--dhcp-range=10.20.0.10,10.20.0.99,10m", f"--dhcp-leasefile={self.folder}/leases",
                f"--address=/server.example/{GATEWAY}", "--log-facility=-",
                f"--pid-file={self.folder}/dnsmasq.pid",
            )  # fmt: skip
            wait_for(lambda: "started" in self.log("dnsmasq"))

    def power_on(self) -> None:
        """Bring the access point up as it was."""
        self.start("hostapd", str(self.folder / "hostapd.conf"))
        wait_for(lambda: self._state() == "ENABLED")

    def power_off(self) -> None:
        """Switch the access point off as a mains plug does: without a word."""
        self.stop("hostapd", signal.SIGKILL)

    def control(self, command: str) -> str:
        """Ask hostapd."""
        return ask(self.folder / "ctrl" / self.ifname, command)

    def _state(self) -> str:
        with contextlib.suppress(OSError):
            match = re.search(r"^state=(\S+)", self.control("STATUS"), re.MULTILINE)
            return match[1] if match else ""
        return ""


class Phone(Place):
    """A station of somebody else's: wpa_supplicant and a DHCP client by hand."""

    def __init__(self, ifname: str = "wlan2") -> None:
        super().__init__("phone", ifname)

    def __enter__(self) -> Self:
        super().__enter__()
        (self.folder / "wpa.conf").write_text(f"ctrl_interface={self.folder}/ctrl\n")
        self.start("wpa_supplicant", "-Dnl80211", f"-i{self.ifname}", f"-c{self.folder}/wpa.conf")
        wait_for(self._pong)
        return self

    def control(self, command: str) -> str:
        """Ask wpa_supplicant."""
        return ask(self.folder / "ctrl" / self.ifname, command)

    def join(self, ssid: str, key: str = "", frequency: int | None = None) -> None:
        """Join a network, and wait until it is done."""
        self.control("REMOVE_NETWORK all")
        number = self.control("ADD_NETWORK")
        values = {"ssid": ssid.encode().hex(), "scan_ssid": "1"}
        values |= {"psk": f'"{key}"'} if key else {"key_mgmt": "NONE"}
        values |= {"scan_freq": str(frequency)} if frequency else {}
        for name, value in values.items():
            assert self.control(f"SET_NETWORK {number} {name} {value}") == "OK", name
        self.control(f"SELECT_NETWORK {number}")
        wait_for(self.joined)

    def joined(self) -> bool:
        """Return whether the phone has joined."""
        return "wpa_state=COMPLETED" in self.control("STATUS")

    def frequency(self) -> int:
        """Return the frequency that it is on, MHz."""
        match = re.search(r"^freq=(\d+)", self.control("STATUS"), re.MULTILINE)
        return int(match[1]) if match else 0

    def address(self, *options: str) -> str:
        """Get an address by DHCP and take it."""
        script = self.folder / "udhcpc.sh"
        script.write_text(
            f"#!/bin/sh\n[ $1 = bound ] && ip addr replace $ip/$mask dev $interface &&"
            f" echo $ip > {self.folder}/ip\n"
        )
        script.chmod(0o755)
        self.run(
            "udhcpc",
            "-q",
            "-n",
            "-f",
            "-t",
            "5",
            "-T",
            "1",
            "-i",
            self.ifname,
            "-s",
            str(script),
            *options,
        )
        return (self.folder / "ip").read_text().strip()

    def _pong(self) -> bool:
        with contextlib.suppress(OSError):
            return self.control("PING") == "PONG"
        return False


@contextlib.contextmanager
def radios(count: int = 4) -> Iterator[None]:
    """Have simulated radios, `wlan0` and up."""
    run("modprobe", "mac80211_hwsim", f"radios={count}")
    wait_for(lambda: Path(f"/sys/class/net/wlan{count - 1}").exists())
    try:
        yield
    finally:
        run("rmmod", "mac80211_hwsim")
