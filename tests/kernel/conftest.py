"""A device to speak with."""

from collections.abc import Iterator

import pytest
from tests.dialogue import PROFILES, Talk


@pytest.fixture
def talk() -> Iterator[Talk]:
    """A Gecko OS 4 device in machine format."""
    with Talk() as talk:
        yield talk


@pytest.fixture
def human() -> Iterator[Talk]:
    """A Gecko OS 4 device as the factory gives it: echo, prompt and log."""
    with Talk(human=True) as talk:
        yield talk


@pytest.fixture(params=PROFILES)
def every(request: pytest.FixtureRequest) -> Iterator[Talk]:
    """A device of each profile in turn, as the factory gives it."""
    with Talk(request.param, human=True) as talk:
        yield talk
