"""The other side of the wire: a library for any module, real or in software.

>>> async with Module.open("serial:/dev/ttyUSB0") as module:
...     mac = await module.get("wlan.mac")

``tokay.host.sync`` has the same without ``await``. Only the standard library is needed.
"""

from tokay.host.errors import (
    AddressError,
    Busy,
    CommandFailed,
    Disconnected,
    FramingError,
    LoginFailed,
    ModuleError,
    Restarted,
    Timeout,
    Unsupported,
)
from tokay.host.module import Module
from tokay.host.reconnect import Reconnecting, ReconnectState
from tokay.host.response import Event, Response
from tokay.host.stream import Stream
from tokay.host.version import Generation, Version

__all__ = [
    "AddressError",
    "Busy",
    "CommandFailed",
    "Disconnected",
    "Event",
    "FramingError",
    "Generation",
    "LoginFailed",
    "Module",
    "ModuleError",
    "ReconnectState",
    "Reconnecting",
    "Response",
    "Restarted",
    "Stream",
    "Timeout",
    "Unsupported",
    "Version",
]
