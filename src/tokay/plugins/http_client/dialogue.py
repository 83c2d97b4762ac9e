"""Connecting to where a request goes, and waiting for its answer; the log tells of both.

Only a connection that does not come about is tried again: a request that may have arrived is not
sent twice. Source: commands-network, section 9.9.
"""

import asyncio
from typing import NamedTuple

from tokay.kernel.kernel import Kernel
from tokay.plugins.http_client.exchange import HttpStream
from tokay.plugins.http_client.variables import RETRIES, RETRY_PERIOD
from tokay.plugins.tcp import CONNECT_TIMEOUT

# The spelling is the device's own.
_SCHEMES = {"http": "HTTP", "https": "https", "ws": "WS", "wss": "wss"}


class Credentials(NamedTuple):
    ca: str = ""
    cert: str = ""
    key: str = ""


async def connect(kernel: Kernel, stream: HttpStream, files: Credentials | None = None) -> None:
    """Connect a stream to its target. Raises OSError, of which the log has told."""
    values, interface = kernel.variables, stream.interface
    target = stream.request.target
    kernel.log.line(f"Request {stream.request.method} {target.path}")
    kernel.log.line(f"Connecting ({_SCHEMES[target.scheme]}): {target.host}:{target.port}")
    limit = values[CONNECT_TIMEOUT] / 1000
    for left in range(values[RETRIES], -1, -1):
        try:
            async with asyncio.timeout(limit):
                await interface.connect_tcp(lambda: stream, target.host, target.port)
            return
        except OSError as error:  # TimeoutError is one
            kernel.log.line(str(error.strerror or "Connect timed out"))
            if not left or not interface.up:
                raise
        await asyncio.sleep(values[RETRY_PERIOD] / 1000)


async def receive(kernel: Kernel, stream: HttpStream) -> None:
    """Wait for the header of the response. Raises OSError, of which the log has told."""
    if stream.told:
        return
    try:
        await stream.answer(kernel.variables[CONNECT_TIMEOUT] / 1000)
    except OSError as error:  # TimeoutError is one
        kernel.log.line(reason(error) or "No response in time")
        raise
    kernel.log.line(f"HTTP response: {stream.reader.status}")
    if stream.reader.chunked:
        kernel.log.line("Chunked response")


def reason(error: OSError) -> str:
    """Return what an error says of itself, without its number."""
    return str(error.strerror or error)
