from collections.abc import Callable

import pytest

from tokay.board.air.airspace import Airspace
from tokay.device import Device


@pytest.fixture
def here(air: Airspace, lab: dict[str, str]) -> Callable[..., Device]:
    """Make a device whose streams stay until they are closed."""

    def make(profile: str = "gecko-os-4", **settings: str) -> Device:
        return Device.simulated(
            profile=profile, airspace=air, settings=lab | {"stream.auto_close": "off"} | settings
        )

    return make


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no file: the pages of the package have tests of their own."""
    monkeypatch.setattr("tokay.plugins.webapp.pages", lambda *_: {})
