"""A host program as it is in the field: pyserial, machine format, real servers behind the device.

This is the promise of the project in one test: what a fielded host does to a module, it can do to
`tokay run --serial pty`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
import serial

PAYLOAD = b"one\r\ntwo\n\0three$$$\xff\x00\r"
PAGE = b"".join(b"line %05d of a page\r\n" % number for number in range(5000))
LIMIT = 20.0


class Echo(StreamRequestHandler):
    """Sends back what it gets."""

    def handle(self) -> None:
        while data := self.request.recv(4096):
            self.request.sendall(data)


class Page(BaseHTTPRequestHandler):
    """Serves one page."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/page?x=1" else 404)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    """Run an echo server and a web server; give their ports."""
    ThreadingTCPServer.allow_reuse_address = True
    with (
        ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo,
        ThreadingHTTPServer(("127.0.0.1", 0), Page) as web,
    ):
        threads = [Thread(target=server.serve_forever, daemon=True) for server in (echo, web)]
        for thread in threads:
            thread.start()
        yield echo.server_address[1], web.server_address[1]
        for server, thread in zip((echo, web), threads, strict=True):
            server.shutdown()
            thread.join()


class Host:
    """A host MCU's driver: nine bytes of header, then what they announce."""

    def __init__(self, path: str) -> None:
        self.port = serial.Serial(path, timeout=LIMIT)

    def block(self) -> tuple[str, int, bytes]:
        header = self.port.read(9)
        assert len(header) == 9, header
        assert header[7:] == b"\r\n", header
        length = int(header[2:7])
        body = self.port.read(length)
        assert len(body) == length
        return chr(header[0]), header[1] - 48, body[:-2]

    def ask(self, line: bytes, data: bytes = b"") -> tuple[int, bytes]:
        """Send a line and its data in one burst; skip the log; return code and body."""
        self.port.write(line + b"\r\n" + data)
        while True:
            kind, code, body = self.block()
            if kind == "R":
                return code, body
            assert kind == "L"


def run(tmp_path: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Start `tokay run` on a pty."""
    return subprocess.Popen(
        [
            sys.executable, "-c", "from tokay.cli import main; main()", "run", "--serial", "pty",
            "--state", str(tmp_path / "state"), "--events", *options,
        ],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("profile", ["gecko-os-4", "gecko-os-2", "zentrios-3", "wiconnect-2"])
def test_a_host_from_factory_settings_to_a_page(
    tmp_path: Path, servers: tuple[int, int], profile: str
) -> None:
    echo_port, web_port = servers
    with run(tmp_path, "--profile", profile) as device:
        try:
            assert device.stderr is not None
            path = json.loads(device.stderr.readline())["path"]
            assert json.loads(device.stderr.readline()) == {"event": "ready"}
            host = Host(path)
            _provision(host)
            _echo(host, echo_port)
            _page(host, web_port)
            host.port.close()
        finally:
            device.terminate()
        assert device.wait(LIMIT) == 0


def _provision(host: Host) -> None:
    host.port.write(b"set system.cmd.format machine\r\n")
    assert host.port.read_until(b"R000008\r\nSet OK\r\n").endswith(b"R000008\r\nSet OK\r\n")
    assert host.ask(b"set wlan.ssid tokay") == (0, b"Set OK")
    assert host.ask(b'set wlan.passkey "tokay-lab"') == (0, b"Set OK")
    assert host.ask(b"save") == (0, b"Success")
    # The next command goes out at once, into the middle of the restart.
    assert host.ask(b"reboot") == (0, b"Rebooting")
    assert host.ask(b"get wlan.ssid") == (0, b"tokay")
    assert host.ask(b"network_up") == (0, b"Success")
    assert host.ask(b"get wlan.network.status") == (0, b"2")


def _echo(host: Host, port: int) -> None:
    assert host.ask(b"tcp_client 127.0.0.1 %d" % port) == (0, b"0")
    assert host.ask(b"stream_write 0 %d" % len(PAYLOAD), PAYLOAD) == (0, b"Success")
    got = b""
    while len(got) < len(PAYLOAD):
        code, body = host.ask(b"stream_read 0 100")
        assert code == 0
        got += body
    assert got == PAYLOAD
    code, listing = host.ask(b"stream_list")
    assert code == 0
    assert listing.startswith(b"! # Type  Info\r\n# 0 TCPC  127.0.0.1:%d (" % port)
    assert host.ask(b"stream_close 0") == (0, b"Success")
    assert host.ask(b"stream_poll 0") == (1, b"Command failed")


def _page(host: Host, port: int) -> None:
    assert host.ask(b"http_get 127.0.0.1:%d/page?x=1" % port) == (0, b"0")
    page = b""
    while len(page) < len(PAGE):
        code, body = host.ask(b"stream_read 0 1400")
        assert code == 0
        assert body
        page += body
    assert page == PAGE
