"""wpa_supplicant or hostapd as a process of the device's own: started, watched, ended."""

import asyncio
import contextlib
import logging
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from tokay.board.wpa.control_socket import ControlSocket
from tokay.board.wpa.undo import Undo, end_process, find_program
from tokay.protocols.wpa_ctrl import WpaCtrlError

START_LIMIT = 10.0
"""Seconds until a program that was started has its control socket."""
STOP_LIMIT = 3.0
"""Seconds for a program to end after SIGTERM; then it is killed."""
_POLL = 0.02  # seconds; nothing tells when a socket appears in a folder but inotify
_KEPT_LINES = 20
_MAX_LINE = 500

_logger = logging.getLogger(__name__)


class DaemonError(Exception):
    """A program that cannot be started or does not answer: one line that names it."""


class Daemon:
    """One program with one control socket.

    ``on_exit`` is called when it ends by itself, and ``control`` is None from then on.
    """

    __slots__ = ("_folder", "_lines", "_name", "_process", "_stopping", "_undo", "_watch",
                 "control", "on_exit")  # fmt: skip

    def __init__(self, name: str, folder: Path, undo: Undo) -> None:
        self.on_exit: Callable[[], None] | None = None
        self.control: ControlSocket | None = None
        self._name = name
        self._folder = folder
        self._undo = undo
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The number of the process, while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    async def start(self, arguments: Sequence[str], socket_path: Path) -> ControlSocket:
        """Start the program; return its control socket, attached. Raises DaemonError."""
        program = find_program(self._name)
        if program is None:
            raise DaemonError(f"{self._name} is not installed")
        _remove(socket_path)  # of one that was killed
        self._lines.clear()
        self._stopping = False
        try:
            self._process = await asyncio.create_subprocess_exec(
                program, *arguments,
                stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise DaemonError(f"{self._name}: {error.strerror}") from None
        self._undo.add(self._name, end_process(self._process.pid))
        self._watch = asyncio.get_running_loop().create_task(self._wait(self._process))
        try:
            async with asyncio.timeout(START_LIMIT):
                self.control = await self._connect(socket_path)
        except TimeoutError:
            await self.stop()
            raise DaemonError(f"{self._name} does not answer") from None
        except BaseException:
            await self.stop()
            raise
        return self.control

    async def stop(self) -> None:
        """End the program; nothing happens when it does not run."""
        self._stopping = True
        if self.control is not None:
            self.control.close()
            self.control = None
        process, watch = self._process, self._watch
        if process is None or watch is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT):
                await asyncio.shield(watch)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await watch

    def abandon(self) -> None:
        """Kill a program that does not answer: it ends as if by itself."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def last_line(self) -> str:
        """The last line that it printed, to tell why it ended."""
        return self._lines[-1] if self._lines else "ended without a word"

    async def _connect(self, path: Path) -> ControlSocket:
        """Wait for the control socket and attach to it."""
        while True:
            if not self.running:
                raise DaemonError(f"{self._name}: {self.last_line}")
            try:
                control = ControlSocket(path, self._folder)
            except WpaCtrlError:
                pass  # not there yet
            else:
                try:
                    await control.command("ATTACH")
                except WpaCtrlError as error:
                    control.close()
                    raise DaemonError(f"{self._name}: {error}") from None
                return control
            await asyncio.sleep(_POLL)

    async def _wait(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue  # a line without an end: dropped
            if not line:
                break
            text = line.decode(errors="replace").strip()[:_MAX_LINE]
            if text:
                if "CTRL-EVENT-" not in text:  # which never says why
                    self._lines.append(text)
                _logger.debug("%s: %s", self._name, text)
        await process.wait()
        self._undo.drop(self._name)
        self._process = None
        if self.control is not None:
            self.control.close()
            self.control = None
        if not self._stopping and self.on_exit is not None:
            self.on_exit()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
