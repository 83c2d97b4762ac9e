"""NTP: the codec, which answers a client believes, and how long it waits."""

import random
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.ntp import (
    ERA,
    MAX_STEP,
    MAX_WAIT,
    MIN_WAIT,
    SERVER,
    KissOfDeath,
    NtpClient,
    NtpError,
    NtpRefusal,
    NtpSample,
    Packet,
    from_ntp,
    to_ntp,
)

MADE = 1546300800.0
"""2019: before this no device was."""
TRUE = 1790000000.0
"""2026: what time it is."""
HERE = ("10.0.0.1", 123)


def client(interval: float = 3600) -> NtpClient:
    return NtpClient(interval, earliest=MADE, rng=random.Random(1))


def answer(question: bytes, time: float, **changes: Any) -> Packet:
    """What an honest server says, but for what is changed."""
    asked = Packet.decode(question)
    honest = Packet(
        mode=SERVER, stratum=2, precision=-20, root_delay=0.01, root_dispersion=0.02,
        reference=0x7F000001, reference_time=to_ntp(time - 60), origin=asked.transmitted,
        received=to_ntp(time), transmitted=to_ntp(time),
    )  # fmt: skip
    return replace(honest, **changes)


def synchronized(one: NtpClient, now: float = 0.0) -> None:
    question = one.ask("10.0.0.1", now)
    outcome = one.receive(answer(question, TRUE).encode(), HERE, now, MADE)
    assert isinstance(outcome, NtpSample)


# The codec.


def test_a_question_as_it_goes_out() -> None:
    question = client().ask("10.0.0.1", 0)
    assert question[:1] == b"\x23"  # no leap, version 4, client
    assert question[1:40] == bytes(39)
    assert question[40:] != bytes(8)


def test_an_answer_as_it_was_captured() -> None:
    """From chronyd 4.3."""
    packet = Packet.decode(
        bytes.fromhex(
            "240a06e700000000000000007f7f0101ec9a2c1b12345678"
            "0102030405060708ec9a2c20aabbccddec9a2c20aabc0000"
        )
    )
    assert (packet.leap, packet.version, packet.mode) == (0, 4, 4)
    assert (packet.stratum, packet.poll, packet.precision) == (10, 6, -25)
    assert packet.reference == 0x7F7F0101
    assert packet.origin == 0x0102030405060708
    assert packet.transmitted - packet.received == 0xAABC0000 - 0xAABBCCDD


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_an_error(data: bytes) -> None:
    try:
        packet = Packet.decode(data)
    except NtpError:
        assert len(data) < 48
        return
    assert packet.encode() == data[:48]


@given(st.floats(0, 2 * ERA), st.floats(-1e9, 1e9))
def test_times_over_the_eras(time: float, off: float) -> None:
    assert from_ntp(to_ntp(time), time + off) == pytest.approx(time, abs=1e-5)


# What is believed.


def test_the_first_answer_sets_the_clock() -> None:
    one = client()
    question = one.ask("10.0.0.1", 100.0)
    assert one.asking
    honest = answer(question, TRUE, transmitted=to_ntp(TRUE + 0.1))
    outcome = one.receive(honest.encode(), HERE, 100.3, MADE)
    assert isinstance(outcome, NtpSample)
    assert outcome.time == pytest.approx(TRUE + 0.2, abs=1e-4)
    assert outcome.delay == pytest.approx(0.2, abs=1e-4)
    assert outcome.offset == pytest.approx(TRUE + 0.2 - MADE, abs=1e-4)
    assert (outcome.stratum, outcome.drift) == (2, None)
    assert one.wait == 3600


def test_drift_is_measured_from_one_answer_to_the_next() -> None:
    one = client()
    synchronized(one)
    question = one.ask("10.0.0.1", 1000.0)
    outcome = one.receive(answer(question, TRUE + 1000).encode(), HERE, 1000.0, TRUE + 999.99)
    assert isinstance(outcome, NtpSample)
    assert outcome.offset == pytest.approx(0.01, abs=1e-5)
    assert outcome.drift == pytest.approx(10, abs=0.01)


