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
    NO_DATA,
    RESET,
    Failure,
    TlsError,
    failure_of,
    reason_of,
)
from tokay.protocols.tls import HEADER, MAX_CONTENT, HandshakeMessage, HandshakeTracker, record_size

RECORD = 16384
"""Bytes of data that a record may have."""
PART = HEADER + MAX_CONTENT
"""Bytes of a record that may be held until its end comes."""
READ = 12 * RECORD
"""Bytes that are received at once."""
GATHER = READ + 2 * RECORD
"""Bytes of data that are handed on at once: all of one read, or nearly so."""
BURST = 8 * RECORD
"""Bytes that are sealed before they are handed on."""
LINGER = 10.0
"""Seconds that a closed connection goes on sending what it has."""


class _Buffers(threading.local):
    """What all connections of a thread share: room for what is read, and OpenSSL's two ends."""

    def __init__(self) -> None:
        self.received = memoryview(bytearray(PART + READ))
        self.plain = memoryview(bytearray(GATHER))
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()


_buffers = _Buffers()


def _drain() -> None:
    """Leave nothing between OpenSSL's ends for the next connection."""
    for end in (_buffers.incoming, _buffers.outgoing):
        if end.pending:
            end.read()


def _record_end(data: memoryview, at: int) -> tuple[int, bool]:
    """Return where the record at ``at`` ends, 0 if it is not whole, and whether it is none."""
    size = record_size(data, at)
    if size < 0:
        return len(data), True
    stop = at + size
    return (stop, False) if size and stop <= len(data) else (0, False)


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


