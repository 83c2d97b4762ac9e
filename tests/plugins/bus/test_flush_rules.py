"""What is due when, byte by byte and whole: the clock is a number here."""

from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokay.plugins.bus.flush_rules import GUARD, PATIENCE, FlushRules, Rules

START = 1000.0
RULES = Rules(
    flush_count=16, flush_time=0.010, flush_time_reset=False, cmd_seq=b"$$$", most=256
)  # fmt: skip
AT_ONCE = RULES._replace(flush_count=0, flush_time=0)


class Out(NamedTuple):
    """Something that was due."""

    when: float
    data: bytes


class Line:
    """A gather, its clock and what came out of it."""

    def __init__(self, rules: Rules = RULES, *, whole: bool = True) -> None:
        self.now = START
        self.gather = FlushRules(rules, self.now)
        self.out: list[Out] = []
        self.broke_in: tuple[float, bytes] | None = None
        self._whole = whole

    def send(self, data: bytes) -> None:
        for piece in [data] if self._whole else [data[at : at + 1] for at in range(len(data))]:
            if self.broke_in is not None:
                self.broke_in = (self.broke_in[0], self.broke_in[1] + piece)
                continue
            self._note(self.gather.receive(piece, self.now))
            if self.gather.broke_in is not None:
                self.broke_in = (self.now, self.gather.broke_in)
                self._note(self.gather.flush())

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (when := self.gather.get_timer()) is not None and when <= until:
            self.now = max(when, self.now)
            self._note(self.gather.handle_timer(self.now))
            assert self.gather.get_timer() != when, "a timer that does nothing"
        self.now = until

    def ended(self) -> bool:
        return self.broke_in is not None

    def _note(self, data: bytes) -> None:
        if data:
            self.out.append(Out(round(self.now - START, 6), data))

    def taken(self) -> list[Out]:
        out, self.out = self.out, []
        return out

    @property
    def sent(self) -> bytes:
        return b"".join(data for _, data in self.out)


BOTH = pytest.mark.parametrize("whole", [True, False])


# Gathering.


@BOTH
def test_a_count_is_sent_at_once(whole: bool) -> None:
    line = Line(whole=whole)
    line.send(b"0123456789abcde")
    assert line.taken() == []
    line.send(b"f")
    assert line.taken() == [(0, b"0123456789abcdef")]
    assert line.gather.get_timer() is None


def test_more_than_a_count_leaves_the_rest() -> None:
    line = Line()
    line.send(bytes(40))
    assert line.taken() == [(0, bytes(32))]
    line.wait(1)
    assert line.taken() == [(0.010, bytes(8))]


@BOTH
def test_time_is_over_at_the_millisecond(whole: bool) -> None:
    line = Line(whole=whole)
    line.send(b"abc")
    line.wait(0.009)
    line.send(b"def")
    assert line.gather.handle_timer(line.now) == b""
    line.wait(0.001)
    assert line.taken() == [(0.010, b"abcdef")]
    line.wait(10)
    assert line.taken() == []


@BOTH
def test_each_byte_may_begin_the_time_anew(whole: bool) -> None:
    line = Line(RULES._replace(flush_time_reset=True), whole=whole)
    for _ in range(5):
        line.send(b"ab")
        line.wait(0.009)
    assert line.taken() == []
    line.wait(0.001)
    assert line.taken() == [(0.046, b"ababababab")]
    # By count it is sent all the same.
    for _ in range(8):
        line.send(b"ab")
        line.wait(0.009)
    assert line.taken() == [(0.046 + 7 * 0.009, b"ab" * 8)]


@BOTH
def test_without_a_time_only_the_count_sends(whole: bool) -> None:
    line = Line(RULES._replace(flush_time=0), whole=whole)
    line.send(b"fifteen bytes..")
    line.wait(1000)
    line.send(b"!")
    assert line.taken() == [(1000, b"fifteen bytes..!")]


@BOTH
def test_without_a_count_the_time_sends_or_the_full_buffer(whole: bool) -> None:
    line = Line(RULES._replace(flush_count=0), whole=whole)
    line.send(bytes(255))
    line.wait(0.010)
    assert line.taken() == [(0.010, bytes(255))]
    line.send(bytes(256))
    assert line.taken() == [(0.010, bytes(256))]
    line.send(bytes(258))
    line.wait(1)
    assert line.taken() == [(0.010, bytes(256)), (0.020, bytes(2))]


def test_without_both_nothing_waits_and_nothing_is_copied() -> None:
    line = Line(AT_ONCE)
    data = bytes(5000)
    assert line.gather.receive(data, line.now) is data
    assert line.gather.get_timer() is None


def test_flush_gives_all() -> None:
    line = Line()
    line.send(b"abc")
    line.wait(GUARD + 1)
    line.taken()
    line.send(b"$$")
    assert line.gather.buffered == 2
    assert line.gather.flush() == b"$$"
    assert line.gather.buffered == 0
    assert line.gather.get_timer() is None


def test_new_rules_take_what_is_there_along() -> None:
    line = Line(RULES._replace(flush_time=0))
    line.send(b"abc")
    line.wait(GUARD)
    line.send(b"$$")
    line.gather.rules = RULES._replace(cmd_seq=b"$$x")
    line.send(b"x")
    assert line.broke_in is None
    assert line.gather.flush() == b"abc$$x"


# Breaking in.


@BOTH
def test_the_text_behind_three_seconds_of_silence(whole: bool) -> None:
    line = Line(whole=whole)
    line.send(b"data")
    line.wait(GUARD)
    line.send(b"$$$")
    assert line.broke_in == (START + GUARD, b"")
    assert line.sent == b"data"