def test_an_answer_after_the_first_era() -> None:
    one = client()
    question = one.ask("10.0.0.1", 0.0)
    in_2040 = 2208988800.0
    outcome = one.receive(answer(question, in_2040).encode(), HERE, 0.0, MADE)
    assert isinstance(outcome, NtpSample)
    assert outcome.time == pytest.approx(in_2040, abs=1e-4)


UNFIT = [
    ({"leap": 3}, "the server is not synchronized"),
    ({"leap": 3, "stratum": 0}, "the server is not synchronized"),
    ({"stratum": 16}, "stratum 16"),
    ({"stratum": 0}, "zero stratum, kiss code none"),
    ({"stratum": 0, "reference": 0x494E4954}, "zero stratum, kiss code INIT"),
    ({"version": 0}, "version 0"),
    ({"version": 7}, "version 7"),
    ({"root_dispersion": 20.0}, "the server is too far from a clock"),
    ({"root_delay": 40.0}, "the server is too far from a clock"),
    ({"transmitted": 0}, "no time in it"),
    ({"received": 0}, "no time in it"),
    ({"received": to_ntp(TRUE + 5)}, "the server's times contradict each other"),
    ({"received": to_ntp(TRUE - 5)}, "the server's times contradict each other"),
    (
        {"received": to_ntp(MADE - 9e6), "transmitted": to_ntp(MADE - 9e6)},
        "a time before this device was made",
    ),
    (
        {"received": to_ntp(MADE + 1.2e9), "transmitted": to_ntp(MADE + 1.2e9)},
        "a time decades ahead",
    ),
]


@pytest.mark.parametrize(("changes", "reason"), UNFIT, ids=[reason for _, reason in UNFIT])
def test_an_answer_that_is_ours_and_no_good_ends_the_exchange(
    changes: dict[str, Any], reason: str
) -> None:
    one = client()
    question = one.ask("10.0.0.1", 0.0)
    refused = one.receive(answer(question, TRUE, **changes).encode(), HERE, 0.01, MADE)
    assert refused == NtpRefusal(reason)
    assert not one.asking
    assert one.wait == MIN_WAIT


FOREIGN = [
    ({"mode": 3}, "wrong mode 3"),
    ({"mode": 5}, "wrong mode 5"),
    ({"origin": 0}, "wrong origin: not the answer to this question"),
    (
        {"origin": 1, "stratum": 0, "reference": 0x44454E59},
        "wrong origin: not the answer to this question",
    ),
]


@pytest.mark.parametrize(("changes", "reason"), FOREIGN)
def test_what_a_stranger_sends_does_not_end_the_exchange(
    changes: dict[str, Any], reason: str
) -> None:
    one = client()
    question = one.ask("10.0.0.1", 0.0)
    refused = one.receive(answer(question, TRUE, **changes).encode(), HERE, 0.0, MADE)
    assert refused == NtpRefusal(reason)
    honest = answer(question, TRUE).encode()
    assert one.receive(honest[:47], HERE, 0.0, MADE) == NtpRefusal("truncated: 47 of 48 bytes")
    away = one.receive(honest, ("10.0.0.2", 123), 0.0, MADE)
    assert away == NtpRefusal("from another address: 10.0.0.2")
    assert one.asking
    assert isinstance(one.receive(honest, HERE, 0.0, MADE), NtpSample)
    assert one.receive(honest, HERE, 0.0, MADE) == NtpRefusal("nothing was asked")


def test_an_old_answer_does_not_fit_a_new_question() -> None:
    one = client()
    old = answer(one.ask("10.0.0.1", 0.0), TRUE).encode()
    one.fail(0.0)
    one.ask("10.0.0.1", 20.0)
    assert isinstance(one.receive(old, HERE, 20.0, MADE), NtpRefusal)
    assert one.asking


def test_a_jump_of_years_is_refused_once_the_clock_is_right() -> None:
    one = client()
    synchronized(one)
    for jump in (MAX_STEP + 1, -MAX_STEP - 1):
        question = one.ask("10.0.0.1", 10.0)
        outcome = one.receive(answer(question, TRUE + jump).encode(), HERE, 10.0, TRUE)
        assert isinstance(outcome, NtpRefusal)
        assert outcome.reason.startswith("a jump of years: ")
    question = one.ask("10.0.0.1", 10.0)
    a_week = answer(question, TRUE + 7 * 86400).encode()
    assert isinstance(one.receive(a_week, HERE, 10.0, TRUE), NtpSample)


