"""What a radio changed on this machine, and how to undo it, however the device ends."""

import asyncio
import contextlib
import json
import shutil
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Hashable
from ipaddress import IPv4Interface
from pathlib import Path

from tokay.board.net.netlink import METRIC
from tokay.protocols.netlink import NetlinkFlag, encode_request
from tokay.protocols.rtnetlink import NetlinkType, address_body, link_body

LIMIT = 15.0
"""Seconds for all steps together."""

_PROGRAM = Path(__file__).with_name("undo_process.py")

Step = list[object]


class Undo:
    """A list of steps, kept by a process that carries them out when this one ends.

    ``keep`` is a socket that the other process holds for as long as it is there: the interface
    stays reserved until all is undone.
    """

    __slots__ = ("_closing", "_keep", "_process", "_steps", "_watch")

    def __init__(self, keep: socket.socket) -> None:
        self._keep = keep
        self._steps: dict[Hashable, Step] = {}
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._closing = False

    async def open(self) -> None:
        """Start the process; nothing happens when it runs. Raises OSError."""
        if self._process is None:
            self._process = await self._start()
            self._watch = asyncio.get_running_loop().create_task(self._restart(self._process))

    def add(self, key: Hashable, step: Step) -> None:
        """Add a step before the change is made; it is carried out before those that are older."""
        self._steps.pop(key, None)
        self._steps[key] = step
        self._send()

    def drop(self, key: Hashable) -> None:
        """Forget a step: what it undoes is undone."""
        if self._steps.pop(key, None) is not None:
            self._send()

    async def close(self) -> None:
        """Carry out the steps. May be called again."""
        self._closing = True
        process, watch = self._process, self._watch
        self._process = self._watch = None
        if process is None or watch is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # all that was written arrives first
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT):
                await asyncio.shield(watch)

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", _PROGRAM,
            stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL,
            start_new_session=True, pass_fds=(self._keep.fileno(),),
        )  # fmt: skip

    async def _restart(self, process: Process) -> None:
        """Start the process anew when somebody has killed it."""
        while True:
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()
                with contextlib.suppress(OSError):
                    await process.stdin.wait_closed()
            if self._closing:
                return
            process = self._process = await self._start()
            self._send()

    def _send(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            steps = list(reversed(self._steps.values()))
            self._process.stdin.write(json.dumps(steps).encode() + b"\n")


def end_process(pid: int) -> Step:
    """Return the step that terminates a process."""
    return ["end", pid]


def remove_folder(folder: Path) -> Step:
    """Return the step that removes a folder of the radio's own."""
    return ["remove", str(folder)]


def switch_off(index: int) -> Step:
    """Return the step that switches an interface off."""
    return _route(NetlinkType.NEWLINK, link_body(index, up=False))


def delete_address(index: int, address: IPv4Interface) -> Step:
    """Return the step that takes an address off an interface."""
    return _route(NetlinkType.DELADDR, address_body(index, address, METRIC))


def send_netlink(family: int, kind: int, body: bytes) -> Step:
    """Return the step that asks the kernel for a change."""
    return ["netlink", family, encode_request(kind, NetlinkFlag.ACK, 1, body).hex()]


def _route(kind: NetlinkType, body: bytes) -> Step:
    return send_netlink(socket.NETLINK_ROUTE, kind, body)


def find_program(name: str) -> str | None:
    """Return where a program is; the folders of an administrator are searched too."""
    return shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
