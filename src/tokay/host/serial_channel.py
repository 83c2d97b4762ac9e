"""A serial line or pseudo-terminal, by termios and the event loop's readers.

The settings that were found are put back at the end. A port that another program has locked, as
this one does, is ``Busy``. Where there is no termios (Windows) ``open_serial`` needs pyserial.
"""

import asyncio
import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

from tokay.host.address import Address
from tokay.host.channel import Channel, Drained
from tokay.host.errors import AddressError, Busy, Disconnected, ModuleError

if sys.platform != "win32":
    import fcntl
    import termios

READ_SIZE = 64 * 1024
CLOSE_TIME = 1.0
"""Seconds that closing waits for a line that takes no more bytes."""

Attributes = list[Any]


class SerialChannel(Channel):
    """One port."""

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self._fd = -1
        self._found: Attributes | None = None
        self._unsent = bytearray()
        self._drained = Drained()

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd, self._found = open_port(self._address)
        self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> None:
        if self._fd < 0 or not data:
            return
        if not self._unsent:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                pass
            except OSError as error:
                self._lose(error)
                return
            if not data:
                return
            self._drained.wrote()
            self._loop.add_writer(self._fd, self._writable)
        self._unsent += data

    async def drain(self) -> None:
        await self._drained.wait()

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIME):
                await self._drained.wait()
        self._release()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self.on_data(data)
        else:
            self._lose(None)

    def _writable(self) -> None:
        try:
            del self._unsent[: os.write(self._fd, self._unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if not self._unsent:
            self._loop.remove_writer(self._fd)
            self._drained.gone()

    def _lose(self, error: OSError | None) -> None:
        self._release()
        self.on_lost(error)

    def _release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        self._unsent.clear()
        self._drained.gone()
        if self._found is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(fd, termios.TCSANOW, self._found)
        os.close(fd)


def open_serial(address: Address) -> Channel:
    """Return the channel for a serial address on this system. Raises Unsupported."""
    if sys.platform == "win32":
        from tokay.host.pyserial_channel import PyserialChannel  # noqa: PLC0415 - Windows only

        return PyserialChannel(address)
    return SerialChannel(address)


def open_port(address: Address) -> tuple[int, Attributes]:
    """Return a locked, raw port and the settings that it had. Raises ModuleError."""
    try:
        fd = os.open(address.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _open_error(address.path, error) from None
    try:
        return fd, _prepare(fd, address)
    except BaseException:
        os.close(fd)
        raise


def _open_error(path: str, error: OSError) -> ModuleError:
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return Busy(f"{path} is in use")
    return Disconnected(f"{path}: {error.strerror}")


def _prepare(fd: int, address: Address) -> Attributes:
    """Lock a port and set it; return the settings that it had."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Busy(f"{address.path} is in use") from None
    try:
        found: Attributes = termios.tcgetattr(fd)
        termios.tcsetattr(fd, termios.TCSANOW, line_settings(found, address))
    except termios.error as error:
        raise Disconnected(f"{address.path} is no serial port: {error.args[-1]}") from None
    return found


def line_settings(found: Sequence[Any], address: Address) -> Attributes:
    """Return termios settings for a raw line as the address wants it. Raises AddressError."""
    _, _, cflag, _, ispeed, ospeed, cc = found
    cc = list(cc)
    cc[termios.VMIN], cc[termios.VTIME] = 1, 0
    cflag |= termios.CLOCAL | termios.CREAD
    if address.scheme == "serial":
        ispeed = ospeed = _speed(address.number("baud", 115200))
        cflag &= ~(termios.CSIZE | termios.CSTOPB | termios.PARENB | termios.PARODD)
        cflag &= ~termios.CRTSCTS
        cflag |= _choice(address, "data", "8", {str(n): getattr(termios, f"CS{n}") for n in (8, 7)})
        cflag |= _choice(address, "stop", "1", {"1": 0, "2": termios.CSTOPB})
        odd = termios.PARENB | termios.PARODD
        cflag |= _choice(address, "parity", "none", {"none": 0, "odd": odd, "even": termios.PARENB})
        cflag |= termios.CRTSCTS if address.switch("rtscts") else 0
    return [0, 0, cflag, 0, ispeed, ospeed, cc]


def _speed(baud: int) -> int:
    speed = getattr(termios, f"B{baud}", None)
    if not isinstance(speed, int):
        raise AddressError(f"baud={baud}: this system has no such rate")
    return speed


def _choice(address: Address, option: str, usual: str, choices: dict[str, int]) -> int:
    value = address.options.get(option, usual)
    if value not in choices:
        raise AddressError(f"{option}={value}: use {', '.join(choices)}")
    return choices[value]
