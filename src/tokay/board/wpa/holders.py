"""Who else on this machine has a wireless interface, and the one command that frees it."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def holder_of(ifname: str, ifindex: int, root: Path = ROOT) -> str | None:
    """Return who holds an interface and how to free it, in one line; None if nobody does."""
    unmanaged = f"[Match]\\nName={ifname}\\n[Link]\\nUnmanaged=yes\\n"
    if _network_manager_has(ifindex, root):
        return f"NetworkManager has it; free it: nmcli device set {ifname} managed no"
    if _networkd_has(ifindex, root):
        return (
            f"systemd-networkd has it; free it: printf '{unmanaged}' >"
            f" /run/systemd/network/00-{ifname}.network && networkctl reload"
        )
    for name, arguments in _processes(root):
        if name == "iwd":
            return "iwd has it; free it: systemctl stop iwd"
        if name == "wpa_supplicant" and _names(arguments, ifname):
            return f"another wpa_supplicant has it; free it: systemctl stop wpa_supplicant@{ifname}"
    return None


def blocked_by_rfkill(wiphy: str, root: Path = ROOT) -> bool:
    """Return whether a radio is switched off, by a key or by rfkill(8)."""
    folder = root / "sys/class/ieee80211" / wiphy
    return any(
        _read(path / switch).strip() == "1"
        for path in folder.glob("rfkill*")
        for switch in ("soft", "hard")
    )


def _network_manager_has(ifindex: int, root: Path) -> bool:
    # NetworkManager keeps a file for each device while it runs.
    text = _read(root / "run/NetworkManager/devices" / str(ifindex))
    running = any(name == "NetworkManager" for name, _ in _processes(root))
    return running and re.search(r"^managed=(?:true|1)$", text, re.MULTILINE) is not None


def _networkd_has(ifindex: int, root: Path) -> bool:
    text = _read(root / "run/systemd/netif/links" / str(ifindex))
    state = re.search(r"^ADMIN_STATE=(\S+)$", text, re.MULTILINE)
    running = any(name == "systemd-network" for name, _ in _processes(root))
    return running and state is not None and state[1] not in ("unmanaged", "linger")


def _processes(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name (15 characters at most) and the arguments of each process."""
    for path in (root / "proc").glob("[0-9]*"):
        name = _read(path / "comm").strip()
        if name:
            yield name, _read(path / "cmdline").split("\0")


def _names(arguments: list[str], ifname: str) -> bool:
    return f"-i{ifname}" in arguments or any(
        pair == ("-i", ifname) for pair in itertools.pairwise(arguments)
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
