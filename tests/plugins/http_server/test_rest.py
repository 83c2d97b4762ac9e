"""The REST API.

Source: docs/protocol/web-and-discovery.md, sections 1.2 to 1.7.
"""

import asyncio
import base64
import json
import zlib
from typing import Any

import pytest
from tests.peers import ADDRESS, ask, free_port, get
from tests.plugins.http_server.conftest import PORT, Serve, Web

from tokay.kernel.results import Result

VERSION = "SILABS-WGM160P-4.0.0, Gecko_OS-STANDARD-4.0.12-1198, WGM160P\r\n"
GET_LINES = [
    ("/command/version", VERSION),
    ("/command/ver", VERSION),
    ("/command/get%20ht%20s%20p", f"{PORT}\r\n"),
    ("/command//", "Unknown command\r\n"),
    # Decoded once, as a whole, and never split: neither at a slash nor at a question mark.
    ("/command/set%20ht%20s%20r%20webapp/index.html", "Set OK\r\n"),
    ("/command/set%20wlan.ssid%20%22a%20b/c?d=e:f%22", "Set OK\r\n"),
    ("/command/get%20wlan.ssid", "a b/c?d=e:f\r\n"),
    ("/command/set%20wlan.ssid%20a%2520b%2Bc", "Set OK\r\n"),
    ("/command/get%20wlan.ssid", "a%20b+c\r\n"),
    ("/command/get+wlan.ssid", "a%20b+c\r\n"),
    ("/command/%20ver%20", VERSION),
    ("/command/file_stat%20no%20such", "Too many arguments\r\n"),
]


async def test_commands_by_get(web: Web) -> None:
    for number, (target, response) in enumerate(GET_LINES, 1):
        answer = await web.get(target, "Accept: application/json", "Content-Type: application/json")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["connection"] == "close"
        code = {"Unknown command\r\n": 3, "Too many arguments\r\n": 5}.get(response, 0)
        assert answer.json == {"id": number, "code": code, "flags": 0, "response": response}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("flags", range(8))
async def test_flags(web: Web, flags: int) -> None:
    """1 the response, 2 the command, 4 the data; what a flag does not say is plain."""
    command = "file_create a.txt 3"
    got = await web.command(
        b64(command) if flags & 2 else command, b64("xyz") if flags & 4 else "xyz", flags
    )
    response = b64("Success\r\n") if flags & 1 else "Success\r\n"
    assert got == {"id": 1, "code": 0, "flags": flags & 1, "response": response}
    assert web.device.kernel.storage.read("a.txt", 0, 9) == b"xyz"


BODIES: list[tuple[bytes, int]] = [
    (b'{"command":"ver"}', 200),
    (b'{"flags":0,"command":"ver"}', 200),
    (b'{"command":"ver","flags":0,"data":"","args":"x","retries":1,"done":null}', 200),
    (b'{"command":"ver","flags":0,"data":null}', 200),
    (b'{"command":"ver\\r\\n","flags":0}', 200),
    (b' {"command" : "ver"}\r\n', 200),
    (b"", 400),
    (b"ver", 400),
    (b"[]", 400),
    (b"null", 400),
    (b"{}", 400),
    (b'{"command":1}', 400),
    (b'{"command":"ver","flags":"many"}', 400),
    (b'{"command":"ver","flags":8}', 400),
    (b'{"command":"ver","flags":-1}', 400),
    (b'{"command":"ver","flags":1e99}', 400),
    (b'{"command":"dmVy*","flags":2}', 400),
    (b'{"command":"dmV","flags":2}', 400),
    (b'{"command":"ver","flags":4,"data":"\xc3\xa9"}', 400),
    (b'{"command":"ver\\nreboot"}', 400),
    (b'{"command":"\xff"}', 400),
    (b'{"command":"ver"', 400),
    (b'{"command":"ver"}{', 400),
    (b"[" * 100_000, 400),
]


