"""The commands that open a stream for a request, immediate ones and queued ones.

Source: docs/protocol/network.md, sections 9.1 to 9.6.
"""

import asyncio

from tokay.kernel.commands import Call, command
from tokay.kernel.results import CommandError, failed
from tokay.kernel.streams import MAX_STREAMS
from tokay.kernel.value_types import integer
from tokay.plugins.http_client.connect import connect, receive
from tokay.plugins.http_client.http_stream import HttpStream
from tokay.plugins.http_client.request import Request
from tokay.plugins.http_client.url import parse_url
from tokay.plugins.network import Network
from tokay.plugins.tls import Credentials, Tls

CERTIFICATES = "[ca_cert] [client_cert] [client_key]"
CERTIFICATE_WORDS = {"ca": "ca_cert", "cert": "client_cert", "key": "client_key"}
MAX_BODY = 10**15 - 1


@command("http_get", "hge", f"[-i interface] [-o] url {CERTIFICATES}")
async def http_get(call: Call) -> str:
    """Request a page; the response is the handle of a stream. With -o the request waits."""
    return await _open(call, Request("GET", parse_url(call["url"])))


@command("http_head", "hhe", f"[-i interface] [-o] url {CERTIFICATES}")
async def http_head(call: Call) -> str:
    """Request the header fields of a page; the response is the handle of a stream."""
    return await _open(call, Request("HEAD", parse_url(call["url"])))


@command("http_post", "hpo", f"[-i interface] [-o] [-l length] url content_type {CERTIFICATES}")
async def http_post(call: Call) -> str:
    """Post what stream_write then brings, with -o or -l; without them, nothing."""
    queued = "-o" in call or "length" in call
    length = call.number("length", 0, MAX_BODY) if "length" in call else None
    request = Request(
        "POST",
        parse_url(call["url"]),
        content_type=call["content_type"],
        length=length if queued else 0,
    )
    return await _open(call, request, queued=queued)


@command("http_add_header", "had", "handle name value")
def http_add_header(call: Call) -> None:
    """Add a header field to a request that waits."""
    _find(call).add_header(call["name"], call["value"])


@command("http_read_status", "hre", "[-h] handle")
async def http_read_status(call: Call) -> str:
    """Send what is queued and print the status of the response; with -h its header too."""
    stream = _find(call)
    stream.finish()
    try:
        await receive(call.kernel, stream)
    except OSError as error:
        raise failed(str(error)) from error
    status = str(stream.reader.status)
    if "-h" not in call:
        return status
    return "\r\n".join([status, *(f"{name}: {value}" for name, value in stream.reader.headers)])


async def _open(call: Call, request: Request, *, queued: bool = False) -> str:
    """Open a stream for a request, and unless it is queued wait for the response."""
    kernel = call.kernel
    kernel.streams.reserve()
    interface = await kernel.plugin(Network).need(call.get("interface"))
    at_once = not queued and "-o" not in call
    stream = HttpStream(kernel, interface, request, at_once=at_once)
    stream.log_broken = True
    kernel.notice("stream_opening", text=request.target.host)
    try:
        await connect(kernel, stream, certificates(call))
        if at_once:
            await receive(kernel, stream)
        return str(kernel.streams.open(stream))
    except (OSError, CommandError) as error:
        stream.close()
        kernel.notice("stream_failed")
        raise failed(str(error)) from error
    except asyncio.CancelledError:
        stream.close()
        raise


def certificates(call: Call) -> Credentials | None:
    """Return the files for TLS when a call names any; `network.tls` stands for the others."""
    given = {field: call[name] for field, name in CERTIFICATE_WORDS.items() if name in call}
    return call.kernel.plugin(Tls).files._replace(**given) if given else None


def _find(call: Call) -> HttpStream:
    """Return the HTTP stream that a call names. Raises CommandError."""
    try:
        handle = integer(call["handle"], 0, MAX_STREAMS - 1)
    except CommandError:
        raise failed(f"no stream {call['handle']}") from None
    stream = call.kernel.streams.find(handle)
    if not isinstance(stream, HttpStream):
        raise failed(f"stream {handle} is no HTTP stream")
    return stream
