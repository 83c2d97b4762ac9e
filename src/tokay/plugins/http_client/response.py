"""Reading one response: httptools parses it strictly, here are the bounds around that.

A server can be anything: what it sends never takes more memory than the bounds below and a read,
and whatever is no HTTP/1 response ends in ``ResponseError``. Sources: RFC 9112;
docs/protocol/network.md, section 9.
"""

from collections.abc import Callable

import httptools

MAX_HEADER = 16 * 1024
"""Bytes up to the body: status line and header fields, those of interim answers included."""
MAX_FIELDS = 128
MAX_FRAMING = 16 * 1024
"""Bytes of chunk sizes, their extensions and trailers that may come without one of the body."""
_VERSIONS = frozenset(("1.0", "1.1"))
_SWITCHING = 101


class ResponseError(OSError):
    """What a server sent is no response, or not all of one."""


class ResponseReader:
    """One response as it comes in; ``body`` is called with each piece of the body.

    ``bodiless``: the answer to a HEAD. ``upgrade``: the server may switch to another protocol, of
    which ``early`` is what has come already.
    """

    __slots__ = (
        "_bare", "_bodiless", "_body", "_fields", "_parser", "_seen", "_taken", "_upgrade",
        "answered", "chunked", "complete", "early", "length", "status",
    )  # fmt: skip

    def __init__(
        self, body: Callable[[bytes], None], *, bodiless: bool = False, upgrade: bool = False
    ) -> None:
        self._parser = httptools.HttpResponseParser(self)
        # Servers of the field pad chunk sizes with blanks; RFC 9112 section 7.1.1 has them in front
        # of an extension. Nothing else is lenient, and requests are read strictly.
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self._bodiless, self._upgrade = bodiless, upgrade
        self._fields: list[tuple[bytes, bytes]] = []
        self._seen = 0
        self._taken = 0
        self._bare = 0
        self._body = body
        self.status = 0
        self.length: int | None = None
        self.chunked = False
        self.answered = False
        """Whether all header fields are there."""
        self.complete = False
        self.early = b""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields in the order in which they came."""
        return [
            (name.decode("latin-1"), value.decode("latin-1").strip(" \t"))
            for name, value in self._fields
        ]

    def feed(self, data: bytes) -> None:
        """Take bytes of the connection. Raises ResponseError."""
        # The parser sees no more at once than the header may still take.
        while data and not (self.answered or self.complete):
            room = MAX_HEADER - self._seen
            if not room:
                raise ResponseError("the response header is too long")
            head, data = data[:room], data[room:]
            self._seen += len(head)
            self._parse(head)
        if self.status == _SWITCHING:
            self.early += data
            return
        if not data or self.complete:
            return  # what comes behind the body is nobody's
        if not self.chunked:
            self._take(data)
            return
        self._bare += len(data)
        self._parse(data)
        if self._bare > MAX_FRAMING and not self.complete:
            raise ResponseError("no body comes between chunk sizes or trailers")

    def end(self) -> None:
        """Called when the server has closed. Raises ResponseError when something is missing."""
        if self.complete:
            return
        if not self.answered:
            raise ResponseError("the server closed before it answered")
        if self.chunked or self.length is not None:
            raise ResponseError("the server closed before the body was complete")
        self.complete = True

    def _take(self, data: bytes) -> None:
        """Take a piece of a body that has no framing: past the parser, which would copy it."""
        if self.length is None:
            self._body(data)
            return
        left = self.length - self._taken
        if len(data) > left:
            data = data[:left]  # what comes behind the body is nobody's
        self._taken += len(data)
        self._body(data)
        self.complete = self._taken == self.length

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self.early = data[error.args[0] :]
            self.complete = True
        except httptools.HttpParserError as error:
            if self.complete:
                return
            cause = error.__context__
            reason = cause if isinstance(cause, ResponseError) else error
            raise ResponseError(str(reason)) from None
        if self.status == _SWITCHING and not self.complete:
            raise ResponseError("the server does not say to which protocol it switches")

    # From the parser.

    def on_message_begin(self) -> None:
        """Called with a status line: of the answer, or of an interim one before it."""
        if not self.answered:
            self._fields.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called with a header field, or with one of the trailer."""
        if self.answered:
            return
        if len(self._fields) >= MAX_FIELDS:
            raise ResponseError(f"more than {MAX_FIELDS} header fields")
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Called when the body begins."""
        if self.answered:
            return  # another answer, which is nobody's
        status: int = self._parser.get_status_code()
        version = self._parser.get_http_version()
        if version not in _VERSIONS or status < 100:
            raise ResponseError(f"a status of {status} in version {version}")
        if status < 200 and status != _SWITCHING:
            return
        if status == _SWITCHING and not self._upgrade:
            raise ResponseError("the server speaks another protocol now")
        self.status = status
        self._frame()
        self.answered = True
        if self._bodiless:
            self.complete = True

    def _frame(self) -> None:
        """See how the end of the body is told. The parser has checked lengths and sizes."""
        for name, value in self._fields:
            kind = name.lower()
            if kind == b"content-length":
                self.length = int(value)
            elif kind == b"transfer-encoding":
                if self.chunked or value.strip().lower() != b"chunked":
                    raise ResponseError("the body has a transfer coding that is not known")
                self.chunked = True

    def on_body(self, body: bytes) -> None:
        """Called with a piece of the body, its transfer coding removed."""
        self._bare = 0
        self._taken += len(body)
        if not self.complete:
            self._body(body)

    def on_message_complete(self) -> None:
        """Called when the body is complete."""
        self.complete = self.answered and self.status != _SWITCHING
