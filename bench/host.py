"""The host library beside the plainest code that does the same, and the tap's added delay.

    python bench/host.py

Prints ratios and times of this machine: commands a second over a pty beside pyserial's `write` and
`read_until`, over REST beside http.client; `tokay get` from start to exit; the delay that a tap
adds to a byte.
"""

import asyncio
import http.client
import io
import json
import os
import select
import statistics
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import serial

from tokay.host import Module
from tokay.host.tap import Tap

COMMANDS = 2000
ROUNDS = 5
RUN = (sys.executable, "-c", "from tokay.cli import main; main()")
UP = ["--set", "wlan.ssid=tokay", "--set", "wlan.passkey=tokay-lab",
      "--set", "wlan.auto_join.enabled=1", "--set", "http.server.enabled=1"]  # fmt: skip


async def library(url: str, count: int) -> float:
    """Return commands a second."""
    async with Module.open(url) as module:
        start = time.perf_counter()
        for _ in range(count):
            await module.command("get wlan.ssid")
        return count / (time.perf_counter() - start)


def plain_pty(path: str, count: int) -> float:
    with serial.Serial(path, timeout=5) as port:
        port.write(b"set system.cmd.format machine\r\n")
        port.read_until(b"Set OK\r\n")
        start = time.perf_counter()
        for _ in range(count):
            port.write(b"get wlan.ssid\r\n")
            port.read_until(b"tokay\r\n")
        rate = count / (time.perf_counter() - start)
        port.write(b"set system.cmd.format human\r\n")
        port.read_until(b"> ")
        return rate


def plain_rest(address: str, count: int) -> float:
    body = json.dumps({"command": "get wlan.ssid", "flags": 0})
    start = time.perf_counter()
    for _ in range(count):
        connection = http.client.HTTPConnection(address)
        connection.request("POST", "/command", body)
        json.loads(connection.getresponse().read())
        connection.close()
    return count / (time.perf_counter() - start)


def compare(name: str, ours: Callable[[], float], plain: Callable[[], float]) -> None:
    """Take turns, so that a busy machine is busy for both."""
    ratios, rates = [], []
    for _ in range(ROUNDS):
        rate = ours()
        ratios.append(rate / plain())
        rates.append(rate)
    ratio, rate = statistics.median(ratios), statistics.median(rates)
    print(f"{name}: {rate:.0f} commands a second, {ratio:.2f} of plain code")


def start_to_exit(url: str) -> None:
    times = []
    for _ in range(11):
        start = time.perf_counter()
        subprocess.run([*RUN, "get", url, "wlan.mac"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    print(f"tokay get: {statistics.median(times) * 1000:.0f} ms from start to exit")


def tap_delay() -> None:
    """Bytes there and back through a pty alone, and through a tap: half of what is more."""
    master, slave = os.openpty()
    path = os.ttyname(slave)

    def echo() -> None:
        while True:
            data = os.read(master, 4096)
            if data == b"\x04":
                return
            os.write(master, data)

    thread = threading.Thread(target=echo)
    thread.start()
    with TemporaryDirectory() as folder:
        plain = round_trips(path, b"x")
        tap = Tap(f"pty:{path}", Path(folder) / "link", io.StringIO())
        running = threading.Thread(target=tap.run)
        running.start()
        tapped = round_trips(tap.path, b"x")
        tap.stop()
        running.join()
        tap.close()
        os.write(slave, b"\x04")
    thread.join()
    os.close(slave)
    print(f"tap: {(tapped - plain) / 2 * 1e6:.0f} us added to a byte, median")


def round_trips(path: str, byte: bytes) -> float:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd)
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        os.write(fd, byte)
        select.select([fd], [], [], 5)
        os.read(fd, 1)
        times.append(time.perf_counter() - start)
    os.close(fd)
    return statistics.median(times)


def main() -> None:
    with TemporaryDirectory() as folder:
        link = f"{folder}/module"
        device = subprocess.Popen(
            [*RUN, "run", "--serial", f"pty:{link}", "--ephemeral", "--events", *UP],
            stderr=subprocess.PIPE,
        )
        assert device.stderr is not None
        try:
            address = ""
            while not address:
                event = json.loads(device.stderr.readline())
                address = event.get("address", "") if event["event"] == "network_up" else ""
            compare(
                "pty",
                lambda: asyncio.run(library(f"pty:{link}", COMMANDS)),
                lambda: plain_pty(link, COMMANDS),
            )
            compare(
                "REST",
                lambda: asyncio.run(library(f"http://{address}", COMMANDS // 4)),
                lambda: plain_rest(address, COMMANDS // 4),
            )
            start_to_exit(f"pty:{link}")
        finally:
            device.terminate()
            device.wait()
    tap_delay()


if __name__ == "__main__":
    main()
