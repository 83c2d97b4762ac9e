"""Keywords for Robot Framework: `Library  tokay.testing.robot.TokayLibrary`.

| keyword | arguments |
| --- | --- |
| Open Module | url |
| Close Module | |
| Send Line | line: carried out; the answer waits for the next keyword |
| Wait For Line | pattern, timeout=10: an unsolicited line, or one of the last answer |
| Execute Command | line: returns the text, and fails when the module refuses |
| Get Variable Value | name |
| Set Variable Value | name, value |
| Result Code Should Be | code: of the last line sent |
"""

import re
import time

from tokay.host.response import Response
from tokay.host.sync import Module

POLL = 0.01
"""Seconds between two looks for a line."""


class TokayLibrary:
    """One module at a time."""

    ROBOT_LIBRARY_SCOPE = "TEST"

    def __init__(self) -> None:
        self._module: Module | None = None
        self._lines: list[str] = []
        self._response: Response | None = None

    def open_module(self, url: str) -> None:
        """Open the module at a URL."""
        self._module = Module.open(url)
        self._module.on("", lambda event: self._lines.append(event.text))

    def close_module(self) -> None:
        """Leave the module as it was found."""
        if self._module is not None:
            self._module.close()
            self._module = None

    def send_line(self, line: str) -> None:
        """Carry out a command; a refusal is no failure."""
        self._response = self._open.ask(line)
        self._lines += self._response.lines

    def wait_for_line(self, pattern: str, timeout: float = 10.0) -> str:
        """Return the first line that a regular expression matches, and drop those before it."""
        deadline = time.monotonic() + float(timeout)
        while time.monotonic() < deadline:
            while self._lines:
                line = self._lines.pop(0)
                if re.search(pattern, line):
                    return line
            time.sleep(POLL)
        message = f"no line with {pattern} within {timeout} s"
        raise AssertionError(message)

    def execute_command(self, line: str) -> str:
        """Return what a command answers."""
        return self._open.command(line).text

    def get_variable_value(self, name: str) -> str:
        """Return a variable."""
        return self._open.get(name)

    def set_variable_value(self, name: str, value: str) -> None:
        """Set a variable."""
        self._open.set(name, value)

    def result_code_should_be(self, code: int) -> None:
        """Fail unless the last line that was sent ended in this code."""
        found = self._response.code if self._response is not None else None
        if found != int(code):
            message = f"the result is {found}, not {code}"
            raise AssertionError(message)

    @property
    def _open(self) -> Module:
        if self._module is None:
            message = "Open Module comes first"
            raise AssertionError(message)
        return self._module
