"""Loops whose time is turned by hand: a busy device waits for nobody."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tokay.testing.clock import TurnedLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"turned": TurnedLoop}
