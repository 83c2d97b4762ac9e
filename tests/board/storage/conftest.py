import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ABOUT = {"type": 0xFE, "flags": 1, "version": "1.0.0.0", "location": "ext"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KiB; needs root for the mount."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root; the file size limit is tested instead")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tokay-test", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not allowed here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
