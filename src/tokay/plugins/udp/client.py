"""The UDP client, by command and by itself. Source: docs/protocol/network.md, section 8.1."""

import asyncio
import contextlib

from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, Result, failed
from tokay.kernel.streams import StreamType
from tokay.plugins.network import AutoStartClient, Interface, Network
from tokay.plugins.streams import Streams
from tokay.plugins.udp.stream import UdpStream
from tokay.plugins.udp.variables import CLIENT_AUTO_RETRY, LOCAL_PORT, REMOTE_HOST, REMOTE_PORT

AUTO_RETRY = 1.0
"""Seconds between two questions for a host that does not resolve (variables, auto_retry)."""


async def bound_client(
    kernel: Kernel, interface: Interface, host: str, port: int, local_port: int
) -> UdpStream:
    """Return a stream that is not in the table yet. Raises OSError."""
    async with interface.while_up():
        address = await interface.resolve(host)
        stream = UdpStream(kernel, interface, StreamType.UDPC, (address, port))
        await stream.bind(local_port)
    stream.info = f"{host}:{port} ({stream.port})"
    return stream


async def open_client(
    kernel: Kernel,
    interface: Interface,
    host: str,
    port: int,
    local_port: int,
    *,
    auto: bool = False,
) -> UdpStream:
    """Return an open stream; the notices tell of it. Raises CommandError."""
    kernel.notice("stream_opening", text=f"{host}:{port}")
    try:
        stream = await bound_client(kernel, interface, host, port, local_port)
    except OSError as error:
        kernel.log.line(str(error.strerror or error))
        kernel.notice("stream_failed")
        raise failed(str(error)) from error
    _enter(kernel, stream, auto=auto)
    return stream


def _enter(kernel: Kernel, stream: UdpStream, *, auto: bool) -> None:
    """Add a stream to the table. Raises CommandError."""
    try:
        kernel.streams.admit(stream, auto=auto)
    except CommandError:
        kernel.notice("stream_failed")
        raise


@command("udp_client", "udpc", "[-i interface] [-g gpio] [host] [port] [local_port]")
async def udp_client(call: Call) -> str:
    """Open a UDP stream to a host, without asking it; the response is the handle."""
    kernel, values = call.kernel, call.kernel.variables
    host = call.get("host", values[REMOTE_HOST])
    if not host:
        raise CommandError(Result.TOO_FEW_ARGS, "no host")
    port = call.number("port", 1, 65535, values[REMOTE_PORT])
    local_port = call.number("local_port", 0, 65535, values[LOCAL_PORT])
    kernel.streams.reserve()
    streams = kernel.plugin(Streams)
    lines = streams.data_gpio(call)
    try:
        interface = await kernel.plugin(Network).need(call.get("interface"))
        stream = await open_client(kernel, interface, host, port, local_port)
    except BaseException:
        if lines is not None:
            lines.release()
        raise
    if lines is not None:
        streams.follow(stream, lines)
    return str(stream.handle)


class AutoUdpClient(AutoStartClient):
    """The one client of `udp.client.auto_start`: there when its interface is up."""

    __slots__ = ()

    host = REMOTE_HOST

    async def _run(self, interface: Interface) -> None:
        """Open the stream; a name that does not resolve is asked for again, if that is wanted."""
        kernel, values = self._kernel, self._kernel.variables
        host, port = values[REMOTE_HOST], values[REMOTE_PORT]
        kernel.notice("stream_opening", text=f"{host}:{port}")
        told = False
        while True:
            try:
                stream = await bound_client(kernel, interface, host, port, values[LOCAL_PORT])
                break
            except OSError as error:
                if not told:  # once, however often it is tried
                    kernel.log.line(str(error.strerror or error))
                    kernel.notice("stream_failed")
                told = True
            if not (values[CLIENT_AUTO_RETRY] and interface.up):
                return
            await asyncio.sleep(AUTO_RETRY)
        with contextlib.suppress(CommandError):  # the log has the reason
            _enter(kernel, stream, auto=True)
