"""The pytest fixture `module`: the same test on a device in software and on hardware.

Without an option a software device is started for each test. With `--module URL` (several times for
several modules) the test talks to that one. `module` is the first, `modules[1]` the second. When a
test fails, its report shows the last bytes of the wire, escaped, and where the transcript is.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tokay.host.sync import Module

SHOWN = 2048
"""Bytes of the wire that the report of a failure shows."""
_WIRES: "pytest.StashKey[list[Wiretap]]" = pytest.StashKey()


class Wiretap:
    """What goes over one wire: a transcript in a file, and its last bytes."""

    def __init__(self, path: Path, url: str) -> None:
        from tokay.host.transcript import TranscriptWriter  # noqa: PLC0415 - only who uses it

        self.path = path
        self.url = url
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._writer = TranscriptWriter(self._file, url)
        self._start = time.monotonic()
        self._last = bytearray()

    def __call__(self, _: float, sender: str, data: bytes) -> None:
        self._writer.add(time.monotonic() - self._start, sender, data)
        self._last += data
        del self._last[:-SHOWN]

    def close(self) -> None:
        """Bring the transcript to its file."""
        self._file.close()

    def report(self) -> str:
        """Return what the report of a failure says."""
        return f"{self.url}\n{bytes(self._last)!r}\ntranscript: {self.path}"


class Modules:
    """Modules by number: ``modules[0]``, opened when first asked for."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._urls: list[str] = request.config.getoption("--module")
        self._open: dict[int, Module] = {}
        self._wires: list[Wiretap] = []
        request.node.stash[_WIRES] = self._wires

    def __getitem__(self, number: int) -> "Module":
        if number not in self._open:
            self._open[number] = self._opened(number)
        return self._open[number]

    def close(self) -> None:
        """Leave every module as it was found."""
        for module in self._open.values():
            module.close()
        for wire in self._wires:
            wire.close()

    def _opened(self, number: int) -> "Module":
        from tokay.host.sync import Module  # noqa: PLC0415 - only who uses it

        url = self._url(number)
        wire = Wiretap(self._folder / f"module{number}.jsonl", url)
        self._wires.append(wire)
        module = Module.open(url, trace=wire)
        properties = self._request.node.user_properties
        properties.append((f"module{number}.url", url))
        properties.append((f"module{number}.version", module.version().text))
        return module

    def _url(self, number: int) -> str:
        if self._urls:
            if number >= len(self._urls):
                pytest.skip(f"needs {number + 1} modules: --module was given {len(self._urls)}")
            return self._urls[number]
        devices = self._request.getfixturevalue("tokay_devices")
        profile = self._request.config.getoption("--module-profile")
        device = devices.start(profile=profile, name=f"module{number}")
        self._request.node.user_properties.append((f"module{number}.profile", profile))
        return f"pty:{device.serial_port}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--module` and `--module-profile`."""
    group = parser.getgroup("tokay")
    group.addoption(
        "--module", action="append", default=[], metavar="URL",
        help="the module that the fixture `module` talks to; a software device if not given",
    )  # fmt: skip
    group.addoption(
        "--module-profile", default="gecko-os-4", metavar="PROFILE",
        help="the product that the software device is",
    )  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Put the wire into the report of a failure."""
    report = yield
    if report.failed and report.when == "call":
        for wire in item.stash.get(_WIRES, []):
            report.sections.append(("wire", wire.report()))
    return report


@pytest.fixture
def modules(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Modules]:
    """Return the modules of this run, by number."""
    modules = Modules(request, tmp_path)
    yield modules
    modules.close()


@pytest.fixture
def module(modules: Modules) -> "Module":
    """Return the first module of this run: a ``tokay.host.sync.Module``."""
    return modules[0]
