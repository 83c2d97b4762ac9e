"""What real modules were seen to say, and what the library makes of it."""

import asyncio
import os
import pty
import re
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tokay.host import Generation, Module
from tokay.host.response import parse_event
from tokay.host.version import parse_version

VERSIONS = [
    ("SILABS-WGM160P-4.0.0, Gecko_OS-STANDARD-4.0.12-1198, WGM160P", Generation.GECKO_OS_4,
     "4.0.12", "WGM160P"),
    ("SILABS-AMW007-2.1.5, Gecko OS-2.1.5, AMW007-W00001", Generation.GECKO_OS_2, "2.1.5",
     "AMW007-W00001"),
    ("ZENTRI-AMW007-1.5.0.13, 2018-09-03T06:06:14Z, ZentriOS-WL-1.5.0.13, Board:AMW007-E03.2",
     Generation.ZENTRIOS_3, "1.5.0.13", "AMW007-E03.2"),
    ("PRODUCT-1.4.0.28, 2021-04-27T20:39:50Z, ZentriOS-WZ-3.6.4.0", Generation.ZENTRIOS_3,
     "3.6.4.0", ""),
    ("WiConnect-2.2.0.12, Built:2015-04-08 20:12:21 for AMW004.3, Board:AMW004-E03.3",
     Generation.WICONNECT_2, "2.2.0.12", "AMW004-E03.3"),
    ("something else", None, "", ""),
    ("", None, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "generation", "number", "board"), VERSIONS)
def test_version_lines(line: str, generation: Generation | None, number: str, board: str) -> None:
    version = parse_version(line)
    assert (version.generation, version.os_version, version.board) == (generation, number, board)


@pytest.mark.parametrize(
    ("line", "name", "subject", "stamp"),
    [
        ("[2024-10-03 | 18:05:04: Ready]", "ready", "", "2024-10-03 | 18:05:04"),
        ("[Ready]", "ready", "", ""),
        ("[Opened: 0]", "opened", "0", ""),
        ("[2019-01-01 | 19:40:40: Closed: 0]", "closed", "0", "2019-01-01 | 19:40:40"),
        ("[2024-10-03 | 18:05:04: Opening: h.example:8047]", "opening", "h.example:8047",
         "2024-10-03 | 18:05:04"),
        ("[Associating to X]", "associating", "X", ""),
        ("[Open failed]", "open_failed", "", ""),
        ("Obtaining IPv4 address via DHCP", "log", "", ""),
    ],
)  # fmt: skip
def test_notices(line: str, name: str, subject: str, stamp: str) -> None:
    event = parse_event(line.encode())
    assert (event.name, event.subject, event.stamp) == (name, subject, stamp)


class Stub:
    """A module that answers as captures show: its own form, and noise where they have some."""

    def __init__(self, *, echo: bool, headers: bool, prompt: bool, noise: bytes) -> None:
        self.values = {
            "echo": str(int(echo)), "header_enabled": str(int(headers)),
            "prompt_enabled": str(int(prompt)), "print_level": "0",
        }  # fmt: skip
        self.noise = noise
        self.pending = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Return what comes back for these bytes."""
        self.pending += data
        out = b""
        while (end := self.pending.find(b"\n")) >= 0:
            raw = bytes(self.pending[: end + 1])
            del self.pending[: end + 1]
            if self.values["echo"] == "1":
                out += raw
            code, body = self.answer(raw.strip().decode())
            noise, self.noise = self.noise, b""
            out += noise
            if self.values["header_enabled"] == "1":
                out += b"R%d%05d\r\n" % (code, len(body) + 2) + body + b"\r\n"
            else:
                out += body + b"\r\n"
            if self.values["prompt_enabled"] == "1":
                out += b"> "
        return out

    def answer(self, line: str) -> tuple[int, bytes]:
        if not line:
            return 0, b"Ready"
        if line == "version":
            return 0, VERSIONS[3][0].encode()
        words = re.fullmatch(r"(get|set) system\.(?:cmd\.)?(\w+)(?: (\w+))?", line)
        if words is None or words[2] not in self.values:
            return 3, b"Unknown command"
        if words[1] == "get":
            return 0, self.values[words[2]].encode()
        self.values[words[2]] = words[3]
        return 0, b"Set OK"


@asynccontextmanager
async def answering(feed: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    loop = asyncio.get_running_loop()
    loop.add_reader(master, lambda: os.write(master, feed(os.read(master, 4096))))
    try:
        yield f"pty:{os.ttyname(slave)}"
    finally:
        loop.remove_reader(master)
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\x00\n\x08",
        b"[2024-10-03 | 18:05:04: Ready]\r\n> ",
        b"[Disassociated]\r\n[Associating to X]\r\n> Security type from probe: WPA2\r\n",
        b"\r\n*** Max faults exceeded. Entering Safe Mode.\r\nSAFEMODE> ",
    ],
)
@pytest.mark.parametrize(("echo", "headers", "prompt"), [
    (True, False, True), (False, True, False), (True, True, True), (False, False, False),
])  # fmt: skip
async def test_consoles_as_captured(echo: bool, headers: bool, prompt: bool, noise: bytes) -> None:
    stub = Stub(echo=echo, headers=headers, prompt=prompt, noise=noise)
    found = dict(stub.values)
    async with answering(stub.feed) as url:
        async with Module.open(url) as module:
            assert (await module.version()).generation is Generation.ZENTRIOS_3
            assert stub.values["header_enabled"] == "1"
        assert stub.values == found
