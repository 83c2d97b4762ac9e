from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.cli.process import Finished, Process

Start = Callable[..., Process]
Run = Callable[..., Finished]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `tokay run` with options; the test's folder is its home and where it runs."""
    with ExitStack() as stack:
        yield lambda *options, **how: stack.enter_context(Process(tmp_path, "run", *options, **how))


@pytest.fixture
def run(start: Start) -> Run:
    """Run `tokay run` to its end."""

    def run(*options: str, **how: Any) -> Finished:
        return start(*options, **how).end()

    return run
