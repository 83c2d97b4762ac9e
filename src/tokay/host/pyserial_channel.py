"""A serial line by pyserial, for systems without termios: `pip install tokay[windows]`."""

import asyncio
import contextlib
import threading
from typing import Any

from tokay.host.address import Address
from tokay.host.channel import Channel
from tokay.host.errors import AddressError, Disconnected, Unsupported

POLL = 0.05
"""Seconds after which the reading thread looks whether it is to end."""
_PARITY = {"none": "N", "odd": "O", "even": "E"}


class PyserialChannel(Channel):
    """One port: a thread reads, and the loop hears of it."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self._port: Any = None
        self._thread: threading.Thread | None = None
        self._closing = False

    async def open(self) -> None:
        try:
            import serial  # noqa: PLC0415 - optional, and only here
        except ImportError:
            raise Unsupported("a serial port needs pyserial here: pip install pyserial") from None
        address = self._address
        parity = address.options.get("parity", "none")
        if parity not in _PARITY:
            raise AddressError(f"parity={parity}: use {', '.join(_PARITY)}")
        self._loop = asyncio.get_running_loop()
        try:
            self._port = serial.Serial(
                address.path,
                address.number("baud", 115200),
                bytesize=address.number("data", 8),
                parity=_PARITY[parity],
                stopbits=address.number("stop", 1),
                rtscts=address.switch("rtscts"),
                timeout=POLL,
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise Disconnected(f"{address.path}: {error}") from None
        self._thread = threading.Thread(target=self._read, name=address.path, daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        if self._port is not None and not self._closing:
            with contextlib.suppress(OSError):  # the reading thread tells
                self._port.write(data)

    async def drain(self) -> None:
        if self._port is not None:
            await asyncio.to_thread(self._port.flush)

    async def close(self) -> None:
        self._closing = True
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self._port is not None:
            self._port.close()

    def _read(self) -> None:
        while not self._closing:
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except OSError as error:
                self._loop.call_soon_threadsafe(self.on_lost, error)
                return
            if data:
                self._loop.call_soon_threadsafe(self.on_data, data)
