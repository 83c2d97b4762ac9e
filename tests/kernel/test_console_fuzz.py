"""Any bytes on a console: nothing breaks, and it does not matter how they arrive."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.dialogue import PROFILES, Talk

from tokay.device import built_in

# What ends the boot or the test's hold on the format, and what depends on the machine's state.
LEFT_OUT = {"reboot", "sleep", "shutdown", "factory_reset", "force_safemode"}
COMMANDS = sorted(
    {
        word
        for plugin in built_in()
        for one in plugin.commands
        for word in (one.name, one.shortcut)
        if one.name not in LEFT_OUT
    }
)
VARIABLES = sorted(
    {
        name
        for plugin in built_in()
        for one in plugin.variables
        for name in (one.name, " ".join(one.shortcut))
    }
)

WORDS = st.one_of(
    st.sampled_from(COMMANDS),
    st.sampled_from(VARIABLES),
    st.sampled_from(["all", "a.txt", "0", "1", "3", "7", "-1", "-o", "-v", "-e", "-q", "1.0.0",
                     "machine", "human", "on", "off", '""', '"a b"', '"', "\\", "\\x41", "#",
                     "0x", "0xFE", "99999", "65536", "4294967296", "9" * 30]),
    st.integers(-2, 300).map(str),
)  # fmt: skip
LINES = st.one_of(
    st.lists(WORDS, max_size=5).map(" ".join),
    st.tuples(
        st.sampled_from(["get", "set", "set", "help"]), st.sampled_from(VARIABLES), WORDS
    ).map(" ".join),
    st.builds("fcr {0}.txt {1}".format, st.integers(0, 3), st.integers(0, 40)),
    st.builds("write {0} {1}".format, st.integers(0, 9), st.integers(0, 40)),
    st.builds("read {0} {1}".format, st.integers(0, 9), st.integers(0, 40)),
    st.builds(
        "{1} {0}.txt".format, st.integers(0, 3), st.sampled_from(["fop", "fde", "load", "save"])
    ),
)
PIECES = st.one_of(
    LINES.map(lambda line: line.encode("latin-1")),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r", b"\n", b"\n\r", b"\x00", b" ", b"\t"]),
    st.sampled_from(
        [b"\x1b", b"\x1b[", b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[3~",
         b"\x1bO", b"\x1b[1;5C", b"\x7f", b"\b", b"\x15", b"$$$"]
    ),
    st.binary(max_size=12),
)  # fmt: skip
INPUT = st.lists(PIECES, max_size=20).map(b"".join)

QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True, scope="module")
def _memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the memory in use stay the same from one reading to the next."""
    file = tmp_path_factory.mktemp("proc") / "meminfo"
    file.write_text("MemTotal: 100 kB\nMemAvailable: 58 kB\n", "ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokay.plugins.system._MEMORY", Path(file))
        yield


def _bring_to_rest(talk: Talk) -> None:
    """End whatever line or data the console is in the middle of."""
    for _ in range(3):
        talk.turn(1000)
        talk.send(b"\x15\r\n")
    talk.turn(1000)
    talk.heard()


@QUICK
@given(st.sampled_from(PROFILES), st.booleans(), INPUT)
@example("gecko-os-4", True, b"\x1b[\r\n")
@example("gecko-os-4", False, b"set system.cmd.buffered 1\r\nget all\r\nfcr a 5\r\n\x15\r")
def test_nothing_breaks(profile: str, human: bool, sent: bytes) -> None:
    # The dialogue fails when the device logs an error of its own.
    with Talk(profile, human=human) as talk:
        talk.send(sent)
        _bring_to_rest(talk)
        talk.send(b"set system.cmd.format machine\r\n")
        talk.turn(1000)
        assert talk.heard().endswith(b"R000008\r\nSet OK\r\n")
        talk.send(b"get system.build_number\r\n")
        number = talk.profile.build_number.encode()
        talk.expect(b"R0%05d\r\n%b\r\n" % (len(number) + 2, number))


def _answers(profile: str, human: bool, bursts: list[bytes]) -> bytes:
    with Talk(profile, human=human) as talk:
        talk.send(*bursts)
        talk.turn(1000)
        return talk.boot + talk.heard()


@QUICK
@given(st.sampled_from(PROFILES), st.booleans(), INPUT, st.data())
@example("gecko-os-4", True, b"get bus.m\t\x1b[D\x1b[A\x7f\r\n\r\n", None)
def test_it_does_not_matter_how_bytes_arrive(
    profile: str, human: bool, sent: bytes, data: st.DataObject | None
) -> None:
    whole = _answers(profile, human, [sent])
    assert _answers(profile, human, [sent[at : at + 1] for at in range(len(sent))]) == whole
    if data is not None and sent:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=6)) | {0, len(sent)})
        pieces = [sent[a:b] for a, b in pairwise(cuts)]
        assert _answers(profile, human, pieces) == whole
