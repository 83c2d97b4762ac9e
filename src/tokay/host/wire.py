"""The bare bytes of a console, for a while: what a test of the wire itself needs."""

import asyncio
import re
from collections.abc import Callable

from tokay.host.errors import ModuleError, Timeout

MAX_HELD = 1024 * 1024
"""Bytes that wait to be read; older ones are dropped."""


class Wire:
    """Bytes to the module and back; nothing is added, and nothing taken away."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._held = bytearray()
        self._more = asyncio.Event()
        self._error: ModuleError | None = None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._write(data)

    async def read(self, timeout: float = 10.0) -> bytes:
        """Return what has come, one byte at least. Raises Timeout."""
        await self._until(lambda: len(self._held), timeout, "something")
        return self._take(len(self._held))

    async def read_exactly(self, size: int, timeout: float = 10.0) -> bytes:
        """Return ``size`` bytes. Raises Timeout."""
        await self._until(lambda: len(self._held) >= size, timeout, f"{size} bytes")
        return self._take(size)

    async def read_until(self, end: bytes | re.Pattern[bytes], timeout: float = 10.0) -> bytes:
        """Return what comes up to ``end``, and with it. Raises Timeout."""
        pattern = end if isinstance(end, re.Pattern) else re.compile(re.escape(end))
        await self._until(lambda: pattern.search(self._held), timeout, repr(pattern.pattern)[1:])
        found = pattern.search(self._held)
        assert found is not None  # noqa: S101 - that was waited for
        return self._take(found.end())

    async def read_quiet(self, pause: float, timeout: float = 10.0) -> bytes:
        """Return what comes until nothing has come for ``pause`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._more.clear()
                    try:
                        async with asyncio.timeout(pause):
                            await self._more.wait()
                    except TimeoutError:
                        break
        except TimeoutError:
            pass
        return self._take(len(self._held))

    def feed(self, data: bytes) -> None:
        """Called with bytes of the module."""
        self._held += data
        del self._held[:-MAX_HELD]
        self._more.set()

    def fail(self, error: ModuleError) -> None:
        """Fail pending and later reads with ``error``."""
        self._error = error
        self._more.set()

    def _take(self, size: int) -> bytes:
        data = bytes(self._held[:size])
        del self._held[:size]
        return data

    async def _until(self, enough: Callable[[], object], timeout: float, what: str) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not enough():
                    if self._error is not None:
                        raise self._error
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise Timeout(f"no {what} within {timeout:g} s", bytes(self._held)) from None
