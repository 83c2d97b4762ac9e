"""Coverage-guided fuzzing of the WebSocket frames and handshakes. See README.md beside this."""

import sys

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.protocols.websocket import (
        CLOSE,
        FrameReceiver,
        HandshakeError,
        WebSocketError,
        check_answer,
        check_request,
        close_payload,
        frame,
        parse_close,
    )

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)
MAX_MESSAGE = 1 << 16

Outcome = tuple[list[tuple[int, bytes]], tuple[int, str] | None]


def hear(chunks: list[bytes], masked: bool) -> Outcome:
    """Return messages put together, and how it ended: the close, or the error, or None."""
    receiver = FrameReceiver(masked=masked, max_size=MAX_MESSAGE)
    heard: list[tuple[int, bytes]] = []
    message = b""
    try:
        for chunk in chunks:
            for opcode, payload, end in receiver.receive(chunk):
                if opcode == CLOSE:
                    return heard, parse_close(payload)
                if opcode > CLOSE:
                    assert len(payload) <= 125
                    heard.append((opcode, payload))
                    continue
                message += payload
                assert len(message) <= MAX_MESSAGE
                if end:
                    heard.append((opcode, message))
                    message = b""
    except WebSocketError as error:
        return heard, (error.code, error.reason)
    return heard, None


def fuzz_receiver(data: bytes) -> None:
    """Any bytes are messages or one named error, and the same however they are cut."""
    for masked in (True, False):
        whole = hear([data], masked)
        assert hear([data[at : at + 1] for at in range(len(data))], masked) == whole
        assert hear([data[:7], data[7:]], masked) == whole
        # What was heard can be said, and is heard again.
        heard, _ = whole
        wire = b"".join(frame(opcode, payload, masked=masked) for opcode, payload in heard)
        assert hear([wire], masked) == (heard, None)


def fuzz_close(data: bytes) -> None:
    """A close frame that is taken can be sent."""
    try:
        code, reason = parse_close(data)
    except WebSocketError:
        return
    assert close_payload(code, reason) == data


def fuzz_handshake(data: bytes) -> None:
    """Any head is taken or refused by name."""
    for head in (data, ACCEPTED + data):
        try:
            check_answer(head, KEY)
        except HandshakeError:
            continue
    names = (b"upgrade", b"connection", b"sec-websocket-key", b"sec-websocket-version")
    fields = dict(zip(names, data.split(b"\n"), strict=False))
    status = 400
    try:
        check_request("GET", True, fields)
    except HandshakeError as error:
        status = error.status
    assert 400 <= status < 500


def fuzz(data: bytes) -> None:
    fuzz_receiver(data)
    fuzz_close(data[:125])
    fuzz_handshake(data)


if __name__ == "__main__":
    # Bounded time: two seconds for one input, instrumented, is a finding.
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=4096", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
