"""The Linux capabilities of this process (capabilities(7))."""

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")
_BITS = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}  # linux/capability.h
INTERFACE = ("CAP_NET_ADMIN", "CAP_NET_RAW")
"""What a device needs to have a network interface to itself."""


def missing_capabilities(
    needed: tuple[str, ...] = INTERFACE, *, status: Path = _STATUS
) -> list[str]:
    """Return those of the capabilities that are not in this process's effective set."""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    effective = int(match[1], 16) if match else 0
    return [name for name in needed if not effective >> _BITS[name] & 1]
