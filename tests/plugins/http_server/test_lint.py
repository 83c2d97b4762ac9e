"""What httplint says of our answers: nothing but that there is no Date.

A device's clock is its own and often wrong, and a server without a reasonable clock sends none
(RFC 9110, section 6.6.1).
"""

import time

import pytest
from httplint import HttpResponseLinter
from httplint.note import levels
from tests.plugins.http_server.conftest import Answer, Web

NO_CLOCK = {"DATE_CLOCKLESS"}
REQUESTS = {
    "/a.txt": (), "/packed.js": (), "/missing": (), "/command/version": (), "/log": (),
    "/command/help%20all": (), "/a.txt#part": ("Range: bytes=0-1",),
    "/a.txt#beyond": ("Range: bytes=99-",),
}  # fmt: skip


def complaints(answer: Answer) -> set[str]:
    """Return what a response linter warns of, by name."""
    top, *lines = answer.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    version, status, phrase = top.split(b" ", 2)
    linter = HttpResponseLinter(start_time=time.time())
    linter.process_response_topline(version.partition(b"/")[2], status, phrase)
    linter.process_headers([(name, value) for name, _, value in (x.partition(b":") for x in lines)])
    linter.feed_content(answer.body)
    linter.finish_content(True)
    return {type(note).__name__ for note in linter.notes if note.level in (levels.WARN, levels.BAD)}


@pytest.mark.parametrize("path", REQUESTS)
async def test_an_answer(web: Web, path: str) -> None:
    await web.file("a.txt", b"abc")
    await web.file("packed.js.gz", bytes.fromhex("1f8b08000000000002034b4c4a0600c241243503000000"))
    answer = await web.get(path.partition("#")[0], *REQUESTS[path])
    assert complaints(answer) == NO_CLOCK


def test_the_linter_sees_what_is_wrong() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 3\r\n\r\n"
    assert complaints(Answer(200, {}, b"abc", head + b"abc")) - NO_CLOCK
