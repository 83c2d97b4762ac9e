"""What one run of the soft AP announces and serves: the softap.* settings, or web setup's."""

from typing import NamedTuple

from tokay.kernel.kernel import Kernel
from tokay.plugins.softap import variables as softap

LONGEST_SSID = 32


class ApSettings(NamedTuple):
    """The settings of one run. ``names``: what the DNS server answers with its own address."""

    ssid: str
    passkey: str
    names: tuple[str, ...]
    captive_portal: bool
    dhcp: bool = True
    dns: bool = True


def by_settings(kernel: Kernel) -> ApSettings:
    """Return what the softap.* variables say."""
    values = kernel.variables
    return ApSettings(
        ssid=expand(values[softap.SSID], kernel.mac),
        passkey=values[softap.PASSKEY],
        names=host_names(values[softap.DNS_URL]),
        captive_portal=values[softap.CAPTIVE_PORTAL],
        dhcp=values[softap.DHCP_ENABLED],
        dns=values[softap.DNS_ENABLED],
    )


def expand(ssid: str, mac: str) -> str:
    """Put the last three hex digits of the MAC in the place of each ``#``.

    Source: docs/protocol/web-and-discovery.md, section 2.
    """
    return ssid.replace("#", mac.replace(":", "")[-3:])[:LONGEST_SSID]


def host_names(text: str) -> tuple[str, ...]:
    """Return the host names of a comma list whose items may be URLs."""
    found = []
    for item in text.split(","):
        name = item.strip().partition("://")[2] or item.strip()
        name = name.split("/")[0].split(":")[0].rstrip(".").lower()
        if name:
            found.append(name)
    return tuple(found)
