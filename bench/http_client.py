"""The HTTP client beside curl: a large body to its end, and small requests one after the other.

    python bench/http_client.py

The server is nginx (or, without it, a small one of Python's) in a process of its own. The device
is driven by command as the hosts of the factory settings do: `http_get`, then `stream_read` until
`stream_poll` fails; and by the call that other plugins use. Each side is
measured in turn; the ratios are of one run.
"""

import asyncio
import gc
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pycurl
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.interop.peers import PeerError, find

from tokay.device import Device
from tokay.plugins.http_client import HttpClient
from tokay.plugins.network import Network

ROUNDS = 5
REQUESTS = 1500
SIZE = 100_000_000
PIECE = 99_990
"""Bytes that one stream_read asks for: about what five digits of length allow."""

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_timeout 0;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}/www; }}
}}
"""
SETTINGS = {
    "wlan.ssid": "tokay", "wlan.passkey": "tokay-lab", "stream.auto_close": "1",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """Serve `/small` and `/large`; give what serves and its URL."""
    folder = Path(tempfile.mkdtemp())
    port = free_port()
    (folder / "www").mkdir()
    (folder / "www" / "small").write_bytes(b"hello, world\n")
    with (folder / "www" / "large").open("wb") as large:
        large.truncate(SIZE)
    try:
        nginx = find("nginx").command
        (folder / "conf").write_text(NGINX.format(folder=folder, port=port))
        name, command = "nginx", [*nginx, "-p", str(folder), "-c", str(folder / "conf")]
        folder.chmod(0o755)
    except PeerError:
        name = "http.server"
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        command += ["--directory", str(folder / "www")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield name, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def curl_large(url: str) -> float:
    """Seconds of the curl program, its start left out: it tells itself."""
    out = subprocess.run(
        ["curl", "-s", "-o", os.devnull, "-w", "%{time_total} %{size_download}", f"{url}/large"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, size = out.stdout.split()
    assert int(float(size)) == SIZE
    return float(seconds)


def pycurl_large(url: str) -> float:
    got = 0

    def take(data: bytes) -> None:
        nonlocal got
        got += len(data)

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"{url}/large")
    curl.setopt(pycurl.BUFFERSIZE, 256 * 1024)
    curl.setopt(pycurl.WRITEFUNCTION, take)
    start = time.perf_counter()
    curl.perform()
    seconds = time.perf_counter() - start
    curl.close()
    assert got == SIZE
    return seconds


async def device_large(device: Device, url: str) -> float:
    got = 0
    start = time.perf_counter()
    assert (await device.command(f"http_get {url}/large")).text == "0"
    while True:
        piece = await device.command(f"stream_read 0 {PIECE}")
        got += len(piece.data)
        if not piece.data and not (await device.command("stream_poll 0")).ok:
            break
    seconds = time.perf_counter() - start
    assert got == SIZE
    return seconds


def pycurl_small(url: str) -> float:
    """Requests a second, a connection each."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"{url}/small")
    curl.setopt(pycurl.FORBID_REUSE, 1)
    curl.setopt(pycurl.HTTPHEADER, ["Connection: close"])
    got: list[bytes] = []
    curl.setopt(pycurl.WRITEFUNCTION, got.append)
    start = time.perf_counter()
    for _ in range(REQUESTS):
        got.clear()
        curl.perform()
        assert curl.getinfo(pycurl.RESPONSE_CODE) == 200
        assert b"".join(got) == b"hello, world\n"
    seconds = time.perf_counter() - start
    curl.close()
    return REQUESTS / seconds


async def device_small(device: Device, url: str) -> float:
    start = time.perf_counter()
    for _ in range(REQUESTS):
        assert (await device.command(f"http_get {url}/small")).text == "0"
        assert (await device.command("stream_read 0 1400")).data == b"hello, world\n"
    return REQUESTS / (time.perf_counter() - start)


async def fetch_small(device: Device, url: str) -> float:
    client = device.kernel.plugin(HttpClient)
    interface = await device.kernel.plugin(Network).need()
    start = time.perf_counter()
    for _ in range(REQUESTS):
        page = await client.fetch(interface, f"{url}/small", most=1000)
        assert (page.status, page.body) == (200, b"hello, world\n")
    return REQUESTS / (time.perf_counter() - start)


async def measure(url: str) -> tuple[list[list[float]], list[list[float]]]:
    large: list[list[float]] = []
    small: list[list[float]] = []
    # The address is the machine's own: nothing but the client is between the two.
    async with Device.simulated(settings=SETTINGS) as device:
        assert (await device.command("network_up")).ok
        await device_large(device, url)
        await device_small(device, url)
        for _ in range(ROUNDS):
            gc.collect()
            large.append([curl_large(url), pycurl_large(url), await device_large(device, url)])
            row = [pycurl_small(url), await device_small(device, url)]
            small.append([*row, await fetch_small(device, url)])
    return large, small


def main() -> None:
    with server() as (name, url), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        large, small = runner.run(measure(url))
    print(f"| {SIZE // 1_000_000} MB from {name}, to the end | MB/s | ratio |")
    print("| --- | ---: | ---: |")
    for column, label in enumerate(("curl", "pycurl", "`http_get`, `stream_read`")):
        rate = statistics.median(SIZE / row[column] / 1e6 for row in large)
        ratio = statistics.median(row[0] / row[column] for row in large)
        print(f"| {label} | {rate:.0f} | {ratio:.2f} |")
    print()
    print("| small requests, a connection each | a second | ratio |")
    print("| --- | ---: | ---: |")
    for column, label in enumerate(("pycurl", "`http_get`, `stream_read`", "`HttpClient.fetch`")):
        rate = statistics.median(row[column] for row in small)
        ratio = statistics.median(row[column] / row[0] for row in small)
        print(f"| {label} | {rate:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
