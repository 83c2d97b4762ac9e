"""TCP clients by command. Source: docs/protocol/network.md, section 7.1."""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, Result, failed
from tokay.kernel.streams import StreamType
from tokay.plugins.network import Interface, Network, TcpStream
from tokay.plugins.streams import Streams
from tokay.plugins.tcp.retry import RetrySequence
from tokay.plugins.tcp.variables import LOCAL_PORT, REMOTE_HOST, REMOTE_PORT
from tokay.plugins.tls import Credentials, Tls, TlsError


class ConnectTarget(NamedTuple):
    """Where a client connects, and from which port; 0 is any."""

    host: str
    port: int
    local_port: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Dial(Protocol):
    """Connects a stream to a target: over TCP, or over something on top of it."""

    def __call__(
        self,
        interface: Interface,
        stream: TcpStream,
        target: ConnectTarget,
        address: str,
        limit: float,
    ) -> Awaitable[object]:
        """Connect within ``limit`` seconds; ``address`` is the target's.

        Raises OSError when another attempt may go better, CommandError when none can.
        """


async def dial_tcp(
    interface: Interface, stream: TcpStream, target: ConnectTarget, address: str, limit: float
) -> None:
    """Connect over TCP."""
    async with asyncio.timeout(limit):
        await interface.connect_tcp(
            lambda: stream, address, target.port, local_port=target.local_port
        )


def dial_tls(tls: Tls, files: Credentials | None = None) -> Dial:
    """Return a way to connect with TLS; ``files`` None are those of `network.tls`.

    What TLS refuses it will refuse again: that is no reason to try once more.
    """

    async def dial(
        interface: Interface, stream: TcpStream, target: ConnectTarget, address: str, limit: float
    ) -> None:
        host, port, local_port = target
        try:
            await tls.connect(
                interface, lambda: stream, host, port,
                limit=limit, local_port=local_port, files=files, address=address,
            )  # fmt: skip
        except TlsError as error:
            raise failed(str(error)) from error

    return dial


async def open_client(
    kernel: Kernel, stream: TcpStream, target: ConnectTarget, dial: Dial, *, auto: bool = False
) -> int:
    """Connect a stream, as often as the variables allow, and return its handle.

    Raises CommandError. The notices tell of the way.
    """
    interface = stream.interface

    def attempt(address: str, limit: float) -> Awaitable[object]:
        return dial(interface, stream, target, address, limit)

    kernel.notice("stream_opening", text=str(target))
    try:
        await RetrySequence(kernel, interface, target.host, attempt).run()
        return kernel.streams.open(stream, auto=auto)
    except (OSError, CommandError) as error:
        stream.close()
        kernel.notice("stream_failed")
        raise failed(str(error)) from error
    except asyncio.CancelledError:
        stream.close()
        raise


async def client_command(call: Call, type: StreamType, dial: Dial) -> str:
    """Carry out `*_client [-i interface] [-l local_port] [-g gpio] [host] [port]`."""
    kernel, values = call.kernel, call.kernel.variables
    host = call.get("host", values[REMOTE_HOST])
    if not host:
        raise CommandError(Result.TOO_FEW_ARGS, "no host")
    port = call.number("port", 1, 65535, values[REMOTE_PORT])
    target = ConnectTarget(host, port, call.number("local_port", 0, 65535, values[LOCAL_PORT]))
    kernel.streams.reserve()
    streams = kernel.plugin(Streams)
    lines = streams.data_gpio(call)
    try:
        interface = await kernel.plugin(Network).need(call.get("interface"))
        stream = TcpStream(kernel, interface, type, str(target))
        handle = await open_client(kernel, stream, target, dial)
    except BaseException:
        if lines is not None:
            lines.release()
        raise
    if lines is not None:
        streams.follow(stream, lines)
    return str(handle)


@command("tcp_client", "tcpc", "[-i interface] [-l local_port] [-g gpio] [host] [port]")
async def tcp_client(call: Call) -> str:
    """Connect to a TCP server; the response is the stream's handle."""
    return await client_command(call, StreamType.TCPC, dial_tcp)
