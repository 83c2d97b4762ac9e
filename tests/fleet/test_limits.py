import resource

import pytest
from tests.fleet.conftest import Load

from tokay.fleet import limits
from tokay.fleet.errors import FleetError

TEXT = """
[[group]]
name = "a"
count = 30000
command = [{ run = "ver" }]
[[stage]]
do = "ramp"
"""
SERVER = '[server]\nhost = "192.0.2.1"\n'


def test_too_few_descriptors_are_told_before_the_start(
    scenario: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 4096))
    with pytest.raises(FleetError, match=r"30128 descriptors and the limit is 4096: raise it"):
        limits.check(scenario(TEXT), 1, local=True)
    limits.check(scenario(TEXT), 10, local=True)


def test_too_few_ports_are_told_before_the_start(
    scenario: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1 << 20, 1 << 20))
    with pytest.raises(FleetError, match=r"30000 devices .* \d+ ports from 1 address: give more"):
        limits.check(scenario(TEXT + SERVER), 1, local=True)
    more = SERVER + '[uplink]\naddresses = ["192.0.2.2", "192.0.2.3"]\n'
    limits.check(scenario(TEXT + more), 1, local=True)
    limits.check(scenario(TEXT + SERVER), 1, local=False)


def test_too_little_memory_is_told_before_the_start(
    scenario: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DEVICE_MEMORY", 1 << 40)
    with pytest.raises(FleetError, match=r"may take \d+ MB and \d+ MB are free"):
        limits.check(scenario(TEXT), 10, local=True)
