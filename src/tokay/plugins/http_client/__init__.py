"""The HTTP client by command. Source: commands-network, section 9."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from tokay.kernel.commands import Call, command
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, failed
from tokay.plugins.network import Interface, Network
from tokay.plugins.tcp import CONNECT_TIMEOUT

if TYPE_CHECKING:
    from tokay.plugins.http_client.exchange import HttpStream, Target


@command("http_get", "hge", "[-i interface] url")
async def http_get(call: Call) -> str:
    """Request a page; the response is the handle of a stream with its body."""
    # The parser is imported when it is first needed: start-up time is measured.
    from tokay.plugins.http_client.exchange import HttpStream, parse_url  # noqa: PLC0415

    kernel = call.kernel
    target = parse_url(call["url"])
    kernel.streams.reserve()
    interface = await kernel.plugin(Network).need(call.get("interface"))
    stream = HttpStream(kernel, interface, target)
    kernel.notice("stream_opening", text=target.host)
    try:
        await _exchange(call, interface, stream, target)
        return str(kernel.streams.open(stream))
    except (OSError, CommandError) as error:
        stream.close()
        kernel.notice("stream_failed")
        raise failed(str(error)) from error
    except asyncio.CancelledError:
        stream.close()
        raise


async def _exchange(
    call: Call, interface: Interface, stream: "HttpStream", target: "Target"
) -> None:
    """Connect, ask, and wait for the header of the answer. Raises OSError."""
    limit = call.kernel.variables[CONNECT_TIMEOUT] / 1000
    call.log(f"Request GET {target.path}")
    call.log(f"Connecting (HTTP): {target.host}:{target.port}")
    async with asyncio.timeout(limit):
        await interface.connect_tcp(lambda: stream, target.host, target.port)
    stream.request("GET", target)
    async with asyncio.timeout(limit), interface.while_up():
        await stream.answered
    call.log(f"HTTP response: {stream.status}")
    if stream.chunked:
        call.log("Chunked response")


class HttpClient(Plugin):
    """HTTP by command."""

    name = "http_client"
    commands: ClassVar = (http_get,)
    after = ("network", "tcp")


PLUGIN = HttpClient
