"""Engines: who starts the shards, and starts them again when they die.

local   child processes of this one; nothing to install
ray     actors over the nodes of a Ray cluster, each with a shard as its child: `tokay[ray]`
"""

from collections.abc import Callable
from typing import Protocol

from tokay.fleet.control import AnyMessage, Channel

OnMessage = Callable[[int, AnyMessage], None]
OnGone = Callable[[int, str], None]


class Engine(Protocol):
    """Starts shard processes. Raises FleetError."""

    async def open(self) -> None:
        """Get what shards need."""

    async def start(self, shard: int) -> Channel:
        """Start a shard's process, one more time if need be, and return its connection."""

    async def kill(self, shard: int) -> None:
        """End a shard's process at once; nothing happens when it has ended."""

    async def close(self) -> None:
        """End all processes and give back what `open` got."""