def test_a_clock_that_the_host_has_set_is_put_right_whatever_it_shows() -> None:
    one = client()
    synchronized(one)
    one.clock_was_set()
    question = one.ask("10.0.0.1", 10.0)
    outcome = one.receive(answer(question, TRUE).encode(), HERE, 10.0, 1000.0)
    assert isinstance(outcome, NtpSample)
    assert outcome.time == pytest.approx(TRUE, abs=1e-4)


# How long is waited.


def test_failures_back_off_up_to_the_interval() -> None:
    one = client(100)
    waits = []
    for _ in range(5):
        one.ask("10.0.0.1", 0.0)
        one.fail(0.0)
        waits.append(one.wait)
    assert waits == [15, 30, 60, 100, 100]
    synchronized(one)
    assert one.wait == 100
    one.fail(0.0)
    assert one.wait == 15


def test_the_timer_says_when_to_ask() -> None:
    one = client(100)
    due, timers = [one.is_due], [one.get_timer()]
    one.ask("10.0.0.1", 5.0)
    due.append(one.is_due)
    timers.append(one.get_timer())  # the question is out
    one.fail(10.0)
    timers.append(one.get_timer())
    for now in (24.9, 25.0):
        one.handle_timer(now)
        due.append(one.is_due)
    timers.append(one.get_timer())
    assert due == [True, False, False, True]
    assert timers == [None, None, 25, None]
    question = one.ask("10.0.0.1", 30.0)
    assert isinstance(one.receive(answer(question, TRUE).encode(), HERE, 30.0, MADE), NtpSample)
    assert one.get_timer() == 130
    one.fail(131.0)  # there is no such name: nothing was asked
    assert one.get_timer() == 146


def test_no_interval_floods_a_server() -> None:
    one = client(1)
    synchronized(one)
    assert one.wait == MIN_WAIT


def test_a_server_that_wants_fewer_questions_gets_fewer_for_good() -> None:
    one = client(1000)
    for wait in (2000, 4000):
        question = one.ask("10.0.0.1", 0.0)
        kiss = answer(question, TRUE, stratum=0, reference=int.from_bytes(b"RATE"))
        assert one.receive(kiss.encode(), HERE, 0.0, MADE) == KissOfDeath("RATE")
        assert one.wait == wait
    synchronized(one)
    assert one.wait == 4000
    for _ in range(40):
        question = one.ask("10.0.0.1", 0.0)
        kiss = answer(question, TRUE, stratum=0, reference=int.from_bytes(b"RATE"))
        one.receive(kiss.encode(), HERE, 0.0, MADE)
    assert one.wait == MAX_WAIT


@pytest.mark.parametrize("code", [b"DENY", b"RSTR"])
def test_a_server_that_wants_no_questions_gets_none(code: bytes) -> None:
    one = client()
    question = one.ask("10.0.0.1", 0.0)
    kiss = answer(question, TRUE, stratum=0, reference=int.from_bytes(code))
    assert one.receive(kiss.encode(), HERE, 0.0, MADE) == KissOfDeath(code.decode())
    assert one.wait == inf
    assert one.get_timer() is None
    assert not one.asking


@given(st.lists(st.binary(max_size=60), max_size=5), st.booleans())
def test_whatever_comes_the_exchange_ends_when_its_time_is_over(
    datagrams: list[bytes], ours: bool
) -> None:
    one = client()
    question = one.ask("10.0.0.1", 0.0)
    for data in datagrams:
        whole = data[:24] + question[40:] + data[24:] if ours else data
        outcome = one.receive(whole, HERE, 0.5, MADE)
        if isinstance(outcome, NtpSample):
            assert MADE <= outcome.time <= MADE + 2**30 + 1
    if one.asking:
        one.fail(0.0)
    assert not one.asking
    assert one.wait >= MIN_WAIT
