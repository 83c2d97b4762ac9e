"""Captive portal: what phones and computers ask to learn whether there is a way to the Internet.

Both answers are exact, to the byte (docs/protocol/web-and-discovery.md, section 1.13), and end with
the connection. Only a soft AP is asked; elsewhere these are names like any other.
"""

from typing import TYPE_CHECKING

from tokay.plugins.http_server.request import Method, Request
from tokay.plugins.softap import SoftAp

if TYPE_CHECKING:
    from tokay.plugins.http_server.connection import Connection
    from tokay.plugins.http_server.service import Service

PROBES = frozenset((b"/generate_204", b"/hotspot-detect.html", b"/ncsi.txt"))
ONLINE = b"HTTP/1.1 204 Ok\r\n\r\n"


def answer(service: "Service", connection: "Connection", request: Request) -> bool:
    """Answer a probe; False where there is no portal to speak of."""
    if service.interface.name != SoftAp.name or request.method is not Method.GET:
        return False
    name = service.kernel.plugin(SoftAp).portal
    if name is None:
        connection.send_raw(ONLINE)
    else:
        connection.send_raw(redirect(name))
    return True


def redirect(name: str) -> bytes:
    """Return the answer that leads to the device."""
    return f"HTTP/1.1 302 Redirect\r\nLocation: http://{name}/\r\n\r\n".encode("latin-1")
