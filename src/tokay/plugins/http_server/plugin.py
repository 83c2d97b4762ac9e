"""The HTTP server of a device: on which interfaces it serves, and what."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from tokay.board.board import Board
from tokay.board.net.pre_accept import PreAcceptFactory
from tokay.kernel.kernel import Kernel
from tokay.kernel.log import Entry
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError
from tokay.plugins.http_server import variables as http
from tokay.plugins.http_server.request import Handler, Method, Page, Taker
from tokay.plugins.http_server.sources import FileSource
from tokay.plugins.network import Interface, Network
from tokay.plugins.setup import Setup
from tokay.plugins.tls import Credentials, Tls

if TYPE_CHECKING:
    from tokay.plugins.http_server.service import Config, Service

HTTP, HTTPS = 80, 443


class HttpServer(Plugin):
    """Serves on each configured interface while that is up; see the package for what it offers."""

    name = "http_server"
    variables = http.SETTINGS
    after = ("network", "setup", "softap", "tls")

    __slots__ = (
        "_count",
        "_kernel",
        "_network",
        "_services",
        "last_log",
        "pages",
        "penalty_until",
        "pending",
        "sources",
        "takers",
    )

    def start(self, kernel: Kernel, board: Board) -> None:
        """Wait for the network."""
        self._kernel = kernel
        self._network = kernel.plugin(Network)
        self._services: dict[str, Service] = {}
        self._count = 0
        self.pages: dict[str, Page] = {}
        self.takers: dict[str, Taker] = {}
        self.sources: list[FileSource] = [kernel.files]
        self.last_log: Entry | None = None
        """The newest line that `/log` has given."""
        self.pending = 0
        """Wrong logins that wait for their answer."""
        self.penalty_until = 0.0

    async def stop(self) -> None:
        """Close what there is."""
        for name in tuple(self._services):
            self._services.pop(name).close()

    # For other plugins.

    def page(self, path: str, handler: Handler, methods: Iterable[Method] = (Method.GET,)) -> None:
        """Register a page by its exact path. HEAD comes with GET."""
        allowed = frozenset(methods)
        if Method.GET in allowed:
            allowed |= {Method.HEAD}
        self.pages[path] = Page(handler, allowed)

    def upgrade(self, path: str, taker: Taker) -> None:
        """Register who takes connections over that ask for a WebSocket at a path."""
        self.takers[path] = taker

    def provide(self, source: FileSource) -> None:
        """Serve further files, below those that are there already."""
        self.sources.append(source)

    @property
    def running(self) -> bool:
        """Whether it serves anywhere."""
        return bool(self._services)

    def port(self, interface: str) -> int:
        """Return the port served on an interface, 0 where it does not serve."""
        service = self._services.get(interface)
        return 0 if service is None or service.listener is None else service.listener.port

    def count(self) -> int:
        """Return the number of the next answer."""
        self._count += 1
        return self._count

    # The network.

    def network_up(self, interface: Interface) -> Awaitable[None] | None:
        """Serve on an interface if it is one of those."""
        if not self._serves(interface.name):
            return None
        return self._serve(interface)

    def network_down(self, interface: Interface) -> None:
        """Stop serving there."""
        service = self._services.get(interface.name)
        if service is not None and service.interface is interface:
            del self._services[interface.name]
            service.close()

    def _setting_up(self, name: str) -> bool:
        setup = self._kernel.plugins.get(Setup)
        return isinstance(setup, Setup) and setup.running and name == "softap"

    def _serves(self, name: str) -> bool:
        if self._setting_up(name):
            return True
        values = self._kernel.variables
        if not values[http.ENABLED]:
            return False
        where = values[http.INTERFACE]
        if where == http.BOTH:
            return name in ("wlan", "softap")
        return self._network.resolve(where) == name

    async def _serve(self, interface: Interface) -> None:
        # The parser is imported when it is first needed: start-up time is measured.
        from tokay.plugins.http_server.service import Service  # noqa: PLC0415

        log = self._kernel.log
        config = self._config(interface.name)
        service = Service(self._kernel, self, interface, config)
        self._services[interface.name] = service
        try:
            plain = PreAcceptFactory(service.connection, service.at_once)
            factory = self._secured(interface, service) if config.tls else plain
            service.listener = await interface.listen_tcp(factory, config.port)
        except (OSError, CommandError) as error:
            reason = getattr(error, "strerror", None) or error
            log.line(f"HTTP server failed: {reason}")
            del self._services[interface.name]
            return
        if self._services.get(interface.name) is not service:
            service.close()  # the network went down meanwhile
            return
        what = "HTTPS" if config.tls else "HTTP"
        rest = " and REST API" if config.api else ""
        log.line(f"{what}{rest} server listening on port: {service.listener.port}")

    def _secured(
        self, interface: Interface, service: "Service"
    ) -> Callable[[], asyncio.BaseProtocol]:
        """Return the factory of connections under TLS. Raises CommandError, OSError."""
        values = self._kernel.variables
        cert, key = values[http.TLS_CERT], values[http.TLS_KEY]
        if not cert and not key:
            from tokay.plugins.http_server import certificate  # noqa: PLC0415 - takes 0.2 s

            cert, key = certificate.own(self._kernel, interface.address.address)
        files = Credentials(values[http.TLS_CA_CERT], cert, key)
        return self._kernel.plugin(Tls).serve(service.connection, files)

    def _config(self, name: str) -> "Config":
        from tokay.plugins.http_server import cors  # noqa: PLC0415
        from tokay.plugins.http_server.service import Config  # noqa: PLC0415

        values = self._kernel.variables
        setup = self._setting_up(name)
        tls = values[http.TLS_ENABLED] and not setup
        port = values[http.PORT]
        if setup:
            port = HTTP  # its names lead to a page without a port
        elif tls and port == HTTP:
            port = HTTPS
        return Config(
            port=port,
            tls=tls,
            api=setup or values[http.API_ENABLED],
            origins=cors.parse(values[http.CORS_ORIGIN]),
            max_clients=values[http.MAX_CLIENTS],
            setup=setup,
        )