class TlsTransport(asyncio.Transport, asyncio.BufferedProtocol):
    """One TLS connection.

    ``factory`` makes the protocol above once the handshake is over. ``settled`` hears how that
    ended: with None, or with an OSError (TlsError is one). An error may still follow None: in TLS
    1.3 a server refuses a client when that has finished. ``limit``: seconds for the handshake.
    ``server`` says which end this is; a client gives the ``host`` that it wants.
    """

    __slots__ = (
        "_context",
        "_eof",
        "_error",
        "_factory",
        "_heard",
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
        self._walk: HandshakeTracker | None = HandshakeTracker()
        self._timer: asyncio.TimerHandle | None = None
        self._held: bytes | memoryview = b""
        self._paused = False
        self._eof = False
        self._truncated = False
        self._heard = False
        """Whether the peer has sent a byte."""
        self._error: Exception | None = None

    # From the connection below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast("asyncio.Transport", transport)
        if self._phase is Phase.LOST:  # given up before it began
            self._raw.abort()
            return
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

    def get_buffer(self, sizehint: int) -> memoryview:
        # The part of a record that is there already stands in front of what comes.
        part = len(self._held)
        if 0 < part <= PART:
            _buffers.received[:part] = self._held
            return _buffers.received[part:]
        return _buffers.received

    def buffer_updated(self, nbytes: int) -> None:
        self._heard = True
        part = len(self._held)
        if part > PART:
            self.data_received(bytes(_buffers.received[:nbytes]))
            return
        self._held = b""
        self._advance(_buffers.received[: part + nbytes])

    def data_received(self, data: bytes) -> None:
        """Take bytes from a connection below that has no buffers."""
        self._heard = True
        data, self._held = b"".join((self._held, data)), b""
        self._advance(memoryview(data))

    def eof_received(self) -> bool:
        if self._phase is Phase.HANDSHAKE:
            self._fail(self._closed_by_peer())
        elif self._phase is Phase.OPEN:
            self._eof = self._truncated = True
            if not self._paused:
                self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        phase, self._phase = self._phase, Phase.LOST
        self._cancel()
        if phase is Phase.HANDSHAKE:
            error = self._closed_by_peer()
            if exc is not None:
                error = TlsError(RESET, self._state, error.reason, server=self.server)
            self._report(error)
        elif phase is not Phase.LOST:
            if phase is Phase.OPEN:
                self._hand_over()
            self._phase = Phase.LOST
            self._held = b""
            self._protocol.connection_lost(self._error or exc)
        self._release()

    def _closed_by_peer(self) -> TlsError:
        failure = CLOSED if self._heard else NO_DATA
        return TlsError(failure, self._state, "closed by the peer", server=self.server)

    def _hand_over(self) -> None:
        """Pass on what had arrived, though the protocol above had paused."""
        self._phase = Phase.OPEN
        left = -1
        while self._phase is Phase.OPEN and len(self._held) != left:
            left = len(self._held)
            self._paused = False
            self._advance_held()

    def pause_writing(self) -> None:
        if self._phase in (Phase.OPEN, Phase.ENDED):
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._phase in (Phase.OPEN, Phase.ENDED):
            self._protocol.resume_writing()

    # The handshake.

    @property
    def _state(self) -> HandshakeMessage | None:
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
        """Abort the handshake: log why, and close once the alert is sent."""
        self._cancel()
        _drain()
        self._phase = Phase.LOST
        if not isinstance(error, TlsError):
            state = self._state or HandshakeMessage.HELLO_REQUEST
            failure = failure_of(error, state, server=self.server)
            error = TlsError(failure, state, reason_of(error), server=self.server)
        self._linger()
        self._report(error)

    def _report(self, error: OSError | None) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled(self, error)

    # Records.

    def _advance_held(self) -> None:
        held, self._held = self._held, b""
        self._advance(memoryview(held))

    def _advance(self, data: memoryview) -> None:
        """Hand on what has come, until the protocol above wants no more."""
        at, end, before = 0, len(data), -1
        while before < at < end and not self._paused:
            before = at
            if self._phase is Phase.OPEN:
                at = self._open_records(data, at)
            elif self._phase is Phase.HANDSHAKE:
                stop, broken = _record_end(data, at)
                if stop:
                    _buffers.incoming.write(data[at:stop])
                    self._shake_on(data[at:stop], broken=broken)
                    at = stop
            else:
                return
        if at < end and self._phase in (Phase.OPEN, Phase.HANDSHAKE):
            left = data[at:]
            # Never what is only lent, nor much for the sake of little.
            lent = left.obj is _buffers.received.obj or len(left) < RECORD
            self._held = bytes(left) if lent else left
        if self._eof and not self._paused and self._phase is Phase.OPEN:
            self._end()

    def _open_records(self, data: memoryview, at: int) -> int:
        """Open records from ``at`` on and hand them on as one; return where that stopped."""
        put, read, plain = _buffers.incoming.write, self._ssl.read, _buffers.plain
        filled, closed = 0, False
        error: OSError | None = None
        while filled <= GATHER - RECORD and not closed:
            stop, broken = _record_end(data, at)
            if not stop:
                break
            put(data[at:stop])
            at = stop
            try:
                count = cast("int", read(RECORD, plain[filled : filled + RECORD]))
            except ssl.SSLWantReadError:  # a record without data: a ticket, a change of keys
                self._flush()
                error = OSError("no TLS record") if broken else None
            except ssl.SSLZeroReturnError:
                closed = True
            except ssl.SSLError as failure:
                error = failure
            else:
                filled += count
                closed = not count
            if error is not None:
                self._flush()  # the alert
                _drain()
                break
        self._eof = self._eof or closed
        if filled:
            self._settled = None
            self._protocol.data_received(bytes(plain[:filled]))
        if error is not None and self._phase is Phase.OPEN:
            self._break(error)
        return len(data) if closed else at

    def _shake_on(self, record: memoryview, *, broken: bool) -> None:
        """Take a record of the handshake, which OpenSSL has been handed."""
        if self._walk is not None:
            self._walk.feed(record, client=self.server)
        self._shake()
        if broken and self._phase is Phase.HANDSHAKE:
            self._fail_with(INVALID_RECORD, "no TLS record")

    def _fail_with(self, failure: Failure, reason: str) -> None:
        self._fail(TlsError(failure, self._state, reason, server=self.server))

    def _break(self, error: Exception) -> None:
        """Abort an open connection: by the peer's alert, or for an invalid record."""
        self._error = error
        if self._settled is not None:
            state = HandshakeMessage.HANDSHAKE_OVER
            failure = failure_of(error, state, server=self.server)
            self._error = TlsError(failure, state, reason_of(error), server=self.server)
            self._report(self._error)
        self._phase = Phase.ENDED
        self._raw.abort()

    def _end(self) -> None:
        """Called when no more data will come."""
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

    @property
    def local_address(self) -> str:
        """The address of this end, empty while there is none."""
        name = None if self._phase is Phase.NEW else self._raw.get_extra_info("sockname")
        return name[0] if name else ""

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
            self._advance_held()
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
                    self._raw.writelines(sealed)
        except ssl.SSLError as error:
            _drain()
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
        phase = self._phase
        if phase is Phase.LOST:
            return
        self._held = b""
        if phase in (Phase.NEW, Phase.HANDSHAKE):
            self._cancel()
            self._phase = Phase.LOST
            self._report(OSError("given up"))
        else:
            self._phase = Phase.CLOSING
        if phase is not Phase.NEW:
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
