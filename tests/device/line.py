"""A dialogue with a device that has joined, and servers in its network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.dialogue import Talk
from tests.peers import NET, Far, Peer

from tokay.board.air.address_lock import AddressLocks
from tokay.board.air.airspace import AccessPoint, Airspace

SETTINGS = {
    "wlan.ssid": "lab",
    "wlan.passkey": "correct horse",
    "remote_terminal.enabled": "1",
}
SUCCESS = b"R000009\r\nSuccess\r\n"


def lab_air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airspace:
    """Return an air with the network of ``SETTINGS``."""
    monkeypatch.setattr("tokay.board.air.address_lock.local_addresses", set)
    airspace = Airspace(locks=AddressLocks(tmp_path / "claims"))
    airspace.add(AccessPoint("lab", passphrase="correct horse", subnet=f"{NET}.0/25"))
    return airspace


async def echo(far: Far) -> None:
    """Send back what comes."""
    while not far.ended:
        await far.until(lambda: far.received or far.ended)
        far.send(await far.take(len(far.received)))


class Line(Talk):
    """A dialogue with a device that has joined, and an echo server in its network."""

    def __init__(
        self, profile: str, airspace: Airspace, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(profile, settings=SETTINGS | dict(settings or {}), airspace=airspace)
        self.peer = Peer(echo)

    def __enter__(self) -> "Line":
        super().__enter__()
        self.run(self.peer.__aenter__())
        assert self.late("network_up").endswith(SUCCESS)
        return self

    def __exit__(self, *error: object) -> None:
        self.run(self.peer.__aexit__(None, None, None))
        super().__exit__(None, None, None)

    def late(self, line: str, data: bytes = b"") -> bytes:
        """Ask, and give the answer half a minute."""
        heard = self.ask(line, data)
        if not heard:
            self.turn(30)
            heard = self.heard()
        return heard

    def connect(self) -> bytes:
        return self.ask(f"tcpc 127.0.0.1 {self.peer.port}")

    @contextmanager
    def server(self) -> Iterator[Peer]:
        """A server that says only what the test makes it say."""
        peer = Peer()
        self.run(peer.__aenter__())
        yield peer
        self.run(peer.__aexit__(None, None, None))

    def close_far(self, number: int = 0) -> None:
        """Let the echo server close a connection."""
        self.peer.all[number].close()
        self.turn(0.001)
