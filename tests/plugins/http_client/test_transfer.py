"""http_download and http_upload: whole files, or none."""

import asyncio
import re
from collections.abc import Callable

import pytest
from tests.dialogue import PROFILES
from tests.peers import Far, Peer, ask, soon

from tokay.board.air.airspace import Airspace
from tokay.device import Device
from tokay.kernel.results import Response
from tokay.protocols.crc import crc16, crc32
from tokay.testing.clock import turned_loop

Here = Callable[..., Device]
CONTENT = bytes(range(256)) * 4


def served(body: bytes, head: str = "", *, close: bool = False) -> bytes:
    head = head or f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Server:
    """Answers each request with the same bytes; ``requests`` are their heads."""

    def __init__(self, answer: bytes, *, close: bool = False) -> None:
        self.answer, self.close = answer, close
        self.requests: list[str] = []

    async def __call__(self, far: Far) -> None:
        self.requests.append((await far.line()).decode())
        far.send(self.answer)
        if self.close:
            far.close()


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no file: the pages of the package have tests of their own."""
    monkeypatch.setattr("tokay.plugins.webapp.pages", lambda *_: {})


async def files(device: Device) -> list[str]:
    (listing,) = await ask(device, "ls")
    return [row.split()[-1] for row in listing.split("\r\n")[1:]]


async def content(device: Device, name: str) -> bytes:
    return device.kernel.files.read(name, 0, 1 << 24)


def seen(port: int, path: str = "/f") -> list[str]:
    return ["[Opening: 127.0.0.1]", f"Request GET {path}", f"Connecting (HTTP): 127.0.0.1:{port}"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_download(here: Here, loops: None, profile: str) -> None:
    server = Server(served(CONTENT))
    async with Peer(server) as peer, here(profile) as device:
        await ask(device, "network_up")
        assert await ask(device, f"http_download 127.0.0.1:{peer.port}/f webapp/index.html") == [
            *seen(peer.port), "HTTP response: 200", "Downloaded: 100%", "File created", "Success",
        ]  # fmt: skip
        assert server.requests == [
            f"GET /f HTTP/1.1\r\nHost: 127.0.0.1:{peer.port}\r\nConnection: Close\r\n\r\n"
        ]
        assert await content(device, "webapp/index.html") == CONTENT
        stored = device.kernel.files.stat("webapp/index.html")
        rules = device.profile.files
        assert (stored.version, stored.type, stored.flags) == (
            "1.0.0.0", rules.default_type, rules.valid_flag,
        )  # fmt: skip
        assert await ask(device, "poll all") == ["None"]  # it takes no handle
        far = await peer.next()
        await far.gone()


async def test_options(here: Here) -> None:
    async with Peer(Server(served(CONTENT))) as peer, here() as device:
        url = f"127.0.0.1:{peer.port}/f"
        rules = device.profile.files
        for line, version, kind, flags in (
            (f"-u {url} a 2.3", "2.3.0.0", rules.default_type, rules.unprotected_flag),
            (f"-e {url} a", "1.0.0.0", rules.default_type, rules.essential_flag),
            (f"-ue {url} a", "1.0.0.0", rules.default_type,
             rules.essential_flag | rules.unprotected_flag),
            (f"-t 0x41 {url} a 1.2.3.4", "1.2.3.4", 0x41, 0),
            (f"{url} -n a", "1.0.0.0", rules.default_type, 0),
            (f"{url} -n a 7", "7.0.0.0", rules.default_type, 0),
        ):  # fmt: skip
            assert (await ask(device, f"http_download {line}"))[-1] == "Success"
            stored = device.kernel.files.stat("a")
            assert (stored.version, stored.type) == (version, kind)
            assert stored.flags == flags | rules.valid_flag
        assert (await ask(device, f"hdo -l bulk {url} b"))[-1] == "Success"
        assert device.kernel.files.stat("b").location == "bulk"


@pytest.mark.parametrize("profile", ["gecko-os-4", "zentrios-3"])
async def test_a_checksum(here: Here, profile: str) -> None:
    async with Peer(Server(served(CONTENT))) as peer, here(profile) as device:
        line = f"127.0.0.1:{peer.port}/f a"
        right = [f"0x{crc16(CONTENT):04X}", f"{crc16(CONTENT):x}"]
        if device.profile.files.crc == "crc32":
            right.append(f"0x{crc32(CONTENT):X}")
        for word in right:
            assert (await ask(device, f"http_download -c {word} {line}"))[-1] == "Success"
            await ask(device, "file_delete a")
        assert (await ask(device, f"http_download -c 0x{crc16(CONTENT) ^ 1:04X} {line}"))[-2:] == [
            "The checksum does not fit", "Command failed",
        ]  # fmt: skip
        assert await files(device) == []


ANSWERS: dict[str, tuple[bytes, bool]] = {
    "404": (served(b"none", "HTTP/1.1 404 Not Found\r\nContent-Length: 4"), False),
    "206": (served(b"half", "HTTP/1.1 206 Partial\r\nContent-Length: 4"), False),
    "a redirect": (
        served(b"", "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0"), False,
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", False),
    "empty": (served(b""), False),
    "empty and chunked": (
        served(b"0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), False,
    ),
    "cut short": (served(b"half", "HTTP/1.1 200 OK\r\nContent-Length: 8"), True),
    "chunks cut short": (
        served(b"4\r\nhalf\r\n8\r\nhal", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), True,
    ),
    "bad chunks": (
        served(b"4\r\nhalf\r\n-8\r\nhalf", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), False,
    ),
    "announced too large": (
        served(b"x", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999"), False,
    ),
    "too large": (served(bytes(1 << 23) + b"x", "HTTP/1.1 200 OK"), True),
    "no answer": (b"", True),
    "garbage": (b"\0\1\2\3\r\n\r\n", False),
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_download_that_fails_leaves_all_as_it_was(here: Here, answer: str) -> None:
    data, close = ANSWERS[answer]
    async with Peer(Server(data, close=close)) as peer, here() as device:
        await ask(device, "file_create a 3", b"old")
        lines = await ask(device, f"http_download 127.0.0.1:{peer.port}/f a")
        assert lines[-1] == "Command failed"
        assert await content(device, "a") == b"old"
        assert (await ask(device, f"http_download 127.0.0.1:{peer.port}/f b"))[-1] != "Success"
        assert await files(device) == ["a"]
        for _ in range(2):
            await (await peer.next()).gone()
        # No room is kept for what did not come.
        assert device.kernel.files._drafts == []
        assert (await ask(device, "file_create c 3", b"new"))[-1] == "Success"


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK", "HTTP/1.0 200 OK\r\nServer: old"])
async def test_a_size_that_only_the_end_tells(here: Here, loops: None, head: str) -> None:
    body = CONTENT * 512
    async with Peer(Server(served(body, head), close=True)) as peer, here() as device:
        lines = await ask(device, f"http_download 127.0.0.1:{peer.port}/f a")
        assert lines[-1] == "Success"
        assert len([line for line in lines if line.startswith("Downloaded: ")]) < 8
        assert await content(device, "a") == body


async def test_progress(here: Here) -> None:
    async with Peer(Server(served(bytes(1_000_000)))) as peer, here() as device:
        lines = await ask(device, f"http_download 127.0.0.1:{peer.port}/f a")
        told = [int(line[12:-1]) for line in lines if line.startswith("Downloaded: ")]
        assert told == sorted(told)
        assert told[-1] == 100
        assert 1 < len(told) <= 11


async def test_a_server_that_stops(here: Here) -> None:
    async with (
        Peer(Server(served(b"half", "HTTP/1.1 200 OK\r\nContent-Length: 8"))) as peer,
        here() as device,
    ):
        await ask(device, "network_up")
        begun = turned_loop().time()
        lines = await ask(device, f"http_download 127.0.0.1:{peer.port}/f a")
        assert lines[-2:] == ["The server stopped sending", "Command failed"]
        assert turned_loop().time() - begun == pytest.approx(30)
        assert await files(device) == []


async def test_the_network_goes_in_the_middle(here: Here, air: Airspace) -> None:
    async with (
        Peer(Server(served(b"half", "HTTP/1.1 200 OK\r\nContent-Length: 8"))) as peer,
        here() as device,
    ):
        asked = asyncio.ensure_future(device.command(f"http_download 127.0.0.1:{peer.port}/f a"))
        far = await peer.next()
        await turned_loop().settle()
        assert [entry.text for entry in device.log][-1] == "HTTP response: 200"
        begun = turned_loop().time()
        air.ap("lab").power(False)
        assert (await soon(asked_of(asked))).text == "Command failed"
        assert turned_loop().time() == begun
        await far.gone()
        assert await files(device) == []


async def asked_of(asked: "asyncio.Future[Response]") -> Response:
    return await asked


async def test_a_reboot_in_the_middle(here: Here) -> None:
    async with (
        Peer(Server(served(b"half", "HTTP/1.1 200 OK\r\nContent-Length: 8"))) as peer,
        here() as device,
    ):
        asked = asyncio.ensure_future(device.command(f"http_download 127.0.0.1:{peer.port}/f a"))
        far = await peer.next()
        await turned_loop().settle()
        device.reboot()
        assert (await asked).text == "Command failed"
        await far.gone()
        assert await files(device) == []


async def test_an_open_file_is_not_replaced(here: Here) -> None:
    async with Peer(Server(served(CONTENT))) as peer, here() as device:
        await ask(device, "file_create a 3", b"old")
        await ask(device, "file_open a")
        assert (await ask(device, f"hdo 127.0.0.1:{peer.port}/f a"))[-2:] == [
            "A is open", "Command failed",
        ]  # fmt: skip
        assert await content(device, "a") == b"old"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", 4),
        ("127.0.0.1", 4),
        ("127.0.0.1 a 1.0 ca.pem more", 5),
        ("127.0.0.1 -n a 1.0 ca.pem more", 5),
        ("-x 127.0.0.1 a", 6),
        ("ftp://127.0.0.1 a", 7),
        ("127.0.0.1 a 1.x", 7),
        ("-c 0xzz 127.0.0.1 a", 7),
        ("-t 0x100 127.0.0.1 a", 7),
        ("-l moon 127.0.0.1 a", 7),
        (f"127.0.0.1 {'x' * 65}", 7),
        ("127.0.0.1 sys/kernel.bin", 1),
    ],
)
async def test_a_bad_download(here: Here, line: str, code: int) -> None:
    async with here() as device:
        response = await device.command(f"http_download {line}")
        assert response.code == code
        assert not response.log


# Uploads.

FORM = re.compile(
    rb'--([\w-]+)\r\nContent-Disposition: form-data; name="file"; filename="([^"\r\n]*)"\r\n'
    rb"Content-Type: application/octet-stream\r\n\r\n(.*)\r\n--\1--\r\n",
    re.DOTALL,
)


async def upload(far: Far, answer: bytes) -> tuple[str, bytes, bytes]:
    """Take an upload and answer it; return its head, the name and the content."""
    head = (await far.line()).decode()
    length = re.search(r"\r\nContent-Length: (\d+)\r\n", head)
    assert length is not None
    form = FORM.fullmatch(await far.take(int(length[1])))
    assert form is not None
    assert f"\r\nContent-Type: multipart/form-data; boundary={form[1].decode()}\r\n" in head
    far.send(answer)
    return head, form[2], form[3]


@pytest.mark.parametrize("profile", PROFILES)
async def test_an_upload(here: Here, loops: None, profile: str) -> None:
    body = CONTENT * 100
    async with Peer() as peer, here(profile) as device:
        await ask(device, "network_up")
        await ask(device, f"file_create a.bin {len(body)}", body)
        asked = asyncio.ensure_future(device.command(f"http_upload 127.0.0.1:{peer.port}/f a.bin"))
        head, name, sent = await upload(await peer.next(), b"HTTP/1.1 201 Created\r\n\r\n")
        assert head.startswith(f"POST /f HTTP/1.1\r\nHost: 127.0.0.1:{peer.port}\r\n")
        assert (name, sent) == (b"a.bin", body)
        response = await asked
        told = [line for line in response.log if line.startswith("Uploaded: ")]
        assert told[-1] == "Uploaded: 100%"
        assert [*(line for line in response.log if line not in told), response.text] == [
            seen(peer.port)[0], "Request POST /f", seen(peer.port)[2], "HTTP response: 201",
            "Success",
        ]  # fmt: skip
        assert (await ask(device, "file_delete a.bin"))[-1] == "Success"  # it is free again


async def test_a_remote_name(here: Here) -> None:
    async with Peer() as peer, here() as device:
        await ask(device, 'file_create "a b" 3', b"abc")
        line = rf'http_upload 127.0.0.1:{peer.port}/f "a b" "up/\"x\".bin"'
        asked = asyncio.ensure_future(device.command(line))
        _, name, sent = await upload(await peer.next(), b"HTTP/1.1 200 OK\r\n\r\n")
        assert sent == b"abc"
        assert b'"' not in name
        assert (await asked).ok


@pytest.mark.parametrize("status", ["302 Found", "400 Bad", "500 Error"])
async def test_an_upload_that_is_refused(here: Here, status: str) -> None:
    async with Peer() as peer, here() as device:
        await ask(device, "file_create a 3", b"abc")
        asked = asyncio.ensure_future(device.command(f"hup 127.0.0.1:{peer.port}/f a"))
        await upload(await peer.next(), f"HTTP/1.1 {status}\r\n\r\n".encode())
        assert (await asked).text == "Command failed"


async def test_a_server_that_does_not_want_all(here: Here) -> None:
    """It answers at once, and is not sent all that it does not want."""
    body = bytes(8 << 20)

    async def play(far: Far) -> None:
        await far.line()
        far.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    async with Peer(play) as peer, here() as device:
        device.kernel.storage.create(
            "a", body, type=0, flags=1, version="1.0.0.0", location="extended"
        )
        lines = await ask(device, f"http_upload 127.0.0.1:{peer.port}/f a")
        assert lines[-1] == "Command failed"
        assert "HTTP response: 413" in lines
        far = await peer.next()
        await far.gone()
        assert len(far.received) < len(body)


async def test_a_server_that_does_not_read(here: Here) -> None:
    async with Peer() as peer, here() as device:
        await ask(device, "network_up")
        device.kernel.storage.create(
            "a", bytes(32 << 20), type=0, flags=1, version="1.0.0.0", location="bulk"
        )
        asked = asyncio.ensure_future(device.command(f"http_upload 127.0.0.1:{peer.port}/f a"))
        far = await peer.next()
        far.deaf()
        response = await turned_loop().turn_until(asked_of(asked))
        assert response.text == "Command failed"
        far.hear()
        await turned_loop().turn(11)
        await far.gone()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("127.0.0.1", 4),
        ("127.0.0.1 nothing", 1),
        ("ftp://127.0.0.1 a", 7),
        ('127.0.0.1 a "x\ty"', 7),
    ],
)
async def test_a_bad_upload(here: Here, line: str, code: int) -> None:
    async with here() as device:
        await ask(device, "file_create a 3", b"abc")
        response = await device.command(f"http_upload {line}")
        assert (response.code, list(response.log)) == (code, [])
