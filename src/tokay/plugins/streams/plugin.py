"""Streams by command. Source: docs/protocol/network.md, section 6."""

from collections.abc import Coroutine
from typing import Any, ClassVar

from tokay.board.board import Board
from tokay.board.pins import PinError
from tokay.kernel import system_variables
from tokay.kernel.commands import MAX_DATA, Call, command
from tokay.kernel.events import StreamsPolled
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import CommandError, Listing, Result, failed, lines
from tokay.kernel.streams import MAX_STREAMS, Stream
from tokay.kernel.value_types import integer
from tokay.plugins.gpio import StatusPin
from tokay.plugins.streams.status_pins import StatusPinTable, StreamStatusPins
from tokay.protocols.framing import MAX_BODY

HEADER = "! # Type  Info"
NO_STREAM = "None"


def _handle(call: Call) -> int:
    # A number that no handle can have is a stream that is not open.
    try:
        return integer(call["handle"], 0, MAX_STREAMS - 1)
    except CommandError:
        raise failed(f"no stream {call['handle']}") from None


@command("stream_list", "list")
def stream_list(call: Call) -> Listing:
    """List the open streams."""
    call.kernel.events.emit(StreamsPolled())
    rows = [f"# {s.handle} {s.type:<5} {s.info}".rstrip() for s in call.kernel.streams.list()]
    return lines([HEADER, *rows])


@command("stream_poll", "poll", "[-c] handle")
def stream_poll(call: Call) -> str:
    """Print 0 for no data, 1 for data, 2 for closed by the other side; -c counts the bytes."""
    streams = call.kernel.streams
    call.kernel.events.emit(StreamsPolled())
    if call["handle"] == "all":
        polled = [f"{stream.handle},{streams.poll(stream)}" for stream in streams.list()]
        return "|".join(polled) or NO_STREAM
    stream = streams.poll_handle(_handle(call))
    if "-c" in call:
        return str(stream.available)
    return str(streams.poll(stream))


@command("stream_read", "read", "handle size")
def stream_read(call: Call) -> bytes | Coroutine[Any, Any, bytes]:
    """Print at most `size` bytes, waiting a little for that many."""
    size, handle = call.number("size", 1, MAX_BODY), _handle(call)
    streams = call.kernel.streams
    data = streams.read_now(handle, size)
    if data is not None:
        return data
    return streams.read(handle, size, call.kernel.variables[system_variables.READ_TIMEOUT] / 1000)


@command("stream_write", "write", "[-p] [-f] handle [size]", data="size")
async def stream_write(call: Call) -> None:
    """Send `size` bytes, which follow the line, on a stream. A ping (`-p`) may have none."""
    variables = call.kernel.variables
    stream = call.kernel.streams.find_free(_handle(call))
    ping = "-p" in call
    if "size" not in call and not ping:
        raise CommandError(Result.TOO_FEW_ARGS)
    size = call.number("size", 0 if ping else 1, MAX_DATA, 0)
    checked = variables[system_variables.WRITE_CHECK]
    if checked:
        await _room(call, stream, Result.BOUNDS_ERROR)
    data = await call.data(size)
    if not checked:
        await _room(call, stream, Result.FAILED)
    # The peer may have gone while the bytes came.
    call.kernel.streams.find_free(stream.handle)
    sent = stream.write(data, frozenset(flag for flag in ("-p", "-f") if flag in call))
    if sent is not None:
        await sent


async def _room(call: Call, stream: Stream, otherwise: Result) -> None:
    """Wait for room in the stream for as long as the host allows."""
    limit = call.kernel.variables[system_variables.WRITE_TIMEOUT] / 1000
    if not await stream.room(limit):
        raise CommandError(otherwise, "the stream has no room")


@command("stream_close", "close", "handle")
def stream_close(call: Call) -> None:
    """Close a stream, or `all`."""
    streams = call.kernel.streams
    every = call["handle"] == "all"
    for stream in list(streams) if every else [streams.find(_handle(call))]:
        call.log(f"Closing: {stream.handle}")
        streams.close(stream)


class Streams(Plugin):
    """The stream commands."""

    name = "streams"
    variables = (
        system_variables.AUTO_CLOSE,
        system_variables.READ_TIMEOUT,
        system_variables.WRITE_CHECK,
        system_variables.WRITE_TIMEOUT,
    )
    commands: ClassVar = (stream_list, stream_poll, stream_read, stream_write, stream_close)
    after = ("gpio",)

    __slots__ = ("_board", "_followed")

    def start(self, kernel: Kernel, board: Board) -> None:
        """Follow no stream yet."""
        self._board = board
        self._followed = StatusPinTable(kernel)

    def data_gpio(self, call: Call) -> StreamStatusPins | None:
        """Return the line that the `-g gpio` of a command asks for. Raises CommandError.

        Let a stream be followed by it, or release it: until then the pin is kept.
        """
        if "gpio" not in call:
            return None
        pin, pins = call.kernel.pin(call["gpio"]), self._board.pins
        try:
            if pins.owner(pin):
                raise failed(f"GPIO {pin} belongs to {pins.owner(pin)}")
            pins.claim(pin, call.command.name)
        except PinError as error:
            raise failed(str(error)) from error
        return StreamStatusPins(data=StatusPin(pins, call.command.name, pin), borrowed=True)

    def follow(self, stream: Stream, lines: StreamStatusPins) -> None:
        """Drive status pins by a stream until it closes."""
        self._followed.add(stream, lines)
