"""The heads of answers, byte by byte."""

from http import HTTPStatus

REASONS = {status.value: status.phrase for status in HTTPStatus}
JSON = b"application/json"
PLAIN = b"text/plain"
NO_STORE = b"Cache-Control: no-store\r\n"
"""What the API answers is true of this moment only (RFC 9111, section 5.2.2.5)."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = -1
"""The length of a body that goes in chunks, as in the native API."""
UNTIL_CLOSE = -2
"""The length of a body that ends with the connection, for HTTP/1.0."""
NO_BODY = -3
"""No length is told: there is no body by definition (RFC 9110, section 8.6)."""
_LINES = {status: f"HTTP/1.1 {status} {reason}\r\n".encode() for status, reason in REASONS.items()}
_CLOSE = b"Connection: close\r\n\r\n"
_KEEP = b"Connection: keep-alive\r\n\r\n"
_LENGTHS = {CHUNKED: b"Transfer-Encoding: chunked\r\n", UNTIL_CLOSE: b"", NO_BODY: b""}


def head(status: int, length: int, type: bytes, extra: bytes, *, keep: bool) -> bytes:
    """Return the head of an answer. ``extra``: further header lines, each with its line end."""
    line = _LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
    kind = b"Content-Type: %b\r\n" % type if type else b""
    size = b"Content-Length: %d\r\n" % length if length >= 0 else _LENGTHS[length]
    return b"".join((line, kind, size, extra, _KEEP if keep else _CLOSE))


def whole(status: int, text: str = "", extra: bytes = b"") -> bytes:
    """Return a whole short answer after which the connection is closed."""
    body = short(status, text)
    return head(status, len(body), PLAIN, extra, keep=False) + body


def short(status: int, text: str = "") -> bytes:
    """Return the body of an answer that has no page: its reason, or more."""
    return f"{text or REASONS.get(status, 'Unknown')}\r\n".encode("latin-1", "replace")


def field(name: str, value: str) -> bytes:
    """Return a header line. Raises ValueError for what would break the head."""
    raw = f"{name}: {value}".encode("latin-1", "replace")
    if not raw.isascii() or any(byte < 0x20 or byte == 0x7F for byte in raw.replace(b"\t", b"")):
        message = f"header {name} has a character that cannot be sent"
        raise ValueError(message)
    return raw + b"\r\n"


def json_top(extra: bytes, *, keep: bool) -> bytes:
    """Return the answer of a command, its length and body left out as `%d` and `%b`."""
    made = head(200, 0, JSON, NO_STORE + extra.replace(b"%", b"%%"), keep=keep)
    return made.replace(b"Content-Length: 0", b"Content-Length: %d") + b"%b"
