"""Who may use the server: login, whitelist, unprotected files, origins (sections 1.10 to 1.12)."""

import base64

import pytest
from tests import peers
from tests.peers import soon
from tests.plugins.http_server.conftest import Answer, Serve, Web

from tokay.testing.clock import turned_loop

LOGIN = {"http.server.username": "admin", "http.server.password": "s3:cret"}


def basic(text: str = "admin:s3:cret") -> str:
    return f"Authorization: Basic {base64.b64encode(text.encode('latin-1')).decode()}"


RIGHT = basic()


async def test_both_variables_switch_it_on(web: Web) -> None:
    await web.file("a.txt", b"x")
    assert (await web.get("/a.txt")).status == 200
    await web.set("http.server.username", "admin")
    assert (await web.get("/a.txt")).status == 200
    await web.set("http.server.password", "pw")
    assert (await web.get("/a.txt")).status == 401
    assert (await web.get("/a.txt", basic("admin:pw"))).status == 200
    # At once, for those who were in before too.
    await web.set("http.server.password", "other")
    assert (await web.get("/a.txt", basic("admin:other"))).status == 200
    assert (await soon(web.get("/a.txt", basic("admin:pw")))).status == 401
    await web.set("http.server.username", "")
    assert (await web.get("/a.txt")).status == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"), ("GET", "/none"), ("GET", "/command/ver"), ("POST", "/command"),
        ("GET", "/log"), ("POST", "/stream"), ("PUT", "/x"), ("OPTIONS", "/command"),
        ("GET", "/stream"), ("HEAD", "/"),
    ],
)  # fmt: skip
async def test_everything_needs_a_login(serve: Serve, method: str, target: str) -> None:
    async with serve(LOGIN) as web:
        answer = await web.ask(method, target)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Gecko OS"'
        if method != "HEAD":
            assert answer.body == b"Unauthorized\r\n"
        assert (await web.ask(method, target, RIGHT)).status != 401


WRONG = [
    basic("admin:wrong"), basic("Admin:s3:cret"), basic("admin:s3:cret "), basic("admin:"),
    basic(":s3:cret"), basic(""), basic("admin"), basic("x" * 3000), "Authorization: Basic",
    "Authorization: Basic !", "Authorization: Basic YWRtaW46czM6Y3JldA", "Authorization: Bearer x",
    "Authorization: " + RIGHT.removeprefix("Authorization: Basic "), "Authorization: \xff",
    RIGHT.replace("Basic", "Digest"),
]  # fmt: skip


async def test_wrong_logins(serve: Serve) -> None:
    async with serve(LOGIN) as web:
        for header in WRONG:
            assert (await soon(web.get("/command/ver", header))).status == 401, header
            assert (await web.get("/command/ver", RIGHT)).status == 200
        for header in (RIGHT.replace("Basic", "basic"), RIGHT.replace("Basic ", "BASIC  ")):
            assert (await web.get("/command/ver", header)).status == 200


async def test_guessing_takes_a_second_each(serve: Serve) -> None:
    """One after the other, however many at once; a right login never waits."""
    async with serve(LOGIN | {"http.server.max_clients": "50"}) as web:
        loop = turned_loop()
        start = loop.time()
        clients = [await web.connect() for _ in range(8)]
        for client in clients:
            client.send(f"GET / HTTP/1.1\r\n{basic('a:b')}\r\n\r\n".encode())
        await loop.settle()
        assert [client.far.ended for client in clients] == [False] * 4 + [True] * 4  # cut off
        assert (await web.get("/command/ver", RIGHT)).status == 200
        assert (await web.get("/command/ver")).status == 401  # it guesses nothing
        assert loop.time() == start
        for passed in range(1, 5):
            await loop.turn(1)
            answered = [bool(client.far.received) for client in clients[:4]]
            assert answered == [True] * passed + [False] * (4 - passed)
        # Going away early gains nothing.
        start = loop.time()
        for _ in range(3):
            client = await web.connect()
            client.send(f"GET / HTTP/1.1\r\n{basic('a:b')}\r\n\r\n".encode())
            await loop.settle()
            client.far.reset()
            await loop.settle()
        assert (await soon(web.get("/", basic("a:b")))).status == 401
        assert loop.time() - start >= 3


