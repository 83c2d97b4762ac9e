"""A script of command lines, run one after the other as if a host had sent them."""

from tokay.kernel.commands import DataBuffer
from tokay.kernel.kernel import Kernel
from tokay.kernel.results import Response

FILENAME = "default_setup.script"
LONGEST = 1 << 16
"""Bytes of a script."""
SOURCE = "setup"


async def run_line(kernel: Kernel, line: bytes) -> Response:
    """Run one command line. A failure is logged without the arguments: they may be secret."""
    response = await kernel.engine.run(line, DataBuffer(b"", SOURCE))
    if not response.ok:
        name = line.split(b" ", 1)[0].decode("latin-1")
        kernel.log.line(f"Setup: {name}: {response.text}")
    return response


def read(kernel: Kernel) -> list[bytes]:
    """Return the lines of the setup script, comments and empty ones left out.

    Raises OSError when there is none.
    """
    text = kernel.storage.read(FILENAME, 0, LONGEST)
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(b"#")]


async def run(kernel: Kernel, lines: list[bytes]) -> None:
    """Run lines up to the first that fails: what follows may count on it."""
    for line in lines:
        if kernel.halting or not (await run_line(kernel, line)).ok:
            return
