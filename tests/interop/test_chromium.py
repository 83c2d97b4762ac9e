"""Pages in Chromium: on the device itself, on an origin that it allows, and on one it does not."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.interop.served import Served
from tests.peers import free_port

ALLOWED, OTHER = free_port(), free_port()
LARGE = bytes(number * 31 % 251 for number in range(300_000))
# As the vendor's library asks: a content type even on GET, so that a foreign page asks first.
ASK = """
async ([url, body, login]) => {
    const headers = {"Accept": "application/json", "Content-Type": "application/json"};
    if (login) headers["Authorization"] = "Basic " + btoa(login);
    try {
        const answer = await fetch(url, body ? {method: "POST", headers, body} : {headers});
        return [answer.status, answer.status == 200 ? (await answer.json()).response : ""];
    } catch (error) { return ["cut off", error.name]; }
}
"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[None]:
    """Serve empty pages on two ports: each is an origin of its own."""
    servers = [ThreadingHTTPServer(("127.0.0.1", port), _Blank) for port in (ALLOWED, OTHER)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    yield
    for server in servers:
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


CORS = {"http.server.cors_origin": f"http://127.0.0.1:{ALLOWED}"}
POST = '{"flags":0,"command":"get wlan.ssid"}'


def test_a_page_of_the_device(served: Served, page: Page) -> None:
    served.file(
        "webapp/index.html", b"<!doctype html><title>t</title><script src='app.js'></script>"
    )
    script = b"fetch('/command/version').then(a => a.json()).then(a => document.title = a.response)"
    served.file("app.js.gz", gzip.compress(script))
    served.file("favicon.ico", b"\0")
    seen: list[tuple[str, int]] = []
    page.on("response", lambda answer: seen.append((answer.url, answer.status)))
    page.goto(served.url + "/")
    page.wait_for_function("document.title.startsWith('SILABS')")
    assert dict(seen)[served.url + "/app.js"] == 200
    # The second time it asks whether anything has changed.
    seen.clear()
    page.reload()
    page.wait_for_function("document.title.startsWith('SILABS')")
    assert page.evaluate(ASK, [served.url + "/command", POST, None]) == [200, "web\r\n"]


@pytest.mark.parametrize("served", [CORS], indirect=True)
def test_its_own_pages_are_always_allowed(served: Served, page: Page) -> None:
    served.file("webapp/index.html", b"<!doctype html>")
    page.goto(served.url + "/")
    assert page.evaluate(ASK, ["/command", POST, None]) == [200, "web\r\n"]  # it sends an Origin


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("served", [{}, CORS, {"http.server.cors_origin": "*"}], indirect=True)
def test_foreign_pages(served: Served, page: Page) -> None:
    allowed = served.command("get http.server.cors_origin")
    for port in (ALLOWED, OTHER):
        page.goto(f"http://127.0.0.1:{port}/")
        good = allowed == "*" or (bool(allowed) and port == ALLOWED)
        for path, body, response in [
            ("/command/get%20wlan.ssid", None, "web\r\n"), ("/command", POST, "web\r\n"),
        ]:  # fmt: skip
            got = page.evaluate(ASK, [served.url + path, body, None])
            assert got == ([200, response] if good else ["cut off", "TypeError"])


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "served",
    [CORS | {"http.server.username": "admin", "http.server.password": "pw"}],
    indirect=True,
)
def test_logging_in(served: Served, page: Page, chromium: Browser) -> None:
    served.file("webapp/index.html", b"<!doctype html><title>in</title>")
    url = served.url + "/command"
    page.goto(f"http://127.0.0.1:{ALLOWED}/")
    # The preflight passes without credentials; the request does not, but its answer is readable.
    assert page.evaluate(ASK, [url, POST, None]) == [401, ""]
    assert page.evaluate(ASK, [url, POST, "admin:pw"]) == [200, "web\r\n"]
    with chromium.new_context(http_credentials={"username": "admin", "password": "pw"}) as context:
        own = context.new_page()
        own.goto(served.url + "/")
        assert own.title() == "in"
        assert own.evaluate(ASK, ["/command", POST, None]) == [200, "web\r\n"]


def test_a_download(served: Served, page: Page, tmp_path: Path) -> None:
    served.file("large.bin", LARGE)
    served.file("webapp/index.html", b"<!doctype html><a href='/large.bin' download>get</a>")
    page.goto(served.url + "/")
    with page.expect_download() as download:
        page.click("a")
    assert Path(download.value.path()).read_bytes() == LARGE


@pytest.mark.parametrize(
    "served", [{"http.server.tls_enabled": "1", "http.server.port": "8494"}], indirect=True
)
def test_https(served: Served, chromium: Browser) -> None:
    served.file("webapp/index.html", b"<!doctype html><title>safe</title>")
    with chromium.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"https://{served.address}:{served.port}/")
        assert page.title() == "safe"
        assert page.evaluate(ASK, ["/command", POST, None]) == [200, "web\r\n"]
