"""TLS between a connection and the protocol that uses it.

    protocol above  <->  TlsTransport  <->  the loop's own transport

To the protocol above it is a transport, to the one below a protocol. OpenSSL sits inside and sees
memory only. The loop's own TLS would cost ten times the memory; this costs OpenSSL's state and no
buffer, because of one rule: **OpenSSL is handed whole records, one at a time, and what it has made
is taken at once**. So its two buffers are empty whenever it does not run, and all connections of a
thread share one pair.

Back-pressure goes through in both directions: a protocol that pauses reading pauses the connection
below and leaves at most one read of ciphertext waiting here, and the buffer for writing is that of
the connection below.

An end of the connection below without a close_notify is an end too, as the peers of fielded
devices often leave so; ``get_extra_info("truncated")`` tells. Nothing that was received is lost.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, cast

from tokay.plugins.tls.errors import (
    CLOSED,
    INVALID_RECORD,
    RESET,
    Failure,
    TlsError,
    failure_of,
    reason_of,
)
from tokay.protocols.tls import HandshakeWalk, State, record_size

RECORD = 16384
"""Bytes of data that a record may have."""
BURST = 8 * RECORD
"""Bytes that are sealed before they are handed on."""
LINGER = 10.0
"""Seconds that a closed connection goes on sending what it has."""


class _Buffers(threading.local):
    """The two ends of OpenSSL, for all connections of a thread."""

    def __init__(self) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()


_buffers = _Buffers()


class Phase(Enum):
    """Where a connection is. Only while OPEN the protocol above hears of data."""

    NEW = auto()
    HANDSHAKE = auto()
    OPEN = auto()
    ENDED = auto()
    """The peer has sent its last byte; ours may still go."""
    CLOSING = auto()
    """We have sent ours."""
    LOST = auto()


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """One TLS connection.

    ``factory`` makes the protocol above once the handshake is over. ``settled`` hears how that
    ended: with None, or with an OSError (TlsError is one). An error may still follow None: in TLS
    1.3 a server refuses a client when that has finished. ``limit``: seconds for the handshake.
    ``server`` says which end this is; a client gives the ``host`` that it wants.
    """

    __slots__ = (
        "_context",
        "_error",
        "_factory",
        "_held",
        "_host",
        "_limit",
        "_paused",
        "_phase",
        "_protocol",
        "_raw",
        "_read",
        "_settled",
        "_ssl",
        "_timer",
        "_truncated",
        "_walk",
        "_write",
        "server",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        factory: Callable[[], asyncio.BaseProtocol],
        settled: "Callable[[TlsTransport, OSError | None], None]",
        *,
        limit: float,
        server: bool = False,
        host: str | None = None,
    ) -> None:
        super().__init__()
        self.server = server
        self._context: ssl.SSLContext | None = context
        self._factory: Callable[[], asyncio.BaseProtocol] | None = factory
        self._settled: Callable[[TlsTransport, OSError | None], None] | None = settled
        self._limit = limit
        self._host = host
        self._phase = Phase.NEW
        self._protocol: asyncio.Protocol
        self._raw: asyncio.Transport
        self._ssl: ssl.SSLObject
        self._walk: HandshakeWalk | None = HandshakeWalk()
        self._timer: asyncio.TimerHandle | None = None
        self._held = b""
        self._paused = False
        self._truncated = False
        self._error: Exception | None = None

    # From the connection below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast("asyncio.Transport", transport)
        self._phase = Phase.HANDSHAKE
        assert self._context is not None  # noqa: S101 - there until the handshake begins
        incoming, outgoing = _buffers.incoming, _buffers.outgoing
        try:
            self._ssl = self._context.wrap_bio(
                incoming, outgoing, server_side=self.server, server_hostname=self._host
            )
        except ValueError as error:  # a name that no certificate can have
            self._fail(error)
            return
        self._timer = asyncio.get_running_loop().call_later(self._limit, self._expire)
        self._shake()

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        if not self._paused:
            self._advance()

    def eof_received(self) -> bool:
        if self._phase is Phase.HANDSHAKE:
            self._fail(TlsError(CLOSED, self._state, "closed by the peer", server=self.server))
        elif self._phase is Phase.OPEN:
            self._truncated = True
            if not self._paused:
                self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        phase, self._phase = self._phase, Phase.LOST
        self._cancel()
        if phase is Phase.HANDSHAKE:
            failure = CLOSED if exc is None else RESET
            self._report(TlsError(failure, self._state, "closed by the peer", server=self.server))
        elif phase is not Phase.LOST:
            if phase is Phase.OPEN:
                self._hand_over()
            self._phase = Phase.LOST
            self._held = b""
            self._protocol.connection_lost(self._error or exc)
        self._release()

    def _hand_over(self) -> None:
        """Give away what had arrived, though the protocol above wanted a pause."""
        self._phase = Phase.OPEN
        left = -1
        while self._phase is Phase.OPEN and len(self._held) != left:
            left = len(self._held)
            self._paused = False
            self._advance()

    def pause_writing(self) -> None:
        if self._phase in (Phase.OPEN, Phase.ENDED):
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._phase in (Phase.OPEN, Phase.ENDED):
            self._protocol.resume_writing()

    # The handshake.

    @property
    def _state(self) -> State | None:
        return self._walk.state if self._walk is not None else None

    def _shake(self) -> None:
        """Go on with the handshake as far as what has come allows."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except (ssl.SSLError, ValueError) as error:
            self._flush()  # with an alert in it
            self._fail(error)
        else:
            self._flush()
            self._open()

    def _open(self) -> None:
        self._cancel()
        assert self._factory is not None  # noqa: S101 - there until now
        self._phase = Phase.OPEN
        try:
            self._protocol = cast("asyncio.Protocol", self._factory())
            self._protocol.connection_made(self)
        except BaseException:
            self._phase = Phase.LOST
            self._raw.abort()
            self._report(OSError("the connection is not wanted"))
            raise
        self._context = self._factory = self._walk = None
        settled = self._settled
        if settled is not None:
            settled(self, None)

    def _expire(self) -> None:
        self._timer = None
        self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        """Give up the handshake: say why, and close once the alert is out."""
        self._cancel()
        self._drain()
        self._phase = Phase.LOST
        if not isinstance(error, TlsError):
            state = self._state or State.HELLO_REQUEST
            failure = failure_of(error, state, server=self.server)
            error = TlsError(failure, state, reason_of(error), server=self.server)
        self._linger()
        self._report(error)

    def _report(self, error: OSError | None) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled(self, error)

    # Records.

    def _advance(self) -> None:
        """Hand on what has come, record by record, until the protocol above wants no more."""
        data, at = memoryview(self._held), 0
        self._held = b""
        put, end = _buffers.incoming.write, len(data)
        while at < end and not self._paused:
            if self._phase is Phase.OPEN or self._phase is Phase.HANDSHAKE:
                pass
            else:
                return
            size = record_size(data[at : at + 5])
            if size == 0 or at + size > end:
                break
            record = data[at:] if size < 0 else data[at : at + size]
            at += len(record)
            put(record)
            if self._phase is Phase.OPEN:
                self._take(broken=size < 0)
            else:
                if self._walk is not None:
                    self._walk.feed(record, client=self.server)
                self._shake()
                if size < 0 and self._phase is Phase.HANDSHAKE:
                    self._fail_with(INVALID_RECORD, "no TLS record")
        if at < end and self._phase in (Phase.OPEN, Phase.HANDSHAKE):
            self._held = bytes(data[at:])
        if self._truncated and not self._paused and self._phase is Phase.OPEN:
            self._end()

    def _fail_with(self, failure: Failure, reason: str) -> None:
        self._fail(TlsError(failure, self._state, reason, server=self.server))

    def _take(self, *, broken: bool) -> None:
        """Read the one record that OpenSSL has been handed."""
        try:
            data = self._ssl.read(RECORD)
        except ssl.SSLWantReadError:  # a record without data: a ticket, a change of keys
            if broken:
                self._break(OSError("no TLS record"))
            elif _buffers.outgoing.pending:
                self._flush()
            return
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLError as error:
            self._break(error)
            return
        if data:
            self._settled = None
            self._protocol.data_received(data)
        else:
            self._end()

    def _break(self, error: Exception) -> None:
        """Give up an open connection: the peer says so, or a record cannot be."""
        self._error = error
        if self._settled is not None:
            state = State.HANDSHAKE_OVER
            failure = failure_of(error, state, server=self.server)
            self._error = TlsError(failure, state, reason_of(error), server=self.server)
            self._report(self._error)
        self._flush()
        self._drain()
        self._phase = Phase.ENDED
        self._raw.abort()

    def _end(self) -> None:
        """Hear that no more data comes."""
        self._held = b""
        self._phase = Phase.ENDED
        if not self._protocol.eof_received():
            self.close()

    def _flush(self) -> None:
        if _buffers.outgoing.pending:
            data = _buffers.outgoing.read()
            if self._walk is not None:
                self._walk.feed(data, client=not self.server)
            self._raw.write(data)

    def _drain(self) -> None:
        """Leave nothing in the buffers for the next connection."""
        for buffer in (_buffers.incoming, _buffers.outgoing):
            if buffer.pending:
                buffer.read()

    # To the protocol above: a transport.

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._ssl
        if name == "truncated":
            return self._truncated
        return self._raw.get_extra_info(name, default)

    def is_reading(self) -> bool:
        return not self._paused and self._phase is Phase.OPEN

    def pause_reading(self) -> None:
        if not self._paused and self._phase is Phase.OPEN:
            self._paused = True
            if not self._raw.is_closing():
                self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self._paused and self._phase is Phase.OPEN:
            self._advance()
        if not self._paused and self._phase is Phase.OPEN and not self._raw.is_closing():
            self._raw.resume_reading()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._phase is not Phase.OPEN and self._phase is not Phase.ENDED:
            return
        if self._raw.is_closing():
            return
        seal, take = self._ssl.write, _buffers.outgoing.read
        try:
            if len(data) <= RECORD:
                if data:
                    seal(data)
                    self._raw.write(take())
                return
            with memoryview(data) as view:
                for start in range(0, len(view), BURST):
                    stop = min(start + BURST, len(view))
                    sealed = []
                    for at in range(start, stop, RECORD):
                        seal(view[at : min(at + RECORD, stop)])
                        sealed.append(take())
                    self._raw.write(b"".join(sealed))
        except ssl.SSLError as error:
            self._break(error)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._raw.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._phase in (Phase.CLOSING, Phase.LOST) or self._raw.is_closing()

    def close(self) -> None:
        """Close once what was written is out; ten seconds later at the latest."""
        if self._phase not in (Phase.OPEN, Phase.ENDED):
            return
        self._phase = Phase.CLOSING
        self._held = b""
        if not self._raw.is_closing():
            with contextlib.suppress(ssl.SSLError):  # it would wait for the peer's close_notify
                self._ssl.unwrap()
            self._flush()
        self._linger()

    def abort(self) -> None:
        if self._phase is not Phase.LOST:
            if self._phase is Phase.HANDSHAKE:
                self._cancel()
                self._phase = Phase.LOST
                self._report(OSError("given up"))
            elif self._phase is not Phase.NEW:
                self._phase = Phase.CLOSING
            self._held = b""
            if self._phase is not Phase.NEW:
                self._raw.abort()

    def _linger(self) -> None:
        self._raw.close()
        if self._raw.get_write_buffer_size():
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._raw.abort)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        self._context = self._factory = self._settled = self._walk = None
