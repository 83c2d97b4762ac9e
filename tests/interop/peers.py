"""Real peers for the interop tests, from Debian, without installing anything.

A package is downloaded with `apt-get download` and unpacked into `.peers/`, with those of its
dependencies whose libraries this machine lacks. Nothing is configured and no service starts.
A program that is installed already is used as it is.

    python tests/interop/peers.py          fetch all; name what cannot be had
    python tests/interop/peers.py --clean  throw the folder away
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".peers"
PACKAGES = {
    "dnsmasq": "dnsmasq-base",
    "busybox": "busybox",
    "dhclient": "isc-dhcp-client",
    "dhcpcd": "dhcpcd-base",
    "dig": "bind9-dnsutils",
    "iperf3": "iperf3",
    "kea-dhcp4": "kea-dhcp4-server",
    "chronyd": "chrony",
    "exim4": "exim4-daemon-light",
    "lighttpd": "lighttpd",
    "nginx": "nginx",
    "openssl": "openssl",
    "stunnel4": "stunnel4",
    "slowhttptest": "slowhttptest",
    "chromium-headless-shell": "chromium-headless-shell",
    "ncat": "ncat",
    "socat": "socat",
    "dbus-daemon": "dbus-daemon",
    "avahi-daemon": "avahi-daemon",
    "avahi-browse": "avahi-utils",
    "avahi-publish": "avahi-utils",
    "avahi-resolve": "avahi-utils",
    "systemd-analyze": "systemd",
    "systemd-resolved": "systemd-resolved",
    "resolvectl": "systemd-resolved",
    "llmnr-query": "llmnrd",
    "nmblookup": "samba-common-bin",
    "nbtscan": "nbtscan",
    "inetutils-telnet": "inetutils-telnet",
    "nc.openbsd": "netcat-openbsd",
    "plink": "putty-tools",
}
BENCH_PACKAGES = {
    "perfdhcp": "kea-admin",
    "dnsperf": "dnsperf",
    "nginx": "nginx",
    "wrk": "wrk",
    "ser2net": "ser2net",
}
"""What only the benchmarks need; fetched when they ask."""
VM_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "hostapd": "hostapd",
    "iw": "iw",
    "wpa_supplicant": "wpasupplicant",
}
"""What only the virtual machine needs; fetched when it is prepared."""
LIMIT = 180
_PROGRAMS = (
    "usr/lib/chromium", "usr/sbin", "usr/bin", "sbin", "bin", "usr/lib/systemd", "lib/systemd",
)  # fmt: skip


class PeerError(Exception):
    """A peer that cannot be had here, and why, in one line."""


@dataclass
class Peer:
    """A program of somebody else's."""

    path: str
    libraries: list[str] = field(default_factory=list)

    @property
    def command(self) -> list[str]:
        """How to start it, to be followed by its arguments."""
        if not self.libraries:
            return [self.path]
        return ["env", f"LD_LIBRARY_PATH={':'.join(self.libraries)}", self.path]


def find(program: str) -> Peer:
    """Return a program, fetched if need be. Raises PeerError."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    if installed := shutil.which(program, path=path):
        return Peer(installed)
    package = (PACKAGES | BENCH_PACKAGES | VM_PACKAGES)[program]
    root = FOLDER / package
    if not root.exists():
        _fetch(package, root)
    for folder in _PROGRAMS:
        if (root / folder / program).exists():
            return Peer(str(root / folder / program), _libraries(root))
    raise PeerError(f"{package} has no {program}")


def unpack(package: str) -> Path:
    """Return the folder of a package without programs of its own, fetched if need be.

    Raises PeerError.
    """
    root = FOLDER / package
    if not root.exists():
        _fetch(package, root)
    return root


def depends(package: str, prefix: str) -> str:
    """Return the package that one stands for, by the beginning of its name. Raises PeerError."""
    got = run(["apt-cache", "depends", package])
    names = re.findall(r"Depends: (\S+)", got.stdout)
    for name in names:
        if name.startswith(prefix):
            return str(name)
    raise PeerError(f"{package}: apt-cache does not know what it depends on")


def _fetch(package: str, root: Path) -> None:
    """Unpack a package, and what it lacks here, into a folder. Raises PeerError."""
    for tool in ("apt-get", "dpkg", "ldd"):
        if shutil.which(tool) is None:
            raise PeerError(f"{package}: neither installed nor to be fetched, without {tool}")
    # Two runs at once make a folder each; the last to finish finds it there.
    partial = root.with_name(f"{root.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        wanted, had = [package], set[str]()
        while wanted:
            name = wanted.pop()
            if name not in had:
                had.add(name)
                _unpack(name, partial)
                if _lacks(partial):
                    wanted += _dependencies(name)
        if lacking := _lacks(partial):
            raise PeerError(f"{package}: no package for {', '.join(sorted(lacking))}")
        if not root.exists():
            partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack(package: str, root: Path) -> None:
    downloads = root / "downloads"
    downloads.mkdir(parents=True)
    got = run(["apt-get", "download", package], downloads)
    if got.returncode and os.geteuid() == 0:
        run(["apt-get", "update", "-q"], downloads)  # a fresh container knows of no packages
        got = run(["apt-get", "download", package], downloads)
    files = list(downloads.glob("*.deb"))
    if not files:
        raise PeerError(f"{package}: {(got.stderr.strip().splitlines() or ['no download'])[-1]}")
    if run(["dpkg", "-x", str(files[0]), str(root)], downloads).returncode:
        raise PeerError(f"{package}: cannot be unpacked")
    shutil.rmtree(downloads)


def _lacks(root: Path) -> set[str]:
    """Return the libraries that the programs in a folder need, and nobody has."""
    programs = [path for folder in _PROGRAMS for path in (root / folder).glob("*")]
    shared = [path for path in root.rglob("*.so*") if path.is_file() and not path.is_symlink()]
    lacking: set[str] = set()
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(_libraries(root))}
    for path in [*programs, *shared]:
        got = subprocess.run(
            ["ldd", str(path)], env=environment, capture_output=True, text=True, check=False
        )
        lacking.update(re.findall(r"(\S+) => not found", got.stdout))
    return lacking


def _dependencies(package: str) -> list[str]:
    """Return the libraries' packages that a package depends on and that are not installed."""
    got = run(["apt-cache", "depends", "--no-recommends", "--no-suggests", package], FOLDER)
    names = re.findall(r"^ +(?:Pre)?Depends: ([a-z0-9.+-]+)$", got.stdout, re.MULTILINE)
    return [
        name
        for name in names
        if _has_libraries(name) and run(["dpkg", "-s", name], FOLDER).returncode
    ]


def _has_libraries(package: str) -> bool:
    return package.startswith("lib") or package.endswith(("-common", "-libs"))


def _libraries(root: Path) -> list[str]:
    return sorted({str(path.parent) for path in root.rglob("*.so*")})


def run(command: list[str], folder: Path = FOLDER) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{command[0]} {command[1]}: no answer in {LIMIT} s") from None


def main() -> int:
    """Fetch every peer; never fail, since a test whose peer is missing says so itself."""
    if sys.argv[1:] == ["--clean"]:
        shutil.rmtree(FOLDER, ignore_errors=True)
        return 0
    for program in PACKAGES:
        try:
            print(f"peers: {program}: {find(program).path}")
        except PeerError as error:
            print(f"peers: {program}: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
