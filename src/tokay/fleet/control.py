"""The control connection between a run and a shard: what is said, and how it is framed.

    run                       shard
    Begin  ------------------>         the scenario, and which part of it
           <------------------ Ready   all devices are there, none is on
    Go     ------------------>         the clock starts
           <------------------ Sample  once a second: states, measures
           <------------------ Note    something to be told of one device
    Ping   ------------------>
           <------------------ Pong
    Stop   ------------------>
           <------------------ Done    after the last sample

A frame is a length, four bytes with the most significant first, and so many bytes of MessagePack.
The end of the stream is the end of the shard: who holds the other end decides how long it lives.
"""

import asyncio
import struct
from typing import Protocol, cast

import msgspec

from tokay.fleet.errors import FleetError
from tokay.fleet.measures import PackedMeasures
from tokay.fleet.scenario import Source

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of the largest frame that is read."""
_LENGTH = struct.Struct(">I")


class Message(msgspec.Struct, tag=True):
    """What goes over the connection."""


class Begin(Message, tag="begin"):
    """The first message: what the shard is."""

    source: Source
    shard: int
    shards: int
    state: str
    """The folder for its database; empty for memory."""
    base: int
    """Where the fleet's addresses begin."""
    values: dict[str, str | int]
    """What templates know of the server."""


class Ready(Message, tag="ready"):
    """Every device is there."""

    pid: int
    devices: int
    restored: int
    """Devices whose saved state was found; the others come from their identity."""
    seconds: float
    """How long that took."""


class Go(Message, tag="go"):
    """Start the clock, ``elapsed`` seconds into the run: 0 but for a shard that starts anew."""

    elapsed: float


class Sample(Message, tag="sample"):
    """What was measured since the last one."""

    at: float
    """Seconds since the start."""
    states: dict[str, dict[str, int]]
    """For each group how many devices are in which state."""
    rows: list[tuple[str, str, PackedMeasures]]
    lag: float
    """Seconds that the loop was late at most."""
    cpu: float
    """Seconds of CPU time that the process has used."""
    memory: int
    """Resident bytes."""


class Note(Message, tag="note"):
    """Something to be told: of a device, unless ``device`` is -1."""

    at: float
    device: int
    kind: str
    text: str


class Ping(Message, tag="ping"):
    """Ask for a sign of life."""

    number: int


class Pong(Message, tag="pong"):
    """The sign of life."""

    number: int


class Stop(Message, tag="stop"):
    """Switch all devices off and end."""


class Done(Message, tag="done"):
    """All is said."""


class Failed(Message, tag="failed"):
    """The shard cannot run, in one line."""

    text: str


AnyMessage = Begin | Ready | Go | Sample | Note | Ping | Pong | Stop | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: AnyMessage) -> bytes:
    """Return the frame of a message."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> AnyMessage:
    """Return the message of a frame's body. Raises FleetError."""
    try:
        return cast("AnyMessage", _decoder.decode(body))
    except msgspec.MsgspecError as error:
        raise FleetError(f"a control frame that is none: {error}") from None


class Channel(Protocol):
    """One end of a control connection."""

    def send(self, message: AnyMessage) -> None:
        """Send a message; one that the other end cannot take any more is lost."""

    async def receive(self) -> AnyMessage | None:
        """Return the next message, or None when the other end is gone. Raises FleetError."""

    def close(self) -> None:
        """End the connection."""


class StreamChannel:
    """A control connection over a byte stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: AnyMessage) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def receive(self) -> AnyMessage | None:
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > MAX_FRAME:
                raise FleetError(f"a control frame of {length} bytes")
            return decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    def close(self) -> None:
        self._writer.close()


class LocalChannel:
    """A control connection within a process; made in pairs."""

    def __init__(
        self,
        incoming: "asyncio.Queue[AnyMessage | None]",
        outgoing: "asyncio.Queue[AnyMessage | None]",
    ) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def send(self, message: AnyMessage) -> None:
        self._outgoing.put_nowait(message)

    async def receive(self) -> AnyMessage | None:
        return await self._incoming.get()

    def close(self) -> None:
        self._outgoing.put_nowait(None)


def local_pair() -> tuple[LocalChannel, LocalChannel]:
    """Return both ends of a connection within this process."""
    one: asyncio.Queue[AnyMessage | None] = asyncio.Queue()
    other: asyncio.Queue[AnyMessage | None] = asyncio.Queue()
    return LocalChannel(one, other), LocalChannel(other, one)
