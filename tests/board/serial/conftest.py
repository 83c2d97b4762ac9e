"""A loop whose time is turned by hand, for what is slow on purpose."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tokay.testing.clock import TurnedLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"turned": TurnedLoop}
