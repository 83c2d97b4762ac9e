"""Scenarios for tests of fleets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tokay.fleet.scenario import Scenario, Source
from tokay.fleet.scenario_file import load

Load = Callable[..., Scenario]


@pytest.fixture
def scenario(tmp_path: Path) -> Load:
    """Return a checked scenario of some TOML."""

    def make(text: str, *, devices: int | None = None, seed: int | None = None) -> Scenario:
        return load(Source(text, "fleet.toml", str(tmp_path), seed, devices))

    return make
