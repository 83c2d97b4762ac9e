"""A serial port at a TCP address that speaks RFC 2217: for drivers that want a whole port.

What a client sets its end to is confirmed and changes nothing: there is no wire on which two rates
could disagree, and a host that is set wrong is let through rather than fed garbage.
"""

import asyncio

from tokay.board.serial.port import LineSettings
from tokay.board.serial.tcp import TcpPort
from tokay.protocols.rfc2217 import ComPort, ComPortSettings, FlowSuspend, Purge
from tokay.protocols.telnet import escape

MAX_ANSWERS = 64 * 1024
"""Bytes of answers that wait for a client which asks and does not read: then it must wait."""


class Rfc2217Port(TcpPort):
    """Listens at an address, one client at a time.

    The device sends nothing while the client asks for silence, nor, with `uart.flow` on, while the
    client's RTS is off.
    """

    scheme = "rfc2217://"

    def __init__(self) -> None:
        super().__init__()
        self._com = ComPort()
        self._unsent: list[bytes] = []
        self._suspended = self._replies_blocked = False
        self._flow = LineSettings().flow

    @property
    def line(self) -> ComPortSettings:
        """What the client has set its end to."""
        return self._com.line

    @property
    def backlog(self) -> int:
        return super().backlog + sum(map(len, self._unsent))

    def write(self, data: bytes) -> None:
        if self._output_suspended and self._transport is not None:
            self._unsent.append(data)
        else:
            super().write(escape(data))

    def configure(self, settings: LineSettings) -> None:
        self._flow = settings.flow
        self._flush_unsent()

    def _greet(self) -> None:
        self._com = ComPort()
        self._suspended = self._replies_blocked = False
        self._send_replies()

    def disconnected(self, transport: asyncio.BaseTransport) -> None:
        if self._transport is transport:
            self._unsent.clear()
        super().disconnected(transport)

    def received(self, data: bytes) -> None:
        for event in self._com.receive(data):
            match event:
                case bytes():
                    super().received(event)
                case Purge():
                    if event != Purge.TO_DEVICE:
                        self._unsent.clear()
                    if event != Purge.FROM_DEVICE:
                        self._held.clear()
                case FlowSuspend():
                    self._suspended = event is FlowSuspend.YES
                case ComPortSettings():
                    pass  # its RTS may have changed
        self._send_replies()
        self._flush_unsent()

    def drained(self) -> None:
        if self._replies_blocked:
            self._replies_blocked = False
            if self._receiver is not None and not self._paused:
                self._resume_reading()
        if not self._unsent:
            super().drained()

    @property
    def _output_suspended(self) -> bool:
        return self._suspended or (self._flow and not self._com.line.rts)

    def _send_replies(self) -> None:
        if self._transport is None:
            return
        if answer := self._com.data_to_send():
            self._transport.write(answer)
        if self._transport.get_write_buffer_size() > MAX_ANSWERS and not self._replies_blocked:
            self._replies_blocked = True
            self._pause_reading()

    def _resume_reading(self) -> None:
        if not self._replies_blocked:
            super()._resume_reading()

    def _flush_unsent(self) -> None:
        """Send what waited for the client, once it wants it."""
        if not self._unsent or self._output_suspended:
            return
        unsent, self._unsent = b"".join(self._unsent), []
        super().write(escape(unsent))
        if not super().backlog:
            self.drained()