@pytest.mark.parametrize(("body", "status"), BODIES)
async def test_bodies(web: Web, body: bytes, status: int) -> None:
    answer = await web.ask("POST", "/command", body=body)
    assert answer.status == status
    if status == 200:
        assert answer.json == {"id": 1, "code": 0, "flags": 0, "response": VERSION}
    assert (await web.get("/command/ver")).json["response"] == VERSION


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain;charset=UTF-8", "application/octet-stream", ""]
)
async def test_any_content_type(web: Web, kind: str) -> None:
    headers = [f"Content-Type: {kind}"] if kind else []
    answer = await web.ask("POST", "/command", *headers, body='{"command":"ver"}')
    assert answer.json["response"] == VERSION


# Code by code, as a host meets them.
CODES: list[tuple[str, Result, str]] = [
    ("ver", Result.SUCCESS, VERSION),
    ("file_open nothing", Result.FAILED, "Command failed\r\n"),
    ('set wlan.ssid "a', Result.PARSE_ERROR, "Parse error\r\n"),
    ("nonsense", Result.UNKNOWN_COMMAND, "Unknown command\r\n"),
    ("file_open", Result.TOO_FEW_ARGS, "Too few arguments\r\n"),
    ("file_open a b", Result.TOO_MANY_ARGS, "Too many arguments\r\n"),
    ("file_open a -x", Result.UNKNOWN_OPTION, "Unknown option\r\n"),
    ("set wlan.passkey short", Result.BAD_ARGS, "Invalid argument\r\n"),
]


async def test_codes(web: Web) -> None:
    for line, code, text in CODES:
        got = await web.command(line)
        assert (got["code"], got["response"]) == (code, text)


async def test_writes_that_have_no_room(web: Web) -> None:
    handle = (await web.command("file_create a.bin 4 -o"))["response"]
    assert handle == "0\r\n"
    got = await web.command("stream_write 0 4", b64("\0\1\2\3"), 4)
    assert got == {"id": 2, "code": 0, "flags": 0, "response": "Success\r\n"}
    assert web.device.kernel.storage.read("a.bin", 0, 9) == b"\0\1\2\3"
    # The announced bytes came, so the stream closed itself.
    assert (await web.command("stream_list"))["response"] == "! # Type  Info\r\n"


SIZES = [1, 720, 2560, 2561, 10000]


@pytest.mark.parametrize("size", SIZES)
async def test_files_as_the_web_app_writes_them(web: Web, size: int) -> None:
    """Open, then chunk after chunk; the CRC has no leading zeros, and nobody closes."""
    content = bytes(number * 7 % 256 for number in range(size))
    crc = f"0x{zlib.crc32(content):X}"
    line = f'fcr "a file.bin" {size} -o -v 1.0.0 -t 0xFE -c {crc}'
    handle = int((await web.command(line, flags=0))["response"].removesuffix("\r\n"))
    for start in range(0, size, 2560):
        chunk = content[start : start + 2560]
        data = base64.b64encode(chunk).decode()
        got = await web.command(f"write {handle} {len(chunk)}", data, 4)
        assert got["response"] == "Success\r\n"
    answer = await web.get("/a%20file.bin")
    assert answer.body == content


async def test_an_empty_file_by_the_web_app(web: Web) -> None:
    """It opens, and writes a chunk of nothing: a defect of the client that must not hang us."""
    got = await web.command('fcr "e" 0 -o -v 1.0.0 -t 0xFE -c 0x0')
    assert got["code"] == Result.FAILED
    got = await web.command("write 0 2560", "", 4)
    assert got["response"] == "Command failed\r\n"


async def test_data_that_is_short(web: Web) -> None:
    got = await web.command("file_create a.bin 100", "ten bytes.")
    assert (got["code"], got["response"]) == (1, "Command failed\r\n")
    assert (await web.command("ver"))["code"] == 0


async def test_as_zentriospy_asks(web: Web) -> None:
    body = json.dumps({"command": b64("ver"), "flags": 7, "data": ""})
    answer = await web.ask("POST", "/command", body=body)
    assert base64.b64decode(answer.json["response"]).decode() == VERSION


