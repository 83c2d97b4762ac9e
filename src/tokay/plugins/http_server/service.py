"""The server on one interface: its listener, its clients, and where a request goes.

A request passes in this order: its origin (CORS), the preflight, the captive portal's probes, the
login, then the first route that knows its path: API, upgrades, pages, files. Source:
docs/protocol/web-and-discovery.md, sections 1.1 and 1.10 to 1.13.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokay.board.link import TcpListener
from tokay.kernel.kernel import Kernel
from tokay.plugins.http_server import api, cors, files, login, portal
from tokay.plugins.http_server import variables as http
from tokay.plugins.http_server.connection import Connection
from tokay.plugins.http_server.fast_path import answer_at_once
from tokay.plugins.http_server.limits import HEAD_LIMIT
from tokay.plugins.http_server.request import Head, Method, Reply, Request
from tokay.plugins.http_server.response_head import CHUNKED, field, json_top
from tokay.plugins.http_server.sources import Files
from tokay.plugins.network import Interface

if TYPE_CHECKING:
    from tokay.plugins.http_server.plugin import HttpServer

MAX_WAITING = 16
"""Clients that may wait for a turn; further ones get 503."""
SWEEP = 1.0
"""Seconds between two looks at the deadlines, while there are clients."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Config:
    """What holds from one network_up to the next."""

    port: int
    api: bool
    origins: tuple[str, ...]
    max_clients: int
    tls: bool = False
    setup: bool = False
    """Whether this is the server of web setup."""


