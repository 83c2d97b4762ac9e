"""Software devices for tests of the host library."""

from collections.abc import AsyncIterator

import pytest

from tokay import Device


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    """A device on a pty, at factory settings."""
    async with Device.simulated(serial="pty") as device:
        yield device
