"""Coverage-guided fuzzing of the telnet layer and of RFC 2217. See README.md beside this."""

import sys

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.protocols.rfc2217 import ComPort
    from tokay.protocols.telnet import COM_PORT, MAX_SUBNEGOTIATION, Telnet, escape


def fuzz_telnet(data: bytes) -> None:
    """Any bytes are events, the same ones however they arrive; answers are bounded."""
    whole, single = (Telnet(ours=(0, 1, 3), theirs=(0, 3, COM_PORT)) for _ in range(2))
    events = whole.receive(data)
    pieces = [event for byte in data for event in single.receive(bytes((byte,)))]
    assert [e for e in events if not isinstance(e, bytes)] == [
        e for e in pieces if not isinstance(e, bytes)
    ]
    assert b"".join(e for e in events if isinstance(e, bytes)) == b"".join(
        e for e in pieces if isinstance(e, bytes)
    )
    answer = whole.data_to_send()
    assert answer == single.data_to_send()
    assert len(answer) <= 3 * len(data)
    assert whole._sub is None or len(whole._sub) <= MAX_SUBNEGOTIATION
    assert b"".join(e for e in Telnet().receive(escape(data)) if isinstance(e, bytes)) == data


def fuzz_com_port(data: bytes) -> None:
    """Any bytes, bare and within the option, leave a line that can be told."""
    for wrapped in (data, b"\xff\xfa\x2c" + escape(data) + b"\xff\xf0"):
        port = ComPort()
        port.receive(wrapped)
        assert len(port.data_to_send()) <= 12 + 13 * len(wrapped)
        assert 5 <= port.line.data <= 8
        assert 1 <= port.line.stop <= 3
        assert 0 < port.line.baud < 1 << 32


def fuzz(data: bytes) -> None:
    fuzz_telnet(data)
    fuzz_com_port(data)


if __name__ == "__main__":
    # Bounded time: two seconds for one input, instrumented, is a finding.
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=65535", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
