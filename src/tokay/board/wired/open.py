"""Open wired radios and Ethernet interfaces by their names on the command line."""

import re

from tokay.board.net.capabilities import missing_capabilities
from tokay.board.radio import RadioOptionError
from tokay.board.wired.radio import WiredRadio

_IFNAME = re.compile(r"[^\s/:,]{1,15}")  # dev_valid_name() in the kernel's net/core/dev.c


def open_wired(options: str, mac: str) -> WiredRadio:
    """Return the radio of `wired:IFACE` or `wired:IFACE,AP_IFACE`.

    ``mac`` is not used: an interface has an address of its own. Raises RadioError.
    """
    names = options.split(",")
    if len(names) > 2 or not all(map(is_ifname, names)):
        raise RadioOptionError("use wired:IFACE or wired:IFACE,AP_IFACE")
    if len(set(names)) < len(names):
        raise RadioOptionError("the soft AP needs an interface of its own")
    return open_interface(names[0], names[1] if len(names) > 1 else None)


def open_interface(ifname: str, ap_ifname: str | None = None) -> WiredRadio:
    """Return a radio on an interface, with another for its soft AP. Raises RadioError."""
    if missing := missing_capabilities():
        raise RadioOptionError(f"needs {' and '.join(missing)}")
    return WiredRadio(ifname, ap_ifname=ap_ifname)


def is_ifname(text: str) -> bool:
    """Return whether the kernel takes a text for the name of an interface."""
    return _IFNAME.fullmatch(text) is not None
