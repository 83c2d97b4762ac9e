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

PROBES = frozenset(
    (
        "/generate_204",  # Android, ChromeOS
        "/gen_204",  # Android, where the first fails
        "/hotspot-detect.html",  # iOS, macOS
        "/library/test/success.html",  # iOS, macOS, of old
        "/connecttest.txt",  # Windows 10 and later
        "/redirect",  # what Windows then opens in a browser
        "/ncsi.txt",  # Windows before 10
        "/success.txt",  # Firefox
        "/canonical.html",  # Firefox
        "/check_network_status.txt",  # NetworkManager
    )
)
"""Paths that systems ask for, by GET or HEAD, with parameters or without."""
_METHODS = (Method.GET, Method.HEAD)
ONLINE = b"HTTP/1.1 204 Ok\r\n\r\n"


def answer(service: "Service", connection: "Connection", request: Request) -> bool:
    """Answer a probe; False where there is no portal to speak of."""
    if service.interface.name != SoftAp.name or request.method not in _METHODS:
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
