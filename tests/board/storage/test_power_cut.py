"""Kill a process that saves, at any moment, and look what it left."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tokay
from tokay.board.storage import Storage

KILLS = 200
A_FOLDER = 20

# One generation is a whole set of settings: their number changes too, so that a mixture shows.
GENERATIONS = """
def settings_of(generation):
    return {f"key{n}": f"{generation} " + "x" * (generation % 7 * 50)
            for n in range(3 + generation % 5)}

def content_of(generation):
    return (b"%d " % generation) * (1 + generation % 4 * 3000)
"""
CHILD = (
    GENERATIONS
    + """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tokay.board.storage import Storage

storage = Storage(Path(sys.argv[2]))
device = storage.device("one")
generation = int(sys.argv[3])
while True:
    generation += 1
    with storage.group():
        device.save(settings_of(generation))
        storage.device("two").save(settings_of(generation))
    os.write(1, b"s%d\\n" % generation)
    device.replace("file", content_of(generation), type=1, flags=0, version="1", location="ext")
    os.write(1, b"f%d\\n" % generation)
"""
)
made: dict[str, object] = {}
exec(GENERATIONS, made)


def settings_of(generation: int) -> dict[str, str]:
    return made["settings_of"](generation)  # type: ignore[operator, no-any-return]


def content_of(generation: int) -> bytes:
    return made["content_of"](generation)  # type: ignore[operator, no-any-return]


def run_and_kill(folder: Path, found: dict[str, int], rng: random.Random) -> dict[str, int]:
    """Go on from the generations found; return the last acknowledged: settings (s), file (f)."""
    source = str(Path(tokay.__file__).parent.parent)
    start = str(max(found.values()))
    command = [sys.executable, "-I", "-S", "-c", CHILD, source, str(folder), start]
    acknowledged = dict(found)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(rng.randrange(12)):
            line = child.stdout.readline()
            acknowledged[chr(line[0])] = int(line[1:])
        until = time.perf_counter() + rng.random() * rng.choice([0, 0.0005, 0.003, 0.05])
        while time.perf_counter() < until:
            pass
        child.kill()
        for line in child.stdout:
            acknowledged[chr(line[0])] = int(line[1:])
    return acknowledged


@pytest.mark.parametrize("seed", range(KILLS // A_FOLDER))
@pytest.mark.slow
def test_a_kill_leaves_the_old_or_the_new(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    found = {"s": 0, "f": 0}
    for _ in range(A_FOLDER):
        started = max(found.values())
        acknowledged = run_and_kill(tmp_path, found, rng)
        with Storage(tmp_path) as storage:
            # A kill while a folder's first files are made may leave that for the next start.
            assert storage.notes in ([], ["a repair that had been interrupted was completed"])
            one = storage.device("one")
            saved = one.settings()
            generation = int(saved["key0"].split()[0]) if saved else 0
            assert acknowledged["s"] <= generation <= max(started, acknowledged["s"]) + 1
            assert saved == (settings_of(generation) if generation else {})
            assert storage.device("two").settings() == saved
            file = one.stat("file")
            content = one.read("file", 0, 1 << 20) if file else b""
            stored = int(content.split()[0]) if file else 0
            assert acknowledged["f"] <= stored <= generation
            assert content == (content_of(stored) if stored else b"")
            found = {"s": generation, "f": stored}
