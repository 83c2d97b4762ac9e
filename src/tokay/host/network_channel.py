"""A console over TCP: raw, with telnet's negotiation, or a serial line behind RFC 2217."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Iterable
from typing import cast

from tokay.host.address import Address
from tokay.host.channel import Channel, Drained
from tokay.host.errors import AddressError, Disconnected
from tokay.protocols.com_port_client import ComPortClient
from tokay.protocols.rfc2217 import ComPortSettings, Parity
from tokay.protocols.telnet import BINARY, ECHO, SUPPRESS_GO_AHEAD, Telnet, escape

CLOSE_TIME = 1.0
"""Seconds that closing waits for a peer that takes no more bytes."""
_PARITY = {"none": Parity.NONE, "odd": Parity.ODD, "even": Parity.EVEN}


class TcpChannel(Channel, asyncio.Protocol):
    """A connection whose bytes are the console's."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._drained = Drained()
        self._lost = asyncio.Event()

    async def open(self) -> None:
        address = self._address
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self, address.host, address.port
            )
        except OSError as error:
            raise connect_error(address, error) from None

    def write(self, data: bytes) -> None:
        self._send(data)

    async def drain(self) -> None:
        await self._drained.wait()

    async def close(self) -> None:
        if self._transport is None:
            return
        self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIME):
                await self._lost.wait()
        self._transport.abort()

    def _send(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: only the name is the same.
        self._transport = cast("asyncio.Transport", transport)
        # `resume_writing` is to mean that all has gone.
        self._transport.set_write_buffer_limits(high=1, low=0)

    def data_received(self, data: bytes) -> None:
        self.on_data(data)

    def pause_writing(self) -> None:
        self._drained.wrote()

    def resume_writing(self) -> None:
        self._drained.gone()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drained.gone()
        self._lost.set()
        self.on_lost(exc if isinstance(exc, OSError) else None)


class TelnetChannel(TcpChannel):
    """The same, with options negotiated and bytes of 255 doubled."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        options = (BINARY, SUPPRESS_GO_AHEAD)
        self._telnet = Telnet(ours=options, theirs=(*options, ECHO))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Without a command of telnet the other side takes us for a raw client.
        self._telnet.ask(SUPPRESS_GO_AHEAD)
        self._telnet.offer(BINARY)
        self._telnet.ask(BINARY)
        self._send(self._telnet.data_to_send())

    def data_received(self, data: bytes) -> None:
        self._pass_on(self._telnet.receive(data))
        self._send(self._telnet.data_to_send())

    def write(self, data: bytes) -> None:
        self._send(escape(data))

    def _pass_on(self, events: Iterable[object]) -> None:
        for event in events:
            if isinstance(event, bytes):
                self.on_data(event)


class Rfc2217Channel(TelnetChannel):
    """A serial line at the other end of the connection, set as the address wants it."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self._com_port = ComPortClient(line_of(address))
        self._telnet = self._com_port.telnet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        TcpChannel.connection_made(self, transport)
        self._send(self._com_port.data_to_send())

    def data_received(self, data: bytes) -> None:
        self._pass_on(self._com_port.receive(data))
        self._send(self._com_port.data_to_send())


def line_of(address: Address) -> ComPortSettings:
    """Return the line that an address wants. Raises AddressError."""
    parity = address.options.get("parity", "none")
    if parity not in _PARITY:
        raise AddressError(f"parity={parity}: use {', '.join(_PARITY)}")
    return ComPortSettings(
        baud=address.number("baud", 115200),
        data=address.number("data", 8),
        parity=_PARITY[parity],
        stop=address.number("stop", 1),
        flow=3 if address.switch("rtscts") else 1,
    )


def connect_error(address: Address, error: OSError) -> Disconnected:
    """Return the error for a connection that could not be made."""
    if isinstance(error, ssl.SSLError):
        return Disconnected(f"{address}: {error.reason or error}")
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
    return Disconnected(f"{address}: {why}")
