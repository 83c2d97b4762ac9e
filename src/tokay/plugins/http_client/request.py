"""The head of a request, until it is sent.

A host may add header fields of its own, and what it adds must not change where the request ends:
that is how requests are smuggled. Sources: docs/protocol/network.md, section 9; RFC 9110, section
5.
"""

import re

from tokay.kernel.results import bad_args, failed
from tokay.plugins.http_client.url import Target

MAX_HEADER = 8 * 1024
"""Bytes of header fields that a host may add to one request."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[\t -~\x80-\xff]*")  # section 5.5; no CR, no LF, no NUL
_NUMBER = re.compile(r"[0-9]{1,15}")
_SINGLE = frozenset(("host", "connection", "content-type"))


class Request:
    """What is asked of a server. ``length``: bytes of the body; None sends it in chunks."""

    __slots__ = ("_added", "_room", "_single", "length", "method", "target")

    def __init__(
        self, method: str, target: Target, *, content_type: str = "", length: int | None = 0
    ) -> None:
        self.method = method
        self.target = target
        self.length = length
        self._single = {"Host": target.authority, "Connection": "Close"}
        self._added: list[tuple[str, str]] = []
        self._room = MAX_HEADER
        if content_type:
            self.add("Content-Type", content_type)

    @property
    def has_body(self) -> bool:
        """Whether a body belongs to it, be it an empty one."""
        return self.method == "POST"

    def add(self, name: str, value: str) -> None:
        """Add a header field; one of which there can be only one takes the place of ours.

        Raises CommandError: for what would not be one field, and for a length that cannot be.
        """
        value = value.strip(" \t")
        if not _TOKEN.fullmatch(name):
            raise bad_args(f"{name!r} is no name of a header field")
        if not _VALUE.fullmatch(value):
            raise bad_args("a header field has no control characters")
        self._room -= len(name) + len(value) + 4
        if self._room < 0:
            raise failed(f"header fields of more than {MAX_HEADER} bytes")
        kind = name.lower()
        if kind == "content-length":
            self._set_length(value)
        elif kind == "transfer-encoding":
            if not self.has_body or value.lower() != "chunked":
                raise bad_args(f"a body cannot be sent as {value}")
            self.length = None
        elif kind in _SINGLE:
            self._single[name.title()] = value
        else:
            self._added.append((name, value))

    def encode(self) -> bytes:
        """Return the head as it goes out."""
        fields = [*self._single.items(), *self._added]
        if self.has_body:
            if self.length is None:
                fields.append(("Transfer-Encoding", "chunked"))
            else:
                fields.append(("Content-Length", str(self.length)))
        lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
        return f"{self.method} {self.target.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")

    def _set_length(self, value: str) -> None:
        if not self.has_body or not _NUMBER.fullmatch(value):
            raise bad_args(f"a {self.method} cannot have a body of {value} bytes")
        self.length = int(value)
