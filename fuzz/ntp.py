"""Coverage-guided fuzzing of the NTP codec and client. See README.md beside this."""

import random
import sys

import atheris

with atheris.instrument_imports(include=["tokay"]):
    from tokay.protocols.ntp import (
        MAX_FIRST_STEP,
        MAX_STEP,
        MIN_WAIT,
        NtpClient,
        NtpError,
        NtpSample,
        Packet,
    )

SERVER = ("10.0.0.1", 123)
MADE = 1546300800.0


def fuzz_codec(data: bytes) -> None:
    """Any bytes are a packet or `NtpError`, and a packet that was read is written as it was."""
    try:
        packet = Packet.decode(data)
    except NtpError:
        return
    assert packet.encode() == data[:48]
    repr(packet.kiss)


def fuzz_client(data: bytes) -> None:
    """Whatever comes, no answer moves the clock further than it may, and the exchange ends."""
    client = NtpClient(64, earliest=MADE, rng=random.Random(1))
    wall, now, synchronized = MADE, 0.0, False
    for _ in range(3):
        question = client.ask(SERVER[0], now)
        for answer in (data, data[:24] + question[40:] + data[24:]):
            outcome = client.receive(answer, SERVER, now, wall)
            if isinstance(outcome, NtpSample):
                largest = MAX_STEP if synchronized else MAX_FIRST_STEP
                assert outcome.time >= MADE
                assert abs(outcome.time - wall) <= largest
                wall, synchronized = outcome.time, True
        if client.asking:
            client.fail(now)
        assert client.wait >= MIN_WAIT
        now += 100.0
        wall += 100.0


def fuzz(data: bytes) -> None:
    fuzz_codec(data)
    fuzz_client(data)


if __name__ == "__main__":
    # Bounded time: two seconds for one input, instrumented, is a finding.
    atheris.Setup([sys.argv[0], "-timeout=2", "-max_len=256", *sys.argv[1:]], fuzz)
    atheris.Fuzz()
