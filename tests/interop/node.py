"""Node's packages for the interop tests, in `.peers/npm` and nowhere else."""

import shutil
import subprocess
from pathlib import Path

from tests.interop.peers import FOLDER, PeerError

PACKAGES = {"ws": "8.18.3"}
LIMIT = 120


def find_package(name: str) -> tuple[str, Path]:
    """Return node, and a folder from which it finds a package. Raises PeerError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerError("node and npm are not installed")
    folder = FOLDER / "npm"
    if not (folder / "node_modules" / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            got = subprocess.run(
                [npm, "install", "--prefix", folder, "--no-audit", "--no-fund",
                 "--ignore-scripts", f"{name}@{PACKAGES[name]}"],
                capture_output=True, text=True, timeout=LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise PeerError(f"npm does not get {name}") from None
        if got.returncode:
            raise PeerError(f"npm does not get {name}: {got.stderr.strip().splitlines()[-1:]}")
    return node, folder
