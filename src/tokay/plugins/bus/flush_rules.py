"""Gathering: what becomes of each byte that the host sends in stream mode, without I/O.

In the words of the manual::

    gather   bytes are collected until there are flush_count of them, or until flush_time has
             passed since the first of them (with flush_time_reset: since the last)
    guard    after three seconds without a byte the host may break in
    match    what comes then is held for as long as it agrees with cmd_seq ...
    break-in ... and if it is all of it, none of it is sent: the host wants command mode
    give up  a byte that differs, or a second without the next one, and what was held is gathered

``receive`` and ``handle_timer`` return the bytes that are due, and `b""` when none are; they are
called with the time, and ``get_timer`` says when the latter wants to be. It makes no difference to
what comes out, and when, how the bytes arrive.

Source: docs/protocol/command-protocol.md, sections 8 and 8.2. The second is our choice:
long enough for fingers, short enough for a lone `$` to get through.
"""

from typing import NamedTuple

GUARD = 3.0
"""Seconds of silence before the break-in text."""
PATIENCE = 1.0
"""Seconds from one byte of the break-in text to the next."""
_EDGE = 1e-6
"""What a clock of floating seconds may be off."""


class Rules(NamedTuple):
    """What `bus.stream.*` says."""

    flush_count: int
    """Bytes that are sent as soon as they are together; 0 is any number."""
    flush_time: float
    """Seconds that bytes wait for more; 0 is for ever. If both are 0, nothing waits at all."""
    flush_time_reset: bool
    """Whether each byte begins that time anew."""
    cmd_seq: bytes
    """The break-in text; empty is none."""
    most: int
    """Bytes that are held at most: the receive buffer."""


class FlushRules:
    """The bytes of one stay in stream mode."""

    __slots__ = (
        "_due_at", "_last", "_matched", "_pending", "_resume_by", "_rules", "_size", "broke_in",
    )  # fmt: skip

    def __init__(self, rules: Rules, now: float) -> None:
        self._pending = bytearray()
        self._matched = 0
        self._last = now
        self._due_at: float | None = None
        self._resume_by = now
        self.broke_in: bytes | None = None
        """What stood behind the break-in text, once that has come."""
        self.rules = rules

    @property
    def rules(self) -> Rules:
        """The rules; new ones hold for what comes from then on."""
        return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        # A text that was half there under the old rules is no text under the new ones.
        self._pending += self._release()
        self._rules = rules
        # Without a count the buffer's size is one: it cannot hold more.
        self._size = rules.flush_count or (rules.most if rules.flush_time else 0)

    @property
    def buffered(self) -> int:
        """Bytes that are neither due nor given up."""
        return len(self._pending) + self._matched

    def receive(self, data: bytes, now: float) -> bytes:
        """Feed bytes from the host. Look at ``broke_in`` afterwards."""
        silence = now - self._last
        self._last = now
        if self._matched or (silence > GUARD - _EDGE and self._rules.cmd_seq):
            data = self._match(data, now)
        return self._gather(data, now) if data else data

    def interrupted(self, now: float) -> None:
        """Called when the host was paused: that time is no silence before the escape sequence."""
        self._last = now

    def get_timer(self) -> float | None:
        """Return when ``handle_timer`` wants to be called; None is never."""
        if self._matched:
            return self._resume_by if self._due_at is None else min(self._due_at, self._resume_by)
        return self._due_at

    def handle_timer(self, now: float) -> bytes:
        """Flush and escape as far as the time ``now`` asks for."""
        due = b""
        if self._due_at is not None and now > self._due_at - _EDGE:
            due = self._take()
        if self._matched and now > self._resume_by - _EDGE:
            due += self._gather(self._release(), now)
        return due

    def flush(self) -> bytes:
        """Return all that is held, half a break-in text too."""
        self._pending += self._release()
        return self._take()

    # The break-in text.

    def _match(self, data: bytes, now: float) -> bytes:
        """Return what is no part of the text; all of it, held bytes first, if it differs."""
        text, matched = self._rules.cmd_seq, self._matched
        size = min(len(data), len(text) - matched)
        if not text.startswith(data[:size], matched):
            return self._release() + data
        self._matched += size
        self._resume_by = now + PATIENCE
        if self._matched == len(text):
            self._matched = 0
            self.broke_in = data[size:]
        return b""

    def _release(self) -> bytes:
        text = self._rules.cmd_seq[: self._matched] if self._matched else b""
        self._matched = 0
        return text

    # Gathering.

    def _gather(self, data: bytes, now: float) -> bytes:
        pending, size = self._pending, self._size
        if not size and not pending:
            return data
        waits = bool(pending)
        total = len(pending) + len(data)
        due = b""
        if total >= size:
            more = len(data) - (total % size if size else 0)
            due = bytes(pending) + data[:more] if waits else data[:more]
            pending[:] = data[more:]
            waits = False
        else:
            pending += data
        if not pending:
            self._due_at = None
        elif self._rules.flush_time and (not waits or self._rules.flush_time_reset):
            self._due_at = now + self._rules.flush_time
        return due

    def _take(self) -> bytes:
        due = bytes(self._pending)
        self._pending.clear()
        self._due_at = None
        return due
