"""Runs the tests of `guest/` inside a virtual machine."""

import os
import sys
from pathlib import Path

import pytest

from tests.interop.conftest import left_out
from tests.interop.peers import PeerError
from tests.vm import machine

GUEST = Path(__file__).parent / "guest"
GROUPS = sorted(path.name for path in GUEST.glob("test_*.py"))
LIMIT = 400.0


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.timeout(LIMIT + 60)
def test_in_the_virtual_machine(group: str, tmp_path: Path) -> None:
    if os.environ.get("TOKAY_VM"):
        pytest.skip("inside the virtual machine")
    try:
        outcome = machine.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
             "--timeout=300", "-ra", "--tb=short", str(GUEST / group)],
            tmp_path, limit=LIMIT,
        )  # fmt: skip
    except PeerError as error:
        left_out(str(error))
    print(outcome.console[-20000:])
    assert outcome.status == 0, f"status {outcome.status} after {outcome.seconds:.0f} s"
