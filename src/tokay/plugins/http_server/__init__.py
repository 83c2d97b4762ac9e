"""The HTTP server: the REST API, files, and what other plugins serve.

Other plugins get at it by ``kernel.plugin(HttpServer)``:

- ``page(path, handler, methods)`` registers a page that is made when it is asked for. The handler
  takes a ``Request`` and returns a ``Reply``, text or bytes, or an awaitable of one.
- ``upgrade(path, taker)`` hands a connection over that asks for a WebSocket: ``taker(request,
  transport, early)`` gets it behind all checks, before any answer; ``refusal`` makes the answer
  of one that declines.
- ``provide(source)`` adds read-only files below those of the device.
"""

from tokay.plugins.http_server.plugin import HttpServer
from tokay.plugins.http_server.request import Handler, Method, Page, Reply, Request, Taker
from tokay.plugins.http_server.sources import FileSource

PLUGIN = HttpServer


def refusal(status: int, text: str = "", extra: bytes = b"") -> bytes:
    """Return a whole short answer after which the connection is closed."""
    from tokay.plugins.http_server.response_head import whole  # noqa: PLC0415 - start-up time is measured

    return whole(status, text, extra)


__all__ = [
    "PLUGIN",
    "FileSource",
    "Handler",
    "HttpServer",
    "Method",
    "Page",
    "Reply",
    "Request",
    "Taker",
    "refusal",
]
