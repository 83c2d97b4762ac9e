"""The far end of a WebSocket, frame by frame."""

from tests.peers import Far
from tests.plugins.http_server.conftest import Web, serve, web
from tests.websocket_cases import CLOSE, Frame

from tokay.kernel.streams import Stream
from tokay.protocols.websocket import FrameReceiver, WebSocketError, accept, parse_close

Heard = tuple[int, bytes, bool]


class FarWebSocket:
    """Speaks frames over the far end of a connection. ``client``: it masks what it sends."""

    def __init__(self, far: Far, *, client: bool) -> None:
        self.far, self.client = far, client
        self._receiver = FrameReceiver(masked=not client)

    def send(self, *frames: Frame) -> None:
        self.far.send(b"".join(frame.encode(self.client) for frame in frames))

    async def hear(self, count: int = 1) -> list[Heard]:
        """Return the next ``count`` pieces; fewer when the device ends the connection."""
        heard: list[Heard] = []
        while len(heard) < count:
            await self.far.until(lambda: self.far.received or self.far.ended)
            data = bytes(self.far.received)
            self.far.received.clear()
            heard += self._receiver.receive(data)
            if not data:
                break
        return heard

    async def closing(self) -> int | None:
        """Return the code of the device's close frame; what comes before it is dropped."""
        try:
            while True:
                for opcode, payload, _ in await self.hear():
                    if opcode == CLOSE:
                        return parse_close(payload)[0]
                if self.far.ended:
                    return None
        except WebSocketError as error:
            raise AssertionError(error.reason) from error


async def accept_client(far: Far, more: bytes = b"") -> tuple[bytes, FarWebSocket]:
    """Answer a client's handshake; return its request."""
    asked = await far.line()
    key = next(line for line in asked.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
    far.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept(key[19:].decode()).encode() + b"\r\n\r\n" + more
    )
    return asked, FarWebSocket(far, client=False)


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455, section 1.3."""


def upgrade(web: Web, path: str, *headers: str) -> bytes:
    """Return the request of a client."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {web.address}:{web.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def open_websocket(web: Web, path: str, *headers: str, early: bytes = b"") -> FarWebSocket:
    """Connect to an endpoint of a device."""
    client = await web.connect()
    client.send(upgrade(web, path, *headers) + early)
    head = (await client.far.line()).decode().split("\r\n")
    assert head[0] == "HTTP/1.1 101 Switching Protocols", head
    assert f"Sec-WebSocket-Accept: {ACCEPTED}" in head
    return FarWebSocket(client.far, client=True)


def echo(stream: Stream) -> None:
    """Send back what a stream receives, as a host on the bus would."""

    def changed() -> None:
        if stream.available:
            stream.write(stream.take(1 << 20))

    stream.on_change = changed
    changed()


__all__ = [
    "FarWebSocket",
    "Heard",
    "accept_client",
    "echo",
    "open_websocket",
    "serve",
    "upgrade",
    "web",
]
