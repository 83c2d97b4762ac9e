"""Standard output and standard error, whoever reads them, and however slowly.

A serial port on standard output makes the descriptor non-blocking, and with it every other that
shares the open file: standard error too, at a terminal or behind `2>&1`. Python's own streams
raise then; these functions wait. A reader that is gone (`| head -1`) is no error: like a serial
line, output goes on into the void.
"""

import contextlib
import os
import select

STDOUT, STDERR = 1, 2
INFO, WARNING = 6, 4
"""Levels of the journal (sd-daemon(3))."""

levels = False
"""Whether standard error takes a level before each line, as the journal does."""


def hold_descriptors() -> None:
    """Put /dev/null where a standard descriptor is closed, or the next file takes its number."""
    for fd in (0, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one


def write(fd: int, data: bytes) -> None:
    """Write all of it, waiting for a slow reader. Raises OSError."""
    with contextlib.suppress(BrokenPipeError):
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                select.select([], [fd], [])


def write_line(text: str) -> None:
    """Write a line to standard error."""
    with contextlib.suppress(OSError):
        write(STDERR, f"{text}\n".encode(errors="surrogateescape"))


def say(text: str) -> None:
    """Write one line for the user to standard error."""
    write_line(f"<{INFO}>{text}" if levels else f"tokay: {text}")


def warn(text: str) -> None:
    """Write one line that warns the user to standard error."""
    write_line(f"<{WARNING}>{text}" if levels else f"tokay: {text}")
