"""A page in Chromium drives a device through REST, `/stream` and `/cmdstream`; others may not."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.interop.served import Served
from tests.interop.test_chromium import ALLOWED, CORS, OTHER, elsewhere

__all__ = ["elsewhere"]

# Opens a WebSocket, sends one message, and returns the next one that comes, as text.
STREAM = """
([url, message]) => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { socket.send(message); window.socket = socket; };
    socket.onmessage = (event) => {
        const data = event.data;
        done(typeof data == "string" ? data : new TextDecoder().decode(data));
    };
    socket.onclose = (event) => done("closed " + event.code);
})
"""
OPEN = """
(url) => new Promise((done) => {
    const socket = window.socket = new WebSocket(url);
    socket.onopen = () => done("open");
    socket.onclose = (event) => done("closed " + event.code);
})
"""
CLOSED = "() => new Promise((done) => { window.socket.onclose = (event) => done(event.code); })"
# A request as MessagePack, by hand: {"id": 1, "command": <up to 31 bytes>}.
COMMAND = """
([url, command]) => new Promise((done) => {
    const text = new TextEncoder();
    const name = (word) => [0xa0 | word.length, ...text.encode(word)];
    const request = [0x82, ...name("id"), 1, ...name("command"), ...name(command)];
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(new Uint8Array(request));
    socket.onmessage = (event) => {
        const answer = new TextDecoder("latin1").decode(event.data);
        done(answer.slice(answer.indexOf("response") + 9));
    };
    socket.onclose = (event) => done("closed " + event.code);
})
"""
REST = "async (url) => (await (await fetch(url)).json()).response"


def drive(served: Served, page: Page, scheme: str = "ws") -> Any:
    """Drive a device from the page that is open, in all three ways."""
    where = f"{scheme}://{served.address}:{served.port}"
    http = where.replace("ws", "http")
    command = page.evaluate(COMMAND, [f"{where}/cmdstream", "get wlan.ssid"])
    assert command == "web\r\n"
    assert page.evaluate(OPEN, f"{where}/stream") == "open"
    assert page.evaluate(REST, f"{http}/command/stream_list").count("WEBS") == 1
    page.evaluate("window.socket.send('hello')")
    for _ in range(50):
        if served.command("stream_read 0 100") == "hello":
            break
    else:
        raise AssertionError("nothing came")
    page.evaluate("window.got = new Promise((done) => { window.socket.onmessage = done; }); null")
    assert served.command("stream_write 0 5", b"world") == "Success"
    text = "async () => await (await window.got).data.text()"  # binary is a Blob
    assert page.evaluate(text) == "world"
    page.evaluate("window.over = new Promise((done) => { window.socket.onclose = done; }); null")
    assert served.command("stream_close 0") == "Success"
    assert page.evaluate("async () => (await window.over).code") == 1000


@pytest.mark.parametrize("served", [{}, CORS], indirect=True)
def test_a_page_of_the_device(served: Served, page: Page) -> None:
    served.file("webapp/index.html", b"<!doctype html>")
    page.goto(served.url + "/")
    drive(served, page)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("served", [CORS], indirect=True)
def test_foreign_pages(served: Served, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{ALLOWED}/")
    drive(served, page)
    page.goto(f"http://127.0.0.1:{OTHER}/")
    for path in ("stream", "cmdstream", "appdata"):
        where = f"ws://{served.address}:{served.port}/{path}"
        assert page.evaluate(STREAM, [where, "hello"]) == "closed 1006"
    assert served.command("stream_poll all") == "None"


def test_much_both_ways(served: Served, page: Page) -> None:
    """Two megabytes in one message come through a stream that holds few kilobytes."""
    served.file("webapp/index.html", b"<!doctype html>")
    page.goto(served.url + "/")
    where = f"ws://{served.address}:{served.port}/stream"
    assert page.evaluate(OPEN, where) == "open"
    page.evaluate("window.socket.send(new Uint8Array(2000000).fill(65)); null")
    got = 0
    while got < 2_000_000:
        text = served.command("stream_read 0 65536")
        assert set(text) <= {"A"}
        got += len(text)
    page.evaluate(
        "window.socket.binaryType = 'arraybuffer'; window.count = 0; "
        "window.socket.onmessage = (event) => { window.count += event.data.byteLength; }; null"
    )
    for _ in range(32):
        assert served.command("stream_write 0 65536", bytes(65536)) == "Success"
    page.wait_for_function(f"window.count == {32 * 65536}")


@pytest.mark.parametrize(
    "served", [{"http.server.tls_enabled": "1", "http.server.port": "8495"}], indirect=True
)
def test_wss(served: Served, chromium: Browser) -> None:
    served.file("webapp/index.html", b"<!doctype html>")
    with chromium.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"https://{served.address}:{served.port}/")
        drive(served, page, "wss")
