"""Faults of simulated buses: what goes wrong, with which probability, and for how long.

A fault is drawn from the dice of its bus, which are made from a seed: the same seed and the same
transactions give the same faults. They are the tables `[[fault]]` of a bus file too.
"""

import random
from typing import TypeAlias

import msgspec

ADAPTER_TIMEOUT = 1.0
"""Seconds after which a transaction is given up: what Linux adapters have by default."""


class Fault(msgspec.Struct, forbid_unknown_fields=True, tag_field="do", kw_only=True):
    """What all faults have in common."""

    port: int = 0
    """In a file: the port of the bus."""
    address: int | None = None
    """The I2C address it strikes; None is all of them."""
    select: int | None = None
    """The SPI select pin it strikes; None is all of them."""
    probability: float = 1.0
    """0 to 1: of a transaction, or of a byte for bit errors."""
    after: float = 0.0
    """Seconds since power-on at which it begins."""
    until: float | None = None
    """Seconds since power-on at which it ends; None is never."""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            message = "probability: 0 to 1"
            raise ValueError(message)


class NoAcknowledge(Fault, tag="no_acknowledge"):
    """Nobody acknowledges a byte: 0 is the address, 1 the first byte behind it."""

    byte: int = 0


class Stretch(Fault, tag="stretch"):
    """The slave holds the clock low for that many seconds: too many, and it is given up."""

    seconds: float


class Stuck(Fault, tag="stuck"):
    """The clock is held low and never let go: the adapter gives up."""


class BitErrors(Fault, tag="bit_errors"):
    """One bit of a byte is flipped, in either direction."""


class Silent(Fault, tag="silent"):
    """An SPI slave does not answer: its output stays high."""


AnyFault: TypeAlias = NoAcknowledge | Stretch | Stuck | BitErrors | Silent
I2C_FAULTS = (NoAcknowledge, Stretch, Stuck, BitErrors)
SPI_FAULTS = (BitErrors, Silent)


class Dice:
    """Draws the faults of one bus."""

    def __init__(self, seed: int = 0) -> None:
        self.faults: list[Fault] = []
        """What may go wrong; change it at any time."""
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def seed(self, seed: int) -> None:
        """Begin the sequence anew."""
        self._random.seed(seed)

    def drawn(self, target: int | None, now: float) -> list[Fault]:
        """Return the faults that strike a transaction with ``target``, its address or select.

        Bit errors are in it whenever they apply: their probability is one of bytes.
        """
        return [
            fault
            for fault in self.faults
            if (fault.address is None or fault.address == target)
            and (fault.select is None or fault.select == target)
            and fault.after <= now
            and (fault.until is None or now < fault.until)
            and (isinstance(fault, BitErrors) or self._strikes(fault))
        ]

    def spoil(self, byte: int, errors: list[BitErrors]) -> int:
        """Return a byte after the bit errors of its transaction."""
        for fault in errors:
            if self._strikes(fault):
                byte ^= 1 << self._random.randrange(8)
        return byte

    def _strikes(self, fault: Fault) -> bool:
        return fault.probability >= 1 or self._random.random() < fault.probability
