"""The mask over what a client sends: exclusive-or with four bytes, again and again.

RFC 6455, section 5.3. Short payloads are one operation on a large number. For long ones Python has
nothing that is fast; picows has, in C, but only inside its own protocol class. So a picows server
connection that has no other end is given a frame with our key and our bytes, and hands the bytes
back unmasked, which is the same as masked: 16 KiB in 7 us where numbers take 60.

The constructor of that class is not documented. Where it turns out to be another, or where no loop
runs (it wants one), numbers do all the work; a test says whether it is so.
"""

import asyncio
import base64
import threading
from typing import Any

LONG = 384
"""Bytes from which picows is quicker."""
MOST = 1 << 16
"""Bytes that are handed over at once: a frame, in the engine's eyes."""

_local = threading.local()


def mask(data: bytes | memoryview, key: bytes) -> bytes:
    """Return ``data`` masked, or unmasked, with a key of four bytes."""
    size = len(data)
    if size < LONG:
        return _by_number(data, key, size)
    engine = _engine()
    if engine is None:
        return _by_number(data, key, size)
    if size <= MOST:
        return engine.mask(data, key)
    # Whole words only, so the key needs no turning in between.
    return b"".join(mask(data[at : at + MOST], key) for at in range(0, size, MOST))


def _by_number(data: bytes | memoryview, key: bytes, size: int) -> bytes:
    keys = int.from_bytes((key * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ keys).to_bytes(size, "little")


class Engine:
    """A picows connection without another end."""

    _REQUEST = (
        b"GET / HTTP/1.1\r\nHost: mask\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % base64.b64encode(bytes(16))
    )

    def __init__(self) -> None:
        # For long payloads only; and its types do not tell of the protocol.
        from picows import picows  # noqa: PLC0415

        class Listener(picows.WSListener):
            """Keeps what comes out."""

            __slots__ = ("payload",)

            def on_ws_connected(self, transport: Any) -> None:
                pass

            def on_ws_frame(self, transport: Any, frame: Any) -> None:
                self.payload = frame.get_payload_as_bytes()

        self._listener = listener = Listener()
        make: Any = picows
        self._protocol = protocol = make.WSProtocol(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=lambda _request: listener,
            logger=_Nothing(),
            disconnect_on_exception=False,
            websocket_handshake_timeout=None,
            enable_auto_ping=False,
            auto_ping_idle_timeout=1,
            auto_ping_reply_timeout=1,
            auto_ping_strategy=1,
            enable_auto_pong=False,
            max_frame_size=MOST,
            extra_headers=None,
            # Its buffer grows when it is nine tenths full; it need not.
            read_buffer_init_size=MOST + MOST // 4,
        )
        protocol.connection_made(_Nothing())
        protocol.get_buffer(-1)[: len(self._REQUEST)] = self._REQUEST
        protocol.buffer_updated(len(self._REQUEST))

    def mask(self, data: bytes | memoryview, key: bytes) -> bytes:
        """Return ``LONG`` to ``MOST`` bytes masked."""
        size = len(data)
        if size < 1 << 16:
            head = b"\x82\xfe" + size.to_bytes(2, "big") + key
        else:
            head = b"\x82\xff" + size.to_bytes(8, "big") + key
        start = len(head)
        end = start + size
        buffer = self._protocol.get_buffer(-1)
        buffer[:start] = head
        buffer[start:end] = data
        self._protocol.buffer_updated(end)
        payload: bytes = self._listener.payload
        return payload


class _Nothing:
    """The transport, the socket and the logger of a connection that has no other end."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        # With `ssl_object` there, picows never sends past the transport.
        return self if name in ("socket", "ssl_object") else default

    def get_write_buffer_size(self) -> int:
        return 0

    def fileno(self) -> int:
        return -1

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the name that logging has
        return False

    def nothing(self, *_args: Any, **_facts: Any) -> int:
        """Do nothing."""
        return 0

    write = writelines = close = abort = setsockopt = getsockopt = nothing
    debug = info = warning = error = exception = log = nothing


def _engine() -> Engine | None:
    """Return this thread's engine; None where there can be none."""
    try:
        made: Engine | None = _local.engine
    except AttributeError:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return None
        made = _local.engine = _make_engine()
    return made


def _make_engine() -> Engine | None:
    data, key = bytes(range(256)) * 2, b"\1\2\3\4"
    try:
        engine = Engine()
        works = engine.mask(data, key) == _by_number(data, key, len(data))
    except Exception:  # noqa: BLE001 - another picows may fail in any way
        return None
    return engine if works else None
