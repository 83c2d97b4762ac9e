"""The HTTP server with clients of others: curl, aiohttp, slowhttptest, schemathesis, sslyze."""

import asyncio
import gzip
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.interop.conftest import left_out
from tests.interop.peers import Peer
from tests.interop.served import Served

SECURE = 8493
LARGE = bytes(number * 31 % 251 for number in range(700_000))
DOCS = Path(__file__).parents[2] / "docs"


Curl = Callable[..., str]


@pytest.fixture
def curl(served: Served, tmp_path: Path) -> Curl:
    if shutil.which("curl") is None:
        left_out("curl is not installed")

    def run(path: str, *options: str, code: int = 0, data: bytes = b"") -> str:
        url = path if "://" in path else served.url + path
        command = ["curl", "-sS", "--max-time", "20", *options, url]
        done = subprocess.run(command, capture_output=True, cwd=tmp_path, input=data, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout.decode("latin-1")

    return run


# curl.


def test_curl_runs_commands(served: Served, curl: Curl) -> None:
    assert json.loads(curl("/command/get%20wlan.mac"))["response"] == f"{served.device.mac}\r\n"
    assert json.loads(curl("/command", "-d", '{"command":"ver"}'))["code"] == 0
    # Expect: 100-continue, and a body in chunks.
    call = json.dumps({"command": "file_create c.bin 60000", "data": "x" * 60_000}).encode()
    for options in (["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"]):
        out = curl("/command", "-d", "@-", *options, data=call)
        assert json.loads(out)["response"] == "Success\r\n"
        served.command("file_delete c.bin")


def test_curl_fetches_files(served: Served, curl: Curl, tmp_path: Path) -> None:
    served.file("large.bin", LARGE)
    served.file("page.html.gz", gzip.compress(b"<p>hello"))
    assert curl("/page.html", "--compressed") == "<p>hello"
    curl("/large.bin", "-o", "got", "-r", "0-99999")
    assert (tmp_path / "got").read_bytes() == LARGE[:100_000]
    curl("/large.bin", "-o", "got", "-C", "-")  # go on where it ended
    assert (tmp_path / "got").read_bytes() == LARGE
    assert "Content-Length: 700000" in curl("/large.bin", "-I")
    show = ["-o", "page", "-w", "%{http_code}", "--etag-save", "tag", "--etag-compare", "tag"]
    assert [curl("/page.html", *show) for _ in range(2)] == ["200", "304"]
    assert curl("/../../etc/passwd", "--path-as-is", "-w", "%{http_code}", "-o", "x") == "404"
    assert curl("/none", "--http1.0", "-w", "%{http_code}", "-o", "x") == "404"


def test_curl_keeps_a_connection(served: Served, curl: Curl) -> None:
    out = curl(
        "/command/ver", "-H", "Connection: keep-alive", "-w", "\n%{num_connects}\n",
        served.url + "/command/ver", "-H", "Connection: keep-alive",
    )  # fmt: skip
    assert out.split("\n")[1::2] == ["1", "0"] or "\n0\n" in out


@pytest.mark.parametrize(
    "served", [{"http.server.username": "admin", "http.server.password": "s cret"}], indirect=True
)
def test_curl_logs_in(curl: Curl) -> None:
    status = ["-o", "x", "-w", "%{http_code}"]
    assert curl("/command/ver", *status) == "401"
    assert curl("/command/ver", *status, "-u", "admin:s cret") == "200"
    assert curl("/command/ver", *status, "-u", "admin:s cret", "--anyauth") == "200"
    assert curl("/command/ver", *status, "-u", "admin:x", "--basic") == "401"


@pytest.mark.parametrize("served", [{"http.server.cors_origin": "http://good"}], indirect=True)
def test_curl_is_cut_off(curl: Curl) -> None:
    assert json.loads(curl("/command/ver", "-H", "Origin: http://good"))["code"] == 0
    curl("/command/ver", "-H", "Origin: http://evil", code=52)  # an empty reply


def test_curl_asks_for_http2(curl: Curl) -> None:
    assert json.loads(curl("/command/ver", "--http2"))["code"] == 0


# aiohttp.


async def test_aiohttp_many_at_once(served: Served) -> None:
    """More clients than the limit: nobody is turned away."""
    served.file("large.bin", LARGE)
    connector = aiohttp.TCPConnector(limit=20)
    async with aiohttp.ClientSession(served.url, connector=connector) as session:

        async def one(number: int) -> None:
            if number % 3:
                call = {"command": f"set wlan.ssid n{number}"}
                async with session.post("/command", json=call) as answer:
                    assert (await answer.json())["response"] == "Set OK\r\n"
            else:
                async with session.get("/large.bin") as answer:
                    assert await answer.read() == LARGE

        await asyncio.gather(*(one(number) for number in range(60)))
        async with session.get("/command/ls%20-v") as answer:
            assert "large.bin" in (await answer.json())["response"]


async def test_aiohttp_keeps_connections(served: Served) -> None:
    async with aiohttp.ClientSession(served.url, headers={"Connection": "keep-alive"}) as session:
        ids = []
        for _ in range(10):
            async with session.get("/command/ver") as answer:
                assert answer.headers["Connection"] == "keep-alive"
                ids.append((await answer.json())["id"])
        assert ids == list(range(1, 11))


# slowhttptest.


@pytest.mark.parametrize(
    "mode", [["-H"], ["-B"], ["-R"], ["-X", "-k", "3"]], ids=["head", "body", "range", "read"]
)
def test_slow_clients(
    served: Served, curl: Curl, peer: Callable[[str], Peer], mode: list[str]
) -> None:
    """They take every place there is, and a client that means it is served all the same."""
    served.file("large.bin", LARGE)
    path = "/command" if mode == ["-B"] else "/large.bin"
    command = [
        *peer("slowhttptest").command, *mode, "-c", "12", "-r", "50", "-i", "1", "-l", "3",
        "-p", "1", "-s", "4096", "-u", served.url + path,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as slow:
        asked = 0
        while slow.poll() is None:
            assert json.loads(curl("/command/ver"))["code"] == 0
            asked += 1
    assert asked > 1


# schemathesis.


def test_schemathesis(served: Served, tmp_path: Path) -> None:
    """What is sent by the description is answered by the description."""
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            str(program), "run", str(DOCS / "openapi.json"), "--url", served.url,
            "--max-examples", "10", "--phases", "examples,coverage,fuzzing", "--seed", "1",
            "--checks",
            "status_code_conformance,content_type_conformance,response_schema_conformance",
            "--request-timeout", "10", "--no-color",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "HTTP server failed" not in done.stderr


# sslyze.


@pytest.mark.parametrize(
    "served", [{"http.server.tls_enabled": "1", "http.server.port": str(SECURE)}], indirect=True
)
def test_sslyze(served: Served) -> None:
    """HTTPS speaks the suites of the table and no others, and has none of the known holes."""
    sslyze: Any = importlib.import_module("sslyze")  # it exports nothing by its own word
    location = sslyze.ServerNetworkLocation(served.address, SECURE)
    commands = {
        sslyze.ScanCommand.SSL_2_0_CIPHER_SUITES, sslyze.ScanCommand.SSL_3_0_CIPHER_SUITES,
        sslyze.ScanCommand.TLS_1_0_CIPHER_SUITES, sslyze.ScanCommand.TLS_1_1_CIPHER_SUITES,
        sslyze.ScanCommand.TLS_1_2_CIPHER_SUITES, sslyze.ScanCommand.TLS_1_3_CIPHER_SUITES,
        sslyze.ScanCommand.HEARTBLEED, sslyze.ScanCommand.TLS_COMPRESSION,
        sslyze.ScanCommand.SESSION_RENEGOTIATION,
    }  # fmt: skip
    scanner = sslyze.Scanner()
    scanner.queue_scans([sslyze.ServerScanRequest(location, scan_commands=commands)])
    (result,) = scanner.get_results()
    found: Any = result.scan_result
    assert found is not None, result.connectivity_error_trace
    accepted: dict[str, set[str]] = {}
    for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"):
        suites = getattr(found, f"{version}_cipher_suites").result.accepted_cipher_suites
        accepted[version] = {one.cipher_suite.openssl_name for one in suites}
    table = {row.split()[-1] for row in served.command("tls_ciphers").split("\r\n")[1:]}
    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert accepted[old] == set()
    # The certificate that the device signs has an ECDSA key.
    expected = {name for name in table if "ECDSA" in name}
    assert accepted["tls_1_2"] == expected
    assert not found.heartbleed.result.is_vulnerable_to_heartbleed
    assert not found.tls_compression.result.supports_compression
    assert not found.session_renegotiation.result.is_vulnerable_to_client_renegotiation_dos
