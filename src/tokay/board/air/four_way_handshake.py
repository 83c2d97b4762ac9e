"""The 4-way handshake between an access point and a station of the simulated air."""

import asyncio
import hashlib
from dataclasses import dataclass

from tokay.board.radio import JoinError, JoinFailure
from tokay.protocols import wpa


@dataclass(frozen=True, slots=True, repr=False)
class HandshakePeer:
    """One side: its address, `AA:BB:CC:DD:EE:FF`, its PMK, and a nonce of its own."""

    mac: str
    master: bytes
    nonce: bytes

    @property
    def address(self) -> bytes:
        """The address as bytes."""
        return bytes.fromhex(self.mac.replace(":", ""))


def nonce(mac: str, count: int) -> bytes:
    """Return the nonce of a side's `count`th handshake.

    Not secret, since nothing here is encrypted: so that two runs of one script are alike.
    """
    return hashlib.sha256(f"{mac} {count}".encode()).digest()


async def run_handshake(
    access_point: HandshakePeer, station: HandshakePeer, suite: wpa.Suite, timeout: float
) -> None:
    """Run the handshake; with the right key it takes no time. Raises JoinError.

    `timeout` is the seconds that the access point waits for a good answer, all attempts together.
    """
    loop = asyncio.get_running_loop()
    share = timeout / sum(wpa.TIMEOUTS)
    addresses = (access_point.address, station.address)
    authenticator = wpa.Authenticator(
        access_point.master,
        suite,
        *addresses,
        access_point.nonce,
        timeouts=[seconds * share for seconds in wpa.TIMEOUTS],
    )
    supplicant = wpa.Supplicant(station.master, suite, *addresses, station.nonce)
    now = loop.time()
    frame: bytes | None = authenticator.start(now)
    while True:
        while frame is not None:
            answer = supplicant.receive(frame)
            frame = None if answer is None else authenticator.receive(answer, now)
        due = authenticator.get_timer()
        if due is None:
            break
        if due > now:
            await asyncio.sleep(due - now)
        now = max(due, loop.time())
        frame = authenticator.handle_timer(now)
    if authenticator.state is not wpa.HandshakeState.DONE:
        # The station gets reason 15 alone, and takes it for a wrong key.
        raise JoinError(JoinFailure.WRONG_PASSKEY)
