"""WebSocket clients by command. Sources: commands-network, section 10.1; web-and-discovery, 3.5."""

import asyncio

from tokay.kernel.commands import Call, command
from tokay.kernel.results import CommandError, failed
from tokay.kernel.streams import StreamType
from tokay.plugins.network import Interface, Network
from tokay.plugins.tcp import CONNECT_TIMEOUT
from tokay.plugins.websocket.stream import WebSocketStream
from tokay.plugins.websocket.target import Target, parse_url
from tokay.protocols.websocket import new_key, request

USAGE = "[-i interface] [-g gpio] [-t] url [ca_cert] [client_cert] [client_key]"


@command("websocket_client", "webc", USAGE)
async def websocket_client(call: Call) -> str:
    """Connect to a ws or wss URL; the response is the stream's handle. With -t it sends text."""
    kernel = call.kernel
    target = parse_url(call["url"])
    kernel.streams.reserve()
    interface = await kernel.plugin(Network).need(call.get("interface"))
    kernel.notice("stream_opening", text=target.host)
    key = new_key()
    info = f"{target.host}:{target.port}"
    stream = WebSocketStream(kernel, interface, StreamType.WEBC, info, key=key, text="-t" in call)
    try:
        await _connect(call, interface, stream, target)
        await _shake_hands(call, interface, stream, target, key)
        return str(kernel.streams.open(stream))
    except (OSError, CommandError) as error:
        stream.connection.abort()
        kernel.notice("stream_failed")
        raise failed(str(error)) from error
    except asyncio.CancelledError:
        stream.connection.abort()
        raise


async def _connect(
    call: Call, interface: Interface, stream: WebSocketStream, target: Target
) -> None:
    """Connect, and begin TLS if the URL says so. Raises OSError."""
    limit = call.kernel.variables[CONNECT_TIMEOUT] / 1000
    call.log(f"Request GET {target.path}")
    call.log(f"Connecting ({'https' if target.tls else 'HTTP'}): {target.host}:{target.port}")
    try:
        async with asyncio.timeout(limit):
            await interface.connect_tcp(lambda: stream.connection, target.host, target.port)
    except OSError as error:  # TimeoutError is one
        call.log(str(error.strerror or "Connect timed out"))
        raise


async def _shake_hands(
    call: Call, interface: Interface, stream: WebSocketStream, target: Target, key: str
) -> None:
    """Ask for the upgrade and wait until the server grants it. Raises OSError."""
    connection = stream.connection
    transport = connection.transport
    if transport is None or connection.opened is None:
        raise OSError("there is no connection")
    stream.info += f" ({transport.get_extra_info('sockname')[1]})"
    connection.write(request(target.authority, target.path, key))
    limit = call.kernel.variables[CONNECT_TIMEOUT] / 1000
    try:
        async with asyncio.timeout(limit), interface.while_up():
            await connection.opened
    except TimeoutError:
        call.log("The server does not answer")
        raise
    except OSError as error:
        if connection.status not in (0, 101):
            call.log(f"HTTP response: {connection.status}")
        else:
            call.log(str(error))
        raise
    call.log(f"HTTP response: {connection.status}")