@BOTH
@pytest.mark.parametrize("silence", [0, 1, 2.999])
def test_less_silence_is_none(silence: float, whole: bool) -> None:
    line = Line(whole=whole)
    line.send(b"data")
    line.wait(silence)
    line.send(b"$$$")
    line.wait(10)
    assert line.broke_in is None
    assert line.sent == b"data$$$"


def test_silence_begins_with_stream_mode() -> None:
    early, late = Line(), Line()
    early.wait(2.999)
    late.wait(3)
    for line in (early, late):
        line.send(b"$$$")
    assert early.broke_in is None
    assert late.broke_in is not None


@BOTH
def test_what_stands_behind_the_text_is_for_the_console(whole: bool) -> None:
    line = Line(whole=whole)
    line.wait(GUARD)
    line.send(b"$$$ver\r\n$$$")
    assert line.broke_in == (START + GUARD, b"ver\r\n$$$")
    assert line.sent == b""


@BOTH
def test_fingers_have_a_second_for_each_key(whole: bool) -> None:
    line = Line(whole=whole)
    line.wait(GUARD)
    for _ in range(2):
        line.send(b"$")
        line.wait(0.999)
    line.send(b"$")
    assert line.broke_in is not None
    assert line.sent == b""


@BOTH
def test_what_is_not_completed_is_data(whole: bool) -> None:
    line = Line(AT_ONCE, whole=whole)
    line.wait(GUARD)
    line.send(b"$$")
    line.wait(PATIENCE - 0.001)
    assert line.taken() == []
    line.wait(0.001)
    assert line.taken() == [(GUARD + PATIENCE, b"$$")]
    line.send(b"$")
    assert line.taken() == [(GUARD + PATIENCE, b"$")]
    assert line.broke_in is None


@BOTH
def test_what_differs_is_data_at_once(whole: bool) -> None:
    line = Line(AT_ONCE, whole=whole)
    line.wait(GUARD)
    line.send(b"$GPGGA,1")
    assert not line.ended()
    assert line.sent == b"$GPGGA,1"
    # After an invalid text there must be silence again.
    line.wait(GUARD - 0.001)
    line.send(b"$$$")
    assert not line.ended()
    line.wait(GUARD)
    line.send(b"$$$")
    assert line.ended()
    assert line.sent == b"$GPGGA,1$$$"


@BOTH
def test_what_is_given_up_is_gathered(whole: bool) -> None:
    line = Line(whole=whole)
    line.wait(GUARD)
    line.send(b"$")
    line.wait(PATIENCE + 0.005)
    line.send(b"abc")
    line.wait(1)
    assert line.out == [(GUARD + PATIENCE + 0.010, b"$abc")]


def test_a_text_behind_bytes_that_still_gather() -> None:
    line = Line(RULES._replace(flush_time=0))
    line.send(b"rest")
    line.wait(GUARD)
    line.send(b"$$")
    assert line.taken() == []
    line.send(b"$")
    assert line.broke_in is not None
    assert line.taken() == [(GUARD, b"rest")]


def test_no_text_no_breaking_in() -> None:
    line = Line(AT_ONCE._replace(cmd_seq=b""))
    line.wait(100)
    line.send(b"$$$")
    assert line.broke_in is None
    assert line.sent == b"$$$"


def test_a_host_that_was_made_to_wait_was_not_silent() -> None:
    line = Line(AT_ONCE)
    line.send(b"a")
    line.wait(10)
    line.gather.interrupted(line.now)
    line.send(b"$$$")
    assert line.broke_in is None
    assert line.sent == b"a$$$"


# However they arrive.

SENT = st.lists(
    st.tuples(
        st.sampled_from([0, 0.001, 0.009, 0.010, 0.5, 0.999, 1.0, 2.999, 3.0, 4.0]),
        st.one_of(
            st.sampled_from([b"$", b"$$", b"$$$", b"$$$$", b"a$$$", b"$$a", b"$$$reboot\r\n"]),
            st.binary(min_size=1, max_size=40),
            st.integers(200, 600).map(bytes),
        ),
    ),
    max_size=8,
)


@given(
    SENT,
    st.sampled_from([0, 16, 17, 300]),
    st.sampled_from([0, 0.001, 0.010, 2.0]),
    st.booleans(),
    st.sampled_from([b"$$$", b"", b"+", b"$$a$$b"]),
)
@example([(3.0, b"$"), (0.999, b"$$x")], 16, 0.010, True, b"$$$")
def test_it_does_not_matter_how_bytes_arrive(
    sent: list[tuple[float, bytes]], count: int, time: float, reset: bool, text: bytes
) -> None:
    rules = Rules(count, time, reset, text, max(count, 256))
    whole, single = Line(rules), Line(rules, whole=False)
    for line in (whole, single):
        for pause, data in sent:
            line.wait(pause)
            line.send(data)
        line.wait(10)
        line._note(line.gather.flush())
    assert whole.broke_in == single.broke_in
    assert _by_time(whole.out) == _by_time(single.out)
    # Nothing is lost, nothing comes twice.
    behind = text + whole.broke_in[1] if whole.broke_in is not None else b""
    assert whole.sent + behind == b"".join(data for _, data in sent)


def _by_time(out: list[Out]) -> dict[float, bytes]:
    """What was due at each time: one piece or several make no difference on a stream."""
    merged: dict[float, bytes] = {}
    for when, data in out:
        merged[when] = merged.get(when, b"") + data
    return merged
