"""The answer to a request that came with its connection, without making one of it."""

import asyncio
from typing import TYPE_CHECKING, cast

from tokay.plugins.http_server import api
from tokay.plugins.http_server.connection import Connection, known_heads
from tokay.plugins.http_server.request import Method, Request

if TYPE_CHECKING:
    from tokay.plugins.http_server.service import Service


class _Paper:
    """Stands in for a transport while an answer is made that is sent by somebody else."""

    __slots__ = ("closed", "written")

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def set_write_buffer_limits(self, high: int) -> None:
        """There is no limit: what is written is an answer of a command, and whole."""


def answer_at_once(service: "Service", first: bytes) -> bytes | None:
    """Return the answer to a request whose bytes are known, if it is there at once.

    Commands only: everything else may take its time, and then wants a connection. None: nothing
    was done.
    """
    known = known_heads.get(first)
    if (
        known is None
        or not known.words
        or known.keep_alive
        or known.method is not Method.GET
        or not service.config.api
        or not service.free(known)
    ):
        return None
    paper = _Paper()
    connection = Connection(service)
    connection.transport = transport = cast("asyncio.Transport", paper)
    connection.request = Request(known, b"", service.interface, transport)
    return b"".join(paper.written) if api.at_once(service, connection, known.words) else None
