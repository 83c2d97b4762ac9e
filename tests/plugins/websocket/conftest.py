"""The far end of a WebSocket, frame by frame."""

import asyncio

from tests.peers import Far, soon
from tests.websocket_cases import CLOSE, Frame

from tokay.protocols.websocket import Receiver, WebSocketError, accept, parse_close

Heard = tuple[int, bytes, bool]


class FarWebSocket:
    """Speaks frames over the far end of a connection. ``client``: it masks what it sends."""

    def __init__(self, far: Far, *, client: bool) -> None:
        self.far, self.client = far, client
        self._receiver = Receiver(masked=not client)

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


async def settle() -> None:
    """Let what was sent over loopback arrive."""
    for _ in range(20):
        await asyncio.sleep(0)


__all__ = ["FarWebSocket", "accept_client", "settle", "soon"]
