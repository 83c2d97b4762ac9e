"""Command round trips a second over a pty, against a bare pty echo in Python; and start-up time.

    python bench/console.py

Prints a table; the ratios are of one run, the two sides measured in turn.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import tty
from collections.abc import Callable

ROUNDS = 5
TRIPS = 4000
STARTS = 7
QUESTION = b"get wlan.mac\r\n"

ECHO = """
import os, sys, tty
device, host = os.openpty()
tty.setraw(host)
print(os.ttyname(host), flush=True)
answer = b"R000019\\r\\n4C:55:CC:00:00:00\\r\\n"
while True:
    if os.read(device, 4096).endswith(b"\\r\\n"):
        os.write(device, answer)
"""


def trips(path: str) -> float:
    """Ask and wait for the answer, over and over; return round trips a second."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(fd)
        start = time.perf_counter()
        for _ in range(TRIPS):
            os.write(fd, QUESTION)
            answer = os.read(fd, 4096)
            while len(answer) < 28:
                answer += os.read(fd, 4096)
        return TRIPS / (time.perf_counter() - start)
    finally:
        os.close(fd)


def tokay() -> "tuple[subprocess.Popen[bytes], str]":
    command = [sys.executable, "-c", "from tokay.cli import main; main()", "run", "--ephemeral"]
    options = ["--serial", "pty", "--events", "--set", "system.cmd.echo=0"]
    options += ["--set", "system.cmd.header_enabled=1", "--set", "system.cmd.prompt_enabled=0"]
    options += ["--set", "system.print_level=0"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE)
    assert process.stderr is not None
    path = json.loads(process.stderr.readline())["path"]
    process.stderr.readline()
    return process, path


def echo() -> "tuple[subprocess.Popen[bytes], str]":
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def once(start: "Callable[[], tuple[subprocess.Popen[bytes], str]]") -> float:
    process, path = start()
    try:
        trips(path)
        return trips(path)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def bare_start() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import asyncio"], check=True)
    return time.perf_counter() - start


def prompt_start() -> float:
    """Time from the start of the process to the first prompt."""
    command = [sys.executable, "-c", "from tokay.cli import main; main()", "run", "--ephemeral"]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    seen = b""
    while not seen.endswith(b"> "):
        seen += os.read(process.stdout.fileno(), 4096)
    elapsed = time.perf_counter() - start
    process.communicate(timeout=10)
    return elapsed


def main() -> None:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(once(tokay))
        theirs.append(once(echo))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print("| command round trips over a pty | a second | ratio |")
    print("| --- | --- | --- |")
    print(f"| bare echo in Python | {statistics.median(theirs):.0f} | 1.00 |")
    print(f"| `get wlan.mac` | {statistics.median(ours):.0f} | {statistics.median(ratios):.2f} |")
    bare, prompt = [], []
    for _ in range(STARTS):
        bare.append(bare_start())
        prompt.append(prompt_start())
    ratios = [a / b for a, b in zip(prompt, bare, strict=True)]
    print()
    print("| start-up | ms | ratio |")
    print("| --- | --- | --- |")
    print(f"| `python -c 'import asyncio'` | {1000 * statistics.median(bare):.0f} | 1.0 |")
    print(
        f"| to the first prompt | {1000 * statistics.median(prompt):.0f} "
        f"| {statistics.median(ratios):.1f} |"
    )


if __name__ == "__main__":
    main()