async def test_the_unauthorized_page(serve: Serve) -> None:
    async with serve(LOGIN) as web:
        await web.file("webapp/unauthorized.html", b"<p>no")
        answer = await web.get("/command/ver")
        assert (answer.status, answer.body) == (401, b"<p>no")
        assert answer.headers["content-type"] == "text/html"
        assert answer.headers["www-authenticate"] == 'Basic realm="Gecko OS"'
        await web.set("ht s d", "")
        assert (await web.get("/command/ver")).body == b"Unauthorized\r\n"


REALMS = [
    ("gecko-os-4", None, '"Gecko OS"'),
    ("gecko-os-4", "Lab", "Lab"),
    ("gecko-os-4", "My Device", '"My Device"'),
    ("gecko-os-4", r"a\"b\\c", r'"a\"b\\c"'),
    ("gecko-os-4", r"a\r\nX: y", '"a??X: y"'),
    ("gecko-os-2", None, '"Gecko OS"'),
    ("zentrios-3", None, "ZentriOS"),
    ("wiconnect-2", None, "WiConnect"),
]


@pytest.mark.parametrize(("profile", "title", "realm"), REALMS)
async def test_the_realm(serve: Serve, profile: str, title: str | None, realm: str) -> None:
    async with serve(LOGIN, profile=profile) as web:
        if title is not None:
            await web.set("http.server.auth_title", title)
        answer = await web.get("/")
        assert answer.headers["www-authenticate"] == f"Basic realm={realm}"


async def test_unprotected_files(serve: Serve) -> None:
    async with serve(LOGIN) as web:
        await web.file("open.txt", b"open", "-u")
        await web.file("closed.txt", b"closed")
        await web.file("packed.js.gz", b"packed", "-u")
        assert (await web.get("/open.txt")).body == b"open"
        assert (await web.ask("HEAD", "/open.txt")).status == 200
        assert (await web.get("/packed.js")).body == b"packed"
        assert (await web.get("/closed.txt")).status == 401
        assert (await web.ask("POST", "/open.txt")).status == 401
        # A file called like a call is not that call.
        await web.file("log", b"x", "-u")
        assert (await web.get("/command/ver")).status == 401


def post(line: str) -> tuple[str, str, str]:
    return ("POST", "/command", f'{{"command":"{line}"}}')


VER, GET = ("GET", "/command/ver"), ("GET", "/command/get%20wlan.ssid")
LOG, PAGE, STREAM = ("GET", "/log"), ("GET", "/none"), ("GET", "/stream")
# The file, what it lets through, and what it does not.
WHITELISTS: list[tuple[str, list[tuple[str, ...]], list[tuple[str, ...]]]] = [
    ("command/ver", [VER, post("ver"), post(" ver ")], [GET, LOG, PAGE, post("version")]),
    ("command/ver,command/get*", [VER, GET, post("get all")], [LOG, post("set ht s e 1")]),
    ("command/gpio_get*,log", [post("gpio_get 1"), LOG], [VER, post("gpio_set 1 1")]),
    ("stream,command/*", [STREAM, VER, GET, post("reset")], [LOG, PAGE]),
    ("*", [VER, GET, LOG, STREAM, post("ver")], [PAGE]),
    ("none,/none,webapp/*", [], [PAGE, VER]),
    (" /command/ver \r\n log \n", [VER, LOG, post("ver")], [GET]),
    ("ver,get *", [VER, GET, post("ver")], [LOG, PAGE, post("getx")]),
    ("Command/ver,VER", [], [VER, post("ver")]),
    ("command/v*r", [], [VER]),
    ("command/get%20wlan.ssid", [], [GET]),
    ("command/get wlan.ssid", [GET], [VER]),
    (",,\n,", [], [VER, PAGE]),
]


@pytest.mark.parametrize(("content", "good", "bad"), WHITELISTS)
async def test_the_whitelist(
    serve: Serve, content: str, good: list[tuple[str, ...]], bad: list[tuple[str, ...]]
) -> None:
    async with serve(LOGIN) as web:

        async def status(method: str, target: str, body: str | None = None) -> int:
            return (await web.ask(method, target, body=body)).status

        await web.file("http_whitelist.csv", content.encode())
        for one in good:
            assert await status(*one) != 401, one
        for one in bad:
            assert await status(*one) == 401, one
        assert await status("POST", "/command", "not json") == (401 if content != "*" else 400)


# Origins.

