"""WebSocket clients by command. Source: docs/protocol/network.md, section 10.1."""

import asyncio
from typing import TYPE_CHECKING

from tokay.kernel.commands import Call, command
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import CommandError, failed
from tokay.kernel.streams import StreamType
from tokay.plugins.network import Interface, Network
from tokay.plugins.streams import Streams
from tokay.plugins.tcp import CONNECT_TIMEOUT
from tokay.plugins.tls import Credentials, Tls, TlsError
from tokay.plugins.websocket.target import Target, parse_url

if TYPE_CHECKING:
    from tokay.plugins.websocket.stream import WebSocketStream

USAGE = "[-i interface] [-g gpio] [-t] url [ca_cert] [client_cert] [client_key]"


@command("websocket_client", "webc", USAGE)
async def websocket_client(call: Call) -> str:
    """Connect to a ws or wss URL; the response is the stream's handle. With -t it sends text."""
    kernel = call.kernel
    target = parse_url(call["url"])
    kernel.streams.reserve()
    streams = kernel.plugin(Streams)
    lines = streams.data_gpio(call)
    try:
        interface = await kernel.plugin(Network).need(call.get("interface"))
        text = "-t" in call
        stream = await connected(kernel, interface, target, files=_files(call), text=text)
        handle = kernel.streams.admit(stream)
    except BaseException:
        if lines is not None:
            lines.release()
        raise
    if lines is not None:
        streams.follow(stream, lines)
    return str(handle)


async def connected(
    kernel: Kernel,
    interface: Interface,
    target: Target,
    *,
    files: Credentials,
    local_port: int = 0,
    text: bool = False,
) -> "WebSocketStream":
    """Return a stream that the server has accepted. Raises CommandError."""
    from tokay.plugins.websocket.stream import WebSocketStream  # noqa: PLC0415 - start-up time
    from tokay.protocols.websocket import new_key  # noqa: PLC0415 - start-up time

    kernel.notice("stream_opening", text=target.host)
    info = f"{target.host}:{target.port}"
    key = new_key()
    stream = WebSocketStream(kernel, interface, StreamType.WEBC, info, key=key, text=text)
    try:
        await _connect(kernel, stream, target, files, local_port)
        await _shake_hands(kernel, stream, target, key)
        kernel.streams.reserve()  # others may have opened meanwhile
        return stream
    except (OSError, CommandError) as error:
        stream.connection.abort()
        kernel.notice("stream_failed")
        raise failed(str(error)) from error
    except asyncio.CancelledError:
        stream.connection.abort()
        raise


async def _connect(
    kernel: Kernel, stream: "WebSocketStream", target: Target, files: Credentials, local_port: int
) -> None:
    """Connect, and begin TLS if the URL says so. Raises OSError."""
    limit = kernel.variables[CONNECT_TIMEOUT] / 1000
    interface, connection = stream.interface, stream.connection
    kernel.log.line(f"Request GET {target.path}")
    scheme = "https" if target.tls else "HTTP"
    kernel.log.line(f"Connecting ({scheme}): {target.host}:{target.port}")
    try:
        if target.tls:
            await kernel.plugin(Tls).connect(
                interface,
                lambda: connection,
                target.host,
                target.port,
                limit=limit,
                local_port=local_port,
                files=files,
            )
            return
        async with asyncio.timeout(limit):
            await interface.connect_tcp(
                lambda: connection, target.host, target.port, local_port=local_port
            )
    except TlsError:
        raise  # the log has it
    except OSError as error:  # TimeoutError is one
        kernel.log.line(str(error.strerror or "Connect timed out"))
        raise


def _files(call: Call) -> Credentials:
    """Return the files that the line names; `network.tls` has those that it does not."""
    usual = call.kernel.plugin(Tls).files
    return Credentials(
        call.get("ca_cert", usual.ca),
        call.get("client_cert", usual.cert),
        call.get("client_key", usual.key),
    )


async def _shake_hands(kernel: Kernel, stream: "WebSocketStream", target: Target, key: str) -> None:
    """Ask for the upgrade and wait until the server grants it. Raises OSError."""
    from tokay.protocols.websocket import request  # noqa: PLC0415 - start-up time

    connection = stream.connection
    transport = connection.transport
    if transport is None or connection.opened is None:
        raise OSError("there is no connection")
    stream.info += f" ({transport.get_extra_info('sockname')[1]})"
    connection.write(request(target.authority, target.path, key))
    limit = kernel.variables[CONNECT_TIMEOUT] / 1000
    try:
        async with asyncio.timeout(limit), stream.interface.while_up():
            await connection.opened
    except TimeoutError:
        kernel.log.line("The server does not answer")
        raise
    except OSError as error:
        if connection.status not in (0, 101):
            kernel.log.line(f"HTTP response: {connection.status}")
        else:
            kernel.log.line(str(error))
        raise
    kernel.log.line(f"HTTP response: {connection.status}")