async def test_bytes_that_are_no_text(web: Web) -> None:
    content = bytes(range(256))
    await web.file("a.bin", content)
    assert (await web.command("file_open a.bin"))["response"] == "0\r\n"
    got = await web.command("stream_read 0 256", flags=1)
    assert base64.b64decode(got["response"]) == content + b"\r\n"
    assert (await web.command("file_open a.bin"))["response"] == "0\r\n"
    got = await web.command("stream_read 0 256")
    assert got["response"].encode("latin-1") == content + b"\r\n"


async def test_text_beyond_ascii(web: Web) -> None:
    await web.command("file_create u.txt 5", "café")
    assert (await web.command("file_open u.txt"))["response"] == "0\r\n"
    answer = await web.ask("POST", "/command", body='{"command":"stream_read 0 5"}')
    assert answer.json["response"] == "café\r\n"
    assert answer.body.isascii()


async def test_bodies_of_4096_bytes_and_more(web: Web) -> None:
    for size in (3000, 40000):
        data = b64("x" * size)
        assert len(data) >= 4000
        got = await web.command(f"file_create f{size} {size}", data, 4)
        assert got["response"] == "Success\r\n"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large(web: Web, *, chunked: bool) -> None:
    client = await web.connect()
    how = "Transfer-Encoding: chunked" if chunked else "Content-Length: 999999"
    client.send(f"POST /command HTTP/1.1\r\nHost: x\r\n{how}\r\n\r\n".encode())
    if chunked:
        for _ in range(40):
            client.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    answer = await client.answer()
    assert answer.status == 413
    await client.far.gone()


async def test_a_body_in_chunks(web: Web) -> None:
    body = json.dumps({"command": "ver"}).encode()
    pieces = b"".join(b"%x;x=y\r\n%b\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
    raw = (
        b"POST /command HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + pieces + b"0\r\nTrailer: x\r\n\r\n"
    )  # fmt: skip
    assert VERSION.encode()[:20] in await web.say(raw)
    assert VERSION.encode()[:20] in await web.say(*(raw[i : i + 1] for i in range(len(raw))))


async def test_a_long_answer_is_streamed(web: Web) -> None:
    for number in range(200):
        await web.file(f"{number:064}", b"x")
    answer = await web.get("/command/ls%20-v")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.body) > 8192
    expected = (await ask(web.device, "ls -v"))[-1] + "\r\n"
    assert answer.json["response"] == expected
    # HTTP/1.0 knows no chunks: the end is the close.
    old = await web.say(b"GET /command/ls%20-v HTTP/1.0\r\n\r\n")
    assert b"Transfer-Encoding" not in old.split(b"\r\n\r\n")[0]
    assert json.loads(old.split(b"\r\n\r\n", 1)[1])["response"] == expected


async def test_the_log(web: Web) -> None:
    first = (await web.get("/log")).json
    assert list(first) == ["logs"]
    assert f"IPv4 address: {ADDRESS}\r\n" in first["logs"]
    assert f"HTTP and REST API server listening on port: {PORT}\r\n" in first["logs"]
    assert (await web.get("/log")).json == {"logs": []}
    got = await web.command("file_create a 1", "x")
    assert got["response"] == "Success\r\n"  # its log lines are not in here
    assert (await web.get("/log")).json == {"logs": ["File created\r\n"]}
    for number in range(70):
        web.device.kernel.log.line(f"line {number}")
    logs = (await web.get("/log")).json["logs"]
    assert len(logs) == 64
    assert (logs[0], logs[-1]) == ("line 6\r\n", "line 69\r\n")


