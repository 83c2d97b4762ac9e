"""Coverage-guided fuzzing of what is read off TLS records, and of a handshake. See README.md."""

import asyncio
import ssl
import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.plugins.tls.transport import PART, TlsTransport, _buffers
    from tokay.protocols.tls import HandshakeMessage, HandshakeTracker, record_size

CONTEXTS = {
    True: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    False: ssl.create_default_context(),
}
LOOP = asyncio.new_event_loop()


class Raw(asyncio.Transport):
    """A connection that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0


def fuzz_walk(data: bytes) -> None:
    """Any bytes give a state; nothing is kept but the beginning of a message."""
    walk = HandshakeTracker()
    for client in (False, True):
        walk.feed(data, client=client)
        assert walk.state in HandshakeMessage
    at = 0
    while (size := record_size(data, at)) > 0:
        at += size


async def fuzz_handshake(data: bytes, *, server: bool) -> None:
    """Whatever comes, a handshake goes on or fails once, and holds no more than a record."""
    ended: list[OSError | None] = []
    end = TlsTransport(
        CONTEXTS[server], asyncio.Protocol, lambda _, error: ended.append(error),
        limit=10, server=server, host=None if server else "a.example",
    )  # fmt: skip
    end.connection_made(Raw())
    for piece in (data[:3], data[3:50], data[50:]):
        end.data_received(piece)
        assert len(end._held) < PART
        assert not _buffers.incoming.pending
        assert not _buffers.outgoing.pending
    end.abort()
    assert len(ended) == 1


def fuzz(data: bytes) -> None:
    fuzz_walk(data)
    for server in (True, False):
        LOOP.run_until_complete(fuzz_handshake(data, server=server))


if __name__ == "__main__":
    # Bounded time: two seconds for one input, instrumented, is a finding.
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=65535", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