OURS = "http://10.10.10.1"
FOREIGN = "http://app.example:8000"
ACAO = "access-control-allow-origin"


async def ask(web: Web, origin: str, *headers: str, method: str = "GET") -> Answer | None:
    """Return an answer, None when the connection is cut off without one."""
    client = await web.connect()
    lines = [f"{method} /command/ver HTTP/1.1", f"Host: {web.address}:{web.port}", *headers]
    if origin:
        lines.append(f"Origin: {origin}")
    client.send("\r\n".join([*lines, "", ""]).encode())
    await client.far.until(lambda: client.far.received or client.far.ended)
    return await client.answer() if client.far.received else None


async def test_without_cors(web: Web) -> None:
    for origin in ("", FOREIGN, "null"):
        answer = await ask(web, origin)
        assert answer is not None
        assert answer.status == 200
        assert ACAO not in answer.headers
    answer = await ask(web, FOREIGN, method="OPTIONS")
    assert answer is not None
    assert answer.status == 405


@pytest.mark.parametrize(
    ("setting", "origin", "told"),
    [
        ("*", "", "*"),
        ("*", FOREIGN, "*"),
        ("*", "null", "*"),
        (FOREIGN, "", FOREIGN),
        (FOREIGN, FOREIGN, FOREIGN),
        (FOREIGN, "HTTP://APP.example:8000", FOREIGN),
        (FOREIGN + "/", FOREIGN, FOREIGN),
        (FOREIGN, "own", FOREIGN),
        (FOREIGN, "https own", FOREIGN),
        (FOREIGN, "http://app.example", None),
        (FOREIGN, "https://app.example:8000", None),
        (FOREIGN, "http://app.example:80000", None),
        (FOREIGN, "http://evil.example", None),
        (FOREIGN, "null", None),
        (FOREIGN, "ftp own", None),
        (FOREIGN, "*", None),
        (f"{OURS}, {FOREIGN}", OURS, OURS),
        (f"{OURS}, {FOREIGN}", FOREIGN, FOREIGN),
        (f"{OURS}, {FOREIGN}", "http://evil.example", None),
    ],
)
async def test_origins(serve: Serve, setting: str, origin: str, told: str | None) -> None:
    async with serve({"http.server.cors_origin": setting}) as web:
        here = f"{web.address}:{web.port}"
        scheme = origin.removesuffix("own").strip() or "http"
        sent = f"{scheme}://{here}" if origin.endswith("own") else origin
        for method in ("GET", "OPTIONS"):
            answer = await ask(web, sent, method=method)
            if told is None:
                assert answer is None
            else:
                assert answer is not None
                assert answer.status == 200
                assert answer.headers[ACAO] == told
        assert (await web.get("/none")).headers[ACAO] == (
            setting.split(",", maxsplit=1)[0].rstrip("/") if setting != "*" else "*"
        )


async def test_the_preflight(serve: Serve) -> None:
    """Browsers send no credentials with it, and it needs none; the request itself does."""
    async with serve(LOGIN | {"http.server.cors_origin": FOREIGN}) as web:
        answer = await ask(
            web, FOREIGN, "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: content-type", method="OPTIONS",
        )  # fmt: skip
        assert answer is not None
        assert answer.status == 200
        assert {k: v for k, v in answer.headers.items() if k != "connection"} == {
            "access-control-allow-origin": FOREIGN,
            "access-control-allow-methods": "GET, POST, OPTIONS",
            "access-control-allow-headers": (
                "Content-Type, Accept, Authorization, X-Requested-With, Origin"
            ),
            "access-control-max-age": "86400",
            "content-length": "0",
        }
        private = "Access-Control-Request-Private-Network: true"
        answer = await ask(web, FOREIGN, private, method="OPTIONS")
        assert answer is not None
        assert answer.headers["access-control-allow-private-network"] == "true"
        answer = await ask(web, FOREIGN)
        assert answer is not None
        assert (answer.status, answer.headers[ACAO]) == (401, FOREIGN)
        assert await ask(web, "http://evil.example", method="OPTIONS") is None


async def test_cors_applies_with_the_next_network_up(web: Web) -> None:
    await web.set("http.server.cors_origin", FOREIGN)
    answer = await ask(web, "http://evil.example")
    assert answer is not None
    await peers.ask(web.device, "network_restart")
    assert await ask(web, "http://evil.example") is None
