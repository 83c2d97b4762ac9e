"""A bearer: what brings one interface up and takes it down. WLAN is one, a soft AP another."""

from enum import IntEnum
from typing import Protocol

from tokay.kernel.commands import Call


class NetworkStatus(IntEnum):
    """`*.network.status`. Source: docs/protocol/network.md, section 2.7."""

    DOWN = 0
    NO_ADDRESS = 1
    UP = 2
    JOINING = 3


class Bearer(Protocol):
    """Brings an interface up by asking ``Network.interface_up`` once it has an address."""

    @property
    def joining(self) -> bool:
        """Whether it is being brought up in the background."""

    async def choose(self, call: Call) -> None:
        """Ask the person at the console what to join, for `network_up -s`. Raises CommandError."""

    async def up(self) -> None:
        """Bring the interface up. Raises CommandError; waits for an attempt that runs already."""

    async def down(self) -> None:
        """Bring the interface down; a no-op when it is down."""
