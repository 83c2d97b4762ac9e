"""What modules there are: on serial ports, and on the network by mDNS and announcements.

A serial port is asked for its version, at each rate in turn; nothing else is sent to it. On the
network the modules' own announcements (UDP) are listened to, and `_http._tcp` is browsed for names
that modules have.

Source: docs/protocol/web-and-discovery.md, sections 6.1 and 6.3.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokay.host.errors import ModuleError
from tokay.host.module import Module
from tokay.protocols.dns import DnsError, DnsMessage
from tokay.protocols.mdns import GROUP, PORT, MdnsBrowse

PORTS = ("ttyUSB*", "ttyACM*", "ttyAMA*")
BAUDS = (115200, 9600)
PROBE_TIME = 2.0
ANNOUNCEMENT_PORT = 55555
LISTEN_TIME = 11.0
"""Seconds: announcements come every ten."""
MAX_FOUND = 4096
_NAMES = ("gecko_os", "gecko-os", "zentrios", "wiconnect", "tokay")
"""What the host names of modules begin with from the factory."""


class Found(NamedTuple):
    """A module, or what is likely one. ``version`` is empty where it did not say."""

    url: str
    how: str
    version: str = ""
    name: str = ""


def serial_ports(patterns: Sequence[str] = PORTS) -> list[str]:
    """Return the serial ports of `/dev` that a module may be on."""
    return sorted(str(path) for pattern in patterns for path in Path("/dev").glob(pattern))


async def probe(path: str, bauds: Sequence[int] = BAUDS) -> Found | None:
    """Return the module on a port, None when nobody answers like one."""
    for baud in bauds:
        url = f"serial:{path}?baud={baud}"
        with contextlib.suppress(ModuleError):
            async with Module.open(url, open_timeout=PROBE_TIME, timeout=PROBE_TIME) as module:
                return Found(url, "serial", (await module.version()).text)
    return None


async def scan_serial(ports: Sequence[str]) -> list[Found]:
    """Return the modules on these ports; all are asked at once."""
    found = await asyncio.gather(*(probe(path) for path in ports))
    return [one for one in found if one is not None]


async def scan_network(
    seconds: float = LISTEN_TIME,
    *,
    announcements: tuple[str, int] = ("", ANNOUNCEMENT_PORT),
    mdns: tuple[str, int] = (GROUP, PORT),
) -> list[Found]:
    """Return the modules that are heard of within some seconds. Raises OSError."""
    heard: dict[str, Found] = {}

    def announced(data: bytes, source: tuple[Any, ...]) -> None:
        found = parse_announcement(data, str(source[0]))
        if found is not None and len(heard) < MAX_FOUND:
            heard[found.url] = found

    loop = asyncio.get_running_loop()
    browse = MdnsBrowse("_http._tcp", loop.time())

    def answered(data: bytes, _: tuple[Any, ...]) -> None:
        with contextlib.suppress(DnsError):
            browse.receive(DnsMessage.decode(data))

    async with contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(OSError):  # another program may have the port
            await _listen(stack, announced, announcements)
        asking = await _listen(stack, answered, ("", 0))
        end = loop.time() + seconds
        while (now := loop.time()) < end:
            if browse.is_due(now):
                with contextlib.suppress(OSError):
                    asking.sendto(browse.question(), mdns)
            await asyncio.sleep(min(browse.get_timer(), end) - now)
    for one in browse.instances():
        if one.address is not None and one.instance.lower().startswith(_NAMES):
            url = f"http://{one.address}:{one.port}"
            heard.setdefault(url, Found(url, "mdns", name=one.instance))
    return sorted(heard.values())


def parse_announcement(data: bytes, source: str) -> Found | None:
    """Return the module that an announcement is of, None for any other datagram."""
    try:
        fields = json.loads(data)
    except ValueError:
        return None
    if not isinstance(fields, dict) or not {"mac", "ip", "version"} & set(fields):
        return None
    address = fields.get("ip")
    host = address if isinstance(address, str) and _is_address(address) else source
    version, name = fields.get("version", ""), fields.get("mac", "")
    return Found(f"http://{host}:80", "announcement", str(version)[:200], str(name)[:40])


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return text != "0.0.0.0"  # noqa: S104 - an address that nobody has


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, handler: Callable[[bytes, tuple[Any, ...]], None]) -> None:
        self._handler = handler

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._handler(data, addr)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at a port that was asked: another may."""


async def _listen(
    stack: contextlib.AsyncExitStack,
    handler: Callable[[bytes, tuple[Any, ...]], None],
    where: tuple[str, int],
) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Datagrams(handler),
        (where[0] or "0.0.0.0", where[1]),  # noqa: S104 - broadcasts
    )
    stack.callback(transport.close)
    return transport
