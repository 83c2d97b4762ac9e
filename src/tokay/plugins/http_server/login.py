"""Who may use the server: Basic authentication, and what is free of it.

Source: docs/protocol/web-and-discovery.md, sections 1.10 and 1.11. Credentials are compared by
their digests, in a time that tells nothing of them. A wrong login is answered after a second, one
after the other, so that guessing in parallel gains nothing; a request without credentials is
answered at once, and so is a right login at any time.
"""

import asyncio
import base64
import hmac
import re
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from tokay.kernel.kernel import Kernel
from tokay.plugins.http_server import api, files
from tokay.plugins.http_server import variables as http
from tokay.plugins.http_server.request import Request, decoded
from tokay.plugins.http_server.response_head import PLAIN, short

if TYPE_CHECKING:
    from tokay.plugins.http_server.connection import Connection
    from tokay.plugins.http_server.service import Service

WHITELIST = "http_whitelist.csv"
MAX_WHITELIST = 16 * 1024
PENALTY = 1.0
"""Seconds that a wrong login costs."""
MAX_PENDING = 4
"""Wrong logins that wait for their answer; further ones are cut off."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z -]+")


def check(service: "Service", connection: "Connection", request: Request) -> bool:
    """Whether a request may pass; one that may not is answered."""
    given = request.headers.get(b"authorization")
    if given is not None and right(service, given):
        return True
    if _free(service, request):
        return True
    refuse(service, connection, wrong=given is not None)
    return False


def refuse(service: "Service", connection: "Connection", *, wrong: bool) -> None:
    """Answer 401: with the product's page if it is there."""
    plugin = service.plugin
    if not wrong:
        _answer(service, connection)
        return
    if plugin.pending >= MAX_PENDING:
        connection.cut()
        return
    now = service.time()
    plugin.penalty_until = max(plugin.penalty_until, now) + PENALTY
    plugin.pending += 1
    timer = asyncio.get_running_loop().call_at(
        plugin.penalty_until, partial(_answer_late, service, connection)
    )
    connection.on_lost = partial(_forget, service, timer)


def _answer_late(service: "Service", connection: "Connection") -> None:
    service.plugin.pending -= 1
    connection.on_lost = None
    _answer(service, connection)


def _forget(service: "Service", timer: asyncio.TimerHandle) -> None:
    # The answer is not due any more, the second that it cost still is.
    service.plugin.pending -= 1
    timer.cancel()


def _answer(service: "Service", connection: "Connection") -> None:
    extra = f"WWW-Authenticate: Basic realm={realm(service.kernel)}\r\n".encode("latin-1")
    page = service.files.find(service.kernel.variables[http.ACCESS_DENIED_FILENAME])
    if page is None:
        connection.answer(401, short(401), PLAIN, extra)
    else:
        files.send_page(service, connection, 401, page, extra)


def realm(kernel: Kernel) -> str:
    """Return the realm: the title that was set, else the product's.

    As bare as on the device where that is a token or words, quoted otherwise.
    """
    title = kernel.variables.table.by_name.get(http.AUTH_TITLE.name)
    text = (kernel.variables[http.AUTH_TITLE] if title is not None else "") or kernel.profile.realm
    if _TOKEN.fullmatch(text) and " " not in text:
        return text
    escaped = re.sub(r"[^\x20-\x7e]", "?", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def right(service: "Service", given: bytes) -> bool:
    """Whether a header has the name and password that are set."""
    values = service.kernel.variables
    wanted = f"{values[http.USERNAME]}:{values[http.PASSWORD]}".encode("latin-1")
    # A browser says the same with each request: what was right once need not be taken apart.
    known = service.right_login
    if known is not None and known[1] == wanted and hmac.compare_digest(known[0], given):
        return True
    scheme, _, encoded = given.partition(b" ")
    try:
        said = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        said = b""
    same = hmac.compare_digest(sha256(said).digest(), sha256(wanted).digest())
    if not same or scheme.lower() != b"basic":
        return False
    service.right_login = (given, wanted)
    return True


def _free(service: "Service", request: Request) -> bool:
    """Whether a request needs no login: an unprotected file, or a call on the whitelist."""
    path = decoded(request.target)
    candidates = [path.removeprefix("/")]
    line = api.command_line(request)
    if line is not None:
        text = line.decode("latin-1").strip()
        candidates = [f"command/{text}", text]
    plugin = service.plugin
    called = any(request.path in routes for routes in (api.ROUTES, plugin.takers, plugin.pages))
    if line is None and not called:
        # The whitelist opens calls of the API; a file has a flag of its own for that.
        return files.unprotected(service, request)
    return any(_listed(entry, candidates) for entry in whitelist(service))


def whitelist(service: "Service") -> list[str]:
    """Return the entries of the whitelist file, read anew for each request."""
    storage = service.kernel.storage
    if storage.stat(WHITELIST) is None:
        return []
    text = storage.read(WHITELIST, 0, MAX_WHITELIST).decode("latin-1")
    items = (item.strip().removeprefix("/") for item in re.split(r"[,\r\n]", text))
    return [item for item in items if item]


def _listed(entry: str, candidates: list[str]) -> bool:
    if entry.endswith("*"):
        return any(candidate.startswith(entry[:-1]) for candidate in candidates)
    return entry in candidates
