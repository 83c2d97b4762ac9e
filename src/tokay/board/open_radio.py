"""Radios by name: what `--radio` takes.

| form | radio |
| --- | --- |
| `simulated` | an airspace: no hardware, no privileges |
| `wired:IFACE` | an Ethernet interface of this network namespace stands for the air |
| `wired:IFACE,AP_IFACE` | the same, with a second one for the soft AP |
| `host` | the network that this machine is on |

`--ethernet` takes `simulated`, a cable without hardware, or the name of an interface.
"""

import re
from pathlib import Path

from tokay.board.air.airspace import Airspace
from tokay.board.air.cable import Cable
from tokay.board.air.radio import SimulatedRadio
from tokay.board.radio import Radio, RadioError

SIMULATED = "simulated"
HOST = "host"
FORMS = "simulated, wired:IFACE, wired:IFACE,AP_IFACE or host"

_IFNAME = re.compile(r"[^\s/:,]{1,15}")  # dev_valid_name() in the kernel's net/core/dev.c
_NEEDED = {12: "CAP_NET_ADMIN", 13: "CAP_NET_RAW"}  # linux/capability.h
_STATUS = Path("/proc/self/status")


def open_radio(form: str, mac: str, *, airspace: Airspace | None = None) -> Radio:
    """Return the radio that a form names.

    `mac` is for a radio without an address of its own, `airspace` for a simulated one. Raises
    RadioError, for hardware that is not there and privileges that are missing too.
    """
    kind, _, rest = form.partition(":")
    if form == SIMULATED:
        return SimulatedRadio(airspace or Airspace.default(), mac)
    if airspace is not None:
        raise RadioError(f"radio {form}: only a simulated radio has an airspace")
    # Imported where they are used: a simulated device pays for neither.
    if form == HOST:
        from tokay.board.net.host_radio import HostRadio  # noqa: PLC0415

        return HostRadio(mac)
    if kind != "wired":
        raise RadioError(f"radio {form}: use {FORMS}")
    names = rest.split(",")
    if len(names) > 2 or not all(_IFNAME.fullmatch(name) for name in names):
        raise RadioError(f"radio {form}: use wired:IFACE or wired:IFACE,AP_IFACE")
    if len(set(names)) < len(names):
        raise RadioError(f"radio {form}: the soft AP needs an interface of its own")
    return _wired(f"radio {form}", names[0], names[1] if len(names) > 1 else None)


def open_ethernet(form: Cable | str, mac: str, *, radio: str = SIMULATED) -> Radio:
    """Return a device's end of a simulated cable, or the interface that a form names.

    `mac` is for a simulated one, `radio` the form of the board's radio. Raises RadioError as
    `open_radio` does.
    """
    if isinstance(form, Cable):
        return form.connect(mac)
    if not _IFNAME.fullmatch(form):
        raise RadioError(f"ethernet {form}: use simulated or the name of an interface")
    kind, _, names = radio.partition(":")
    if kind == "wired" and form in names.split(","):
        raise RadioError(f"ethernet {form}: the radio has that interface")
    return _wired(f"ethernet {form}", form)


def _wired(what: str, ifname: str, ap_ifname: str | None = None) -> Radio:
    if missing := missing_capabilities():
        raise RadioError(f"{what}: needs {' and '.join(missing)}")
    from tokay.board.wired import WiredRadio  # noqa: PLC0415

    return WiredRadio(ifname, ap_ifname=ap_ifname)


def missing_capabilities(status: Path = _STATUS) -> list[str]:
    """Return the capabilities for an interface of one's own that this process lacks."""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    have = int(match[1], 16) if match else 0
    return [name for bit, name in _NEEDED.items() if not have >> bit & 1]
