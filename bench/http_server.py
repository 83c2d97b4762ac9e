"""The HTTP server beside nginx and uvicorn, under wrk: one core for the server, one for the load.

    python bench/http_server.py [seconds a run]

Ratios are of one run: first the rival, then we, several times in turn; the median counts. On a
machine that is busy with other things the CPU time of a request says more than the rate.
"""

import asyncio
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.interop import peers  # noqa: E402

from tokay import AccessPoint, Airspace, Device  # noqa: E402

ROUNDS = 3
SUBNET = "127.94.7.0/24"
DEVICE = "127.94.7.2"
PORTS = {"tokay": 8181, "nginx": 8182, "uvicorn": 8183}
SIZE = 64 * 1024
CORE, LOAD = 0, 1
CLIENTS = 32
IDLE = 200

TOKAY = f"""
import asyncio, uvloop
from tokay import AccessPoint, Airspace, Device
async def main():
    air = Airspace()
    air.add(AccessPoint("lab", subnet="{SUBNET}"))
    settings = {{
        "wlan.ssid": "lab", "http.server.enabled": "1", "http.server.port": "{PORTS["tokay"]}",
        "http.server.max_clients": "255", "http.server.cors_origin": "*",
    }}
    async with Device.simulated(airspace=air, settings=settings) as device:
        assert (await device.command("file_create a.bin {SIZE}", data=bytes({SIZE}))).ok
        assert (await device.command("network_up")).ok
        await device.wait_off()
uvloop.run(main())
"""
UVICORN = f"""
import uvicorn
BODY = b'{{"id":1,"code":0,"flags":0,"response":"SILABS-WGM160P-4.0.0\\\\r\\\\n"}}'
async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]}})
    await send({{"type": "http.response.body", "body": BODY}})
uvicorn.run(app, host="127.0.0.1", port={PORTS["uvicorn"]}, http="httptools", loop="uvloop",
            lifespan="off", access_log=False, log_level="error")
"""
NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ root {folder}/root; }}
        location /command/version {{
            default_type application/json;
            add_header Access-Control-Allow-Origin *;
            return 200 '{{"id":1,"code":0,"flags":0,"response":"SILABS-WGM160P-4.0.0\\r\\n"}}';
        }}
    }}
}}
"""


@contextmanager
def server(name: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Run a server on one core; give its URL and process."""
    if name == "nginx":
        (folder / "root").mkdir(exist_ok=True)
        (folder / "root" / "a.bin").write_bytes(bytes(SIZE))
        folder.chmod(0o755)
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=PORTS[name]))
        command = [*peers.find("nginx").command, "-c", str(config), "-p", str(folder)]
    else:
        command = [sys.executable, "-c", TOKAY if name == "tokay" else UVICORN]
    host = DEVICE if name == "tokay" else "127.0.0.1"
    process = subprocess.Popen(
        ["taskset", "-c", str(CORE), *command], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((host, PORTS[name]), 1).close()
                break
            except OSError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield f"http://{host}:{PORTS[name]}", process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Rate(NamedTuple):
    """Requests a second, and microseconds of CPU that each costs the server."""

    rate: float
    cost: float


def wrk(url: str, path: str, seconds: float, connection: str) -> float:
    """Return requests a second."""
    command = [
        "taskset", "-c", str(LOAD), *peers.find("wrk").command, "-t1", f"-c{CLIENTS}",
        f"-d{max(1, round(seconds))}s", "-H", f"Connection: {connection}", url + path,
    ]  # fmt: skip
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(out)
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert found is not None, out
    return float(found[1])


def cpu(pid: int) -> float:
    """Return the seconds that a process and its children have worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu(int(child)) for child in children)


def load(name: str, folder: Path, path: str, seconds: float, connection: str) -> Rate:
    """Return what one server does in one run."""
    with server(name, folder) as (url, pid):
        wrk(url, path, 1, connection)  # what is slow the first time
        before = cpu(pid)
        rate = wrk(url, path, seconds, connection)
        return Rate(rate, (cpu(pid) - before) / (rate * seconds) * 1e6)


CASES = [
    # what, the rival, path, connection, what is to be reached
    ("a connection a request", "nginx", "/command/version", "close", 0.85),
    ("keep-alive", "uvicorn", "/command/version", "keep-alive", 2.0),
    ("file of 64 KiB", "nginx", "/a.bin", "keep-alive", 0.5),
]


async def _memory() -> float:
    """Return KB that listening and idle costs a device beyond the device."""

    def rss() -> int:
        return int(re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[0])

    async def devices(enabled: str) -> float:
        air = Airspace()
        air.add(AccessPoint("lab", subnet="127.94.8.0/22"))
        settings = {
            "wlan.ssid": "lab", "http.server.enabled": enabled, "http.server.port": "8184",
        }  # fmt: skip
        kept = []
        before = 0
        for number in range(IDLE * 2):
            if number == IDLE:
                before = rss()
            device = Device.simulated(airspace=air, settings=settings, name=f"d{enabled}{number}")
            await device.__aenter__()
            assert (await device.command("network_up")).ok
            kept.append(device)
        used = (rss() - before) / IDLE
        for device in kept:
            await device.__aexit__(None, None, None)
        return used

    await devices("0")  # what is freed is used again: the first round fills the pools
    without = await devices("0")
    return await devices("1") - without


def main() -> None:
    seconds = float(sys.argv[1]) if sys.argv[1:] and sys.argv[1][0].isdigit() else 3
    print(f"{'':24}{'rival':>9}{'theirs/s':>10}{'ours/s':>10}{'ratio':>7}", end="")
    print(f"{'wanted':>8}{'theirs':>9}{'ours, us of CPU':>17}{'ratio':>7}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, rival, path, connection, wanted in CASES:
            runs = [
                (load(rival, folder, path, seconds, connection),
                 load("tokay", folder, path, seconds, connection))
                for _ in range(ROUNDS)
            ]  # fmt: skip
            theirs, ours = runs[-1]
            rate = statistics.median(mine.rate / other.rate for other, mine in runs)
            work = statistics.median(other.cost / mine.cost for other, mine in runs)
            print(f"{what:24}{rival:>9}{theirs.rate:10.0f}{ours.rate:10.0f}{rate:7.2f}", end="")
            print(f"{wanted:8.2f}{theirs.cost:9.1f}{ours.cost:17.1f}{work:7.2f}", flush=True)
    if "--no-memory" not in sys.argv:
        print(f"{'idle, listening':26}{asyncio.run(_memory()):8.1f} KB a device, at most 40 wanted")


if __name__ == "__main__":
    main()
