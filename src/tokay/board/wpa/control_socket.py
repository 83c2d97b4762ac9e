"""A control socket of wpa_supplicant or hostapd on the event loop."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from tokay.protocols.wpa_ctrl import Conversation, Event, Reply, WpaCtrlError

_numbers = itertools.count(1)
_MAX_DATAGRAM = 65536
_MAX_EVENTS = 1000
"""Events that wait for a reader; a flood beyond them is dropped."""


class NoAnswerError(WpaCtrlError):
    """A program that is there and does not answer."""


class ControlSocket:
    """Commands are answered in turn; ``on_event`` is called with each event.

    Raises WpaCtrlError, for a program that does not answer and for one that is gone.
    """

    __slots__ = ("_answer", "_conversation", "_listeners", "_lock", "_loop", "_path", "_socket",
                 "on_event")  # fmt: skip

    def __init__(self, path: Path, folder: Path) -> None:
        """Connect to a program's socket from one of our own in ``folder``."""
        self.on_event: Callable[[Event], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._conversation = Conversation()
        self._lock = asyncio.Lock()
        self._answer: asyncio.Future[Reply] | None = None
        self._listeners: set[asyncio.Queue[Event]] = set()
        self._path = folder / f"c{next(_numbers)}"
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        try:
            self._socket.bind(str(self._path))
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            self._path.unlink(missing_ok=True)
            raise WpaCtrlError(f"{path}: {error.strerror}") from None
        self._loop.add_reader(self._socket, self._receive)

    async def ask(self, command: str) -> Reply:
        """Send a command and return the answer."""
        async with self._lock:
            datagram = self._conversation.ask(command, self._loop.time())
            self._answer = self._loop.create_future()
            due = self._conversation.get_timer()
            timer = self._loop.call_at(due, self._expire) if due is not None else None
            word = command.split(" ", 1)[0]
            try:
                self._socket.send(datagram)
                # Shielded: an answer that nobody waits for still has to come before the next.
                return await asyncio.shield(self._answer)
            except OSError:
                raise WpaCtrlError(f"{word}: the program is gone") from None
            except asyncio.CancelledError:
                with contextlib.suppress(WpaCtrlError, asyncio.CancelledError):
                    await asyncio.shield(self._answer)
                raise
            finally:
                if timer is not None:
                    timer.cancel()

    async def command(self, command: str) -> None:
        """Send a command that is answered by OK. Raises WpaCtrlError for any other answer."""
        reply = await self.ask(command)
        if not reply.ok:
            word = " ".join(command.split(" ")[:3:2])  # never a value: it may be a key
            raise WpaCtrlError(f"{word}: {reply.text[:80].decode('latin-1')}")

    @contextlib.contextmanager
    def events(self) -> Iterator["asyncio.Queue[Event]"]:
        """Return a queue that gets each event from now on, until the block ends."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_MAX_EVENTS)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """Close the socket; who waits for an answer gets an error. May be called again."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        self._fail(WpaCtrlError("the program is gone"))

    def _expire(self) -> None:
        if self._conversation.handle_timer(self._loop.time()):
            self._fail(NoAnswerError("no answer"))
        elif (due := self._conversation.get_timer()) is not None:
            self._loop.call_at(due, self._expire)

    def _fail(self, error: WpaCtrlError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # whoever asked may have gone

    def _receive(self) -> None:
        while self._socket.fileno() >= 0:
            try:
                datagram = self._socket.recv(_MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                self._fail(WpaCtrlError("the program is gone"))
                return
            try:
                received = self._conversation.receive(datagram)
            except WpaCtrlError:
                continue  # an event that nobody would know
            if isinstance(received, Reply):
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(received)
            elif received is not None:
                self._tell(received)

    def _tell(self, event: Event) -> None:
        for queue in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(event)
        if self.on_event is not None:
            self.on_event(event)


async def next_of(queue: "asyncio.Queue[Event]", *names: str) -> Event:
    """Return the next event that has one of these names."""
    async for event in _each(queue):
        if event.name in names:
            return event
    raise AssertionError


async def _each(queue: "asyncio.Queue[Event]") -> AsyncIterator[Event]:
    while True:
        yield await queue.get()
