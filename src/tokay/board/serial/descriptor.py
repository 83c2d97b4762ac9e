"""A port on file descriptors: a pty, a tty, standard input and output."""

import asyncio
import contextlib
import itertools
import os
import selectors
import termios
import tty
from collections import deque

from tokay.board.serial.port import LineSettings, SerialPort

READ_SIZE = 16 * 1024
"""Bytes that are read at once; a pty gives little more than 4 KB."""
MAX_READS = 8
"""Reads in a row, before the loop does the rest of its work."""
FULL_READ = 4000
"""Bytes in one read behind which there are probably more."""
MAX_IOVECS = 64
"""What waits is written that many pieces at once."""

_BAUDS = {
    int(name[1:]): getattr(termios, name)
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


class DescriptorPort(SerialPort):
    """Reads one descriptor and writes another (or the same). Both are non-blocking meanwhile."""

    def __init__(self, read_fd: int, write_fd: int, description: str) -> None:
        super().__init__()
        self.description = description
        self._loop = asyncio.get_running_loop()
        self._read_fd, self._write_fd = read_fd, write_fd
        self._unsent: deque[bytes | memoryview] = deque()
        self._backlog = 0
        self._reading = self._ended = self._closed = False
        # A plain file and /dev/null cannot be waited for.
        self._pollable = _pollable(read_fd)
        self._blocking = {fd: os.get_blocking(fd) for fd in (read_fd, write_fd)}
        for fd in self._blocking:
            os.set_blocking(fd, False)

    @property
    def backlog(self) -> int:
        return self._backlog

    def write(self, data: bytes) -> None:
        if self._closed:
            return
        if not self._unsent:
            sent = self._send(data)
            if sent == len(data):
                return
            self._unsent.append(memoryview(data)[sent:])
            self._backlog = len(data) - sent
            self._loop.add_writer(self._write_fd, self._flush)
        else:
            self._unsent.append(data)
            self._backlog += len(data)

    def close(self) -> None:
        if self._closed:
            return
        self.detach()
        if self._unsent:
            self._loop.remove_writer(self._write_fd)
            # One last try: a terminal takes it, a host that is gone never will.
            self._send(b"".join(self._unsent))
        self._closed = True
        for fd, blocking in self._blocking.items():
            with contextlib.suppress(OSError):
                os.set_blocking(fd, blocking)
        self._release()

    def _release(self) -> None:
        """Close what was opened."""

    def _send(self, data: bytes) -> int:
        try:
            return os.write(self._write_fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # the host is gone: a UART sends on into the void

    def _flush(self) -> None:
        unsent = self._unsent
        try:
            sent = os.writev(self._write_fd, list(itertools.islice(unsent, MAX_IOVECS)))
        except BlockingIOError:
            return
        except OSError:
            sent = self._backlog
        self._backlog -= sent
        while sent and sent >= len(unsent[0]):
            sent -= len(unsent.popleft())
        if sent:
            unsent[0] = memoryview(unsent[0])[sent:]
        if not unsent:
            self._loop.remove_writer(self._write_fd)
            if self._receiver is not None:
                self._receiver.drained()

    def _resume_reading(self) -> None:
        if self._reading or self._ended or self._closed:
            return
        self._reading = True
        if self._pollable:
            self._loop.add_reader(self._read_fd, self._receive)
        else:
            self._loop.call_soon(self._receive_on)

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            if self._pollable:
                self._loop.remove_reader(self._read_fd)

    def _receive_on(self) -> None:
        """Read a plain file: it is always ready, and the loop must not be kept from the rest."""
        if self._reading:
            self._receive()
            self._loop.call_soon(self._receive_on)

    def _receive(self) -> None:
        data = self._read()
        if data is None:
            return
        if len(data) >= FULL_READ:
            # A pty gives little at a time: what costs is each piece, and not each byte.
            pieces = [data]
            while (
                len(pieces) < MAX_READS and len(pieces[-1]) >= FULL_READ and (more := self._read())
            ):
                pieces.append(more)
            data = b"".join(pieces)
        if data and self._receiver is not None:
            self._receiver.feed(data)
        if self._ended:
            self._pause_reading()
            if self.on_end is not None:
                self.on_end()

    def _read(self) -> bytes | None:
        """Return what has come; nothing at the end, and None when there is nothing yet."""
        try:
            data = os.read(self._read_fd, READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        self._ended = not data
        return data


def _pollable(fd: int) -> bool:
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(fd, selectors.EVENT_READ)
    except PermissionError:
        return False
    return True


def make_raw(fd: int) -> None:
    """Set a terminal to pass bytes unchanged."""
    tty.setraw(fd, termios.TCSANOW)


def set_line(fd: int, settings: LineSettings) -> None:
    """Set rate, data bits, parity, stop bits and flow control. Raises OSError."""
    iflag, oflag, cflag, lflag, _, _, cc = termios.tcgetattr(fd)
    speed = _BAUDS.get(settings.baud)
    if speed is None:
        message = f"{settings.baud} baud is not a rate of this port"
        raise OSError(message)
    cflag &= ~(termios.CSIZE | termios.CSTOPB | termios.PARENB | termios.PARODD | termios.CRTSCTS)
    cflag |= {5: termios.CS5, 6: termios.CS6, 7: termios.CS7, 8: termios.CS8}[settings.data]
    cflag |= termios.CSTOPB if settings.stop == 2 else 0
    cflag |= {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}[
        settings.parity
    ]
    cflag |= termios.CRTSCTS if settings.flow else 0
    try:
        termios.tcsetattr(fd, termios.TCSADRAIN, [iflag, oflag, cflag, lflag, speed, speed, cc])
    except termios.error as error:
        raise OSError(*error.args) from None
