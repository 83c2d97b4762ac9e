"""WebSocket frames on their way out, and the words for those that come in: RFC 6455, section 5.

No extension is ever agreed on, so the three reserved bits are always clear.
"""

import os

from tokay.protocols.websocket.masking import mask

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
MAX_CONTROL = 125
"""Bytes that a ping, a pong or a close carries at most (section 5.5)."""

NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED = 1003
NO_CODE = 1005
"""Stands for a close frame without a code; never sent."""
LOST = 1006
"""Stands for a connection that ended without a close frame; never sent."""
INVALID_DATA = 1007
TOO_BIG = 1009
INTERNAL_ERROR = 1011

_FINAL, _MASKED = 0x80, 0x80
_SHORT = [bytes((_FINAL | BINARY, size)) for size in range(126)]


class WebSocketError(Exception):
    """The other side broke the rules. ``code`` is what the close frame tells it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = False) -> bytes:
    """Return one frame. ``masked`` with a fresh key: what a client sends (section 5.3)."""
    size = len(payload)
    if size < 126 and opcode == BINARY and final and not masked:
        return _SHORT[size] + payload  # the usual
    first = opcode | _FINAL if final else opcode
    bit = _MASKED if masked else 0
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 1 << 16:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def close_payload(code: int = NO_CODE, reason: str = "") -> bytes:
    """Return what a close frame carries; the reason is cut to what fits."""
    if code == NO_CODE:
        return b""
    text = reason.encode()[: MAX_CONTROL - 2]
    return code.to_bytes(2, "big") + text.decode(errors="ignore").encode()


def parse_close(payload: bytes) -> tuple[int, str]:
    """Return code and reason of a close frame. Raises WebSocketError (sections 5.5.1 and 7.4)."""
    if not payload:
        return NO_CODE, ""
    if len(payload) == 1:
        raise WebSocketError(PROTOCOL_ERROR, "half a close code")
    code = int.from_bytes(payload[:2], "big")
    if not _may_be_sent(code):
        raise WebSocketError(PROTOCOL_ERROR, f"close code {code}")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise WebSocketError(INVALID_DATA, "a close reason that is not UTF-8") from None


def _may_be_sent(code: int) -> bool:
    # 1004 means nothing yet, 1005, 1006 and 1015 are never sent; 1012-1014 are with IANA.
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
