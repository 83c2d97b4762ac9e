"""The server's end of a WebSocket: a request that passed the HTTP server's checks is answered.

Sources: docs/protocol/web-and-discovery.md, sections 1.12 and 3; RFC 6455, section 4.2.
"""

import asyncio

from tokay.plugins.http_server import Request
from tokay.plugins.websocket.connection import Connection
from tokay.protocols.websocket import HandshakeError, answer, check_request, refusal


def key_of(request: Request, transport: asyncio.Transport) -> str:
    """Return the key of a good handshake; answer a bad one, and return nothing."""
    try:
        return check_request(request.method.name, request.head.newest, request.headers)
    except HandshakeError as error:
        refuse(transport, error.status, str(error))
        return ""


def refuse(transport: asyncio.Transport, status: int, reason: str = "") -> None:
    """Answer a request that is not taken, and close."""
    transport.write(refusal(status, reason))
    transport.close()


def begin(connection: Connection, transport: asyncio.Transport, key: str) -> None:
    """Accept: from here on the connection speaks frames."""
    transport.write(answer(key))
    transport.set_protocol(connection)
    connection.connection_made(transport)
    # The HTTP server may have been holding back what comes behind the request.
    connection.resume()
