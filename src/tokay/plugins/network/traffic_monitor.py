"""A traffic monitor on a connection: calls back on each receive and send.

It stands between a transport and its protocol while somebody wants to know; else there is none.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

Seen = Callable[[str], None]
"""Called with `rx` or `tx`."""


class TrafficMonitor(asyncio.Protocol, asyncio.DatagramProtocol):
    """Passes on what a transport tells, and is the transport of the protocol behind it."""

    def __init__(self, protocol: asyncio.BaseProtocol, seen: Seen) -> None:
        self._protocol: Any = protocol
        self._real: Any = None
        self._seen = seen

    # From the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._real = transport
        self._protocol.connection_made(cast("asyncio.Transport", self))

    def data_received(self, data: bytes) -> None:
        self._seen("rx")
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            _fill(self._protocol, data)
        else:
            self._protocol.data_received(data)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._seen("rx")
        self._protocol.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._protocol.error_received(exc)

    def eof_received(self) -> bool | None:
        kept: bool | None = self._protocol.eof_received()
        return kept

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    # From the protocol.

    def write(self, data: Any) -> None:
        """Send bytes."""
        self._seen("tx")
        self._real.write(data)

    def writelines(self, pieces: Any) -> None:
        """Send bytes that come in pieces."""
        self._seen("tx")
        self._real.writelines(pieces)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send a datagram."""
        self._seen("tx")
        self._real.sendto(data, addr)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def __getattr__(self, name: str) -> Any:
        # All else that a transport can do goes straight to it.
        return getattr(self._real, name)


def _fill(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Feed bytes to an asyncio.BufferedProtocol."""
    while data:
        buffer = memoryview(protocol.get_buffer(len(data)))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]
