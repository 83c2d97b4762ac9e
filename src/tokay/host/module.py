"""A module, from the host's side: real or in software, over whatever leads to it.

Commands take turns: whoever calls while another waits is next. Every call raises ``ModuleError`` or
one of its kinds when the module refuses (``CommandFailed``) or cannot be asked.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tokay.host.address import Address, parse_address
from tokay.host.channel import Trace
from tokay.host.errors import CommandFailed, Disconnected, ModuleError, Timeout
from tokay.host.events import EventHandler, EventHub, EventQueue
from tokay.host.response import DISCONNECTED, RESTARTED, Event, Response
from tokay.host.stream import Stream
from tokay.host.version import Dialect, Version, parse_version
from tokay.host.wire import Wire
from tokay.host.words import quote

if TYPE_CHECKING:
    from tokay.host.files import Files
    from tokay.host.gpio import Gpio
    from tokay.host.link import Link
    from tokay.host.network import Network
    from tokay.host.settings import Settings
    from tokay.host.system import System

TIMEOUT = 10.0
"""Seconds that a command may take."""
OPEN_TIMEOUT = 10.0
"""Seconds that opening may take."""
SLOW_TIMEOUT = 60.0
"""Seconds for commands that wait for a network, an update or flash memory."""
POLL_TIME = 1.0
"""Seconds between two looks at a log that has to be fetched."""
SLOW = frozenset(
    (
        "network_up", "nup", "network_restart", "nre", "network_verify", "nve", "network_lookup",
        "nlo", "wlan_scan", "scan", "ping", "tcp_client", "tcpc", "tls_client", "tlsc",
        "udp_client", "udpc", "websocket_client", "webc", "http_get", "hge", "http_post", "hpo",
        "http_head", "hhe", "http_download", "hdo", "http_upload", "hup", "http_read_status",
        "hre", "smtp_send", "smtp", "wps", "ota", "format_flash", "format", "mdns_discover",
        "mdns", "dfu_query", "dfu_update",
    )
)  # fmt: skip
CONSOLE_VARIABLES = {
    "system.cmd.echo": "echo", "sy c e": "echo",
    "system.cmd.header_enabled": "headers", "sy c h": "headers",
    "system.cmd.prompt_enabled": "prompt", "sy c p": "prompt",
    "system.print_level": "print_level", "sy p": "print_level",
}  # fmt: skip
"""What the library itself changes on a console: ``get`` and ``set`` see what will be put back."""

Value = str | int | bool
Words = Value | Sequence[Value]


class OpenStream(NamedTuple):
    """A row of `stream_list`."""

    handle: int
    type: str
    info: str


class Module:
    """A connection to a module. Make one with ``Module.open``."""

    def __init__(
        self, make_link: Callable[[], "Link"], address: Address, *, timeout: float,
        open_timeout: float,
    ) -> None:  # fmt: skip
        self.address = address
        self.timeout = timeout
        self._open_timeout = open_timeout
        self._make_link = make_link
        self._link = make_link()
        self._turn = asyncio.Lock()
        self._hub = EventHub()
        self._version: Version | None = None
        self._open = False
        self._link.tell = self._tell

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout: float = TIMEOUT,
        open_timeout: float = OPEN_TIMEOUT,
        trace: Trace | None = None,
    ) -> "Module":
        """Return a module, to be entered with ``async with`` (or awaited, and closed).

        ``url`` is as in ``tokay.host.address``; ``timeout`` is the seconds that a command may take
        unless told else; ``trace(time, direction, data)`` is called with every byte. Raises
        AddressError; on entering Disconnected, Busy, LoginFailed, Timeout or FramingError.
        """
        from tokay.host.links import open_link  # noqa: PLC0415 - loads what the scheme needs

        address = parse_address(url)
        return cls(
            lambda: open_link(address, trace), address, timeout=timeout, open_timeout=open_timeout
        )

    async def connect(self) -> Self:
        """Connect. ``async with`` and ``await`` do."""
        try:
            await self._link.open(self._open_timeout)
        except BaseException:
            with contextlib.suppress(ModuleError):
                await self._link.close()
            raise
        self._open = True
        return self

    async def close(self) -> None:
        """Leave the module as it was found, and disconnect."""
        if not self._open:
            return
        self._open = False
        async with self._turn:
            await self._link.close()
        self._hub.close()

    def __await__(self) -> Generator[Any, None, Self]:
        return self.connect().__await__()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # Commands.

    async def ask(
        self, line: str | bytes, data: bytes = b"", *, timeout: float | None = None
    ) -> Response:
        """Carry out one command and return what it answers, a failure too.

        ``data`` is what follows the line; the size in the line must be its length. ``timeout`` in
        seconds. Raises Timeout with the bytes that came, FramingError, Disconnected.
        """
        raw = line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape")
        words = raw.split(None, 1)
        name = words[0].decode("latin-1") if words else ""
        if timeout is None:
            timeout = max(self.timeout, SLOW_TIMEOUT) if name in SLOW else self.timeout
        async with self._turn:
            if not self._open:
                raise Disconnected(f"{self.address} is not open")
            if name == "save":
                return await self._link.save(raw, max(timeout, self.timeout))
            return await self._link.execute(raw, data, timeout)

    async def command(
        self, line: str | bytes, data: bytes = b"", *, timeout: float | None = None
    ) -> Response:
        """Carry out one command. As ``ask``, and raises CommandFailed when it does not succeed."""
        return (await self.ask(line, data, timeout=timeout)).check()

    async def version(self) -> Version:
        """Return what the module says it is. Asked for once a connection."""
        if self._version is None:
            self._version = parse_version((await self.command("version")).text)
        return self._version

    async def dialect(self) -> Dialect:
        """Return what is particular to the module's generation."""
        return (await self.version()).dialect

    # Variables.

    async def get(self, name: str) -> str:
        """Return a variable as the module prints it; ``name`` with its index: `uart.baud 0`."""
        if (form := self._link.form) is not None and (field := CONSOLE_VARIABLES.get(name)):
            return str(getattr(form, field))
        return (await self.command(f"get {name}")).text

    async def set(self, name: str, value: Words) -> None:
        """Set a variable until the next restart; ``save`` keeps it.

        A text is sent as one word; what takes several words is a list: ``set("gpio.init 18",
        ["out", 1])``.
        """
        words = [value] if isinstance(value, str | int | bool) else value
        text = " ".join(quote(word) for word in words)
        if (form := self._link.form) is not None and (field := CONSOLE_VARIABLES.get(name)):
            # The library's own values hold as long as it is there; these are put back.
            setattr(form, field, _console_value(field, text))
            return
        await self.command(f"set {name} {text}")

    async def save(self) -> None:
        """Keep the settings over a restart. The form that the library gave the console is not."""
        await self.command("save")

    @cached_property
    def settings(self) -> "Settings":
        """All settings together: read, compared, backed up."""
        from tokay.host.settings import Settings  # noqa: PLC0415 - who does not use it does not pay

        return Settings(self)

    # What else there is.

    @cached_property
    def files(self) -> "Files":
        """Files: list, read, write, delete, sync."""
        from tokay.host.files import Files  # noqa: PLC0415 - who does not use it does not pay

        return Files(self)

    @cached_property
    def network(self) -> "Network":
        """The network: scan, join, clients of the soft AP, streams to open."""
        from tokay.host.network import Network  # noqa: PLC0415 - who does not use it does not pay

        return Network(self)

    @cached_property
    def gpio(self) -> "Gpio":
        """Pins."""
        from tokay.host.gpio import Gpio  # noqa: PLC0415 - who does not use it does not pay

        return Gpio(self)

    @cached_property
    def system(self) -> "System":
        """Reboot, factory reset, time, update."""
        from tokay.host.system import System  # noqa: PLC0415 - who does not use it does not pay

        return System(self)

    def stream(self, handle: Response | int) -> Stream:
        """Return an open stream: a handle, or the response that gave one."""
        return Stream(self, handle if isinstance(handle, int) else handle.check().number)

    async def streams(self) -> list[OpenStream]:
        """Return the open streams."""
        rows = []
        for line in await self.listing("stream_list"):
            words = line.split(None, 3)
            if len(words) >= 3 and words[0] == "#" and words[1].isdigit():
                rows.append(OpenStream(int(words[1]), words[2], words[3] if len(words) > 3 else ""))
        return rows

    async def listing(self, line: str, *, timeout: float | None = None) -> list[str]:
        """Return the lines of a long answer, also where `system.cmd.buffered` makes it a stream."""
        response = await self.command(line, timeout=timeout)
        handle, comma, size = response.text.partition(",")
        if not (comma and handle.isdigit() and size.isdigit()):
            return response.lines
        # Not through `Stream`: it asks for a listing, which would be buffered, too.
        text = bytearray()
        while len(text) < int(size):
            piece = (await self.command(f"stream_read {handle} {self.max_data}")).data
            if not piece:
                break
            text += piece
        await self.ask(f"stream_close {handle}")  # most close by themselves at the end
        return text.decode("utf-8", "backslashreplace").splitlines()

    # Events.

    @contextlib.contextmanager
    def subscribe(self) -> "Generator[EventQueue]":
        """Return a queue of the unsolicited lines from now on. It holds the latest 1000."""
        queue = self._hub.subscribe()
        if self._link.lost:
            queue.close()
        try:
            yield queue
        finally:
            self._hub.unsubscribe(queue)

    async def events(self) -> AsyncIterator[Event]:
        """Yield unsolicited lines from the first step of the loop on, until the module is closed.

        Over REST the module is asked for its log once a second.
        """
        with self.subscribe() as queue:
            poller = None
            if await self._link.poll_events():
                poller = asyncio.create_task(self._poll())
            try:
                async for event in queue:
                    yield event
            finally:
                if poller is not None:
                    poller.cancel()

    def on(self, name: str, handler: EventHandler) -> Callable[[], None]:
        """Call ``handler`` with each event of that name (`` for all); return what ends that."""
        return self._hub.on(name, handler)

    async def wait_for(self, name: str, *, timeout: float | None = None) -> Event:
        """Return the next event of that name. Raises Timeout."""
        limit = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit):
                async for event in self.events():
                    if event.name == name:
                        return event
        except TimeoutError:
            raise Timeout(f"no event {name} within {limit:g} s") from None
        raise Disconnected(f"{self.address} was closed")

    async def _poll(self) -> None:
        while await self._link.poll_events():
            await self.pause(POLL_TIME)

    def _tell(self, event: Event) -> None:
        if event.name == RESTARTED:
            self._version = None
        self._hub.tell(event)
        if event.name == DISCONNECTED:
            self._hub.end_queues()

    # The wire.

    @contextlib.asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """Return the bare bytes of a console; afterwards its form is found again.

        Commands wait until it is left. Raises Unsupported where there is no console.
        """
        async with self._turn:
            context: AbstractAsyncContextManager[Wire] = self._link.wire()
            async with context as wire:
                yield wire

    async def forget(self) -> None:
        """Assume that the module restarts: find its console and its version again."""
        self._version = None
        await self._link.forget()

    async def reconnect(self) -> None:
        """Connect again if the connection is gone; one that stands is left alone.

        A console that is behind a serial line stays connected over a restart of the module, one
        that is behind its network does not. Raises nothing: the next command tells.
        """
        async with self._turn:
            with contextlib.suppress(ModuleError):
                if self._link.lost:
                    await self._link.close()
                    link = self._make_link()
                    link.tell = self._tell
                    self._link = link
                    await link.open(self._open_timeout)

    # For what is built on the module.

    @property
    def max_data(self) -> int:
        """Bytes of data that one command carries at most."""
        size = self._link.max_data
        if self._version is not None and self._link.is_rest:
            size = min(size, self._version.dialect.max_rest_data)
        return size

    def time(self) -> float:
        """Return the time of the event loop, in seconds."""
        return asyncio.get_running_loop().time()

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def _console_value(field: str, text: str) -> str:
    """Return a value of a console variable. Raises CommandFailed as the module would."""
    if field == "print_level":
        accepted = {level: level for level in ("0", "1", "2", "3", "4", "5", "all")}
    else:
        accepted = {"0": "0", "off": "0", "false": "0", "1": "1", "on": "1", "true": "1"}
    if text not in accepted:
        raise CommandFailed(f"set {field} {text}", 7, b"Invalid argument")
    return accepted[text]
