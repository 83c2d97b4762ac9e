"""A Gecko OS device in software.

>>> async with Device.simulated() as device:
...     response = await device.command("get wlan.mac")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokay.board.air.airspace import AccessPoint, Airspace
    from tokay.device import Device
    from tokay.kernel.results import Response, Result

__all__ = ["AccessPoint", "Airspace", "Device", "Response", "Result"]

_HOMES = {
    "AccessPoint": "tokay.board.air.airspace",
    "Airspace": "tokay.board.air.airspace",
    "Device": "tokay.device",
    "Response": "tokay.kernel.results",
    "Result": "tokay.kernel.results",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import tokay` costs nothing."""
    from importlib import import_module  # noqa: PLC0415

    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)
