"""The clients of an endpoint that is no stream: so many at most, and gone with the network."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

from tokay.plugins.http_server import Request
from tokay.plugins.network import Interface
from tokay.plugins.websocket.connection import Connection
from tokay.plugins.websocket.server import begin, key_of, refuse
from tokay.protocols.websocket import GOING_AWAY

MAX_CLIENTS = 8
"""Clients of one endpoint at once: as many as there can be streams."""


class Client(Protocol):
    """One client: it hears its connection, and says when that is over."""

    @property
    def connection(self) -> Connection:
        """What it speaks over."""

    def begun(self) -> None:
        """Called when the connection is established."""


Maker = Callable[[Request, Callable[[], None]], Client]


class Clients:
    """The clients of one endpoint. ``make`` gives one, and is told how to say that it is gone."""

    __slots__ = ("_clients", "_make")

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._clients: dict[Client, Interface] = {}

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._clients))

    def __len__(self) -> int:
        return len(self._clients)

    def take(self, request: Request, transport: asyncio.Transport, early: bytes) -> None:
        """Take a connection over from the HTTP server."""
        key = key_of(request, transport)
        if not key:
            return
        if len(self._clients) >= MAX_CLIENTS:
            refuse(transport, 503, "Too many clients")
            return
        client = self._make(request, lambda: self._gone(client))
        self._clients[client] = request.interface
        begin(client.connection, transport, key)
        client.begun()
        if early:
            client.connection.data_received(early)

    def leave(self, interface: Interface | None = None) -> None:
        """Say goodbye to the clients on an interface, or to all: the network goes."""
        for client, where in tuple(self._clients.items()):
            if interface is None or where is interface:
                client.connection.close(GOING_AWAY, wait=False)

    def _gone(self, client: Client) -> None:
        self._clients.pop(client, None)