class Service:
    """The server on one interface while that is up. ``extra``: header lines of every answer."""

    __slots__ = (
        "_active",
        "_closed",
        "_leaving",
        "_timer",
        "_waiting",
        "config",
        "extra",
        "files",
        "interface",
        "json_tops",
        "kernel",
        "listener",
        "plugin",
        "right_login",
        "time",
    )

    def __init__(
        self, kernel: Kernel, plugin: "HttpServer", interface: Interface, config: Config
    ) -> None:
        self.kernel = kernel
        self.plugin = plugin
        self.interface = interface
        self.config = config
        self.files = Files(plugin.sources)
        self.extra = cors.headers(config.origins)
        self.json_tops = tuple(json_top(self.extra, keep=keep) for keep in (False, True))
        self.listener: TcpListener | None = None
        self.right_login: tuple[bytes, bytes] | None = None
        """The header of the last right login, and what it was right for."""
        self.time = asyncio.get_running_loop().time
        self._closed = False
        self._active: set[Connection] = set()
        self._leaving: set[Connection] = set()
        """Those that were refused and are yet to close."""
        self._waiting: dict[Connection, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def connection(self) -> Connection:
        """Make the protocol of a connection."""
        return Connection(self)

    def at_once(self, first: bytes) -> bytes | None:
        """Return the answer to the first bytes of a connection that needs to be none."""
        return answer_at_once(self, first)

    def free(self, head: Head) -> bool:
        """Whether a request needs no place, no login and no look at where it comes from."""
        if len(self._active) >= self.config.max_clients:
            return False
        if self.config.origins and b"origin" in head.headers:
            return False
        values = self.kernel.variables
        if not values[http.USERNAME] or not values[http.PASSWORD]:
            return True
        return login.right(self, head.headers.get(b"authorization", b""))

    def close(self) -> None:
        """Stop serving; what was answered is sent."""
        self._closed = True
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in (*self._active, *self._waiting, *self._leaving):
            connection.shut()
        self._active.clear()
        self._waiting.clear()
        self._leaving.clear()

    # Clients.

    def came(self, connection: Connection) -> None:
        """Called with a new client: it is served, queued or rejected."""
        if self._closed:
            connection.cut()  # it was accepted just before
            return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP, self._sweep)
        if len(self._active) < self.config.max_clients or self._make_room():
            self._active.add(connection)
            connection.deadline = self.time() + HEAD_LIMIT
        elif len(self._waiting) < MAX_WAITING:
            self._waiting[connection] = None
            connection.wait()
        else:
            self._leaving.add(connection)
            connection.turn_away()

    def gone(self, connection: Connection) -> None:
        """Called when a client has disconnected; serve the next in the queue."""
        self._active.discard(connection)
        self._leaving.discard(connection)
        if self._waiting:
            self._waiting.pop(connection, None)
            while self._waiting and len(self._active) < self.config.max_clients:
                following = next(iter(self._waiting))
                del self._waiting[following]
                self._active.add(following)
                following.begin()

    def _make_room(self) -> bool:
        """Close a connection that is only kept for another request, or that dawdles."""
        now = self.time()
        for connection in self._active:
            if connection.spare:
                self._active.discard(connection)
                connection.shut()
                return True
        for connection in self._active:
            if connection.dawdles(now):
                self._active.discard(connection)
                self._leaving.add(connection)
                connection.expire()
                return True
        return False

    def _sweep(self) -> None:
        now = self.time()
        for connection in (*self._active, *self._waiting, *self._leaving):
            if connection.deadline < now or (self._waiting and connection.dawdles(now)):
                connection.expire()
        self._timer = None
        if self._active or self._waiting or self._leaving:
            self._timer = asyncio.get_running_loop().call_later(SWEEP, self._sweep)
        else:
            self.files.forget()

    # Requests.

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer a request, now or later."""
        try:
            self._route(connection, request)
        except Exception as error:  # noqa: BLE001 - a bug in a page must not end the server
            self.failed(connection, error)

    def failed(self, connection: Connection, error: BaseException) -> None:
        """Log a bug and answer 500."""
        _logger.error("HTTP server failed", exc_info=error)
        if connection.sending:
            connection.cut()
        else:
            connection.fail(500)

    def _passes(self, connection: Connection, request: Request) -> bool:
        """Whether a request may go on to its route; one that may not is answered."""
        if origins := self.config.origins:
            origin = cors.match(origins, request)
            if origin is None:
                connection.cut()
                return False
            if len(origins) > 1:
                connection.extra = cors.headers(origins, origin)
            if request.method is Method.OPTIONS:
                connection.answer(200, b"", b"", cors.preflight(request))
                return False
        if request.path in portal.PROBES and portal.answer(self, connection, request):
            return False
        values = self.kernel.variables
        if not values[http.USERNAME] or not values[http.PASSWORD]:
            return True
        return login.check(self, connection, request)

    def _route(self, connection: Connection, request: Request) -> None:
        if not self._passes(connection, request):
            return
        if request.head.line is not None:
            api.get_command(self, connection, request)
            return
        path = request.path
        plugin = self.plugin
        if (taker := plugin.takers.get(path)) is not None and _wants_websocket(request):
            if self.config.api:
                connection.give(taker, request)
            else:
                connection.fail(500, api.NOT_INITIALIZED)
        elif (page := plugin.pages.get(path)) is not None:
            if request.method not in page.methods:
                allow = ", ".join(method.name for method in sorted(page.methods))
                connection.fail(405, extra=field("Allow", allow))
            else:
                self._reply(connection, page.handler(request))
        elif (route := api.ROUTES.get(path)) is not None:
            route(self, connection, request)
        elif path in plugin.takers and request.method is Method.GET:
            connection.fail(426, extra=b"Upgrade: websocket\r\n")
        else:
            files.serve(self, connection, request)

    def _reply(
        self, connection: Connection, reply: "Reply | str | bytes | Awaitable[Reply | str | bytes]"
    ) -> None:
        if isinstance(reply, Awaitable):
            connection.run(self._reply_later(connection, reply))
            return
        if not isinstance(reply, Reply):
            body = reply if isinstance(reply, bytes) else reply.encode("latin-1", "replace")
            reply = Reply(body)
        kind = reply.type.encode("latin-1")
        extra = b"".join(field(name, value) for name, value in reply.headers.items())
        if isinstance(reply.body, bytes):
            connection.answer(reply.status, reply.body, kind, extra)
        else:
            connection.stream(reply.status, iter(reply.body), kind, length=CHUNKED, extra=extra)

    async def _reply_later(
        self, connection: Connection, reply: "Awaitable[Reply | str | bytes]"
    ) -> None:
        self._reply(connection, await reply)


def _wants_websocket(request: Request) -> bool:
    return (
        request.method is Method.GET
        and request.headers.get(b"upgrade", b"").lower() == b"websocket"
        and b"upgrade" in request.headers.get(b"connection", b"").lower()
    )
