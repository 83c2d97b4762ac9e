"""The bus: the serial ports to the host, and what they carry.

In command mode a console has the data bus for the whole boot. In stream mode the bridge has it, and
a console for as long as the host has broken in::

    stream --- cmd_seq after 3 s of silence, or cmd_gpio high ---> command
    command -- exit, or cmd_gpio low again ----------------------> stream

Source: docs/protocol/command-protocol.md, section 8.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from tokay.board.board import Board
from tokay.board.pins import PinError, Pins
from tokay.board.serial import SerialPort
from tokay.kernel import system_variables
from tokay.kernel.console import CR, MAX_UNSENT, Console, Held, LogPrinter
from tokay.kernel.events import Ready, RemoteTerminalChanged
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.streams import StreamType
from tokay.kernel.system_variables import HEADERS
from tokay.kernel.value_types import NO_PIN
from tokay.plugins.bus.bridge import Bridge
from tokay.plugins.bus.variables import (
    BUSES,
    CMD_GPIO,
    CMD_SEQ,
    DATA_BUS,
    FLUSH_COUNT,
    FLUSH_TIME,
    FLUSH_TIME_RESET,
    LOG_BUS,
    MODE,
    TX_BUFFER,
)
from tokay.protocols.framing import CRLF, LOG, frame

CARRIED = "bus.input"
CARRIED_DATA = "bus.data"
"""What one boot hands to the next: input of a console, and data that no stream has had."""
COMMAND_MODE_START = b"Command Mode Start"
"""What the host is told when it has broken in."""
ASSERTED = 1
"""The level of `bus.stream.cmd_gpio` that forces command mode (inferred)."""


class Bus(Plugin):
    """Puts a console or the bridge on the data bus, and the log on the log bus."""

    name = "bus"
    variables = (
        MODE,
        DATA_BUS,
        LOG_BUS,
        system_variables.RX_BUFFER,
        TX_BUFFER,
        CMD_GPIO,
        CMD_SEQ,
        FLUSH_COUNT,
        FLUSH_TIME,
        FLUSH_TIME_RESET,
    )
    commands: ClassVar = ()
    after = ("uart", "gpio")
    safe_mode = True

    __slots__ = (
        "_bridge",
        "_by_pin",
        "_console",
        "_kernel",
        "_log",
        "_muted",
        "_pins",
        "_port",
        "_unwatch",
    )

    _port: Any

    def start(self, kernel: Kernel, board: Board) -> None:
        """Attach what the mode asks for; it begins when the device is ready."""
        values = kernel.variables
        self._kernel = kernel
        self._pins: Pins = board.pins
        self._console: Console | None = None
        self._bridge: Bridge | None = None
        self._log: LogPrinter | None = None
        self._unwatch: Callable[[], None] | None = None
        self._by_pin = self._muted = False
        data_bus, log_bus = values[DATA_BUS], values[LOG_BUS]
        self._port = _port(board, data_bus)
        log_port = _port(board, log_bus)
        # Safe mode has no network and nothing to bridge: its console must be within reach.
        streaming = values[MODE] == "stream" and not kernel.safe_mode
        kernel.streams.bridging = streaming
        if self._port is not None:
            self._port.owner = self
            if streaming:
                self._bridge = Bridge(kernel, self._port, data_bus, self._break_in)
                kernel.streams.on_auto = self._bridge.offer
                values.watch(CMD_GPIO, self._watch_pin)
            else:
                held = kernel.carried.pop(CARRIED, None)
                self._console = self._new_console(logs=log_bus == data_bus, held=held)
            kernel.events.on(Ready, self._begin)
            kernel.events.on(RemoteTerminalChanged, self._give_way)
        if log_port is not None and (streaming or log_bus != data_bus):
            self._log = LogPrinter(kernel, log_port)

    def _new_console(self, *, logs: bool, held: Held | None) -> Console:
        values = self._kernel.variables
        # A product that cannot be told the size has all that there is.
        told = TX_BUFFER.name in values.table.by_name
        console = Console(
            self._kernel,
            self._port,
            name=values[DATA_BUS],
            logs=logs,
            most_unsent=values[TX_BUFFER] if told else MAX_UNSENT,
            held=held,
            on_leave=self._exit,
        )
        console.muted = self._muted
        return console

    def _begin(self, _event: Ready) -> None:
        if self._bridge is not None:
            held: Held = self._kernel.carried.pop(CARRIED, Held())
            data = self._kernel.carried.pop(CARRIED_DATA, b"") + held.data
            self._bridge.enter(data, skip_lf=held.line_end == CR)
            self._watch_pin("", self._kernel.variables[CMD_GPIO])
        elif self._console is not None:
            self._kernel.carried.pop(CARRIED_DATA, None)
            self._port.attach(self._console)
            self._console.start()

    def _give_way(self, event: RemoteTerminalChanged) -> None:
        """Leave the parser to the remote terminal: what the host says meanwhile is not heard.

        The bytes of stream mode flow on. Source: docs/protocol/command-protocol.md, section 14.
        """
        self._muted = event.connected
        if self._console is not None:
            self._console.muted = event.connected

    @property
    def dropped(self) -> int:
        """Bytes of the host that stream mode has lost since boot."""
        return self._bridge.dropped if self._bridge is not None else 0

    async def settle(self) -> None:
        """Return once all that the host sent is answered, or with the bridged stream."""
        if self._console is not None:
            await self._console.settle()
        elif self._bridge is not None:
            await self._bridge.settle()

    async def answered(self) -> None:
        """Return once a host that sends no more has all that it is going to get.

        In stream mode that is when the stream is closed.
        """
        await self.settle()
        if self._bridge is not None and self._bridge.active:
            await self._bridge.stream_closed()

    def host_changed(self) -> None:
        """Drop the half line and half break-in text of the last host."""
        if self._console is not None:
            self._console.forget_line()
        elif self._bridge is not None:
            self._bridge.flush()

    def note(self, text: str) -> None:
        """Write what the port tells of to the log."""
        self._kernel.log.line(text)

    async def stop(self) -> None:
        """Detach; what the host sends now is for the next boot."""
        if self._unwatch is not None:
            self._unwatch()
        if self._log is not None:
            self._log.close()
        if self._port is not None:
            self._port.detach()
        if self._console is not None:
            self._kernel.carried[CARRIED] = self._console.close()
        if self._bridge is not None:
            self._kernel.carried[CARRIED_DATA] = self._bridge.close()
            self._bridge = None

    # From stream mode to command mode and back.

    def _break_in(self, behind: bytes) -> None:
        """Enter command mode; ``behind``: what the host sent behind the text, for the console."""
        assert self._bridge is not None  # noqa: S101 - only the bridge breaks in
        self._bridge.leave()
        self._console = self._new_console(logs=False, held=Held(behind))
        self._port.attach(self._console)
        # No log line: a host that has silenced the log waits for it all the same.
        headers = self._kernel.variables[HEADERS]
        said = frame(LOG, 0, COMMAND_MODE_START) if headers else COMMAND_MODE_START + CRLF
        self._port.write(said)
        self._console.start()

    def _exit(self) -> None:
        """Carry out `exit`."""
        if self._bridge is None or self._by_pin or self._kernel.halting:
            return  # command mode is all there is, or the pin holds it
        if self._console is not None:
            console, self._console = self._console, None
            held = console.close()
            self._take_websocket(self._bridge)
            self._bridge.enter(held.data, skip_lf=held.line_end == CR)

    def _take_websocket(self, bridge: Bridge) -> None:
        """Bridge a WebSocket client that was started by hand, unless another stream is bridged."""
        for stream in self._kernel.streams:
            if stream.type is StreamType.WEBC:
                bridge.offer(stream)
                return

    # The pin.

    def _watch_pin(self, _index: str, pin: int) -> None:
        """Use another pin from now on."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        if pin != NO_PIN:
            try:
                self._unwatch = self._pins.watch(pin, self._pin_changed)
            except PinError as error:
                self._kernel.log.line(f"{CMD_GPIO.name}: {error}")
        # The `set` that names another pin is answered in the mode in which it came.
        asyncio.get_running_loop().call_soon(self._pin_changed, 0)

    def _pin_changed(self, _level: int) -> None:
        by_pin = self._pin_asserted()
        if by_pin == self._by_pin or self._bridge is None or self._kernel.halting:
            return
        self._by_pin = by_pin
        if not by_pin:
            self._exit()
        elif self._console is None:
            self._break_in(b"")

    def _pin_asserted(self) -> bool:
        pin = self._kernel.variables[CMD_GPIO]
        if self._unwatch is None or pin == NO_PIN:
            return False
        # It is looked at and not claimed, as the reset button is: what something else drives
        # is no word of the host.
        direction = self._pins.direction(pin)
        driven = direction.output if direction is not None else bool(self._pins.owner(pin))
        return not driven and self._pins.level(pin) == ASSERTED


def _port(board: Board, bus: str) -> SerialPort | None:
    if bus not in BUSES or BUSES.index(bus) >= len(board.ports):
        return None
    return board.ports[BUSES.index(bus)]
