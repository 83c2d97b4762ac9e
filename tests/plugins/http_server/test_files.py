"""Files over HTTP.

Sources: docs/protocol/web-and-discovery.md, section 1.9; RFC 9110 for what browsers add.
"""

import gzip

import pytest
from tests.plugins.http_server.conftest import Serve, Web

from tokay.device import built_in
from tokay.kernel.value_types import SecretFileName
from tokay.kernel.variables import Variable, VariableTable

PAGE = b"<!doctype html><title>x</title>"
LARGE = bytes(number * 31 % 251 for number in range(300_000))


async def test_the_root_page(web: Web) -> None:
    assert (await web.get("/")).status == 404
    await web.file("webapp/index.html", PAGE)
    for target in ("/", "/webapp/index.html"):
        answer = await web.get(target)
        assert (answer.status, answer.body) == (200, PAGE)
        assert answer.headers["content-type"] == "text/html"
        assert answer.headers["cache-control"] == "no-cache"
    # It changes at once.
    await web.file("arducam.html.gz", gzip.compress(PAGE))
    await web.set("http.server.root_filename", "arducam.html.gz")
    answer = await web.get("/")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == PAGE


async def test_the_packed_twin(web: Web) -> None:
    packed = gzip.compress(b"var x")
    await web.file("webapp/gecko-os.js.gz", packed)
    answer = await web.get("/webapp/gecko-os.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.body == packed
    # By its own name it is sent as it is stored.
    answer = await web.get("/webapp/gecko-os.js.gz")
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.body == packed
    # The plain file comes first.
    await web.file("webapp/gecko-os.js", b"plain")
    assert (await web.get("/webapp/gecko-os.js")).body == b"plain"


TYPES = {
    "a.html": "text/html", "a.css": "text/css", "a.js": "text/javascript",
    "a.json": "application/json", "a.ico": "image/x-icon", "a.png": "image/png",
    "a.jpg": "image/jpeg", "a.jpeg": "image/jpeg", "a.gif": "image/gif", "a.svg": "image/svg+xml",
    "a.txt": "text/plain", "a.xml": "text/xml", "a.csv": "text/csv", "a.pdf": "application/pdf",
    "a.PNG": "image/png", "a.bin": "application/octet-stream", "a": "application/octet-stream",
}  # fmt: skip


async def test_types(web: Web) -> None:
    for name, kind in TYPES.items():
        await web.file(name, b"x")
        assert (await web.get(f"/{name}")).headers["content-type"] == kind


async def test_names(web: Web) -> None:
    names = ["a b.txt", ".hidden", "a//b", "..up", "a%20b", "a?b", "tilde~", "a+b"]
    for name in names:
        await web.file(name, name.encode())
        target = "/" + "".join(f"%{ord(char):02x}" for char in name)
        assert (await web.get(target)).body == name.encode()
    assert (await web.get("/a+b")).body == b"a+b"
    assert (await web.get("/.hidden")).body == b".hidden"
    # Parameters are no part of a name; what is encoded in the path is.
    assert (await web.get("/a%20b.txt?v=1.2")).body == b"a b.txt"
    assert (await web.get("/a%3Fb")).body == b"a?b"
    # Decoded once.
    assert (await web.get("/a%2520b")).body == b"a%20b"
    assert (await web.get("/a%252520b")).status == 404


OUTSIDE = [
    "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
    "/%2fetc%2fpasswd", "/%252e%252e/etc/passwd", "/webapp/../../etc/passwd", "/..\\..\\etc",
    "/.", "/..", "/./x", "/sys/kernel.bin", "/~root", "/file:///etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("target", OUTSIDE)
async def test_never_outside_the_store(web: Web, target: str) -> None:
    assert (await web.get(target)).status == 404


@pytest.mark.parametrize("target", ["/%00", "/a%00.html", "/%0d%0aX:y", "/%7f", "/%ff", "/a%09b"])
async def test_names_that_cannot_be(web: Web, target: str) -> None:
    assert (await web.get(target)).status == 400


async def test_not_found(web: Web) -> None:
    answer = await web.get("/none")
    assert (answer.status, answer.body) == (404, b"Not Found\r\n")
    assert answer.headers["content-type"] == "text/plain"
    await web.file("webapp/404.html.gz", gzip.compress(b"gone"))
    await web.set("http.server.notfound_filename", "webapp/404.html")
    answer = await web.get("/none")
    assert answer.status == 404
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"gone"
    head = await web.ask("HEAD", "/none")
    assert (head.status, head.body) == (404, b"")
    await web.set("http.server.notfound_filename", "nothing.html")
    assert (await web.get("/none")).body == b"Not Found\r\n"


async def test_recovery(web: Web) -> None:
    await web.file(".recovery.html", b"mend me")
    answer = await web.get("/")
    assert (answer.status, answer.headers["location"]) == (302, "/.recovery.html")
    assert (await web.get("/.recovery.html")).body == b"mend me"


async def test_large_files_come_whole(web: Web) -> None:
    await web.file("large.bin", LARGE)
    answer = await web.get("/large.bin")
    assert answer.headers["content-length"] == str(len(LARGE))
    assert answer.body == LARGE


async def test_a_client_that_reads_slowly(web: Web) -> None:
    """What it does not take is not read from the store either."""
    content = LARGE * 16
    await web.file("huge.bin", content)
    client = await web.connect()
    client.far.deaf()
    client.send(b"GET /huge.bin HTTP/1.0\r\n\r\n")
    assert (await web.command("ver"))["code"] == 0
    client.far.hear()
    answer = await client.answer()
    assert answer.body == content


async def test_a_file_that_goes_while_it_is_sent(web: Web) -> None:
    content = LARGE * 16
    await web.file("huge.bin", content)
    client = await web.connect()
    client.far.deaf()
    client.send(b"GET /huge.bin HTTP/1.0\r\n\r\n")
    assert (await web.command("file_delete huge.bin"))["code"] == 0
    client.far.hear()
    assert len(await client.rest()) < len(content)  # cut off: a client must see that it is short
    assert (await web.get("/huge.bin")).status == 404


async def test_head(web: Web) -> None:
    await web.file("large.bin", LARGE)
    get, head = await web.get("/large.bin"), await web.ask("HEAD", "/large.bin")
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)


async def test_validators(web: Web) -> None:
    await web.file("a.txt", b"one")
    tag = (await web.get("/a.txt")).headers["etag"]
    for field in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await web.get("/a.txt", f"If-None-Match: {field}")
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == tag
    assert (await web.get("/a.txt", 'If-None-Match: "x"')).status == 200
    assert (await web.get("/a.txt", f"If-Match: {tag}")).status == 200
    assert (await web.get("/a.txt", 'If-Match: "x"')).status == 412
    # Another content has another tag, at once.
    await web.command("file_delete a.txt")
    await web.file("a.txt", b"two")
    answer = await web.get("/a.txt", f"If-None-Match: {tag}")
    assert (answer.status, answer.body) == (200, b"two")


DIGITS = b"0123456789"
RANGES = [
    ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
    ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
    ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-30", 206, DIGITS, "bytes 0-9/10"),
    ("bytes=0-99", 206, DIGITS, "bytes 0-9/10"),
    ("bytes=10-", 416, b"Requested Range Not Satisfiable\r\n", "bytes */10"),
    ("bytes=-0", 416, b"Requested Range Not Satisfiable\r\n", "bytes */10"),
    ("bytes=4-2", 200, DIGITS, None),
    ("bytes=-", 200, DIGITS, None),
    ("bytes=a-b", 200, DIGITS, None),
    ("bytes=+1-2", 200, DIGITS, None),
    ("bytes=0-1,3-4", 200, DIGITS, None),
    ("lines=0-1", 200, DIGITS, None),
    ("bytes=99999999999999999999-", 200, DIGITS, None),
]


@pytest.mark.parametrize(("field", "status", "body", "content_range"), RANGES)
async def test_ranges(
    web: Web, field: str, status: int, body: bytes, content_range: str | None
) -> None:
    await web.file("digits.txt", DIGITS)
    answer = await web.get("/digits.txt", f"Range: {field}")
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers.get("content-range") == content_range


async def test_a_range_of_what_was_seen_before(web: Web) -> None:
    await web.file("digits.txt", DIGITS)
    tag = (await web.get("/digits.txt")).headers["etag"]
    answer = await web.get("/digits.txt", "Range: bytes=1-1", f"If-Range: {tag}")
    assert (answer.status, answer.body) == (206, b"1")
    answer = await web.get("/digits.txt", "Range: bytes=1-1", 'If-Range: "x"')
    assert (answer.status, answer.body) == (200, DIGITS)


async def test_private_keys_are_not_served(serve: Serve) -> None:
    async with serve({"http.server.tls_key": "key.pem"}) as web:
        await web.file("key.pem", b"-----BEGIN PRIVATE KEY-----")
        await web.file("credentials", b"secret", "-t 0x05")
        assert (await web.get("/key.pem")).status == 404
        assert (await web.get("/credentials")).status == 404


KEYS = ("http.server.tls_key", "network.tls.client_key", "tcp.server.tls_key")


@pytest.mark.parametrize("variable", KEYS)
async def test_a_key_is_not_served_whoever_uses_it(serve: Serve, variable: str) -> None:
    async with serve({variable: "key.pem"}) as web:
        await web.file("key.pem", b"-----BEGIN PRIVATE KEY-----")
        await web.file("other.pem", b"-----BEGIN CERTIFICATE-----")
        assert (await web.get("/key.pem")).status == 404
        assert (await web.get("/other.pem")).status == 200


def test_a_variable_that_names_a_key_says_so() -> None:
    """Its type is enough: a plugin's own variable needs no second edit."""
    table = VariableTable([v for p in built_in() for v in p.variables], {})
    assert {v.name for v in table.secret_files} == set(KEYS)
    assert {v.name for v in table.sorted if v.name.endswith("_key")} == set(KEYS)
    own = Variable("meter.seed_file", "", SecretFileName(0, 64), "", doc="A seed.")
    assert VariableTable([own], {}).secret_files == [own]


async def test_files_of_other_plugins(web: Web) -> None:
    """They lie below those of the device: name by name, plain or packed."""
    from tokay.kernel.storage import StoredFile
    from tokay.plugins.http_server import HttpServer

    class Package:
        file_changes = 0

        def __init__(self, storage: object) -> None:
            self._storage = storage

        def find(self, name: str) -> StoredFile | None:
            return None if name != "package.html" else self._storage.stat("a.txt")  # type: ignore[attr-defined]

        def read(self, name: str, offset: int, size: int) -> bytes:
            return b"package"[offset : offset + size]

    await web.file("a.txt", b"device!")
    kernel = web.device.kernel
    kernel.plugin(HttpServer).provide(Package(kernel.storage))
    assert (await web.get("/package.html")).status == 200
    await web.file("package.html.gz", b"own")
    assert (await web.get("/package.html")).body == b"own"
