"""A module behind its REST interface.

Command, data and response travel in base64 (flags 7), so no byte is lost. Its log lines are not in
the answer: ``poll_events`` fetches them from `/log`.

Source: docs/protocol/web-and-discovery.md, sections 1.3 to 1.7.
"""

import asyncio
import base64
import binascii
import json
from typing import Any

from tokay.host.address import Address
from tokay.host.channel import Trace
from tokay.host.errors import (
    Busy,
    Disconnected,
    FramingError,
    LoginFailed,
    ModuleError,
    Timeout,
    Unsupported,
)
from tokay.host.http import Answer, request
from tokay.host.link import Link
from tokay.host.response import Response, parse_event

BASE64 = 7
"""Flags: response, command and data are in base64."""


class RestLink(Link):
    """One module's `/command`."""

    max_data = 2560
    is_rest = True

    def __init__(self, address: Address, *, trace: Trace | None = None) -> None:
        super().__init__()
        self._address = address
        self._trace = trace

    async def open(self, timeout: float) -> None:
        try:
            (await self.execute(b"version", b"", timeout)).check()
        except Timeout:
            raise Timeout(f"{self._address} does not answer") from None

    async def execute(self, line: bytes, data: bytes, timeout: float) -> Response:
        text = line.decode("utf-8", "backslashreplace")
        body: dict[str, Any] = {"flags": BASE64, "command": base64.b64encode(line).decode()}
        if data:
            body["data"] = base64.b64encode(data).decode()
        try:
            async with asyncio.timeout(timeout):
                answer = await request(
                    self._address, "POST", "/command", json.dumps(body).encode(), self._trace
                )
        except TimeoutError:
            raise Timeout(f"{text}: no answer within {timeout:g} s") from None
        return self._response(text, answer)

    async def close(self) -> None:
        """Every request had a connection of its own: nothing is open."""

    async def poll_events(self) -> bool:
        try:
            async with asyncio.timeout(10):
                answer = await request(self._address, "GET", "/log", trace=self._trace)
            logs = self._json(answer).get("logs")
        except (ModuleError, TimeoutError):
            return True  # the next command tells
        for text in logs if isinstance(logs, list) else ():
            self.tell(parse_event(str(text).rstrip("\r\n").encode()))
        return True

    def _response(self, line: str, answer: Answer) -> Response:
        fields = self._json(answer)
        code, text = fields.get("code"), fields.get("response")
        if not isinstance(code, int) or not isinstance(text, str):
            raise FramingError("no answer to a command", answer.body)
        try:
            data = base64.b64decode(text, validate=True) if fields.get("flags") else text.encode()
        except (binascii.Error, ValueError):
            raise FramingError("a response that is no base64", answer.body) from None
        return Response(code, data.removesuffix(b"\r\n"), (), line)

    def _json(self, answer: Answer) -> dict[str, Any]:
        match answer.status:
            case 200:
                pass
            case 401:
                raise LoginFailed(f"{self._address} wants a user and password, or others")
            case 404:
                raise Unsupported(f"{self._address} has no REST interface")
            case 503:
                raise Busy(f"{self._address} has too many clients")
            case status:
                text = answer.body[:80].decode("latin-1").strip()
                raise Disconnected(f"{self._address} answers {status}: {text}")
        try:
            fields = json.loads(answer.body)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise FramingError("an answer that is no JSON object", answer.body)
        return fields
