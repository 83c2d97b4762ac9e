"""The TLS plugin: handshakes with the files and settings of a device, and what the log says.

Source: docs/protocol/network.md, sections 7.3, 7.4 and 12.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import failed, lines
from tokay.plugins.network import Interface, Network
from tokay.plugins.tls import variables
from tokay.plugins.tls.ciphers import VERSIONS, Range, spoken, suites
from tokay.plugins.tls.credentials import Credentials, configured, load
from tokay.plugins.tls.errors import OUT_OF_MEMORY, TlsError

if TYPE_CHECKING:
    from tokay.plugins.tls.transport import TlsTransport

MAX_HANDSHAKES = 16
"""Handshakes that a server has under way; one more ends the oldest."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


@command("tls_ciphers", "tlci")
def tls_ciphers(call: Call) -> str:
    """List the cipher suites that the device speaks now, the preferred ones first."""
    speaks = call.kernel.plugin(Tls).spoken
    rows = ["! # Since   Name"]
    for number, one in enumerate(suites(call.kernel.profile, speaks.floor, speaks.ceiling)):
        rows.append(f"# {number:2} {VERSIONS[one.least]} {one.name}")
    return lines(rows)


class _Refusal(asyncio.Protocol):
    """A client that is not served."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


def _out_of_memory() -> TlsError:
    return TlsError(OUT_OF_MEMORY, None, "TLS malloc failed")


class Tls(Plugin):
    """TLS for one device."""

    name = "tls"
    variables: ClassVar = variables.ALL
    commands: ClassVar = (tls_ciphers,)
    after = ("network",)

    __slots__ = ("_handshakes", "_kernel")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Begin with nothing under way."""
        self._kernel = kernel
        self._handshakes: set[TlsTransport] = set()

    async def stop(self) -> None:
        """Break off what is under way."""
        for transport in tuple(self._handshakes):
            transport.abort()

    def network_down(self, interface: Interface) -> None:
        """Break off the handshakes on an interface."""
        for transport in tuple(self._handshakes):
            if transport.local_address in ("", interface.address.address):
                transport.abort()

    @property
    def spoken(self) -> Range:
        """The versions and suites that the device speaks now."""
        values = self._kernel.variables
        least = values[variables.MIN_VERSION]
        return spoken(
            self._kernel.profile,
            int(values[variables.VERSION]),
            None if least == variables.NO_MIN_VERSION else int(least),
        )

    @property
    def files(self) -> Credentials:
        """The files of `network.tls`, for a command that names only some of its own."""
        return configured(self._kernel)

    async def connect(
        self,
        interface: Interface,
        factory: Callable[[], P],
        host: str,
        port: int,
        *,
        limit: float,
        local_port: int = 0,
        files: Credentials | None = None,
        address: str = "",
    ) -> tuple[asyncio.Transport, P]:
        """Connect, and speak TLS. The protocol hears of its connection when the handshake is over.

        ``limit``: seconds for the TCP connection; the handshake has `network.tls.handshake_timeout`
        on top. ``host`` is whom the certificate must name; ``address``: what it was resolved to.
        ``files`` None: those of `network.tls`. Raises OSError: a TlsError for what has to do with
        TLS, and then the log has the documented line already.
        """
        context = self._client_context(files)
        above, done = self._client(context, factory, host)
        async with asyncio.timeout(limit):
            await interface.connect_tcp(lambda: above, address or host, port, local_port=local_port)
        async with interface.while_up():
            return await self._shake(context, above, done)

    async def upgrade(
        self,
        transport: asyncio.Transport,
        factory: Callable[[], P],
        host: str,
        *,
        files: Credentials | None = None,
    ) -> tuple[asyncio.Transport, P]:
        """Begin TLS on an open connection. Errors as for ``connect``.

        The connection must be at rest: what the peer sent before is not TLS.
        """
        context = self._client_context(files)
        above, done = self._client(context, factory, host)
        transport.pause_reading()  # uvloop looks at its protocol when reading begins
        transport.set_protocol(above)
        above.connection_made(transport)
        transport.resume_reading()
        return await self._shake(context, above, done)

    def serve(
        self, factory: Callable[[], asyncio.BaseProtocol], files: Credentials
    ) -> Callable[[], asyncio.BaseProtocol]:
        """Return a protocol factory for `Interface.listen_tcp`.

        Each connection shakes hands; then its own ``factory()`` is told of it. One that fails is
        logged and dropped. Raises CommandError when the files cannot be used.
        """
        from tokay.plugins.tls.contexts import server_context  # noqa: PLC0415 - start-up time
        from tokay.plugins.tls.transport import TlsTransport  # noqa: PLC0415 - start-up time

        speaks = self.spoken
        try:
            context = load(server_context, self._kernel, speaks, files, server=True)
        except TlsError as error:
            self._tell(error)
            raise failed(error.reason) from error
        self._tell_old(speaks)
        under_way: dict[TlsTransport, None] = {}

        def settled(transport: TlsTransport, error: OSError | None) -> None:
            under_way.pop(transport, None)
            self._handshakes.discard(transport)
            if isinstance(error, TlsError):
                self._tell(error)

        def accepted() -> asyncio.BaseProtocol:
            if len(under_way) >= MAX_HANDSHAKES:
                next(iter(under_way)).abort()
            limit = self._kernel.variables[variables.HANDSHAKE_TIMEOUT] / 1000
            if self._starved():
                self._tell(_out_of_memory())
                return _Refusal()
            transport = TlsTransport(context, factory, settled, limit=limit, server=True)
            under_way[transport] = None
            self._handshakes.add(transport)
            return transport

        return accepted

    def _client_context(self, files: Credentials | None) -> ssl.SSLContext:
        """Return the context of a client. Raises TlsError."""
        from tokay.plugins.tls.contexts import client_context  # noqa: PLC0415 - start-up time

        files = self.files if files is None else files
        try:
            return load(client_context, self._kernel, self.spoken, files, server=False)
        except TlsError as error:
            self._tell(error)
            raise

    def _client(
        self, context: ssl.SSLContext, factory: Callable[[], P], host: str
    ) -> "tuple[TlsTransport, asyncio.Future[P]]":
        """Make the end of a client, and the future of its protocol."""
        from tokay.plugins.tls.transport import TlsTransport  # noqa: PLC0415 - start-up time

        done: asyncio.Future[P] = asyncio.get_running_loop().create_future()

        def settled(transport: TlsTransport, error: OSError | None) -> None:
            if done.done():
                if isinstance(error, TlsError):
                    self._tell(error)  # refused after all
            elif error is not None:
                done.set_exception(error)
                done.exception()  # whoever waited may be gone
            else:
                done.set_result(cast("P", transport.get_protocol()))

        limit = self._kernel.variables[variables.HANDSHAKE_TIMEOUT] / 1000
        name = host.removesuffix(".")
        return TlsTransport(context, factory, settled, limit=limit, host=name), done

    async def _shake(
        self, context: ssl.SSLContext, above: "TlsTransport", done: "asyncio.Future[P]"
    ) -> tuple[asyncio.Transport, P]:
        """Wait for a client's handshake. Raises OSError, and the log has said why."""
        self._kernel.log.line("Starting TLS")
        if self._starved():
            above.abort()
            error = _out_of_memory()
            self._tell(error)
            raise error
        self._tell_old(self.spoken)
        if context.verify_mode is ssl.CERT_NONE:
            self._kernel.log.line("No CA certificate: the server is not verified")
        self._handshakes.add(above)
        try:
            return above, await done
        except TlsError as error:
            self._tell(error)
            raise
        except BaseException:
            above.abort()
            raise
        finally:
            self._handshakes.discard(above)

    def _starved(self) -> bool:
        """Whether a script lets this handshake find no memory."""
        interfaces = self._kernel.plugin(Network).interfaces
        return not all(interface.link.has_tls_memory() for interface in interfaces)

    def _tell_old(self, speaks: Range) -> None:
        if not speaks.old:
            return
        floor, ceiling = VERSIONS[speaks.floor], VERSIONS[speaks.ceiling]
        if floor == ceiling:
            self._kernel.log.line(f"{ceiling} is asked for: it is not safe")
        else:
            self._kernel.log.line(f"{floor} to {ceiling} are spoken: under TLS 1.2 is not safe")

    def _tell(self, error: TlsError) -> None:
        self._kernel.log.line(error.reason)
        self._kernel.log.line(error.line)
