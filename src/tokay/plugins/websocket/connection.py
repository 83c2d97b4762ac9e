"""A WebSocket connection over a transport, plain or TLS, client or server: RFC 6455.

Life of a connection::

    CONNECTING --good answer--> OPEN --peer closes, or breaks a rule--> CLOSED
                                     --close()--> CLOSING --peer closes--> CLOSED

A server begins OPEN, behind its own answer. In CLOSING our close frame is out: what comes is
checked and dropped until the other side's close frame. In CLOSED nothing that comes is looked at,
and the transport goes: at once for a server; a client gives the server time to go first, and who
breaks a rule gets time to read why (sections 5.5.1 and 7.1).
"""

import asyncio
from enum import Enum
from typing import Protocol, cast

from tokay.protocols.websocket import (
    BINARY,
    CLOSE,
    LOST,
    MAX_HEADER,
    NORMAL,
    PING,
    PONG,
    FrameReceiver,
    HandshakeError,
    WebSocketError,
    check_answer,
    close_payload,
    frame,
    parse_close,
    read_status,
)

MAX_UNSENT = 64 * 1024
"""Bytes that may wait for a slow peer before a writer must wait too."""
CLOSING_LIMIT = 10.0
"""Seconds that a peer has to answer a close frame, and to take what was sent before."""
LAST_LIMIT = 2.0
"""Seconds that a connection is left to the other side when all is said."""


class State(Enum):
    """Where a connection is in its life."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Listener(Protocol):
    """Who a connection belongs to."""

    def heard(self, opcode: int, data: bytes, end: bool) -> None:
        """Called with a piece of a text or binary message, and whether it is the last."""

    def turn(self) -> None:
        """Called when all frames of one read have been passed on."""

    def writable(self) -> None:
        """Called when the connection can be written to again."""

    def closed(self, code: int, reason: str) -> None:
        """Called once when the connection has ended, with the reason."""


class Connection(asyncio.Protocol):
    """One end of a WebSocket. ``key`` makes it a client that waits for the answer to that key.

    ``most``: bytes of the longest message that is taken; None takes any, piece by piece.
    """

    __slots__ = (
        "_answer",
        "_client",
        "_key",
        "_listener",
        "_paused",
        "_pong",
        "_receiver",
        "_timer",
        "_transport",
        "opened",
        "state",
        "status",
    )

    def __init__(self, listener: Listener, *, key: str = "", most: int | None = None) -> None:
        self._listener = listener
        self._client = bool(key)
        self._key = key
        self._receiver = FrameReceiver(masked=not key, max_size=most)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._answer = b""
        self._paused = False
        self._pong: bytes | None = None
        self.state = State.CONNECTING if key else State.OPEN
        self.status = 0
        """What a server answered, as HTTP has it."""
        self.opened: asyncio.Future[None] | None = None
        """Done once a server has accepted a client; OSError when it does not."""
        if key:
            self.opened = asyncio.get_running_loop().create_future()

    # What its owner does.

    @property
    def transport(self) -> asyncio.Transport | None:
        """What it stands on; None before there is a connection."""
        return self._transport

    @property
    def full(self) -> bool:
        """Whether a writer must wait for the peer."""
        return self._paused and self.state is State.OPEN

    def send(self, opcode: int, data: bytes, *, final: bool = True) -> bool:
        """Send a frame; False when the connection no longer takes any."""
        if self.state is not State.OPEN or self._transport is None:
            return False
        if self._transport.is_closing():
            return False
        self._transport.write(frame(opcode, data, final=final, masked=self._client))
        return True

    def close(self, code: int = NORMAL, reason: str = "", *, wait: bool = True) -> None:
        """Say goodbye, and go when the other side has answered, or takes too long.

        Not ``wait``: go as soon as it is said.
        """
        if self.state is State.CONNECTING:
            self.abort()
        elif self.send(CLOSE, close_payload(code, reason)):
            if wait:
                self.state = State.CLOSING
                self.resume()  # its close frame may be behind what nobody reads any more
            else:
                self._end(code, reason)
                if self._transport is not None:
                    self._transport.close()
            self._wait(CLOSING_LIMIT)

    def abort(self) -> None:
        """Go at once."""
        self.state = State.CLOSED
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Pause reading: the peer's bytes stay in the network."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take bytes again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send bytes that are no frame: the handshake."""
        if self._transport is not None:
            self._transport.write(data)

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: only the name is the same.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT)

    def data_received(self, data: bytes) -> None:
        state, listener = self.state, self._listener
        if state is State.OPEN:
            payload = self._receiver.read_single(data)
            if payload is not None:
                listener.heard(BINARY, payload, True)
                listener.turn()
                return
        elif state is State.CONNECTING:
            self._take_answer(data)
            return
        elif state is State.CLOSED:
            return
        try:
            for opcode, payload, end in self._receiver.receive(data):
                if opcode > BINARY:
                    self._control(opcode, payload)
                    if self.state is State.CLOSED:
                        return
                elif self.state is State.OPEN:
                    listener.heard(opcode, payload, end)
        except WebSocketError as error:
            self._fail(error)
            return
        listener.turn()

    def eof_received(self) -> bool:
        self._end(LOST, "the other side went without a close frame")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end(LOST, str(exc or "the connection was lost"))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._pong is not None:
            pong, self._pong = self._pong, None
            self.send(PONG, pong)
        self._listener.writable()

    # The frames that are no messages.

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._goodbye(*parse_close(payload), payload)
        elif opcode == PING:
            if self._paused:
                # Who pings and does not read gets one answer, to the latest (section 5.5.3).
                self._pong = payload
            else:
                self.send(PONG, payload)

    def _goodbye(self, code: int, reason: str, payload: bytes) -> None:
        """Answer a close frame, or hear the answer to ours."""
        self._listener.turn()  # it may still want to answer what came before
        self.send(CLOSE, payload[:2])
        self._end(code, reason)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._client:
            self._wait(LAST_LIMIT)  # the server closes first (section 7.1.1)
        else:
            transport.close()
            self._wait(CLOSING_LIMIT)

    def _fail(self, error: WebSocketError) -> None:
        """Tell the other side which rule it broke, and go."""
        self._listener.turn()
        self.send(CLOSE, close_payload(error.code, error.reason))
        self._end(error.code, error.reason)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        # A close now would reset the connection if more has come than was read, and the other
        # side might never see the frame. So only this direction ends, where that can be said.
        self.resume()
        if transport.can_write_eof():
            transport.write_eof()
        self._wait(LAST_LIMIT)

    def _wait(self, limit: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(limit, self._transport.abort)

    def _end(self, code: int, reason: str) -> None:
        before, self.state = self.state, State.CLOSED
        if before is State.CONNECTING:
            self._refuse(OSError("the server closed before it answered"))
        elif before is not State.CLOSED:
            self._listener.closed(code, reason)

    # The handshake of a client.

    def _take_answer(self, data: bytes) -> None:
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if len(head) > MAX_HEADER:
            self._refuse(OSError("the response header is too long"))
        elif end:
            try:
                self.status = read_status(head)
                check_answer(head, self._key)
            except HandshakeError as error:
                self._refuse(OSError(str(error)))
                return
            self._answer = b""
            self.state = State.OPEN
            if self.opened is not None and not self.opened.done():
                self.opened.set_result(None)
            if rest:
                self.data_received(rest)

    def _refuse(self, error: OSError) -> None:
        self.state = State.CLOSED
        self._answer = b""
        if self.opened is not None and not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # seen, if nobody waits any more
        if self._transport is not None:
            self._transport.abort()
