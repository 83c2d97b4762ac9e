"""The DNS client of a link: carries questions and time to the resolver that decides (RFC 1035).

Each question has a socket and so a port of its own, which with the random id keeps answers of
strangers out (RFC 5452). An answer that does not fit a datagram is fetched over TCP.
"""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Coroutine
from ipaddress import IPv4Address
from typing import Any

from tokay.protocols.dns import (
    PORT,
    DnsError,
    DnsFailure,
    DnsQuery,
    LookupFailed,
    LookupResolved,
    Resolver,
    UseTcp,
)
from tokay.protocols.timer_pump import TimerPump

OpenUdp = Callable[..., Awaitable[tuple[asyncio.DatagramTransport, Any]]]
ConnectTcp = Callable[..., Awaitable[tuple[asyncio.Transport, Any]]]

LOOKUP_TIMEOUT = 60.0
"""Seconds: longer than any caller waits."""
TCP_TIMEOUT = 5.0
"""Seconds for an answer over TCP."""

_TEXTS = {
    DnsFailure.NXDOMAIN: (socket.EAI_NONAME, "no such name"),
    DnsFailure.NODATA: (socket.EAI_NONAME, "no address"),
    DnsFailure.SERVFAIL: (socket.EAI_AGAIN, "the DNS server failed"),
    DnsFailure.REFUSED: (socket.EAI_AGAIN, "the DNS server refused"),
    DnsFailure.TIMEOUT: (socket.EAI_AGAIN, "no DNS server answers"),
    DnsFailure.NO_SERVER: (socket.EAI_AGAIN, "there is no DNS server"),
}


class DnsClient:
    """Resolves names through the servers of one link.

    ``port`` is theirs; ``budget``: seconds after which a lookup ends, if the caller waits so long.
    """

    def __init__(
        self,
        open_udp: OpenUdp,
        connect_tcp: ConnectTcp,
        *,
        port: int = PORT,
        budget: float = LOOKUP_TIMEOUT,
    ) -> None:
        self._open_udp = open_udp
        self._connect_tcp = connect_tcp
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._resolver = Resolver((), random.SystemRandom(), port=port)
        self._waiting: dict[int, asyncio.Future[list[str]]] = {}
        self._sockets: dict[int, asyncio.BaseTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pump = TimerPump(self._loop, self._resolver, self._process)

    def use_servers(self, servers: list[IPv4Address]) -> None:
        """Ask these servers from now on."""
        self._resolver.use_servers(servers)

    def flush(self) -> None:
        """Empty the cache."""
        self._resolver.flush()

    async def resolve(self, name: str) -> list[str]:
        """Return a name's IPv4 addresses. Raises socket.gaierror."""
        try:
            number = self._resolver.query(name, self._loop.time(), self._budget)
        except DnsError:
            raise socket.gaierror(socket.EAI_NONAME, f"{name} is no host name") from None
        answer: asyncio.Future[list[str]] = self._loop.create_future()
        self._waiting[number] = answer
        self._pump.pump()
        try:
            return await answer
        except socket.gaierror as error:
            raise socket.gaierror(error.errno, f"{name}: {error.strerror}") from None
        finally:
            if self._waiting.pop(number, None) is not None:
                self._resolver.cancel(number)
                self._pump.pump()

    def close(self) -> None:
        """Fail every lookup and close its sockets."""
        for task in self._tasks:
            task.cancel()
        for transport in self._sockets.values():
            transport.close()
        self._sockets.clear()
        self._pump.stop()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(socket.gaierror(socket.EAI_AGAIN, "the network is gone"))

    def received(self, exchange: int, data: bytes, source: tuple[str, int]) -> None:
        """Called with a datagram on the socket of an exchange."""
        self._resolver.receive(data, source, self._loop.time(), exchange)
        self._pump.pump()

    def received_tcp(self, exchange: int, data: bytes) -> bool:
        """Called with bytes on an exchange's connection; return whether it can be closed."""
        done = self._resolver.receive_tcp(data, exchange, self._loop.time())
        self._pump.pump()
        return done

    def failed(self, exchange: int) -> None:
        """Called when the socket of an exchange has failed."""
        self._resolver.failed(exchange, self._loop.time())
        self._pump.pump()

    def _process(self) -> None:
        """Send what is to be sent, and settle what is known."""
        for event in self._resolver.events():
            match event:
                case LookupResolved(lookup, addresses):
                    self._settle(lookup, [str(address) for address in addresses])
                case LookupFailed(lookup, failure):
                    self._settle(lookup, socket.gaierror(*_TEXTS[failure]))
                case UseTcp():
                    self._start(self._ask_over_tcp(event))
        for outgoing in self._resolver.datagrams_to_send():
            self._start(self._ask(outgoing))
        for exchange in [one for one in self._sockets if not self._resolver.is_open(one)]:
            self._sockets.pop(exchange).close()

    def _settle(self, lookup: int, outcome: list[str] | socket.gaierror) -> None:
        answer = self._waiting.get(lookup)
        if answer is None or answer.done():
            return
        if isinstance(outcome, list):
            answer.set_result(outcome)
        else:
            answer.set_exception(outcome)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, outgoing: DnsQuery) -> None:
        exchange = outgoing.exchange
        try:
            transport, _ = await self._open_udp(
                lambda: _UdpExchange(self, outgoing), remote=outgoing.server
            )
        except OSError:
            self.failed(exchange)
            return
        if not self._resolver.is_open(exchange):
            transport.close()
            return
        self._sockets[exchange] = transport
        transport.sendto(outgoing.data)

    async def _ask_over_tcp(self, event: UseTcp) -> None:
        wire = None
        try:
            async with asyncio.timeout(TCP_TIMEOUT):
                transport, wire = await self._connect_tcp(
                    lambda: _TcpExchange(self, event), *event.server
                )
                transport.write(event.data)
                await wire.done.wait()
        except OSError:  # TimeoutError is one
            self.failed(event.exchange)
        finally:
            if wire is not None:
                transport.abort()


class _UdpExchange(asyncio.DatagramProtocol):
    """The socket of one question: connected, so that only the server is received."""

    def __init__(self, client: DnsClient, query: DnsQuery) -> None:
        self._client, self._exchange, self._server = client, query.exchange, query.server

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        # A link may have moved the port (`Link.listen_tcp`): it is not always what was asked for.
        self._client.received(self._exchange, data, self._server)

    def error_received(self, exc: Exception) -> None:
        self._client.failed(self._exchange)


class _TcpExchange(asyncio.Protocol):
    """A TCP connection to a server, for one answer."""

    def __init__(self, client: DnsClient, event: UseTcp) -> None:
        self._client, self._event = client, event
        self.done = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        if self._client.received_tcp(self._event.exchange, data):
            self.done.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.is_set():
            self._client.failed(self._event.exchange)
            self.done.set()
