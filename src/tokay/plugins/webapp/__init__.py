"""The web app: the pages that come with every device, as files below the device's own.

A page is compressed and keeps its name with `.gz` behind it, so that a file of the plain name goes
before it. Source: docs/protocol/web-and-discovery.md, sections 1.9 and 2.
"""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

from tokay.board.board import Board
from tokay.kernel.commands import Call, command
from tokay.kernel.files import PackagedFile
from tokay.kernel.kernel import Kernel
from tokay.kernel.plugin import Plugin
from tokay.kernel.results import failed

FOLDER = "webapp"
PAGES = Path(__file__).parents[2] / FOLDER
RELEASE = "1.0.0.0"
"""The version of the pages, as `ls` shows it."""

_SUFFIXES = frozenset((".html", ".js", ".css", ".svg"))
_PLAIN = {
    "recovery.html": ".recovery.html",
    "recovery.js": ".recovery.js",
    "unauthorized.html": f"{FOLDER}/unauthorized.html",
}
"""Pages of last resort: not compressed, and the last is served without a login."""
_UNPROTECTED = "unauthorized.html"
_WEB_APP = 0x45  # docs/protocol/commands.md, section 4.6
_FIRST_HANDLE = 0xF000


@cache
def pages(valid: int, unprotected: int) -> Mapping[str, PackagedFile]:
    """Return the files, with flags as a profile's generation has them: one set for a process."""
    found = (page for page in sorted(PAGES.iterdir()) if page.suffix in _SUFFIXES)
    packaged = (
        PackagedFile(
            _PLAIN.get(page.name, f"{FOLDER}/{page.name}.gz"),
            page.read_bytes if page.name in _PLAIN else partial(_compressed, page),
            version=RELEASE,
            type=_WEB_APP,
            flags=valid | (unprotected if page.name == _UNPROTECTED else 0),
            handle=_FIRST_HANDLE + number,
        )
        for number, page in enumerate(found)
    )
    return {page.name: page for page in packaged}


@command("webapp_restore")
def webapp_restore(call: Call) -> None:
    """Bring the pages that come with the device back, in the place of what has their names."""
    try:
        call.kernel.files.reset()
    except OSError as error:
        raise failed(str(error)) from error


def _compressed(page: Path) -> bytes:
    import gzip  # noqa: PLC0415 - only when a page is asked for

    return gzip.compress(page.read_bytes(), mtime=0)


class WebApp(Plugin):
    """Lays the pages below the files of a device."""

    name = "webapp"
    commands: ClassVar = (webapp_restore,)
    safe_mode = True

    __slots__ = ()

    def start(self, kernel: Kernel, board: Board) -> None:
        """Put the pages there; each is read when somebody asks for it."""
        rules = kernel.profile.files
        kernel.files.underlay(pages(rules.valid_flag, rules.unprotected_flag))


PLUGIN = WebApp
