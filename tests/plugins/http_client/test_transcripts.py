"""The transcripts of the manual, line for line, from a serial console in every profile.

Source: docs/protocol/network.md, section 9.9. The server at port 80 of example.com is a script; the
same dialogues with real ones are in tests/interop.
"""

from collections.abc import Iterator

import pytest
from tests.dialogue import PROFILES, Talk
from tests.peers import Peer

from tokay.board.air.airspace import Airspace
from tokay.plugins.network import Network

HOWDY = b'{\r\n  "response": "howdy!"\r\n}'
BODY = b'{"a":1}'


class Server(Peer):
    """What listens at port 80 of example.com, driven by the test."""

    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self._talk = talk

    def expect(self, sent: bytes) -> None:
        """Check that the device has sent exactly this since the last look."""
        far = self.all[-1]
        assert bytes(far.received) == sent
        far.received.clear()

    def say(self, data: bytes) -> None:
        """Send bytes, and let the device have them."""
        self.all[-1].send(data)
        self._talk.run(self._talk.loop.settle())


@pytest.fixture(params=PROFILES)
def talk(air: Airspace, lab: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Talk]:
    air.ap("lab").hosts["example.com"] = "127.0.0.1"
    settings = lab | {"system.cmd.timestamp": "1", "stream.auto_close": "0"}
    with Talk(request.param, human=True, settings=settings, airspace=air) as talk:
        talk.ask("network_up")
        yield talk


@pytest.fixture
def server(talk: Talk) -> Iterator[Server]:
    server = Server(talk)
    talk.run(server.__aenter__())
    interface = talk.kernel.plugin(Network).find()
    assert interface is not None
    for port in (80, 443):
        interface.link._subnet.tcp_redirects["127.0.0.1", port] = server.port  # type: ignore[attr-defined]
    yield server
    talk.run(server.__aexit__(None, None, None))


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode() + b"> "


def test_a_post(talk: Talk, server: Server) -> None:
    now = talk.kernel.clock.stamp
    talk.send(b"http_post -o example.com/hello application/json\r\n")
    talk.expect(lines(
        "http_post -o example.com/hello application/json",
        f"[{now()}: Opening: example.com]",
        "Request POST /hello",
        "Connecting (HTTP): example.com:80",
        f"[{now()}: Opened: 0]",
        "0",
    ))  # fmt: skip
    server.expect(b"")
    talk.send(b"stream_write 0 7\r\n", BODY)
    talk.expect(lines("stream_write 0 7", BODY.decode(), "Success"))
    server.expect(
        b"POST /hello HTTP/1.1\r\nHost: example.com\r\nConnection: Close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"7\r\n" + BODY + b"\r\n"
    )
    talk.send(b"http_read 0\r\n")
    talk.expect(b"http_read 0\r\n")
    server.expect(b"0\r\n\r\n")
    server.say(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(HOWDY), HOWDY)
    )
    talk.expect(lines("HTTP response: 200", "Chunked response", "200"))
    talk.send(b"stream_read 0 1000\r\n")
    talk.expect(lines("stream_read 0 1000", "{", '  "response": "howdy!"', "}"))
    talk.turn(17)
    talk.send(b"stream_close 0\r\n")
    talk.expect(lines("stream_close 0", "Closing: 0", f"[{now()}: Closed: 0]", "Success"))


def test_a_get(talk: Talk, server: Server) -> None:
    now = talk.kernel.clock.stamp
    talk.send(b"http_get example.com\r\n")
    server.expect(b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Close\r\n\r\n")
    server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    talk.expect(lines(
        "http_get example.com",
        f"[{now()}: Opening: example.com]",
        "Request GET /",
        "Connecting (HTTP): example.com:80",
        "HTTP response: 200",
        f"[{now()}: Opened: 0]",
        "0",
    ))  # fmt: skip
    talk.send(b"list\r\n")
    port = server.all[-1].address[1]
    talk.expect(lines("list", "! # Type  Info", f"# 0 HTTP  example.com:80 ({port})"))
    talk.send(b"read 0 5\r\n")
    talk.expect(lines("read 0 5", "hello"))


def test_in_machine_format(talk: Talk, server: Server) -> None:
    """Row 11 of the conformance checks (docs/protocol/network.md, section 17)."""
    talk.ask("set system.cmd.format machine")
    talk.ask("set system.print_level 0")
    talk.send(b"hpo -o example.com/x application/json\r\n")
    talk.expect(b"R000003\r\n0\r\n")
    talk.send(b"write 0 7\r\n" + BODY)
    talk.expect(b"R000009\r\nSuccess\r\n")
    talk.send(b"hre 0\r\n")
    server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    talk.expect(b"R000005\r\n200\r\n")
    talk.send(b"read 0 100\r\n")
    talk.expect(b"R000004\r\nok\r\n")
    assert b"\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n" in bytes(server.all[-1].received)
    assert bytes(server.all[-1].received).endswith(BODY + b"\r\n0\r\n\r\n")


def test_a_stream_is_not_held_up_by_a_request(talk: Talk, server: Server) -> None:
    """What arrives on one stream while another waits for its server is there afterwards."""
    talk.ask("set system.cmd.format machine")
    talk.ask("set system.print_level 0")
    assert talk.answer("tcpc example.com 80") == (0, "0")
    tcp = server.all[-1]
    talk.send(b"http_get example.com\r\n")
    tcp.send(b"meanwhile")
    talk.turn(4)
    talk.expect(b"")
    server.say(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.expect(b"R000003\r\n1\r\n")
    assert talk.answer("read 0 9") == (0, "meanwhile")


def test_a_handshake_that_finds_no_memory(talk: Talk, air: Airspace, server: Server) -> None:
    now = talk.kernel.clock.stamp
    air.ap("lab").fail_tls_handshakes(1)
    talk.send(b"http_get https://example.com\r\n")
    talk.expect(lines(
        "http_get https://example.com",
        f"[{now()}: Opening: example.com]",
        "Request GET /",
        "Connecting (https): example.com:443",
        "Starting TLS",
        "TLS malloc failed",
        "Error with TLS handshake: 5035",
        f"[{now()}: Open failed]",
        "Command failed",
    ))  # fmt: skip
    assert server.all[-1].ended  # and the next command works
    talk.send(b"http_get example.com\r\n")
    server.say(b"HTTP/1.1 200 OK\r\n\r\n")
    assert talk.heard().endswith(b"\r\n0\r\n> ")
