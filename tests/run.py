"""Run the suite under a watchdog: the part without peers on all cores, then the rest.

    python tests/run.py              every test
    python tests/run.py --fast       what needs no peer and takes no long time
    python tests/run.py --vm         the core of the tests in a virtual machine
    python tests/run.py --retry      failed tests run once more, alone; those that pass are flaky

A run in which nothing happens for ``STALL`` seconds is ended, and says in which tests it stood:
pytest's own time limit does not strike where a thread waits in C. Whatever a test leaves running
is ended when its part is over: orphans become children of this process (prctl(2),
PR_SET_CHILD_SUBREAPER). Exit status: 0 all passed, 1 tests failed, 3 the run stood still.
"""

import argparse
import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
STALL = 500.0
"""Seconds without a sign of life; a test has 120, and one in a virtual machine 460."""
DUMP = 5.0
"""Seconds that the processes have to write where they stand."""
PEERS = ("tests/interop", "tests/webapp")
"""One after another: they measure time, and share names on the machine's network."""
VIRTUAL = ("tests/vm", "-k", "station or soft_ap")
"""The groups of tests/vm that CI has time for."""
SLOW = "slow"
"""The mark of tests that `--fast` leaves out."""
STOOD_STILL = 3
_PR_SET_CHILD_SUBREAPER = 36
_CACHE = ROOT / ".pytest_cache/v/cache/lastfailed"


def main() -> int:
    """Run the parts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--vm", action="store_true")
    parser.add_argument("--retry", action="store_true")
    asked = parser.parse_args()
    # In the background of a shell interrupts are ignored, and children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    worst = 0
    flaky: list[str] = []
    for part in (VIRTUAL,) if asked.vm else parts(asked.fast):
        status = run(part)
        if status == 1 and asked.retry:
            status = retry(part, flaky)
        worst = max(worst, status)
    for test in flaky:
        print(f"flaky: {test} failed, and passed when it was run alone")
    return worst


def parts(fast: bool) -> Iterator[Sequence[str]]:
    """Yield the arguments of pytest for each part."""
    alone = [f"--ignore={folder}" for folder in PEERS]
    spread = ["-n", str(os.cpu_count() or 1), "--dist", "loadfile"]
    if fast:
        yield [*alone, *spread, "-m", f"not {SLOW}"]
    else:
        yield [*alone, *spread]
        yield list(PEERS)


def retry(part: Sequence[str], flaky: list[str]) -> int:
    """Run the failed tests of a part once more, one after another; return the exit status."""
    failed = set(json.loads(_CACHE.read_text()))
    alone = [word for word in part if word.startswith(("--ignore", "tests/"))]
    print(f"{len(failed)} failed; once more, alone:", flush=True)
    status = run([*alone, "--last-failed", "--last-failed-no-failures=none"])
    still = set(json.loads(_CACHE.read_text())) if status else set()
    flaky += sorted(failed - still)
    return status


def run(arguments: Sequence[str]) -> int:
    """Run pytest; return its exit status, or STOOD_STILL."""
    with tempfile.TemporaryDirectory(prefix="tokay-tests-") as progress:
        pytest = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env={**os.environ, "TOKAY_TEST_PROGRESS": progress},
        )
        try:
            return pytest.wait() if relay(pytest) else stood_still(Path(progress))
        finally:
            end_descendants()


def relay(pytest: "subprocess.Popen[bytes]") -> bool:
    """Print what pytest prints until it ends; return False if it says nothing for too long."""
    assert pytest.stdout is not None
    os.set_blocking(pytest.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(pytest.stdout, selectors.EVENT_READ)
        heard = time.monotonic()
        # A program that outlives its test may hold the pipe open, so its end is no sign.
        while time.monotonic() - heard < STALL:
            if not selector.select(1.0):
                if pytest.poll() is not None:
                    return True
                continue
            data = pytest.stdout.read(65536)
            if not data:
                pytest.wait(STALL)
                return True
            heard = time.monotonic()
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
    return False


def stood_still(progress: Path) -> int:
    """Say where the run stands, on standard error; return STOOD_STILL."""
    print(f"\nNothing has happened for {STALL:.0f} s. The tests that run:", file=sys.stderr)
    for file in sorted(progress.iterdir()):
        print(f"  {file.read_text()} (process {file.name})", file=sys.stderr, flush=True)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.name), signal.SIGUSR1)
    time.sleep(DUMP)
    return STOOD_STILL


def descendants() -> list[int]:
    """Return the processes below this one, the nearest first."""
    found = [os.getpid()]
    for pid in found:
        with contextlib.suppress(OSError):
            tasks = Path(f"/proc/{pid}/task").iterdir()
            found += [int(c) for task in tasks for c in (task / "children").read_text().split()]
    return found[1:]


def end_descendants() -> None:
    """End what is left running, and what that leaves."""
    while left := descendants():
        for pid in left:
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    print(f"left running, and ended: {name} ({pid})", file=sys.stderr)
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, 0)[0]:
                pass


if __name__ == "__main__":
    sys.exit(main())
