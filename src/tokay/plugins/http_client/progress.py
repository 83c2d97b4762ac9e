"""How far a transfer is, in a few lines of the log."""

from tokay.kernel.kernel import Kernel

STEP = 16 * 1024
"""Bytes between two lines at the least."""


class Progress:
    """Logs each tenth of a size that is known, and of any other each time it has doubled."""

    __slots__ = ("_done", "_kernel", "_next", "_size", "_word")

    def __init__(self, kernel: Kernel, word: str, size: int | None) -> None:
        self._kernel, self._word, self._size = kernel, word, size
        self._done = 0
        self._next = max(STEP, -(-size // 10) if size is not None else 0)

    def add(self, count: int) -> None:
        """Count so many more bytes."""
        self._done += count
        if self._done < self._next and self._done != self._size:
            return
        if self._size is None:
            self._kernel.log.line(f"{self._word}: {self._done} bytes")
            self._next = 2 * self._done
        else:
            self._kernel.log.line(f"{self._word}: {100 * self._done // self._size}%")
            self._next = self._done + max(STEP, -(-self._size // 10))