async def test_a_posted_stream(web: Web) -> None:
    answer = await web.ask("POST", "/stream", body=b"\0raw data")
    assert (answer.status, answer.body) == (200, b"")
    listed = (await web.command("stream_list"))["response"].split("\r\n")
    assert listed[1].startswith(f"# 0 WEBS  {ADDRESS}:{PORT} 127.0.0.1:")
    assert (await ask(web.device, "stream_read 0 100"))[-1] == "\0raw data"
    for _ in range(8):
        assert (await web.ask("POST", "/stream", body=b"x")).status == 200
    assert (await web.ask("POST", "/stream", body=b"x")).status == 503
    await ask(web.device, "stream_close all")


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("POST", "/command/ver", 405, "GET"),
        ("HEAD", "/command/ver", 405, "GET"),
        ("GET", "/command", 405, "POST"),
        ("PUT", "/command", 405, "POST"),
        ("DELETE", "/log", 405, "GET"),
        ("POST", "/log", 405, "GET"),
        ("PUT", "/stream", 405, "GET, POST"),
        ("GET", "/stream", 426, None),
        ("OPTIONS", "/command", 405, "POST"),
        ("OPTIONS", "/", 405, "GET, HEAD"),
        ("OPTIONS", "*", 405, "GET, HEAD"),
        ("POST", "/", 405, "GET, HEAD"),
        ("GET", "/commands", 404, None),
        ("GET", "/command?ver", 405, "POST"),
    ],
)
async def test_methods(web: Web, method: str, target: str, status: int, allow: str | None) -> None:
    answer = await web.ask(method, target)
    assert answer.status == status
    assert answer.headers.get("allow") == allow


async def test_without_the_api(serve: Serve) -> None:
    async with serve({"http.server.api_enabled": "0"}) as web:
        log = [entry.text for entry in web.device.log]
        assert f"HTTP server listening on port: {PORT}" in log
        for method, target in [
            ("GET", "/command/ver"), ("POST", "/command"), ("GET", "/log"), ("POST", "/stream"),
            ("GET", "/stream"),
        ]:  # fmt: skip
            answer = await web.ask(method, target, body=b"{}" if method == "POST" else None)
            assert (answer.status, answer.body) == (500, b"Feature not initialized\r\n")
        await web.file("a.txt", b"files remain")
        assert (await web.get("/a.txt")).body == b"files remain"


async def test_off_by_default(serve: Serve) -> None:
    async with serve({"http.server.enabled": "0"}) as web:
        with pytest.raises(ConnectionRefusedError):
            await web.connect()


async def test_commands_take_turns(web: Web) -> None:
    """A command that waits holds up the others, whoever asks; the answers find their clients."""
    client = await web.connect()
    slow = b"POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: 31\r\n\r\n"
    client.send(slow + b'{"command":"ping 127.0.0.1   "}')
    other = await web.command("ver")
    assert other["response"] == VERSION
    assert (await client.answer()).json["id"] == 1


async def test_a_client_that_goes_takes_its_command_along(web: Web) -> None:
    kernel = web.device.kernel
    first = await web.connect()
    port = free_port()
    first.send(f"GET /command/tcp_client%20127.0.0.1%20{port} HTTP/1.1\r\n\r\n".encode())
    second = await web.connect()
    second.send(b"GET /command/set%20wlan.ssid%20never HTTP/1.1\r\n\r\n")
    for _ in range(10):
        await asyncio.sleep(0)
    second.far.reset()
    await first.rest()
    assert (await get(web.device, "wlan.ssid")) == ["lab"]
    assert kernel.engine.withdraw(None) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("line", ["reboot", "network_restart", "network_down"])
async def test_commands_that_end_the_connection(web: Web, line: str) -> None:
    """They are answered first; then the network goes, and comes again where it should."""
    client = await web.connect()
    client.send(f"GET /command/{line} HTTP/1.1\r\n\r\n".encode())
    answer: Any = await client.answer()
    assert answer.status == 200
    assert answer.json["code"] == 0
    await client.far.gone()
    await web.device.steady()
    await ask(web.device, "ver")  # its turn comes when the command has ended
    if line == "network_restart":
        assert (await web.command("ver"))["response"] == VERSION
    else:
        with pytest.raises(ConnectionRefusedError):
            await web.connect()
