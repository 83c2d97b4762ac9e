"""Answer a request before its connection has a transport: accept, read, write and close in one go.

Most requests to a device come on a connection of their own, and have arrived when it is accepted.
For a short answer, making a transport, watching its descriptor and taking both down again costs
more than the rest. A listener that is given a ``PreAcceptFactory`` therefore peeks at the bytes
that have arrived and asks ``answer`` for the whole response. None means that the connection gets a
transport as any other does; no byte has been consumed by then.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

MAX_FIRST = 2048
"""Bytes that are looked at."""
MAX_ACCEPTS = 64
"""Connections that are accepted before anything else has its turn."""
RETRY = 1.0
"""Seconds to wait when the process has no descriptor left, as asyncio's own servers do."""
SEND_LIMIT = 30.0
"""Seconds for what of an answer found no room at once."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER's value for a close that is a reset."""
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_logger = logging.getLogger(__name__)

Factory = Callable[[], asyncio.BaseProtocol]
Answer = Callable[[bytes], bytes | None]


class PreAcceptFactory:
    """A protocol factory that may know the answer to the first bytes of a connection."""

    __slots__ = ("_make", "answer")

    def __init__(self, make: Factory, answer: Answer) -> None:
        self._make = make
        self.answer = answer

    def __call__(self) -> asyncio.BaseProtocol:
        return self._make()


class PreAcceptServer:
    """Accepts on a listening socket.

    ``find`` gives the factory of an accepted one, None for one that is to be reset.
    """

    __slots__ = ("_find", "_loop", "_pending", "_sock", "_timer")

    def __init__(
        self, sock: socket.socket, find: Callable[[socket.socket], Factory | None]
    ) -> None:
        self._sock = sock
        self._find = find
        self._loop = asyncio.get_running_loop()
        self._pending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock.fileno(), self._accept_waiting)

    def close(self) -> None:
        """Accept no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _accept_waiting(self) -> None:
        for _ in range(MAX_ACCEPTS):
            if self._sock.fileno() < 0:
                return  # an answer has closed us
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                _logger.warning("cannot accept: %s", error.strerror)
                self._loop.remove_reader(self._sock.fileno())
                self._timer = self._loop.call_later(RETRY, self._resume_accepting)
                return
            self._accepted(sock)

    def _resume_accepting(self) -> None:
        self._timer = None
        self._loop.add_reader(self._sock.fileno(), self._accept_waiting)

    def _accepted(self, sock: socket.socket) -> None:
        factory = self._find(sock)
        if factory is None:
            with sock, contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        if isinstance(factory, PreAcceptFactory):
            try:
                first = sock.recv(MAX_FIRST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except OSError:
                first = b""
            if first and len(first) < MAX_FIRST and self._try_answer(sock, factory, first):
                return
        sock.setblocking(False)
        self._spawn(self._connect(factory, sock))

    def _try_answer(self, sock: socket.socket, factory: PreAcceptFactory, first: bytes) -> bool:
        """Return whether the connection was answered, and closed."""
        answer = factory.answer(first)
        if answer is None:
            return False
        try:
            # What is not taken would make the close a reset.
            sock.recv(len(first), socket.MSG_DONTWAIT)
            sent = sock.send(answer, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:
            sock.close()
            return True
        if sent == len(answer):
            sock.close()
        else:
            self._spawn(self._rest(sock, answer[sent:]))
        return True

    async def _rest(self, sock: socket.socket, rest: bytes) -> None:
        """Send what found no room at first."""
        with sock, contextlib.suppress(OSError):
            sock.setblocking(False)
            async with asyncio.timeout(SEND_LIMIT):
                await self._loop.sock_sendall(sock, rest)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _connect(self, factory: Factory, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(factory, sock)
        except OSError:
            sock.close()  # it has gone again
