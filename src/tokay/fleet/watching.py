"""Sends pictures of a run to those who watch it, over a Unix socket in the report's folder."""

import asyncio
import contextlib
import struct
from pathlib import Path

import msgspec

from tokay.fleet.errors import FleetError
from tokay.fleet.view import Picture

SOCKET = "watch.sock"
MAX_UNSENT = 1 << 20
"""Bytes that wait for a slow watcher before it misses pictures."""
MAX_PICTURE = 16 << 20
_LENGTH = struct.Struct(">I")


class WatchServer:
    """Sends pictures to whoever connects."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SOCKET
        self._server: asyncio.AbstractServer | None = None
        self.watchers: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Listen. Nobody can watch where that is not possible; the run goes on."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(
                lambda: _Watcher(self.watchers), str(self._path)
            )

    def show(self, picture: Picture) -> None:
        """Send a picture."""
        if self.watchers:
            body = msgspec.msgpack.encode(picture)
            for transport in self.watchers:
                if transport.get_write_buffer_size() < MAX_UNSENT:
                    transport.write(_LENGTH.pack(len(body)) + body)

    def close(self) -> None:
        """Close the socket and every connection."""
        for transport in list(self.watchers):
            transport.close()
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)


class _Watcher(asyncio.Protocol):
    def __init__(self, watchers: set[asyncio.Transport]) -> None:
        self._watchers = watchers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._watchers.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watchers.discard(self._transport)


class PictureReader:
    """Receives the pictures of a run."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport) -> None:
        self._reader = reader
        self._transport = transport

    async def next(self) -> Picture | None:
        """Return the next picture, or None at the end of the run."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > MAX_PICTURE:
                return None
            body = await self._reader.readexactly(length)
            return msgspec.msgpack.decode(body, type=Picture)
        except (asyncio.IncompleteReadError, OSError, msgspec.MsgspecError):
            return None

    def close(self) -> None:
        """Watch no more."""
        self._transport.close()


async def watch(folder: Path) -> PictureReader:
    """Connect to a run whose report will be in a folder. Raises FleetError."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    try:
        transport, _ = await loop.create_unix_connection(
            lambda: asyncio.StreamReaderProtocol(reader), str(folder / SOCKET)
        )
    except OSError:
        raise FleetError(f"{folder}: no run is going on there") from None
    return PictureReader(reader, transport)
