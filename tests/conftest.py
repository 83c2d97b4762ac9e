"""What every run of the suite does: say where it is, for the watchdog of tests/run.py."""

import faulthandler
import os
import signal
from pathlib import Path

import pytest

PROGRESS = os.environ.get("TOKAY_TEST_PROGRESS")
"""A folder: each process that runs tests keeps a file there, which names its test of now."""

if PROGRESS is not None:
    faulthandler.register(signal.SIGUSR1, all_threads=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which test has begun."""
    if PROGRESS is not None:
        (Path(PROGRESS) / str(os.getpid())).write_text(item.nodeid)
