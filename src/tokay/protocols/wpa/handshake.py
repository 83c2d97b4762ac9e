"""The two ends of the 4-way handshake (IEEE 802.11-2020, 12.7.6)."""

from collections.abc import Sequence
from enum import Enum, auto

from tokay.protocols.wpa.frame import NONCE_LENGTH, KeyFrame, KeyInfo
from tokay.protocols.wpa.keys import Ptk, Suite, WpaError, derive_ptk

__all__ = [
    "REASON_ELEMENT_DIFFERS",
    "REASON_HANDSHAKE_TIMEOUT",
    "TIMEOUTS",
    "Authenticator",
    "HandshakeState",
    "Supplicant",
]

REASON_HANDSHAKE_TIMEOUT = 15
"""IEEE 802.11-2020 table 9-49: 4-way handshake time-out."""
REASON_ELEMENT_DIFFERS = 17
"""IEEE 802.11-2020 table 9-49: the element in the handshake is not the one of the association."""

TIMEOUTS = (0.1, 1.0, 1.0, 1.0)
"""Seconds that access points wait for each answer: hostapd's, four attempts (wpa_auth.c)."""


class HandshakeState(Enum):
    """Where one end stands."""

    IDLE = auto()
    """Supplicant: nothing received. Authenticator: not started."""
    WAITING_2 = auto()
    """Authenticator: message 1 is out."""
    WAITING_3 = auto()
    """Supplicant: message 2 is out."""
    WAITING_4 = auto()
    """Authenticator: message 3 is out."""
    DONE = auto()
    """Both have the keys."""
    FAILED = auto()
    """To be deauthenticated; `reason` says why."""


class _HandshakeParty:
    """What both ends know. `authenticator` and `supplicant` are MAC addresses, 6 bytes each."""

    def __init__(
        self, master: bytes, suite: Suite, authenticator: bytes, supplicant: bytes, nonce: bytes
    ) -> None:
        if len(nonce) != NONCE_LENGTH:
            raise WpaError(f"a nonce is {NONCE_LENGTH} bytes")
        self.state = HandshakeState.IDLE
        self.reason: int | None = None
        self.ptk: Ptk | None = None
        self._master = master
        self._suite = suite
        self._addresses = (authenticator, supplicant)
        self._nonce = nonce

    def _derive(self, other: bytes) -> Ptk:
        return derive_ptk(self._master, self._suite, self._addresses, (self._nonce, other))

    def _read(self, frame: bytes) -> KeyFrame | None:
        """Return a pairwise frame of our suite, None for anything else."""
        try:
            message = KeyFrame.decode(frame)
        except WpaError:
            return None
        kind = message.info & (KeyInfo.VERSION | KeyInfo.PAIRWISE)
        if kind != KeyInfo.PAIRWISE | self._suite.version:
            return None
        return message if message.descriptor == self._suite.descriptor else None

    def _frame(self, info: int, replay: int, nonce: bytes, data: bytes = b"") -> KeyFrame:
        info |= KeyInfo.PAIRWISE
        # 12.7.2: in an RSN only what the authenticator sends has the length.
        silent = self._suite.rsn and not info & KeyInfo.ACK
        key_length = 0 if silent else self._suite.key_length
        return KeyFrame(
            self._suite.descriptor, info | self._suite.version, key_length, replay, nonce, data=data
        )

    def _fail(self, reason: int) -> None:
        self.state = HandshakeState.FAILED
        self.reason = reason


