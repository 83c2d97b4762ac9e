from collections.abc import Callable

import pytest

Named = Callable[..., dict[str, str]]


@pytest.fixture
def named(lab: dict[str, str]) -> Named:
    """The settings of a device that is found by a name."""

    def make(name: str, **more: str) -> dict[str, str]:
        given = {key.replace("_", ".", 1): value for key, value in more.items()}
        return lab | {"mdns.enabled": "1", "mdns.name": name} | given

    return make
