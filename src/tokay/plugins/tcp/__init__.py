"""TCP clients. Source: commands-network, section 7.1."""

import asyncio
from typing import ClassVar

from tokay.kernel.commands import Call, command
from tokay.kernel.kinds import Integer, Port, Text
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Result, failed
from tokay.kernel.streams import StreamType
from tokay.kernel.variables import Variable
from tokay.plugins.network import Interface, Network, TcpStream

CONNECT_TIMEOUT = Variable(
    "tcp.client.connect_timeout", "tc c t", Integer(1, 65535, unit="ms"), 5000,
    doc="How long one attempt to connect may take.",
)  # fmt: skip
RETRIES = Variable(
    "tcp.client.retries", "tc c r", Integer(0, 255), 3,
    doc="Further attempts before tcp_client gives up.",
)  # fmt: skip
RETRY_PERIOD = Variable(
    "tcp.client.retry_period", "tc c d", Integer(0, 65535, unit="ms"), 1000,
    doc="The pause between attempts to connect.",
)  # fmt: skip
LOCAL_PORT = Variable(
    "tcp.client.local_port", "tc c l", Port(any_port=True), 0,
    doc="The local port of tcp_client; 0 is any.",
)  # fmt: skip
REMOTE_HOST = Variable(
    "tcp.client.remote_host", "tc c h", Text(1, 255), "",
    doc="Where tcp_client connects when it is not told.",
)  # fmt: skip
REMOTE_PORT = Variable(
    "tcp.client.remote_port", "tc c p", Port(), 3000,
    doc="The port to which tcp_client connects when it is not told.",
)  # fmt: skip


@command("tcp_client", "tcpc", "[-i interface] [-l local_port] [host] [port]")
async def tcp_client(call: Call) -> str:
    """Connect to a TCP server; the response is the stream's handle."""
    kernel, values = call.kernel, call.kernel.variables
    host = call.get("host", values[REMOTE_HOST])
    if not host:
        raise CommandError(Result.TOO_FEW_ARGS, "no host")
    port = call.number("port", 1, 65535, values[REMOTE_PORT])
    local_port = call.number("local_port", 0, 65535, values[LOCAL_PORT])
    kernel.streams.reserve()
    interface = await kernel.plugin(Network).need(call.get("interface"))
    kernel.notice("stream_opening", text=f"{host}:{port}")
    stream = TcpStream(kernel, interface, StreamType.TCPC, f"{host}:{port}")
    try:
        await _connect(call, interface, stream, host, port, local_port)
        return str(kernel.streams.open(stream))
    except (OSError, CommandError) as error:
        stream.close()
        kernel.notice("stream_failed")
        raise failed(str(error)) from error


async def _connect(
    call: Call, interface: Interface, stream: TcpStream, host: str, port: int, local_port: int
) -> None:
    """Connect, as often as the variables allow. Raises OSError."""
    values = call.kernel.variables
    for left in range(values[RETRIES], -1, -1):
        try:
            async with asyncio.timeout(values[CONNECT_TIMEOUT] / 1000):
                await interface.connect_tcp(lambda: stream, host, port, local_port=local_port)
            return
        except OSError as error:  # TimeoutError is one
            call.log(str(error.strerror or "Connect timed out"))
            if not left or not interface.up:
                raise
        await asyncio.sleep(values[RETRY_PERIOD] / 1000)


class Tcp(Plugin):
    """TCP by command."""

    name = "tcp"
    variables = (
        CONNECT_TIMEOUT,
        RETRIES,
        RETRY_PERIOD,
        LOCAL_PORT,
        REMOTE_HOST,
        REMOTE_PORT,
    )
    commands: ClassVar = (tcp_client,)
    after = ("network",)


PLUGIN = Tcp
