"""The HTTP client against nginx, lighttpd and aiohttp, driven through a real serial port."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from tests.dialogue import PROFILES
from tests.interop.namespaces import LIMIT, SERVER, Console, Tokay, Wire, closing, device, dnsmasq
from tests.interop.peers import Peer
from tests.interop.web import HOWDY, LARGE, Site, aiohttp, lighttpd, nginx

pytestmark = pytest.mark.usefixtures("leftovers")

GetPeer = Callable[[str], Peer]
NAME = "example.com"
STAMP = r"\d{4}-\d\d-\d\d \| \d\d:\d\d:\d\d"
FILE = bytes(range(256)) * 256


@pytest.fixture
def site(tmp_path: Path) -> Site:
    tmp_path.chmod(0o755)
    return Site(tmp_path, NAME)


@contextmanager
def started(wire: Wire, peer: GetPeer, *options: str) -> Iterator[tuple[Tokay, Console]]:
    """Start a device on a wire with DHCP and DNS, and let it join."""
    with (
        dnsmasq(wire, peer("dnsmasq"), f"--address=/{NAME}/{SERVER}"),
        device(wire, *options) as (tokay, console),
    ):
        console.do("set stream.auto_close 0")
        console.do("network_up")
        yield tokay, console


def body(console: Console, handle: str = "0") -> str:
    """Read a body to its end, then close."""
    got = ""
    while True:
        piece = console.do(f"stream_read {handle} 9000")
        got += piece
        if not piece and console.do(f"stream_poll {handle}") == "2":
            console.do(f"stream_close {handle}")
            return got


def store(console: Console, name: str, content: bytes) -> None:
    console.do(f"file_create {name} {len(content)}", content)


class Person:
    """Somebody at a serial terminal, who sees what is printed."""

    def __init__(self, path: str) -> None:
        self._port = serial.Serial(path, timeout=LIMIT)

    def close(self) -> None:
        self._port.close()

    def type(self, line: str, data: bytes = b"") -> str:
        """Type a line; return all that is printed up to the next prompt."""
        self._port.write(line.encode() + b"\r\n" + data)
        seen = self._port.read_until(b"\r\n> ")
        assert seen.endswith(b"\r\n> "), seen
        return seen[:-2].decode()


@pytest.mark.parametrize("profile", PROFILES)
def test_the_transcript_of_a_post(wire: Wire, peer: GetPeer, site: Site, profile: str) -> None:
    """The transcript of docs/protocol/network.md, section 9.9, with handles and last lines."""
    with (
        nginx(wire, peer("nginx"), site),
        dnsmasq(wire, peer("dnsmasq"), f"--address=/{NAME}/{SERVER}"),
        closing(
            Tokay(wire.device, "wired:eth0", "--serial", "pty", "--profile", profile,
                  "--set", "stream.auto_close=0")
        ) as tokay,
    ):  # fmt: skip
        path = tokay.event("serial")["path"]
        tokay.event("ready")
        person = Person(path)
        try:
            person.type("network_up")
            said = [
                person.type("http_post -o example.com/hello application/json"),
                person.type("stream_write 0 7", b'{"a":1}'),
                person.type("http_read 0"),
                person.type("stream_read 0 1000"),
                person.type("stream_close 0"),
            ]
        finally:
            person.close()
        expected = [
            "http_post -o example.com/hello application/json",
            "[<stamp>: Opening: example.com]",
            "Request POST /hello",
            "Connecting (HTTP): example.com:80",
            "[<stamp>: Opened: 0]",
            "0",
            "stream_write 0 7",
            '{"a":1}',
            "Success",
            "http_read 0",
            "HTTP response: 200",
            "Chunked response",
            "200",
            "stream_read 0 1000",
            "{",
            '  "response": "howdy!"',
            "}",
            "stream_close 0",
            "Closing: 0",
            "[<stamp>: Closed: 0]",
            "Success",
        ]
        assert re.sub(STAMP, "<stamp>", "".join(said)).splitlines() == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_the_transcript_of_a_refused_certificate(
    wire: Wire, peer: GetPeer, site: Site, profile: str
) -> None:
    with (
        nginx(wire, peer("nginx"), site),
        started(wire, peer, "--profile", profile) as (_, console),
    ):
        store(console, "ca.pem", site.ca.cert_pem.bytes())
        assert console.do(f"http_get https://{NAME}/ ca.pem") == "0"
        assert body(console) == "It works\n"
        # The certificate is for another name.
        console.do("set system.print_level all")
        assert console.ask(f"http_get https://{SERVER}/ ca.pem") == (1, "Command failed")
        seen = [re.sub(STAMP, "<stamp>", line) for line in console.logs]
        assert seen[:4] == [
            f"[<stamp>: Opening: {SERVER}]",
            "Request GET /",
            f"Connecting (https): {SERVER}:443",
            "Starting TLS",
        ]
        assert re.fullmatch(r"Error with TLS handshake: 5037 \(state: 3, code: -0x\w+\)", seen[-2])
        assert seen[-1] == "[<stamp>: Open failed]"


def test_nginx(wire: Wire, peer: GetPeer, site: Site) -> None:
    with nginx(wire, peer("nginx"), site), started(wire, peer) as (_, console):
        assert console.do(f"http_get {NAME}/") == "0"
        assert body(console) == "It works\n"
        assert console.do(f"http_get {NAME}/hello") == "0"  # in chunks
        assert body(console) == HOWDY
        for path, status in (
            ("missing", "404"),
            ("moved", "302"),
            ("empty", "204"),
            ("zero", "200"),
        ):
            assert console.do(f"http_get {NAME}/{path}") == "0"
            assert console.do("http_read_status 0") == status
            assert ("It works" in body(console)) is False
        assert console.do(f"http_head {NAME}/large") == "0"
        header = console.do("http_read_status -h 0").split("\r\n")
        assert header[0] == "200"
        assert f"Content-Length: {LARGE}" in header
        assert body(console) == ""
        # Header fields of one's own.
        assert console.do(f"http_get -o {NAME}/headers") == "0"
        console.do('http_add_header 0 X-One "two words"')
        console.do("http_add_header 0 User-Agent lizard")
        assert console.do("http_read_status 0") == "200"
        assert body(console) == f"two words|lizard|{NAME}|Close"
        # A slow server, and eight at once.
        assert console.do(f"http_get {NAME}/slow") == "0"
        assert len(body(console)) == 5000
        assert [console.do(f"http_get {NAME}/hello") for _ in range(8)] == list("01234567")
        assert console.ask(f"http_get {NAME}/hello") == (1, "Command failed")
        assert [body(console, handle) for handle in "01234567"] == [HOWDY] * 8


def test_certificates(wire: Wire, peer: GetPeer, site: Site) -> None:
    with nginx(wire, peer("nginx"), site), started(wire, peer) as (_, console):
        store(console, "ca.pem", site.ca.cert_pem.bytes())
        store(console, "cert.pem", site.client_cert)
        store(console, "key.pem", site.client_key)
        assert console.do(f"http_get https://{NAME}/who ca.pem cert.pem key.pem") == "0"
        assert "HTTPS" in console.do("stream_list")
        who = body(console)
        assert "O=trustme" in who
        assert who.endswith("|TLSv1.2")
        # The variables stand for what a command does not name.
        assert console.do(f"http_get https://{NAME}/who ca.pem") == "0"
        assert body(console) == "|TLSv1.2"
        console.do("set network.tls.client_cert cert.pem")
        console.do("set network.tls.client_key key.pem")
        console.do("set network.tls.ca_cert ca.pem")
        assert console.do(f"http_get https://{NAME}/who") == "0"
        assert body(console) == who
        # A long body, a queued request and a file over TLS.
        assert console.do(f"http_post -o https://{NAME}/hello text/plain") == "0"
        console.do("stream_write 0 5", b"hello")
        assert console.do("http_read_status 0") == "200"
        assert body(console) == HOWDY
        assert console.do(f"http_download https://{NAME}/file a.bin") == "Success"
        stat = console.do("file_stat a.bin")
        assert f"size: {len(FILE)}" in stat
        # TLS spoken to a plain port, and the other way round.
        assert console.ask(f"http_get https://{NAME}:80/") == (1, "Command failed")
        assert console.do(f"http_get {NAME}:443/") == "0"
        assert "plain HTTP request was sent to HTTPS port" in body(console)


def test_lighttpd(wire: Wire, peer: GetPeer, site: Site) -> None:
    with lighttpd(wire, peer("lighttpd"), site), started(wire, peer) as (_, console):
        assert console.do(f"http_get {NAME}/hello") == "0"
        assert body(console) == HOWDY
        assert console.do(f"http_get {NAME}/missing") == "0"
        assert console.do("http_read_status 0") == "404"
        body(console)
        assert console.do(f"http_download -c 0x{zlib.crc32(FILE):X} {NAME}/file c.bin") == "Success"
        assert console.ask(f"http_download -c 0x1234 {NAME}/file d.bin")[0] == 1
        assert console.ask(f"http_download {NAME}/large e.bin")[0] == 1  # no room
        assert console.ask(f"http_download {NAME}/missing f.bin")[0] == 1
        listing = console.do("ls")
        assert "c.bin" in listing
        assert not re.search(r"[def]\.bin", listing)


def test_aiohttp(wire: Wire, peer: GetPeer) -> None:
    with aiohttp(wire) as server, started(wire, peer) as (_, console):
        url = f"{NAME}:8080"
        content = FILE[:60_000]
        store(console, "a.bin", content)
        assert console.do(f"http_upload {url}/upload a.bin") == "Success"
        digest = hashlib.sha256(content).hexdigest()
        server.expect(rf"upload file a\.bin 60000 {digest}")
        assert console.do(f'http_upload {url}/upload a.bin "log 1.txt"') == "Success"
        server.expect(rf"upload file log 1\.txt 60000 {digest}")
        assert console.ask(f"http_upload {url}/nowhere a.bin") == (1, "Command failed")
        # Bodies in chunks and of a length.
        assert console.do(f"http_post -o {url}/echo text/plain") == "0"
        for piece in (b"one ", b"two ", b"three"):
            console.do(f"stream_write 0 {len(piece)}", piece)
        assert console.do("http_read_status 0") == "200"
        assert body(console) == "one two three"
        assert console.do(f"http_post -l 5 {url}/about text/plain") == "0"
        console.do("stream_write 0 5", b"hello")
        assert console.do("http_read_status 0") == "200"
        assert body(console) == '{"length": 5, "body": "hello"}'
        # An endless body stays where it is until it is read, and ends with the stream.
        assert console.do(f"http_get {url}/endless") == "0"
        assert console.do("stream_read 0 5") == "\0" * 5
        console.do("stream_close 0")
        server.expect("gone")
