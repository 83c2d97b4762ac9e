"""Cut the power of a device that installs a bundle, at any moment, and look what is there."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tokay
from tokay.board.storage import Storage

CUTS = 10

# Each version of the bundle has the same files with that version in them, and one file of its own.
CHILD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from types import SimpleNamespace
from tokay.board.storage import Storage
from tokay.kernel.profile import load
from tokay.plugins.update.bundle import BundleFile, Manifest, install

storage = Storage(Path(sys.argv[2]))
device = SimpleNamespace(storage=storage.device("one"), profile=load("gecko-os-4"))
version = int(sys.argv[3])
os.write(1, b"0\\n")
while True:
    version += 1
    contents = {f"file{n}": b"%d " % version * 3000 for n in range(8)}
    contents[f"only{version}"] = b"%d " % version
    files = [BundleFile(name, len(data), "") for name, data in contents.items()]
    manifest = Manifest("WGM160P", f"1.{version // 200}.{version % 200}", str(version), files,
                        [f"only{version - 1}"])
    install(device, manifest, contents)
    os.write(1, b"%d\\n" % version)
"""


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.slow
def test_a_cut_leaves_the_old_or_the_new(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    source = str(Path(tokay.__file__).parent.parent)
    there = 0
    for _ in range(CUTS):
        command = [sys.executable, "-c", CHILD, source, str(tmp_path), str(there)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            until = time.perf_counter() + rng.random() * 0.02
            while time.perf_counter() < until:
                pass
            child.kill()
            lines = child.stdout.read().split()
        acknowledged = int(lines[-1]) if lines else there
        with Storage(tmp_path) as storage:
            device = storage.device("one")
            told = device.facts().get("bundle", "0.0.0.0 0").split()[1]
            names = {file.name for file in device.files()}
            contents = {name: device.read(name, 0, 1 << 20) for name in names}
        there = int(told)
        assert there in (acknowledged, acknowledged + 1)
        if there:
            assert names == {f"file{n}" for n in range(8)} | {f"only{there}"}
            assert {data.split()[0] for data in contents.values()} == {b"%d" % there}
        else:
            assert not names
    assert there > 0