class Authenticator(_HandshakeParty):
    """The access point's end. `element` is what the station sent when it associated.

    `timeouts` are seconds for the answer to each attempt, of message 1 and again of message 3.
    """

    def __init__(
        self,
        master: bytes,
        suite: Suite,
        authenticator: bytes,
        supplicant: bytes,
        nonce: bytes,
        *,
        element: bytes | None = None,
        timeouts: Sequence[float] = TIMEOUTS,
    ) -> None:
        super().__init__(master, suite, authenticator, supplicant, nonce)
        self._element = suite.element if element is None else element
        self._timeouts = tuple(timeouts)
        self._attempt = 0
        self._replay = 0
        self._due: float | None = None

    def start(self, now: float) -> bytes:
        """Return message 1."""
        self.state = HandshakeState.WAITING_2
        self._attempt = 0
        return self._send(now)

    def get_timer(self) -> float | None:
        """When `handle_timer` wants to be called, None for never."""
        return self._due

    def handle_timer(self, now: float) -> bytes | None:
        """Return the message again, or fail after the last attempt. Too early is harmless."""
        if self._due is None or now < self._due:
            return None
        if self._attempt == len(self._timeouts):
            self._fail(REASON_HANDSHAKE_TIMEOUT)
            return None
        return self._send(now)

    def receive(self, frame: bytes, now: float) -> bytes | None:
        """Take in a frame; give message 3 if it was a good message 2. Others are dropped."""
        message = self._read(frame)
        # Only the last message sent may be answered (12.7.2, Key Replay Counter).
        if message is None or self._due is None or message.replay != self._replay:
            return None
        if message.info & KeyInfo.ACK or not message.info & KeyInfo.MIC:
            return None
        ptk = self._derive(message.nonce) if self.state is HandshakeState.WAITING_2 else self.ptk
        if ptk is None or not message.is_signed(ptk.kck):
            return None
        if self.state is HandshakeState.WAITING_4:
            if message.data:
                return None  # message 2 once more: the station has not received message 3
            self.state = HandshakeState.DONE
            self._due = None
            return None
        if message.data != self._element:
            self._fail(REASON_ELEMENT_DIFFERS)
            return None
        self.ptk = ptk
        self.state = HandshakeState.WAITING_4
        self._attempt = 0
        return self._send(now)

    def _send(self, now: float) -> bytes:
        self._due = now + self._timeouts[self._attempt]
        self._attempt += 1
        self._replay += 1
        if self.ptk is None:
            return self._frame(KeyInfo.ACK, self._replay, self._nonce).encode()
        info = KeyInfo.ACK | KeyInfo.MIC | KeyInfo.INSTALL
        if self._suite.rsn:
            info |= KeyInfo.SECURE
        message = self._frame(info, self._replay, self._nonce, self._suite.element)
        return message.signed(self.ptk.kck)

    def _fail(self, reason: int) -> None:
        super()._fail(reason)
        self._due = None


class Supplicant(_HandshakeParty):
    """The station's end. `element` is what the access point said in its beacon.

    It has no timer: whoever joins sets a limit.
    """

    def __init__(
        self,
        master: bytes,
        suite: Suite,
        authenticator: bytes,
        supplicant: bytes,
        nonce: bytes,
        *,
        element: bytes | None = None,
    ) -> None:
        super().__init__(master, suite, authenticator, supplicant, nonce)
        self._element = suite.element if element is None else element
        self._other: bytes | None = None
        self._replay = -1

    def receive(self, frame: bytes) -> bytes | None:
        """Take in a frame; give the answer, None if it is dropped."""
        message = self._read(frame)
        if message is None or not message.info & KeyInfo.ACK or self.state is HandshakeState.FAILED:
            return None
        if message.replay <= self._replay:
            return None  # a MIC that fitted was newer
        if message.info & KeyInfo.MIC:
            return self._finish(message)
        return self._answer(message)

    def _answer(self, message: KeyFrame) -> bytes | None:
        if self.state is HandshakeState.DONE:
            return None  # new keys for a link that has some: not before the old ones are gone
        if message.nonce != self._other or self.ptk is None:
            self._other = message.nonce
            self.ptk = self._derive(message.nonce)
        self.state = HandshakeState.WAITING_3
        answer = self._frame(KeyInfo.MIC, message.replay, self._nonce, self._suite.element)
        return answer.signed(self.ptk.kck)

    def _finish(self, message: KeyFrame) -> bytes | None:
        if self.ptk is None or not message.is_signed(self.ptk.kck):
            return None
        if message.nonce != self._other:
            return None
        if message.data != self._element:
            self._fail(REASON_ELEMENT_DIFFERS)
            return None
        self._replay = message.replay
        self.state = HandshakeState.DONE
        info = KeyInfo.MIC | (KeyInfo.SECURE if self._suite.rsn else 0)
        return self._frame(info, message.replay, bytes(NONCE_LENGTH)).signed(self.ptk.kck)
