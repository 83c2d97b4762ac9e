"""List what this machine has for a device: radios, pins, buses, serial ports, permissions.

Each line says what is there or what is wrong, and the one command that mends it. Exits with 0
unless it cannot look.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tokay.cli.output import STDOUT, write

CANNOT_LOOK = 1


class Finding(NamedTuple):
    """One line. ``mend`` is the command that mends it, empty where nothing is wrong."""

    subject: str
    text: str
    mend: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: it looks at all there is."""


def main(arguments: argparse.Namespace) -> int:
    """Print the findings; return the exit status."""
    lines: list[str] = []
    for group, look in GROUPS.items():
        try:
            found = list(look())
        except OSError as error:
            write(STDOUT, "\n".join([*lines, f"{group}: {error}", ""]).encode())
            return CANNOT_LOOK
        for one in found or [Finding("none", "")]:
            text = f": {one.text}" if one.text else ""
            lines.append(f"{group:<12} {one.subject}{text}")
            if one.mend:
                lines.append(f"{'':<12}   mend it: {one.mend}")
    write(STDOUT, ("\n".join(lines) + "\n").encode())
    return 0


def look_at_capabilities() -> Iterator[Finding]:
    """Yield the capabilities that a real radio and low ports need."""
    from tokay.board.net.capabilities import missing_capabilities  # noqa: PLC0415

    uses = {
        "CAP_NET_ADMIN": "a real radio or Ethernet interface",
        "CAP_NET_RAW": "a real radio or Ethernet interface",
        "CAP_NET_BIND_SERVICE": "ports below 1024, such as HTTP's",
    }
    missing = missing_capabilities(tuple(uses))
    for name, use in uses.items():
        if name in missing:
            yield Finding(name, f"missing, for {use}", "sudo systemctl start tokay@NAME")
        else:
            yield Finding(name, "there")


def look_at_programs() -> Iterator[Finding]:
    """Yield the programs that a real radio needs."""
    from tokay.board.wpa.undo import find_program  # noqa: PLC0415

    for program, package in {"wpa_supplicant": "wpasupplicant", "hostapd": "hostapd"}.items():
        path = find_program(program)
        if path:
            yield Finding(program, path)
        else:
            yield Finding(program, "not installed", f"sudo apt install {package}")


def look_at_radios() -> Iterator[Finding]:
    """Yield the wireless interfaces, what their radios can do, and who holds them."""
    from tokay.board.wpa.holders import blocked_by_rfkill, holder_of  # noqa: PLC0415
    from tokay.board.wpa.interface import describe  # noqa: PLC0415
    from tokay.board.wpa.nl80211 import Nl80211  # noqa: PLC0415
    from tokay.protocols.nl80211 import InterfaceType  # noqa: PLC0415

    try:
        with Nl80211() as kernel:
            wiphys = {one.index: one for one in kernel.wiphys()}
            interfaces = kernel.interfaces()
    except OSError:
        return  # a kernel without Wi-Fi
    for one in interfaces:
        wiphy = wiphys.get(one.wiphy)
        if wiphy is None or not one.name:
            continue
        at_once = wiphy.channels_for([InterfaceType.STATION, InterfaceType.AP])
        yield Finding(one.name, f"{wiphy.name}: {describe(wiphy, wiphy, at_once)}")
        if blocked_by_rfkill(wiphy.name):
            yield Finding(one.name, "switched off", "rfkill unblock wifi")
        held, _, mend = (holder_of(one.name, one.ifindex) or "").partition("; free it: ")
        if held:
            yield Finding(one.name, held, mend)


def look_at_devices(pattern: str, kind: str) -> Iterator[Finding]:
    """Yield the device files of a kind, and whether they can be opened."""
    for path in sorted(Path("/dev").glob(pattern)):
        if os.access(path, os.R_OK | os.W_OK):
            owner = _owner(path)
            yield Finding(str(path), f"open in {owner}" if owner else "free")
        else:
            group = _group(path)
            yield Finding(
                str(path), f"{kind} that only the group {group} may open",
                f"sudo usermod -aG {group} $USER",
            )  # fmt: skip


def look_at_serial_ports() -> Iterator[Finding]:
    """Yield the serial ports; USB adapters by the names that stay theirs."""
    stable = {path.resolve(): path for path in sorted(Path("/dev/serial/by-id").glob("*"))}
    for pattern in ("ttyUSB*", "ttyACM*", "ttyAMA*", "ttymxc*", "ttyO[0-9]*", "ttyS[0-9]*"):
        for found in look_at_devices(pattern, "a serial port"):
            if pattern.startswith("ttyS") and not _has_uart(Path(found.subject)):
                continue
            name = stable.get(Path(found.subject))
            yield found._replace(subject=str(name)) if name else found


def look_at_chips() -> Iterator[Finding]:
    """Yield the chips of GPIO lines."""
    yield from look_at_devices("gpiochip*", "a chip of pins")


def look_at_buses() -> Iterator[Finding]:
    """Yield the I2C buses and the SPI devices."""
    yield from look_at_devices("i2c-*", "an I2C bus")
    yield from look_at_devices("spidev*", "an SPI device")


GROUPS = {
    "permissions": look_at_capabilities,
    "programs": look_at_programs,
    "radios": look_at_radios,
    "serial": look_at_serial_ports,
    "pins": look_at_chips,
    "buses": look_at_buses,
}


def _has_uart(path: Path) -> bool:
    """Return whether there is hardware behind a port of the machine's own: most have none."""
    with contextlib.suppress(OSError):
        return (Path("/sys/class/tty") / path.name / "type").read_text().strip() != "0"
    return False


def _owner(path: Path) -> str:
    """Return the name of a program that has a file open, as far as this process may see it."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (folder / "fd").iterdir():
                if descriptor.readlink() == path:
                    return (folder / "comm").read_text().strip()
    return ""


def _group(path: Path) -> str:
    try:
        return path.group()
    except (KeyError, OSError):
        return "root"
