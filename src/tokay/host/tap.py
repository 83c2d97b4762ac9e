"""A tap: stands between a host and a module, passes every byte on, and writes a transcript.

The host opens the pseudo-terminal instead of the module's port. One thread polls both ends; bytes
go to the other end before they are written down, and an end that takes no more makes the other
wait, so nothing is lost and nothing is held that has no room.
"""

import contextlib
import os
import select
import termios
import time
import tty
from pathlib import Path
from typing import IO

from tokay.host.address import parse_address
from tokay.host.channel import HOST, MODULE
from tokay.host.errors import Disconnected, ModuleError
from tokay.host.serial_channel import open_port
from tokay.host.transcript import TranscriptWriter

READ_SIZE = 4096
FLUSH_TIME = 0.5
"""Seconds that a line of the transcript waits at most to be in the file."""


class _End:
    """One end of the tap."""

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name
        self.unsent = b""


class Tap:
    """A tap between a port and a pseudo-terminal. ``run`` blocks until ``stop`` or an end.

    ``port`` is an address as for ``Module.open``, `serial:` or `pty:`; ``link`` a path that becomes
    a symbolic link to the pseudo-terminal, removed at the end. Raises ModuleError.
    """

    def __init__(self, port: str, link: Path | None, transcript: IO[str]) -> None:
        address = parse_address(port)
        if address.scheme not in ("serial", "pty"):
            raise ModuleError(f"{port}: a tap needs a serial port")
        self._port, self._found = open_port(address)
        self._wake_read, self._wake_write = os.pipe()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._link = link
        if link is not None:
            try:
                link.symlink_to(self.path)
            except OSError as error:
                self._link = None
                self.close()
                raise Disconnected(f"{link}: {error.strerror}") from None
        self._writer = TranscriptWriter(transcript, port)

    def stop(self) -> None:
        """Make ``run`` return; may be called from another thread or a signal handler."""
        os.write(self._wake_write, b"x")

    def run(self) -> None:
        """Pass bytes on until ``stop``, or until the port is gone: Disconnected."""
        host, module = _End(self._master, HOST), _End(self._port, MODULE)
        ends = {host.fd: (host, module), module.fd: (module, host)}
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        for fd in ends:
            poll.register(fd, select.POLLIN)
        start = flushed = time.monotonic()
        while True:
            ready = poll.poll(FLUSH_TIME * 1000)
            for fd, events in ready:
                if fd == self._wake_read:
                    self._writer.flush()
                    return
                end, other = ends[fd]
                if events & select.POLLOUT:
                    _send(end, b"")
                if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    self._pass_on(end, other, start)
            for end, other in ends.values():
                reads = 0 if other.unsent else select.POLLIN
                poll.modify(end.fd, reads | (select.POLLOUT if end.unsent else 0))
            now = time.monotonic()
            if now - flushed > FLUSH_TIME:
                self._writer.flush()
                flushed = now

    def close(self) -> None:
        """Remove the tap; the port gets back the settings that it had."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.unlink()
            self._link = None
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(self._port, termios.TCSANOW, self._found)
        for fd in (self._port, self._master, self._slave, self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(fd)

    def _pass_on(self, end: _End, other: _End, start: float) -> None:
        try:
            data = os.read(end.fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._writer.flush()
            raise Disconnected(f"the {end.name} is gone")
        _send(other, data)
        self._writer.add(time.monotonic() - start, end.name, data)


def _send(end: _End, data: bytes) -> None:
    """Write what an end takes, and keep the rest."""
    end.unsent += data
    with contextlib.suppress(BlockingIOError):
        end.unsent = end.unsent[os.write(end.fd, end.unsent) :]
