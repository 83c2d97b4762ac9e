"""Scanning: what the radio hears, narrowed by `wlan.scan.*`."""

from tokay.board.radio import Radio, ScanResult
from tokay.kernel.kernel import Kernel
from tokay.kernel.value_types import Choice, Hex, Integer
from tokay.kernel.variables import Variable

TYPES = ("active", "passive")
EVERY_CHANNEL = 0x3FFF

CHANNEL_MASK = Variable(
    "wlan.scan.channel_mask", "wl s c", Hex(1, EVERY_CHANNEL), EVERY_CHANNEL,
    doc="The channels that are listened to: bit 0 is channel 1.",
)  # fmt: skip
NUM_PROBES = Variable(
    "wlan.scan.num_probes", "wl s n", Integer(1, 16), 2, inert=True,
    doc="Probe requests on each channel.",
)  # fmt: skip
PASSIVE_DWELL = Variable(
    "wlan.scan.passive_dwell", "wl s d", Integer(1, 65535, unit="ms"), 110, inert=True,
    doc="How long a passive scan listens on each channel.",
)  # fmt: skip
RETRIES = Variable(
    "wlan.scan.retries", "wl s r", Integer(0, 255), 2,
    doc="Further passes when a network was not found.",
)  # fmt: skip
TYPE = Variable(
    "wlan.scan.type", "wl s t", Choice(*TYPES), "active",
    doc="Ask for networks, or only listen: a hidden one is then not found.",
)  # fmt: skip
SETTINGS = (CHANNEL_MASK, NUM_PROBES, PASSIVE_DWELL, RETRIES, TYPE)


async def look(
    kernel: Kernel, radio: Radio, *, ssid: str = "", channel: int | None = None, type: str = ""
) -> list[ScanResult]:
    """Return the networks in range, strongest first, as `wlan.scan.*` allows."""
    values = kernel.variables
    # Only an active scan asks for a network by name, and only so is a hidden one found.
    passive = (type or values[TYPE]) == "passive"
    asked = "" if passive else ssid
    found = await radio.scan(ssid=asked or None, channel=channel, passive=passive)
    mask = values[CHANNEL_MASK]
    return [one for one in found if mask & 1 << (one.channel - 1) and ssid in ("", one.ssid)]
