"""Connecting to where a request goes, and waiting for its answer; the log tells of both.

Only a connection that does not come about is tried again: a request that may have arrived is not
sent twice. Source: docs/protocol/network.md, section 9.9.
"""

import asyncio

from tokay.kernel.kernel import Kernel
from tokay.plugins.http_client.http_stream import HttpStream
from tokay.plugins.http_client.variables import RETRIES, RETRY_PERIOD
from tokay.plugins.tcp import CONNECT_TIMEOUT
from tokay.plugins.tls import Credentials, Tls, TlsError

# The spelling is the device's own.
_SCHEMES = {"http": "HTTP", "https": "https", "ws": "WS", "wss": "wss"}


async def connect(kernel: Kernel, stream: HttpStream, files: Credentials | None = None) -> None:
    """Connect a stream to its target. Raises OSError, of which the log has told."""
    values, interface = kernel.variables, stream.interface
    target = stream.request.target
    kernel.log.line(f"Request {stream.request.method} {target.path}")
    kernel.log.line(f"Connecting ({_SCHEMES[target.scheme]}): {target.host}:{target.port}")
    for left in range(values[RETRIES], -1, -1):
        try:
            await _attempt(kernel, stream, files)
            return
        except TlsError:
            raise  # it would fail again, and the log has its line
        except OSError as error:  # TimeoutError is one
            kernel.log.line(reason(error) or "Connect timed out")
            if not left or not interface.up:
                raise
        async with interface.while_up():
            await asyncio.sleep(values[RETRY_PERIOD] / 1000)


async def _attempt(kernel: Kernel, stream: HttpStream, files: Credentials | None) -> None:
    """Look the host up and connect once. Raises OSError."""
    interface, target = stream.interface, stream.request.target
    limit = kernel.variables[CONNECT_TIMEOUT] / 1000
    if not target.secure:
        await interface.connect_tcp(lambda: stream, target.host, target.port, limit=limit)
        return
    await kernel.plugin(Tls).connect(
        interface, lambda: stream, target.host, target.port, limit=limit, files=files
    )


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
    stream.tell_broken()


def reason(error: OSError) -> str:
    """Return what an error says of itself, without its number."""
    return str(error.strerror or error)
