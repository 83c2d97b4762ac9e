"""What an announcement says.

One JSON object without blanks, its members in the order of `broadcast.data`; numbers for channel,
rssi, remote_terminal_port and time, texts for all else.
"""

from collections.abc import Callable

import msgspec

from tokay.kernel.kernel import Kernel
from tokay.plugins.analog import VREF
from tokay.plugins.broadcast.variables import DATA, PIN
from tokay.plugins.gpio import Gpio
from tokay.plugins.network import Interface, Network
from tokay.plugins.wlan import SSID

Value = str | int


def announcement(kernel: Kernel, interface: Interface) -> bytes:
    """Return what is announced now; nothing when `broadcast.data` is empty."""
    said = {item: _value(kernel, interface, item) for item in kernel.variables[DATA]}
    return msgspec.json.encode(said) if said else b""


def _value(kernel: Kernel, interface: Interface, item: str) -> Value:
    match = PIN.fullmatch(item)
    if match is None:
        return _ITEMS[item](kernel, interface)
    pins, pin = kernel.plugin(Gpio).pins, int(match["number"])
    if match["kind"] == "gpio":
        return str(pins.level(pin))
    return str(max(0, min(pins.millivolts(pin), kernel.variables[VREF])))


def _joined(kernel: Kernel) -> Interface | None:
    """Return the WLAN while it is joined: a soft AP has no network to tell of."""
    return kernel.plugin(Network).find("wlan")


def _bssid(kernel: Kernel, _interface: Interface) -> str:
    joined = _joined(kernel)
    return joined.link.bssid if joined is not None else ""


def _channel(kernel: Kernel, _interface: Interface) -> int:
    joined = _joined(kernel)
    return joined.link.channel if joined is not None else 0


def _ssid(kernel: Kernel, _interface: Interface) -> str:
    if _joined(kernel) is None:
        return ""
    raw = kernel.variables[SSID].encode("latin-1")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _text(name: str) -> Callable[[Kernel, Interface], str]:
    return lambda kernel, _: kernel.variables.get([name])


def _number(name: str) -> Callable[[Kernel, Interface], int]:
    return lambda kernel, _: int(kernel.variables.get([name]))


_ITEMS: dict[str, Callable[[Kernel, Interface], Value]] = {
    "bssid": _bssid,
    "channel": _channel,
    "ip": lambda _, interface: interface.address.address,
    "mac": lambda kernel, _: kernel.mac,
    "remote_terminal_port": _number("remote_terminal.port"),
    "rssi": _number("wlan.network.rssi"),
    "ssid": _ssid,
    "time": lambda kernel, _: int(kernel.clock.rtc * 1000),
    "uuid": _text("system.uuid"),
    "version": lambda kernel, _: kernel.profile.version,
}
