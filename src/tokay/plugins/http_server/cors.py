"""Which pages may use the device. Source: docs/protocol/web-and-discovery.md, section 1.12.

With no origin set nothing is looked at. With one, a request from elsewhere is cut off without an
answer. Browsers send Origin from the device's own pages too, so an origin that is the host which
the request asked for is always good.
"""

from tokay.plugins.http_server.request import Request

ANY = "*"
_PREFLIGHT = (
    b"Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n"
    b"Access-Control-Allow-Headers: "
    b"Content-Type, Accept, Authorization, X-Requested-With, Origin\r\n"
    b"Access-Control-Max-Age: 86400\r\n"
)
_PRIVATE = b"Access-Control-Allow-Private-Network: true\r\n"


def parse(text: str) -> tuple[str, ...]:
    """Return the origins of `http.server.cors_origin`; a comma list is taken too."""
    items = (item.strip().rstrip("/") for item in text.split(","))
    return tuple(item for item in items if item)


def headers(origins: tuple[str, ...], origin: str = "") -> bytes:
    """Return the header lines of an answer to an allowed origin, or to nobody in particular."""
    if not origins:
        return b""
    told = ANY if ANY in origins else (origin or origins[0])
    vary = "Vary: Origin\r\n" if len(origins) > 1 and told != ANY else ""
    return f"Access-Control-Allow-Origin: {told}\r\n{vary}".encode("latin-1")


def match(origins: tuple[str, ...], request: Request) -> str | None:
    """Return which origin a request comes from, empty for the device's own; None for none."""
    raw = request.headers.get(b"origin")
    if raw is None or ANY in origins:
        return ""
    origin = raw.decode("latin-1").lower()
    for one in origins:
        if origin == one.lower():
            return one
    scheme, separator, host = origin.partition("://")
    own = request.headers.get(b"host", b"").decode("latin-1").lower()
    same = separator and scheme in ("http", "https") and host == own != ""
    return "" if same else None


def preflight(request: Request) -> bytes:
    """Return what a preflight is told beside the origin. It never needs a login."""
    if b"access-control-request-private-network" in request.headers:
        return _PREFLIGHT + _PRIVATE
    return _PREFLIGHT
