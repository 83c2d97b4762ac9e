"""`tokay` as a process: started, read until what is awaited comes, ended by its own number."""

import contextlib
import ctypes
import json
import os
import resource
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import tokay

SOURCE = str(Path(tokay.__file__).parent.parent)
COMMAND = (sys.executable, "-c", "from tokay.cli import main; main()")
LIMIT = 30.0
"""Seconds that anything may take before the test fails."""

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


class Finished(NamedTuple):
    """A process that has ended."""

    status: int
    out: bytes
    err: str

    @property
    def line(self) -> str:
        """The one line that it said on standard error."""
        assert self.err.endswith("\n"), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err[:-1]


def mind_permissions() -> None:
    """Make the mode of files count for root too; for `preexec_fn`."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process whose home is a folder of the test."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    return {**kept, "HOME": str(home), "PYTHONPATH": SOURCE, "COLUMNS": "200", "NO_COLOR": "1"}


def read_until(fd: int, what: bytes, held: bytearray | None = None) -> bytes:
    """Read up to ``what``, and return all of it; what came behind it stays in ``held``."""
    held = bytearray() if held is None else held
    deadline = time.monotonic() + LIMIT
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while what not in held:
            assert selector.select(deadline - time.monotonic()), f"no {what!r} in {held!r}"
            piece = os.read(fd, 65536)
            assert piece, f"it ended without {what!r}: {held!r}"
            held += piece
    end = held.index(what) + len(what)
    taken = bytes(held[:end])
    del held[:end]
    return taken


@contextlib.contextmanager
def serial_line(path: str) -> Iterator[int]:
    """Open the host's end of a pty as it is; pyserial would drop what is there already."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield fd
    finally:
        os.close(fd)


class Process:
    """A running `tokay`. A context manager: what still runs at its end is killed."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        before: tuple[str, ...] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        preexec_fn: Callable[[], None] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            [*before, *COMMAND, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment(home),
            cwd=home,
            preexec_fn=preexec_fn,  # noqa: PLW1509 - the tests of processes start no threads
        )
        self.pid = self._process.pid
        self.stdin = self._process.stdin
        self._held = {1: bytearray(), 2: bytearray()}
        self._pipes = {1: self._process.stdout, 2: self._process.stderr}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, *self._pipes.values()):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def read_until(self, what: bytes, fd: int = 1) -> bytes:
        """Return what came on a descriptor, up to ``what`` and with it."""
        pipe = self._pipes[fd]
        assert pipe is not None
        return read_until(pipe.fileno(), what, self._held[fd])

    def error_line(self) -> str:
        """Return the next line of standard error."""
        return self.read_until(b"\n", 2).decode()[:-1]

    def event(self) -> dict[str, Any]:
        """Return the next event."""
        event = json.loads(self.error_line())
        assert isinstance(event, dict)
        return event

    def events_until(self, name: str) -> dict[str, Any]:
        """Return the next event of that name."""
        while (event := self.event())["event"] != name:
            pass
        return event

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, number: int | None = None) -> Finished:
        """Send a signal, if any, and wait for the end; return what was not read yet."""
        if number is not None:
            self.signal(number)
        out, err = self._process.communicate(timeout=LIMIT)
        finished = Finished(
            self._process.returncode,
            bytes(self._held[1]) + (out or b""),
            (bytes(self._held[2]) + (err or b"")).decode(),
        )
        assert "Traceback" not in finished.err, finished.err
        return finished

    def prlimit(self, size: int) -> None:
        """Let it write no file beyond a size; -1 takes the limit away."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
