"""The same names without ``await``: ``tokay.host.sync.Module``.

Every call runs in one event loop, in a thread of its own, and blocks until it is done::

    with Module.open("serial:/dev/ttyUSB0") as module:
        print(module.get("wlan.mac"))
        with module.stream(module.command("http_get http://example.com/")) as page:
            print(page.read_all())
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from tokay.host.channel import Trace
from tokay.host.events import EventHandler
from tokay.host.files import Files as AsyncFiles
from tokay.host.gpio import Gpio as AsyncGpio
from tokay.host.module import OPEN_TIMEOUT, TIMEOUT
from tokay.host.module import Module as AsyncModule
from tokay.host.network import Network as AsyncNetwork
from tokay.host.response import Event, Response
from tokay.host.settings import Settings as AsyncSettings
from tokay.host.stream import Stream as AsyncStream
from tokay.host.system import System as AsyncSystem

P = ParamSpec("P")
T = TypeVar("T")


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tokay", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; an interrupt cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """Return a method that runs an asynchronous one of ``self.aio`` and waits for it."""

    def call(self: Any, /, *arguments: P.args, **options: P.kwargs) -> T:
        return self.loop.run(method(self.aio, *arguments, **options))  # type: ignore[no-any-return]

    call.__name__ = method.__name__
    call.__doc__ = method.__doc__
    return call


class _Part:
    def __init__(self, aio: Any, loop: LoopThread) -> None:
        self.aio = aio
        self.loop = loop


class Stream(_Part):
    """An open stream of the module."""

    read = _blocking(AsyncStream.read)
    read_all = _blocking(AsyncStream.read_all)
    read_exactly = _blocking(AsyncStream.read_exactly)
    write = _blocking(AsyncStream.write)
    poll = _blocking(AsyncStream.poll)
    close = _blocking(AsyncStream.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Files(_Part):
    """Files of the module."""

    list = _blocking(AsyncFiles.list)
    find = _blocking(AsyncFiles.find)
    read = _blocking(AsyncFiles.read)
    write = _blocking(AsyncFiles.write)
    delete = _blocking(AsyncFiles.delete)
    sync = _blocking(AsyncFiles.sync)


class Settings(_Part):
    """All settings of the module."""

    all = _blocking(AsyncSettings.all)
    diff = _blocking(AsyncSettings.diff)
    backup = _blocking(AsyncSettings.backup)
    restore = _blocking(AsyncSettings.restore)


class Network(_Part):
    """The network of the module."""

    scan = _blocking(AsyncNetwork.scan)
    join = _blocking(AsyncNetwork.join)
    leave = _blocking(AsyncNetwork.leave)
    address = _blocking(AsyncNetwork.address)
    rssi = _blocking(AsyncNetwork.rssi)
    clients = _blocking(AsyncNetwork.clients)
    ping = _blocking(AsyncNetwork.ping)
    listen = _blocking(AsyncNetwork.listen)

    def tcp(self, host: str, port: int, *, tls: bool = False) -> Stream:
        """Connect to a server."""
        return Stream(self.loop.run(self.aio.tcp(host, port, tls=tls)), self.loop)

    def udp(self, host: str, port: int) -> Stream:
        """Exchange datagrams with a host."""
        return Stream(self.loop.run(self.aio.udp(host, port)), self.loop)

    def http_get(self, url: str) -> Stream:
        """Fetch a page."""
        return Stream(self.loop.run(self.aio.http_get(url)), self.loop)

    def websocket(self, url: str) -> Stream:
        """Open a WebSocket."""
        return Stream(self.loop.run(self.aio.websocket(url)), self.loop)


class Gpio(_Part):
    """Pins of the module."""

    direction = _blocking(AsyncGpio.direction)
    get = _blocking(AsyncGpio.get)
    set = _blocking(AsyncGpio.set)
    levels = _blocking(AsyncGpio.levels)
    usage = _blocking(AsyncGpio.usage)


class System(_Part):
    """The module as a whole."""

    reboot = _blocking(AsyncSystem.reboot)
    factory_reset = _blocking(AsyncSystem.factory_reset)
    time = _blocking(AsyncSystem.time)
    set_time = _blocking(AsyncSystem.set_time)
    uptime = _blocking(AsyncSystem.uptime)
    update = _blocking(AsyncSystem.update)


class Module(_Part):
    """A module, without ``await``. Make one with ``Module.open``, and use it in ``with``."""

    aio: AsyncModule

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout: float = TIMEOUT,
        open_timeout: float = OPEN_TIMEOUT,
        trace: Trace | None = None,
    ) -> "Module":
        """Return a connected module. Arguments and errors as for the asynchronous one."""
        module = AsyncModule.open(url, timeout=timeout, open_timeout=open_timeout, trace=trace)
        loop = LoopThread()
        try:
            loop.run(module.connect())
        except BaseException:
            loop.stop()
            raise
        return cls(module, loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the module as it was found, and disconnect."""
        try:
            self.loop.run(self.aio.close())
        finally:
            self.loop.stop()

    ask = _blocking(AsyncModule.ask)
    command = _blocking(AsyncModule.command)
    version = _blocking(AsyncModule.version)
    dialect = _blocking(AsyncModule.dialect)
    get = _blocking(AsyncModule.get)
    set = _blocking(AsyncModule.set)
    save = _blocking(AsyncModule.save)
    streams = _blocking(AsyncModule.streams)
    listing = _blocking(AsyncModule.listing)
    wait_for = _blocking(AsyncModule.wait_for)

    def stream(self, handle: Response | int) -> Stream:
        """Return an open stream: a handle, or the response that gave one."""
        return Stream(self.aio.stream(handle), self.loop)

    def events(self) -> Iterator[Event]:
        """Yield unsolicited lines until the module is closed."""
        events = self.aio.events()
        while True:
            try:
                yield self.loop.run(anext(events))  # type: ignore[arg-type]
            except StopAsyncIteration:
                return

    def on(self, name: str, handler: EventHandler) -> Callable[[], None]:
        """Call ``handler`` with each event of that name, in the library's thread."""
        return self.aio.on(name, handler)

    @property
    def files(self) -> Files:
        """Files."""
        return Files(self.aio.files, self.loop)

    @property
    def settings(self) -> Settings:
        """All settings together."""
        return Settings(self.aio.settings, self.loop)

    @property
    def network(self) -> Network:
        """The network."""
        return Network(self.aio.network, self.loop)

    @property
    def gpio(self) -> Gpio:
        """Pins."""
        return Gpio(self.aio.gpio, self.loop)

    @property
    def system(self) -> System:
        """Restart, factory reset, time, update."""
        return System(self.aio.system, self.loop)
